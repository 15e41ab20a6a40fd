"""Lines at the bottom of a terminal that are replaced in place. Knows nothing of what they say."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, RLock, Thread
from typing import Final, Self

from rich.console import Console
from rich.text import Text

from chorus.screen_text import escaped

LOOK_S: Final = 0.2
"""How soon a change of the terminal's width is seen."""

Layout = Callable[[int], Sequence[Text]]
"""The lines for a terminal that has room for so many characters in one."""


class LiveRegion:
    """What stands below everything else while a command runs; it is gone when the command ends.

    A terminal that becomes narrower breaks the lines on it, so what has to be erased is reckoned with the width of now.
    No line is as wide as the terminal, and the cursor rests at the start of the last one: where it is then is known.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = RLock()
        self._layout: Layout | None = None
        self._drawn: list[int] = []
        """How wide each line is that stands there now."""
        self._width = 0
        self._hidden = False
        self._closed = Event()
        self._watch = Thread(target=self._watch_width, name="terminal width", daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave nothing behind but what was printed above."""
        self._closed.set()
        self._watch.join()
        with self._lock:
            self._layout = None
            self._write(self._erasure() + ("\x1b[?25h" if self._hidden else ""))
            self._hidden = False

    def draw(self, layout: Layout) -> None:
        """Replace the lines."""
        with self._lock:
            self._layout = layout
            self._paint()

    @contextmanager
    def away(self) -> Iterator[None]:
        """While something else is printed, which then stands above."""
        with self._lock:
            self._write(self._erasure())
            try:
                yield
            finally:
                self._paint()

    def _paint(self) -> None:
        if self._layout is None:
            return
        self._width = self._console.width
        room = max(1, self._width - 1)
        lines = [_cropped(line, room) for line in self._layout(room)][: max(1, self._console.height - 1)]
        with self._console.capture() as painted:
            for at, line in enumerate(lines):
                self._console.print(line, end="\n" if at < len(lines) - 1 else "", no_wrap=True, crop=False)
        erasure = self._erasure() + ("" if self._hidden else "\x1b[?25l")
        self._hidden, self._drawn = True, [line.cell_len for line in lines]
        self._write(f"{erasure}{painted.get()}\r")

    def _erasure(self) -> str:
        """From the start of the last line to that of the first, and everything below it away."""
        if not self._drawn:
            return ""
        width = max(1, self._console.width)
        rows = sum(max(1, -(-cells // width)) for cells in self._drawn[:-1])
        self._drawn = []
        return f"\r\x1b[{rows}A\x1b[J" if rows else "\r\x1b[J"

    def _write(self, text: str) -> None:
        if text:
            self._console.file.write(text)
            self._console.file.flush()

    def _watch_width(self) -> None:
        # A terminal that has gone needs nothing redrawn.
        with suppress(OSError, ValueError):
            while not self._closed.wait(LOOK_S):
                with self._lock:
                    if self._drawn and self._console.width != self._width:
                        self._paint()


def _cropped(line: Text, room: int) -> Text:
    said = escaped(line.plain)
    cropped = line.copy() if said == line.plain else Text(said)
    cropped.truncate(room, overflow="ellipsis")
    return cropped
