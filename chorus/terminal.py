"""How a job shows itself: a bar on a terminal, lines in a pipe, JSON for programs. Knows records, not their source."""

import json
import shutil
import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any, Final, Protocol, Self, TextIO

from rich.console import Console
from rich.text import Text

from chorus import standing_in
from chorus.job_view import STARTING, clock, head, joined, progress_facts, shares
from chorus.live_region import LiveRegion
from chorus.pace import Pace, phase
from chorus.records import JobRecord, Worker
from chorus.screen_text import escaped
from chorus.standard_streams import discard, unwritable
from chorus.wire import RATE_HZ

LINE_EVERY_S: Final = 5.0
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
    moves = console.is_terminal and not console.is_dumb_terminal
    return BarProgress(console) if moves else LineProgress()


class JsonProgress:
    """One object per line on standard output."""

    def __init__(self) -> None:
        self._shown: tuple[JobRecord, bool] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def note(self, sentence: str) -> None:
        """Say something once."""
        self._write({"event": "note", "text": sentence})

    def show(self, record: JobRecord, *, starting: bool = False) -> None:
        """Show how far a job is, if it is further than before."""
        if (record, starting) != self._shown:
            self._shown = record, starting
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
        self._said = ("", "")
        """The stage and the line that were printed last."""
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
        line = joined(progress_facts(record, self._pace.look(record, idle=starting), starting=starting))
        stage = STARTING if line == STARTING else f"{phase(record)}{record.waiting}"
        now_s = time.monotonic()
        stage_said, line_said = self._said
        if stage != stage_said or (line != line_said and now_s - self._said_s >= LINE_EVERY_S):
            self._said, self._said_s = (stage, line), now_s
            tell(line)

    def result(self, facts: dict[str, Any], sentence: str) -> None:  # noqa: ARG002 -- people want the sentence
        """Say what was made."""
        tell(sentence)


class BarProgress:
    """A bar that is replaced in place, with a line of numbers and a line of workers below it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._region = LiveRegion(console)
        self._pace = Pace()

    def __enter__(self) -> Self:
        self._region.__enter__()
        _regions.append(self._region)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _regions.remove(self._region)
        self._region.__exit__()

    def note(self, sentence: str) -> None:
        """Say something once."""
        with self._region.away():
            # The terminal wraps it, so that a path in it can be copied.
            self._console.print(Text(escaped(sentence)), soft_wrap=True)

    def show(self, record: JobRecord, *, starting: bool = False) -> None:
        """Show how far a job is."""
        found = progress_facts(record, self._pace.look(record, idle=starting), starting=starting)
        bar = "━─" if self._console.encoding.startswith("utf") else "=-"

        def layout(room: int) -> list[Text]:
            told = Text(joined(found, room)).wrap(self._console, room)
            workers = [Text(shares(record), style="dim")] if record.spoken_by else []
            return [head(record, room, bar=bar), *told, *workers]

        self._region.draw(layout)

    def result(self, facts: dict[str, Any], sentence: str) -> None:  # noqa: ARG002 -- people want the sentence
        """Say what was made."""
        self.note(sentence)


_regions: list[LiveRegion] = []
"""What stands at the bottom of the terminal now: it makes way for whatever else is printed."""


def made(record: JobRecord) -> str:
    """The last sentence about a job that is done."""
    lost = f", {record.segments_failed} of them could not be spoken" if record.segments_failed else ""
    length = clock(record.frames / RATE_HZ)
    sentence = f"Job {record.job} is done: {length} of audio in {record.segments_planned} segments{lost}."
    sentence += reused(record.segments_planned, record.segments_done, record.segments_cached)
    return f"{sentence} `chorus save {record.job} -o .` fetches it." if record.request.format else sentence


def reused(planned: int, done: int, cached: int) -> str:
    """A sentence about the segments that were spoken by an earlier run; nothing if there are none."""
    return f" Of {planned} segments {done - cached} were spoken now, {cached} were reused." if cached else ""


def warn_of_stand_in(record: JobRecord, workers: Iterable[Worker]) -> None:
    """Say so when what speaks this job is not the real voice."""
    if any(worker.stand_in for worker in workers if worker.sound == record.sound):
        complain(STAND_IN)


def width() -> int | None:
    """How many characters the terminal has room for in a line; None if standard output is not one."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def tell(sentence: str) -> None:
    """A line on standard output; OutputError if it takes none."""
    try:
        _write(sys.stdout, sentence)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from error


def complain(sentence: str) -> None:
    """A line on standard error, in our name. Where it takes none, nobody can be told: the exit status says enough."""
    try:
        _write(sys.stderr, f"chorus: {sentence}")
    except OSError:
        discard(sys.stderr)


def _write(stream: TextIO, line: str) -> None:
    with _regions[-1].away() if _regions and stream.isatty() else nullcontext():
        stream.write(escaped(line) + "\n")
        stream.flush()
