"""How a job is shown on a terminal: its progress, the remaining time, and the table of jobs, at any width."""

import dataclasses
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from chorus import pace
from chorus.job_view import clock, head, joined, progress_facts, shares, short_ids, table
from chorus.pace import Pace, Rates, average_left_s
from chorus.records import JobRecord
from chorus.request import Request
from chorus.states import State

QUEUED = JobRecord(
    job="j", state=State.QUEUED, request=Request(name="book.epub", format="m4b"), digest="d", created_ms=1, sound="s1"
)
RUNNING = dataclasses.replace(
    QUEUED, state=State.RUNNING, chapters_total=3, chapters_planned=2, chapters_done=1, segments_planned=10,
    segments_done=4, frames=24_000 * 60, characters=1000, characters_total=3000, running_since_ms=10_000,
    spoken_by={"mac#1": 3, "attic#2": 1},
)  # fmt: skip
SPOKEN = dataclasses.replace(
    RUNNING, chapters_planned=3, chapters_done=3, segments_done=10, characters=3000, parts_total=4, parts_done=4
)
BINDING = dataclasses.replace(SPOKEN, bound_frames=24_000 * 26, bind_started_ms=100_000)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def line(record: JobRecord, rates: Rates | None = None) -> str:
    return joined(progress_facts(record, rates or Rates()))


@pytest.mark.parametrize(
    ("record", "change", "told"),
    [
        (QUEUED, {}, "queued"),
        (QUEUED, {"waiting": "no voice worker is registered"}, "waiting: no voice worker is registered"),
        (RUNNING, {"segments_planned": 0}, "reading the document"),
        (RUNNING, {}, "chapters 1/3 · segments 4/10+ · 1:00 of audio"),
        (RUNNING, {"chapters_planned": 3, "segments_failed": 1}, "chapters 1/3 · segments 5/10 · 1:00 of audio"),
        (RUNNING, {"segments_cached": 3}, "chapters 1/3 · segments 4/10+ (3 reused) · 1:00 of audio"),
        (SPOKEN, {"parts_done": 3}, "chapters 3/3 · segments 10/10 · 1:00 of audio · storing the audio"),
        (SPOKEN, {}, "chapters 3/3 · segments 10/10 · 1:00 of audio · binding 0 %"),
        (BINDING, {}, "chapters 3/3 · segments 10/10 · 1:00 of audio · binding 43 %"),
        (RUNNING, {"state": State.PAUSED}, "chapters 1/3 · segments 4/10+ · 1:00 of audio · paused"),
        (RUNNING, {"state": State.PAUSED, "waiting": "The store /s is full."}, "paused: The store /s is full."),
    ],
)
def test_one_line_shows_a_jobs_progress_or_why_it_makes_none(
    record: JobRecord, change: dict[str, object], told: str
) -> None:
    assert line(dataclasses.replace(record, **change)) == told  # type: ignore[arg-type]


def test_the_speed_counts_only_what_was_made_since_the_view_began(time: Clock) -> None:
    pace = Pace()
    assert pace.look(RUNNING) == Rates()
    time.now_s += 10
    later = dataclasses.replace(RUNNING, frames=24_000 * 80, characters=1500)
    assert pace.look(later) == Rates(times_real_time=2, left_s=40)
    assert line(later, pace.look(later)).endswith("1:20 of audio · 2.0x real time · 0:40 left")
    assert pace.look(dataclasses.replace(later, epoch=2, frames=0)) == Rates()


def test_reused_audio_does_not_count_as_speed_but_shortens_the_rest(time: Clock) -> None:
    pace = Pace()
    pace.look(RUNNING)
    time.now_s += 10
    later = dataclasses.replace(RUNNING, frames=24_000 * 80, frames_cached=24_000 * 15, characters=1500)
    assert pace.look(later) == Rates(times_real_time=0.5, left_s=40)


def test_no_remaining_time_is_shown_before_it_is_known(time: Clock) -> None:
    pace = Pace()
    pace.look(RUNNING)
    time.now_s += 4
    later = dataclasses.replace(RUNNING, frames=24_000 * 80, characters=1500)
    assert pace.look(later) == Rates(), "four seconds say nothing of the hours to come"
    time.now_s += 60
    assert pace.look(RUNNING) == Rates(), "nothing was spoken"
    assert pace.look(later, idle=True) == Rates(), "the workers are still starting"
    time.now_s += 4
    assert pace.look(dataclasses.replace(later, frames=24_000 * 90)) == Rates()


def test_a_pause_does_not_reduce_the_speed(time: Clock) -> None:
    pace = Pace()
    pace.look(RUNNING)
    time.now_s += 60
    pace.look(dataclasses.replace(RUNNING, state=State.PAUSED))
    time.now_s += 3600
    pace.look(RUNNING)
    time.now_s += 10
    later = dataclasses.replace(RUNNING, frames=24_000 * 80, characters=1500)
    assert pace.look(later) == Rates(times_real_time=2, left_s=40)


def test_the_speed_is_that_of_the_last_two_minutes(time: Clock) -> None:
    pace, frames = Pace(), RUNNING.frames
    for speed, seconds in ((1, 300), (10, 121)):
        for _ in range(seconds):
            pace.look(dataclasses.replace(RUNNING, frames=frames))
            time.now_s += 1
            frames += 24_000 * speed
    assert pace.look(dataclasses.replace(RUNNING, frames=frames)).times_real_time == pytest.approx(10, rel=0.02)


def test_a_bind_has_its_own_speed(time: Clock) -> None:
    pace = Pace()
    pace.look(RUNNING)
    time.now_s += 60
    assert pace.look(SPOKEN) == Rates(), "the speaking says nothing of it"
    time.now_s += 10
    assert pace.look(dataclasses.replace(BINDING, bound_frames=24_000 * 20)) == Rates(left_s=20)
    assert line(BINDING, pace.look(BINDING)).endswith("binding 43 % · 0:13 left")


@pytest.mark.parametrize(
    ("record", "change", "now_ms", "left_s"),
    [
        (RUNNING, {}, 14_000, None),
        (RUNNING, {}, 40_000, 60),
        (RUNNING, {"active_ms": 30_000}, 40_000, 120),
        (RUNNING, {"waiting": "no voice worker is registered"}, 40_000, None),
        (RUNNING, {"state": State.PAUSED}, 40_000, None),
        (RUNNING, {"frames": 0, "characters": 0}, 40_000, None),
        (SPOKEN, {"parts_done": 3}, 40_000, None),
        (SPOKEN, {"bind_started_ms": 100_000}, 113_000, None),
        (BINDING, {}, 104_000, None),
        (BINDING, {}, 113_000, 17),
        (BINDING, {"state": State.DONE}, 113_000, None),
    ],
)
def test_a_record_alone_gives_the_remaining_time_at_the_average_speed(
    record: JobRecord, change: dict[str, object], now_ms: int, left_s: float | None
) -> None:
    assert average_left_s(dataclasses.replace(record, **change), now_ms) == pytest.approx(left_s)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "room", "told"),
    [
        (RUNNING, 40, "book.epub ━━━━━──────────── 33 %"),
        (BINDING, 40, "book.epub ━━━━━━━────────── 43 %"),
        (RUNNING, 18, "book.epub 33 %"),
        (dataclasses.replace(RUNNING, characters=2999), 18, "book.epub 99 %"),
        (dataclasses.replace(RUNNING, state=State.DONE, characters=2999), 18, "book.epub 100 %"),
        (dataclasses.replace(RUNNING, title="銀河鉄道の夜"), 14, "銀河鉄 … 33 %"),
    ],
)
def test_the_bar_is_that_of_the_speaking_and_then_that_of_the_bind(record: JobRecord, room: int, told: str) -> None:
    assert head(record, room).plain == told
    assert head(record, room).cell_len <= room


@pytest.mark.parametrize("room", range(1, 120))
def test_the_bar_fits_and_the_line_below_it_says_the_most_important_first(room: int) -> None:
    assert head(BINDING, room).cell_len <= max(room, 5)
    told = joined(progress_facts(BINDING, Rates(left_s=40)), room)
    assert cell_len(told) <= max(room, len("0:40 left"))
    assert told.endswith("0:40 left")
    assert ("binding 43 %" in told) == (room >= len("binding 43 % · 0:40 left"))


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00")])
def test_durations_are_written_in_a_readable_form(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_each_workers_share_is_shown_with_its_machine() -> None:
    assert shares(RUNNING) == "attic 1 · mac 3"


# --- the table of jobs

JOBS = [
    dataclasses.replace(
        RUNNING, job="0123456789abcdef0123456789abcdef", title="A Title That Goes On For Very Much Longer Than Others",
        priority="high",
    ),
    dataclasses.replace(BINDING, job="0123456789abcdf00123456789abcdef", title="銀河鉄道の夜"),
    dataclasses.replace(QUEUED, job="talk", waiting="no voice worker is registered", priority="low"),
    dataclasses.replace(RUNNING, job="ffffffffffffffff", state=State.DONE),
]  # fmt: skip


def test_a_terminal_gets_a_table_that_fits_it() -> None:
    assert table(JOBS, 113_000, 80) == [
        "JOB              STATE     DONE   LEFT  PRIORITY  TITLE",
        "0123456789abcde  speaking  33 %   3:26  high      A Title That Goes On For Very…",
        "0123456789abcdf  binding   43 %   0:17  normal    銀河鉄道の夜",
        "talk             waiting   0 %    -     low       book.epub",
        "ffffffff         done      100 %  -     normal    book.epub",
    ]
    assert table(JOBS, 113_000, 45)[1] == "0123456789abcde  speaking  33 %   A Title Th…"
    assert table(JOBS, 113_000, 30)[1] == "0123456789abcde  33 %"


@pytest.mark.parametrize("room", range(24, 120))
def test_no_line_of_the_table_is_longer_than_the_terminal_and_each_names_its_job(room: int) -> None:
    lines = table(JOBS, 113_000, room)
    assert max(map(cell_len, lines)) <= room
    assert [told.split()[0] for told in lines[1:]] == short_ids([record.job for record in JOBS])


def test_a_pipe_gets_the_whole_table_without_a_header() -> None:
    first, *_, last = table(JOBS, 113_000)
    assert first.split(maxsplit=6) == [
        "0123456789abcdef0123456789abcdef", "speaking", "33", "%", "3:26", "high",
        "A Title That Goes On For Very Much Longer Than Others",
    ]  # fmt: skip
    assert last.split() == ["ffffffffffffffff", "done", "100", "%", "-", "normal", "book.epub"]
    assert table([], 0) == table([], 0, 80) == []


def test_a_generated_id_is_shortened_to_its_unique_beginning() -> None:
    assert short_ids(["0123456789abcdef", "0123456fffffffff", "0123456faaaaaaaa", "my-book", "my-book-2"]) == [
        "01234567", "0123456ff", "0123456fa", "my-book", "my-book-2",
    ]  # fmt: skip
