"""Progress on a real terminal, narrow, wide, and resized meanwhile: no stale and no wrapped lines."""

import codecs
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from screen import Screen
from support import wait_until

TESTS = Path(__file__).parents[1]
NOTE = "A note that is longer than most of the terminals in this test are wide."


class Terminal:
    """A terminal with the program on it, which does a step at a time."""

    def __init__(self, width: int, descriptor: int, asks: IO[str], answers: IO[str]) -> None:
        self.screen = Screen(width)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._descriptor, self._asks, self._answers = descriptor, asks, answers
        self._resize(width)

    def do(self, what: str, told: object) -> None:
        """Have it do something, and see what it wrote."""
        print(json.dumps([what, told]), file=self._asks, flush=True)
        assert self._answers.readline() == "done\n"
        self.look()

    def look(self) -> None:
        """See what was written."""
        while True:
            try:
                self.screen.feed(self._decoder.decode(os.read(self._descriptor, 1 << 16)))
            except (BlockingIOError, OSError):
                return

    def resize(self, width: int) -> None:
        """Make it as wide as this."""
        self.look()
        self._resize(width)
        self.screen.resize(width)

    def _resize(self, width: int) -> None:
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

    def shown(self) -> list[str]:
        """What stands below the notes."""
        return self.screen.lines[self.screen.lines.index(NOTE) + 1 :]


@contextmanager
def terminal(width: int) -> Iterator[Terminal]:
    """The program runs until the block ends, and is then seen to its end."""
    ours, theirs = pty.openpty()
    asks_read, asks_write = os.pipe()
    answers_read, answers_write = os.pipe()
    os.set_blocking(ours, False)
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= {"PYTHONPATH": f"{TESTS.parent}", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    with os.fdopen(asks_write, "w") as asks, os.fdopen(answers_read) as answers:
        shown = Terminal(width, ours, asks, answers)
        process = subprocess.Popen(
            [sys.executable, TESTS / "progress_child.py", str(asks_read), str(answers_write)],
            stdin=theirs, stdout=theirs, stderr=theirs, pass_fds=(asks_read, answers_write), env=environment,
        )  # fmt: skip
        for descriptor in (theirs, asks_read, answers_write):
            os.close(descriptor)
        try:
            yield shown
            asks.close()
            assert process.wait(timeout=30) == 0
            shown.look()
        finally:
            process.kill()
            process.wait()
            os.close(ours)


@pytest.mark.parametrize("width", [20, 30, 40, 80, 200])
def test_progress_takes_the_same_few_rows_whatever_the_width_and_leaves_none_behind(width: int) -> None:
    with terminal(width) as seen:
        seen.do("note", NOTE)
        for done in range(118, 130):
            seen.do("show", {"segments_done": done})
            assert len(seen.shown()) == 3
            assert max(map(len, seen.shown())) < width
        assert not seen.screen.cursor_shown
    assert seen.shown() == ["The end.", ""]
    assert seen.screen.cursor_shown


def test_on_narrow_terminals_details_are_left_out_and_the_percentage_stays() -> None:
    rows: dict[int, list[str]] = {}
    for width in (20, 30, 40, 80):
        with terminal(width) as seen:
            seen.do("note", NOTE)
            seen.do("show", {})
            rows[width] = seen.shown()
    workers = "attic 40 · mac 78"
    assert rows == {
        20: ["The Adventur… 33 %", "chapters 3/12", workers],
        30: ["The Adven… ━━━━──────── 33 %", "chapters 3/12", workers],
        40: ["The Adventures… ━━━━━──────────── 33 %", "chapters 3/12 · 12:03 of audio", workers],
        80: [
            "The Adventures of a Very Long Title, Told i… ━━━━━━━━━─────────────────── 33 %",
            "chapters 3/12 · segments 118/400+ · 12:03 of audio",
            workers,
        ],
    }


@pytest.mark.parametrize(("before", "after"), [(80, 30), (80, 20), (200, 21), (30, 80), (40, 39)])
def test_a_terminal_that_is_resized_has_no_stale_rows(before: int, after: int) -> None:
    with terminal(before) as seen:
        seen.do("note", NOTE)
        seen.do("show", {})
        seen.resize(after)
        seen.do("show", {"segments_done": 119})
        assert len(seen.shown()) == 3
        assert max(map(len, seen.shown())) < after
        seen.do("note", "Another note.")
    assert seen.screen.lines == [NOTE, "Another note.", "The end.", ""]


def test_a_resize_alone_redraws_the_rows() -> None:
    with terminal(80) as seen:
        seen.do("note", NOTE)
        seen.do("show", {})
        seen.resize(30)

        def fits() -> bool:
            seen.look()
            return max(map(len, seen.shown())) < 30

        wait_until(fits, description="the rows fit the terminal")
        assert len(seen.shown()) == 3


def test_text_on_standard_error_appears_above_the_progress() -> None:
    with terminal(40) as seen:
        seen.do("note", NOTE)
        seen.do("show", {})
        seen.do("complain", "The player has gone.")
        assert seen.shown()[0] == "chorus: The player has gone."
        assert len(seen.shown()) == 4
    assert seen.shown() == ["chorus: The player has gone.", "The end.", ""]


def test_a_reason_is_shown_completely_on_a_narrow_terminal() -> None:
    reason = "no voice worker is here yet that speaks with Kokoro"
    with terminal(20) as seen:
        seen.do("note", NOTE)
        seen.do("show", {"waiting": reason})
        assert " ".join(" ".join(seen.shown()[1:-1]).split()) == f"waiting: {reason}"
        assert max(map(len, seen.shown())) < 20


def test_a_title_cannot_move_the_cursor() -> None:
    with terminal(80) as seen:
        seen.do("note", NOTE)
        seen.do("show", {"title": "Evil\x1b[2J\r\nBook"})
        assert seen.shown()[0].startswith("Evil [2J Book ")
        assert len(seen.shown()) == 3
