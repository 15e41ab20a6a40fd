"""How a render shows itself: a bar on a terminal, lines in a pipe, JSON for programs. Knows records, nothing of how they come."""

import json
import sys
import time
from dataclasses import asdict
from typing import Any, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chorus.records import JobRecord
from chorus.wire import RATE_HZ

LINE_EVERY_S = 5.0
BAR_CELLS = 28


class Progress(Protocol):
    """What a render tells while it runs."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *exc_info: object) -> None:
        """Leave the terminal as it was."""
        ...

    def note(self, sentence: str) -> None:
        """Say something once."""
        ...

    def show(self, record: JobRecord) -> None:
        """Show how far a job is."""
        ...

    def result(self, report: dict[str, Any]) -> None:
        """Say what was made."""
        ...


class Pace:
    """How fast this run goes: what was there when it began does not count."""

    def __init__(self) -> None:
        self._first: JobRecord | None = None
        self._began_s = time.monotonic()

    def times_real_time(self, record: JobRecord) -> float:
        """Seconds of audio made per second, or 0 while nothing was."""
        if self._first is None or self._first.job != record.job:
            self._first, self._began_s = record, time.monotonic()
        elapsed_s = time.monotonic() - self._began_s
        return (record.frames - self._first.frames) / RATE_HZ / elapsed_s if elapsed_s else 0.0

    def left_s(self, record: JobRecord) -> float | None:
        """Seconds until everything is spoken, or None while nobody can tell."""
        speed = self.times_real_time(record)
        if not speed or not record.characters or not record.characters_total:
            return None
        audio_s = record.frames / RATE_HZ
        return audio_s * (record.characters_total / record.characters - 1) / speed


def progress(*, as_json: bool, console: Console) -> Progress:
    """The way that fits where the output goes."""
    if as_json:
        return JsonProgress()
    return BarProgress(console) if console.is_terminal else LineProgress()


class JsonProgress:
    """One object per line on standard output."""

    def __init__(self) -> None:
        self._last: tuple[object, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def note(self, sentence: str) -> None:
        """Say something once."""
        self._write({"event": "note", "text": sentence})

    def show(self, record: JobRecord) -> None:
        """Show how far a job is."""
        self._write({"event": "progress", **asdict(record)})

    def result(self, report: dict[str, Any]) -> None:
        """Say what was made."""
        self._write({"event": "result", **report})

    def _write(self, fields: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(fields, ensure_ascii=False) + "\n")
        sys.stdout.flush()


class LineProgress:
    """A line now and then, for logs and pipes."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._said_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def note(self, sentence: str) -> None:
        """Say something once."""
        sys.stdout.write(sentence + "\n")
        sys.stdout.flush()

    def show(self, record: JobRecord) -> None:
        """Show how far a job is."""
        line = describe(record, self._pace)
        if time.monotonic() - self._said_s > LINE_EVERY_S and record.segments_planned:
            self._said_s = time.monotonic()
            self.note(line)

    def result(self, report: dict[str, Any]) -> None:
        """Say what was made."""
        self.note(summary(report))


class BarProgress:
    """A live bar, with a line per worker below it."""

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

    def show(self, record: JobRecord) -> None:
        """Show how far a job is."""
        done = record.characters / record.characters_total if record.characters_total else 0.0
        cells = round(done * BAR_CELLS)
        grid = Table.grid(padding=(0, 1))
        bar = Text("━" * cells, style="green") + Text("━" * (BAR_CELLS - cells), style="dim")
        grid.add_row(Text(record.title or record.request.name, style="bold"), bar, f"{done:4.0%}")
        self._live.update(_stacked(grid, Text(describe(record, self._pace)), Text(shares(record), style="dim")))

    def result(self, report: dict[str, Any]) -> None:
        """Say what was made."""
        self.note(summary(report))


def _stacked(*rows: Table | Text) -> Table:
    grid = Table.grid()
    for row in rows:
        grid.add_row(row)
    return grid


def describe(record: JobRecord, pace: Pace) -> str:
    """One line: chapters, segments, audio, speed, time left; or why nothing moves."""
    speed, left_s = pace.times_real_time(record), pace.left_s(record)
    if record.waiting:
        return f"waiting: {record.waiting}"
    if not record.segments_planned:
        return "reading the document"
    known = f"{record.segments_planned}" if record.planned else f"{record.segments_planned}+"
    line = (
        f"chapters {record.chapters_planned}/{record.chapters_total} · segments {record.segments_done}/{known}"
        f" · {clock(record.frames / RATE_HZ)} of audio"
    )
    if speed:
        line += f" · {speed:.1f}× real time"
    if left_s is not None:
        line += f" · {clock(left_s)} left" if record.segments_done < record.segments_planned else " · binding"
    return line


def shares(record: JobRecord) -> str:
    """Who spoke how many of the segments."""
    return " · ".join(f"{worker.partition('#')[0]} {count}" for worker, count in sorted(record.spoken_by.items()))


def summary(report: dict[str, Any]) -> str:
    """The last line of a render."""
    failed = report["segments"]["failed"]
    lost = f", {failed} of them could not be spoken" if failed else ""
    return (
        f"{report['file']}: {clock(report['audio_s'])} in {len(report['chapters'])} chapters, "
        f"{report['segments']['planned']} segments{lost}, made in {clock(report['wall_s'])} "
        f"({report['times_real_time']:.1f}× real time)."
    )


def clock(seconds: float) -> str:
    """`1:02:03`, `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
