"""How a job shows itself: a bar on a terminal, lines in a pipe, JSON for programs. Knows records, not their source."""

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final, Protocol, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chorus import standing_in
from chorus.records import JobRecord, Worker
from chorus.states import State
from chorus.wire import RATE_HZ

LINE_EVERY_S: Final = 5.0
BAR_CELLS: Final = 28
STARTING: Final = "starting the workers"
STAND_IN: Final = f"a {standing_in.NAME} speaks on this farm; `{standing_in.PULL}` there fetches Kokoro's real ones."


class Progress(Protocol):
    """What a command tells while a job runs."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *exc_info: object) -> None:
        """Leave the terminal as it was."""
        ...

    def note(self, sentence: str) -> None:
        """Say something once."""
        ...

    def show(self, record: JobRecord, *, starting: bool = False) -> None:
        """Show how far a job is. `starting`: its workers are on their way, so nothing is amiss if nothing moves."""
        ...

    def result(self, facts: dict[str, Any], sentence: str) -> None:
        """Say what was made: the facts to programs, the sentence to people."""
        ...


def progress(*, as_json: bool, console: Console | None = None) -> Progress:
    """The way that fits where the output goes."""
    if as_json:
        return JsonProgress()
    console = console or Console()
    return BarProgress(console) if console.is_terminal else LineProgress()


class JsonProgress:
    """One object per line on standard output."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def note(self, sentence: str) -> None:
        """Say something once."""
        self._write({"event": "note", "text": sentence})

    def show(self, record: JobRecord, *, starting: bool = False) -> None:
        """Show how far a job is."""
        self._write({"event": "progress", "starting": starting, **asdict(record)})

    def result(self, facts: dict[str, Any], sentence: str) -> None:  # noqa: ARG002 -- programs want the facts alone
        """Say what was made."""
        self._write({"event": "result", **facts})

    def _write(self, fields: dict[str, Any]) -> None:
        tell(json.dumps(fields, ensure_ascii=False))


class LineProgress:
    """A line now and then, for logs and pipes."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._said = ""
        self._said_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def note(self, sentence: str) -> None:
        """Say something once."""
        tell(sentence)

    def show(self, record: JobRecord, *, starting: bool = False) -> None:
        """Show how far a job is: every few seconds, and whenever it comes to stand still or goes on."""
        line = describe(record, self._pace, starting=starting)
        phase = STARTING if line == STARTING else f"{record.state}{record.waiting}"
        now_s = time.monotonic()
        if phase != self._said or now_s - self._said_s >= LINE_EVERY_S:
            self._said, self._said_s = phase, now_s
            tell(line)

    def result(self, facts: dict[str, Any], sentence: str) -> None:  # noqa: ARG002 -- people want the sentence
        """Say what was made."""
        tell(sentence)


class BarProgress:
    """A live bar, with a line of numbers and a line of workers below it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._pace = Pace()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()

    def note(self, sentence: str) -> None:
        """Say something once."""
        self._live.console.print(Text(sentence))

    def show(self, record: JobRecord, *, starting: bool = False) -> None:
        """Show how far a job is."""
        done = min(1.0, record.characters / record.characters_total) if record.characters_total else 0.0
        cells = round(done * BAR_CELLS)
        bar = Text("━" * cells, style="green") + Text("━" * (BAR_CELLS - cells), style="dim")
        head = Table.grid(padding=(0, 1))
        head.add_row(Text(record.title or record.request.name, style="bold"), bar, f"{done:4.0%}")
        grid = Table.grid()
        told = describe(record, self._pace, starting=starting)
        for row in (head, Text(told), Text(shares(record), style="dim")):
            grid.add_row(row)
        self._live.update(grid)

    def result(self, facts: dict[str, Any], sentence: str) -> None:  # noqa: ARG002 -- people want the sentence
        """Say what was made."""
        self.note(sentence)


class Pace:
    """How fast a job goes since we look: what was there when we began does not count."""

    def __init__(self) -> None:
        self._first: JobRecord | None = None
        self._began_s = 0.0

    def times_real_time(self, record: JobRecord) -> float:
        """Seconds of audio spoken per second, or 0 while nothing was; what was spoken before does not count."""
        first, elapsed_s = self._since(record)
        spoken = record.frames - record.frames_cached - (first.frames - first.frames_cached)
        return spoken / RATE_HZ / elapsed_s if elapsed_s > 0 else 0.0

    def left_s(self, record: JobRecord) -> float | None:
        """Seconds until everything is spoken, or None while nobody can tell."""
        first, elapsed_s = self._since(record)
        speed = (record.frames - first.frames) / RATE_HZ / elapsed_s if elapsed_s > 0 else 0.0
        if not speed or not record.characters or not record.characters_total:
            return None
        left = max(0, record.characters_total - record.characters) / record.characters
        return record.frames / RATE_HZ * left / speed

    def _since(self, record: JobRecord) -> tuple[JobRecord, float]:
        """The job as it was when we began to look at this run of it, and how long ago that was."""
        if self._first is None or (self._first.job, self._first.epoch) != (record.job, record.epoch):
            self._first, self._began_s = record, time.monotonic()
        return self._first, time.monotonic() - self._began_s


def describe(record: JobRecord, pace: Pace, *, starting: bool = False) -> str:
    """One line: chapters, segments, audio, speed, time left; or why nothing moves."""
    speed, left_s = pace.times_real_time(record), pace.left_s(record)
    if starting and record.state in (State.QUEUED, State.RUNNING):
        return STARTING
    if record.waiting and record.state in (State.QUEUED, State.RUNNING, State.PAUSED):
        return f"{record.state if record.state is State.PAUSED else 'waiting'}: {record.waiting}"
    if not record.segments_planned:
        return "reading the document" if record.state is State.RUNNING else str(record.state)
    over = record.segments_done + record.segments_failed
    words = [
        f"chapters {record.chapters_planned}/{record.chapters_total}",
        f"segments {over}/{record.segments_planned}{'' if record.planned else '+'}"
        + (f" ({record.segments_cached} spoken before)" if record.segments_cached else ""),
        f"{clock(record.frames / RATE_HZ)} of audio",
    ]
    if speed:
        words.append(f"{speed:.1f}x real time")
    if record.state is not State.RUNNING:
        words.append(str(record.state))
    elif record.planned and over == record.segments_planned:
        words.append("binding")
    elif left_s is not None:
        words.append(f"{clock(left_s)} left")
    return " · ".join(words)


def shares(record: JobRecord) -> str:
    """Who spoke how many of the segments."""
    return " · ".join(f"{worker.partition('#')[0]} {count}" for worker, count in sorted(record.spoken_by.items()))


def made(record: JobRecord) -> str:
    """The last sentence about a job that is done."""
    lost = f", {record.segments_failed} of them could not be spoken" if record.segments_failed else ""
    length = clock(record.frames / RATE_HZ)
    sentence = f"Job {record.job} is done: {length} of audio in {record.segments_planned} segments{lost}."
    sentence += of_before(record.segments_planned, record.segments_done, record.segments_cached)
    return f"{sentence} `chorus save {record.job} -o .` fetches it." if record.request.format else sentence


def of_before(planned: int, done: int, cached: int) -> str:
    """A sentence about what need not be spoken again; nothing where all was spoken."""
    return f" {done - cached} of {planned} segments spoken, {cached} were before." if cached else ""


def warn_of_stand_in(record: JobRecord, workers: Iterable[Worker]) -> None:
    """Say so when what speaks this job is not the real voice."""
    if any(worker.stand_in for worker in workers if worker.sound == record.sound):
        complain(STAND_IN)


def clock(seconds: float) -> str:
    """`1:02:03`, `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def tell(sentence: str) -> None:
    """A line on standard output."""
    _write(sys.stdout, sentence)


def complain(sentence: str) -> None:
    """A line on standard error, in our name."""
    _write(sys.stderr, f"chorus: {sentence}")


def _write(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()
