"""How a job looks on a terminal: its progress in a few lines of any width, and a table of jobs. Prints nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from chorus.pace import Rates, average_left_s, phase, segments_over, share
from chorus.records import JobRecord
from chorus.screen_text import printable
from chorus.states import State
from chorus.wire import RATE_HZ

STARTING: Final = "starting the workers"
BAR_CELLS: Final = 28
_LEAST_WIDTH_WITH_BAR: Final = 24
_PERCENT_CELLS: Final = 5
_SHORT_ID: Final = 8
_GAP: Final = "  "


@dataclass(frozen=True, slots=True)
class Fact:
    """A few words about a job. Where there is no room for all of them the heavier ones stay."""

    text: str
    weight: int


def progress_facts(record: JobRecord, rates: Rates, *, starting: bool = False) -> list[Fact]:
    """Chapters, segments, audio, speed, time left; or the one reason why nothing moves."""
    if starting and record.state in (State.QUEUED, State.RUNNING):
        return [Fact(STARTING, 9)]
    at = phase(record)
    if record.waiting and at in ("waiting", "paused"):
        return [Fact(f"{at}: {printable(record.waiting)}", 9)]
    if not record.segments_planned:
        return [Fact("reading the document" if at == "reading" else at, 9)]
    reused = f" ({record.segments_cached} reused)" if record.segments_cached else ""
    found = [
        Fact(f"chapters {record.chapters_done}/{record.chapters_total}", 6),
        Fact(f"segments {segments_over(record)}/{_growing(record.segments_planned, final=record.planned)}{reused}", 3),
        Fact(f"{clock(record.frames / RATE_HZ)} of audio", 5),
    ]
    if rates.times_real_time:
        found.append(Fact(f"{rates.times_real_time:.1f}x real time", 4))
    if at == "storing":
        found.append(Fact("storing the audio", 7))
    elif at == "binding":
        found.append(Fact(f"binding {percent(share(record))}", 7))
    elif at != "speaking":
        found.append(Fact(at, 7))
    if rates.left_s is not None:
        found.append(Fact(f"{clock(rates.left_s)} left", 8))
    return found


def joined(found: Iterable[Fact], room: int | None = None) -> str:
    """The facts as one line; as many of them as there is room for, but the most important one whatever it takes."""
    kept = list(found)
    while room is not None and len(kept) > 1 and cell_len(_line(kept)) > room:
        kept.remove(min(kept, key=lambda fact: fact.weight))
    return _line(kept)


def _line(found: Iterable[Fact]) -> str:
    return " · ".join(fact.text for fact in found)


def head(record: JobRecord, room: int, *, bar: str = "━─") -> Text:
    """The title, a bar and a percentage; while a job is bound they are the bind's. `bar`: what is done, what is not."""
    told = percent(share(record))
    cells = min(BAR_CELLS, (room - _PERCENT_CELLS) // 2) if room >= _LEAST_WIDTH_WITH_BAR else 0
    title = Text(title_of(record), style="bold")
    title.truncate(max(1, room - _PERCENT_CELLS - bool(cells) - cells - 1), overflow="ellipsis")
    done = int(share(record) * cells)
    line = Text()
    if room > 2 * _PERCENT_CELLS:
        line.append_text(title).append(" ")
    if cells:
        line.append(bar[0] * done, style="cyan" if phase(record) == "binding" else "green")
        line.append(bar[1] * (cells - done), style="dim").append(" ")
    return line.append(told)


def shares(record: JobRecord) -> str:
    """How many of the segments each worker spoke."""
    spoken_by = sorted(record.spoken_by.items())
    return " · ".join(f"{printable(worker.partition('#')[0])} {count}" for worker, count in spoken_by)


def title_of(record: JobRecord) -> str:
    """What people call it."""
    return printable(record.request.title or record.title or record.request.name)


def table(records: Sequence[JobRecord], now_ms: int, room: int | None = None) -> list[str]:
    """A line for each job: id, state, share, time left, priority, title. `now_ms`: by the server's clock.

    For a terminal, which has `room` for so many characters in a line: with a head, ids as short as they can be typed,
    and only the columns that fit.
    """
    jobs = [record.job for record in records]
    rows = [_row(record, job, now_ms) for record, job in zip(records, short_ids(jobs) if room else jobs, strict=True)]
    if not rows:
        return []
    if room:
        rows = [_HEAD, *rows]
    widths = [max(cell_len(row[at]) for row in rows) for at in range(_TITLE)]
    if room is None:
        return [_GAP.join([*map(str.ljust, row, widths), row[_TITLE]]) for row in rows]
    shown = _columns([*widths, _LEAST_TITLE], room)
    widths.append(max(0, room - sum(widths[at] + len(_GAP) for at in shown if at != _TITLE)))
    return [_GAP.join(_fitted(row[at], widths[at]) for at in shown).rstrip() for row in rows]


_HEAD: Final = ("JOB", "STATE", "DONE", "LEFT", "PRIORITY", "TITLE")
_TITLE: Final = 5
_LEAST_TITLE: Final = 8
_BY_WORTH: Final = (0, 2, 1, 5, 3, 4)
"""The columns in the order in which they are kept: the last is the first to be left out."""


def _columns(widths: Sequence[int], room: int) -> list[int]:
    """The columns that fit."""
    shown = list(_BY_WORTH)
    while len(shown) > 1 and sum(widths[at] + len(_GAP) for at in shown) - len(_GAP) > room:
        shown.pop()
    return sorted(shown)


def _row(record: JobRecord, job: str, now_ms: int) -> tuple[str, ...]:
    left_s = average_left_s(record, now_ms)
    left = "-" if left_s is None else clock(left_s)
    return (job, phase(record), percent(share(record)), left, record.priority, title_of(record))


def _fitted(text: str, cells: int) -> str:
    return set_cell_size(text, cells) if cell_len(text) <= cells else f"{set_cell_size(text, max(0, cells - 1))}…"


def short_ids(jobs: Sequence[str]) -> list[str]:
    """Ids that Chorus made up, cut to what tells them apart among these; those that people chose are left alone."""
    found = []
    for job in jobs:
        others = [other for other in jobs if other != job]
        length = _SHORT_ID if _made_up(job) else len(job)
        while any(other.startswith(job[:length]) for other in others) and length < len(job):
            length += 1
        found.append(job[:length])
    return found


def _made_up(job: str) -> bool:
    return len(job) >= 2 * _SHORT_ID and set(job) <= set("0123456789abcdef")


def percent(part: float) -> str:
    """`43 %`, rounded down: 100 % is the end."""
    return f"{int(part * 100)} %"


def _growing(total: int, *, final: bool) -> str:
    """A total, with a `+` while it may still grow."""
    return f"{total}{'' if final else '+'}"


def clock(seconds: float) -> str:
    """`1:02:03`, `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
