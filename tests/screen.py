"""A terminal, as far as Chorus draws on one: text that wraps anew when the width changes, a cursor, erasing.

Knows only what is used. Anything else that comes is an error, so that a test never passes by what it cannot see.
"""

import re

_CONTROL = re.compile(r"\x1b\[(\??)(\d*)([A-Za-ln-z])|\x1b\[[\d;]*m")


class Screen:
    """Lines without end; a line that is wider than the terminal takes several rows."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[str] = [""]
        self.cursor_shown = True
        self._line = self._offset = 0

    def resize(self, width: int) -> None:
        """What was wrapped is wrapped anew, and the cursor stays at its character."""
        self.width = width

    def feed(self, text: str) -> None:
        """Take what a program wrote."""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = _CONTROL.match(text, at)
                assert found, f"an escape sequence this terminal does not know: {text[at : at + 12]!r}"
                self._control(found)
                at = found.end()
            else:
                self._sign(text[at])
                at += 1

    def rows(self) -> list[str]:
        """What is seen, row by row."""
        return [line[at : at + self.width] for line in self.lines for at in range(0, max(1, len(line)), self.width)]

    def _control(self, found: "re.Match[str]") -> None:
        private, count, what = found[1], int(found[2] or 1), found[3]
        if what == "A":
            for _ in range(count):
                self._up()
        elif what == "J" and not found[2]:
            self.lines[self._line] = self.lines[self._line][: self._offset]
            del self.lines[self._line + 1 :]
        elif private and found[2] == "25" and what in "hl":
            self.cursor_shown = what == "h"
        else:
            assert what is None, f"an escape sequence this terminal does not know: {found[0]!r}"

    def _sign(self, sign: str) -> None:
        if sign == "\r":
            self._offset -= self._offset % self.width
        elif sign == "\n":
            self._down()
        else:
            assert sign.isprintable(), repr(sign)
            line = self.lines[self._line].ljust(self._offset)
            self.lines[self._line] = line[: self._offset] + sign + line[self._offset + 1 :]
            self._offset += 1

    def _up(self) -> None:
        column = self._offset % self.width
        if self._offset >= self.width:
            self._offset -= self.width
        elif self._line:
            self._line -= 1
            rows = -(-max(1, len(self.lines[self._line])) // self.width)
            self._offset = (rows - 1) * self.width + column

    def _down(self) -> None:
        # A terminal's driver returns to the start of the row as well.
        next_row = self._offset - self._offset % self.width + self.width
        if next_row < len(self.lines[self._line]):
            self._offset = next_row
            return
        self._line, self._offset = self._line + 1, 0
        if self._line == len(self.lines):
            self.lines.append("")
