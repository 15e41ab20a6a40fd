"""The output of a job: the same facts as a progress bar, as lines and as JSON."""

import dataclasses
import io
import json
from collections.abc import Iterator

import pytest
from rich.console import Console

from chorus import pace, terminal
from chorus.records import JobRecord, Worker
from chorus.request import Request
from chorus.states import State
from chorus.terminal import made, progress, warn_of_stand_in
from workers.cli import delivery

QUEUED = JobRecord(
    job="j", state=State.QUEUED, request=Request(name="book.epub", format="m4b"), digest="d", created_ms=1, sound="s1"
)
RUNNING = dataclasses.replace(
    QUEUED, state=State.RUNNING, chapters_total=3, chapters_planned=1, segments_planned=10, segments_done=4,
    frames=24_000 * 60, characters=1000, characters_total=3000, spoken_by={"mac#1": 3, "attic#2": 1},
)  # fmt: skip


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)
    monkeypatch.setattr(pace, "time", clock)
    return clock


def test_the_last_sentence_names_what_is_missing_and_how_to_fetch_the_file() -> None:
    done = dataclasses.replace(RUNNING, state=State.DONE, segments_failed=2)
    assert made(done) == (
        "Job j is done: 1:00 of audio in 10 segments, 2 of them could not be spoken. `chorus save j -o .` fetches it."
    )
    streamed = dataclasses.replace(RUNNING, request=Request(name="t.txt"))
    assert made(streamed) == "Job j is done: 1:00 of audio in 10 segments."


def test_the_last_sentence_states_what_was_reused() -> None:
    done = dataclasses.replace(
        RUNNING, state=State.DONE, segments_planned=812, segments_done=811, segments_cached=810, segments_failed=1
    )
    assert (
        "of audio in 812 segments, 1 of them could not be spoken. Of 812 segments 1 were spoken now, 810 were reused."
        in made(done)
    )
    report = {
        "file": "b.m4b", "chapters": [{}], "audio_s": 60, "wall_s": 2, "times_real_time": None,
        "segments": {"planned": 9, "spoken": 0, "cached": 9, "failed": 0},
    }  # fmt: skip
    assert delivery.made(report) == (
        "b.m4b: 1:00 in 1 chapter, 9 segments, made in 0:02. Of 9 segments 0 were spoken now, 9 were reused."
    )
    report |= {"times_real_time": 30.0, "segments": {"planned": 9, "spoken": 9, "cached": 0, "failed": 0}}
    assert delivery.made(report) == "b.m4b: 1:00 in 1 chapter, 9 segments, made in 0:02 (30.0x real time)."


def test_a_pipe_gets_a_line_when_something_changes_and_every_few_seconds(
    time: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress(as_json=False, console=Console(file=io.StringIO())) as shown:
        shown.show(QUEUED)
        shown.show(QUEUED)
        shown.show(RUNNING)
        shown.show(dataclasses.replace(RUNNING, segments_done=5))
        time.now_s += 5
        shown.show(dataclasses.replace(RUNNING, segments_done=6))
        time.now_s += 5
        shown.show(dataclasses.replace(RUNNING, segments_done=6))
        shown.result({}, "Done.")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" · ")[2][:13] or line for line in lines] == [
        "queued",
        "segments 4/10",
        "segments 6/10",
        "Done.",
    ]


def test_a_program_gets_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(as_json=True) as shown:
        shown.note("Hello.")
        shown.show(RUNNING)
        shown.show(RUNNING)
        shown.result({"frames": 7}, "Done.")
    note, seen, result = map(json.loads, capsys.readouterr().out.splitlines())
    assert note == {"event": "note", "text": "Hello."}
    assert (seen["event"], seen["state"], seen["segments_done"], seen["request"]["name"]) == (
        "progress", "running", 4, "book.epub",
    )  # fmt: skip
    assert result == {"event": "result", "frames": 7}


def test_a_terminal_gets_a_bar_with_everything_below_it() -> None:
    screen = io.StringIO()
    with progress(as_json=False, console=Console(file=screen, force_terminal=True, width=120)) as shown:
        shown.show(dataclasses.replace(RUNNING, title="The [red] Book"))
        shown.result({}, "Done [all].")
    text = screen.getvalue()
    assert "The [red] Book" in text
    assert " 33 %" in text
    assert "segments 4/10+" in text
    assert "attic 1 · mac 3" in text
    assert "Done [all]." in text


@pytest.mark.parametrize(("sound", "warned"), [("s1", True), ("s2", False)])
def test_a_stand_in_is_named_with_the_remedy(sound: str, warned: bool, capsys: pytest.CaptureFixture[str]) -> None:
    worker = Worker(id="w", host="h", pid=1, role="voice", sound=sound, stand_in=True)
    warn_of_stand_in(RUNNING, [worker])
    assert ("`chorus models pull`" in capsys.readouterr().err) == warned
