"""Builds the lines of a PDF's pages from the pieces of text that pypdf reports. Knows nothing of chapters."""

import logging
import re
import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError

from chorus.errors import SourceError
from tasks.documents import pages
from tasks.documents.pages import PageLine

# For a damaged file pypdf raises its own errors, and, as it documents, any error of the standard library for a value of
# another type or range than it expected. None of them comes from our code, which works on pypdf's results.
DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_FIRST_S, _PAGE_S = 3.0, 0.1
"""The processor time for a file, and for each page: ten times what a full page takes."""
_RAISED = re.compile(r"\d{1,3}(?:\s*,\s*\d{1,3})*|[*†‡§]{1,3}")
_MARKED = re.compile(r"[^\W\d_]{3}$|[.,;:!?\"'”’)\]]$")
_RAISED_SIZE = 0.8
_RAISED_BY = 0.15
"""A mark is raised by at least this share of the font size. An index is lowered."""

# pypdf logs every error that it could repair, on standard error unless the logger has a handler.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


@dataclass(kw_only=True)
class Pages:
    """The lines of all pages."""

    name: str
    lines: list[list[PageLine]] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    marks: int = 0
    """The count of note numbers that are left out."""

    def read(self, reader: PdfReader, count: int) -> None:
        """Read every page; a damaged one is empty."""
        start_s = time.thread_time()
        for number in range(count):
            page = _Page(number=number)
            try:
                page.read(reader.pages[number], deadline_s=start_s + _FIRST_S + _PAGE_S * (number + 1))
            except _TooSlowError as error:
                raise SourceError(
                    f"{self.name} has too many pieces of text on page {number + 1} to be read in reasonable time: "
                    "print it to a new PDF."
                ) from error
            except DAMAGE:
                self.damaged.append(number + 1)
            self.lines.append(page.lines())
            self.marks += page.marks
        if not any(self.lines):
            if self.damaged:
                raise SourceError(f"{self.name} is damaged: none of its pages can be read. Fetch it again.")
            raise SourceError(f"{self.name} has no text layer, only pictures of pages: run it through OCR first.")


class _TooSlowError(Exception):
    """Reading a page takes too long."""


@dataclass(kw_only=True)
class _Page:
    """The lines of one page, built from the pieces of text that pypdf reports."""

    number: int
    marks: int = 0
    _parts: list[str] = field(default_factory=list)
    _at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The position of the current line's first letter, and the size of its largest letter."""
    _lines: list[PageLine] = field(default_factory=list)
    _deadline_s: float = 0.0

    def read(self, page: PageObject, *, deadline_s: float) -> None:
        """Read the page."""
        self._deadline_s = deadline_s
        page.extract_text(visitor_text=self._piece, visitor_operand_before=self._tick)

    def lines(self) -> list[PageLine]:
        """The lines of the page."""
        self._end()
        return self._lines

    def _tick(self, *_: Any) -> None:
        if time.thread_time() > self._deadline_s:
            raise _TooSlowError

    def _piece(self, text: str, outer: Sequence[float], matrix: Sequence[float], _font: Any, size: float) -> None:
        x = matrix[4] * outer[0] + matrix[5] * outer[2] + outer[4]
        y = matrix[4] * outer[1] + matrix[5] * outer[3] + outer[5]
        scale = hypot(matrix[2], matrix[3]) * hypot(outer[2], outer[3])
        for number, part in enumerate(text.split("\n")):
            if number:
                self._end()
            if part.strip() and not self._is_mark(part, y, abs(size * scale)):
                self._add(part, x, y, abs(size * scale))
            elif not part.strip():
                self._parts.append(part)

    def _add(self, part: str, x: float, y: float, size: float) -> None:
        if not any(one.strip() for one in self._parts):
            self._at = (x, y, size)
        self._at = (self._at[0], self._at[1], max(self._at[2], size))
        self._parts.append(part)

    def _is_mark(self, part: str, y: float, size: float) -> bool:
        """Whether a piece of text is the number of a note: small, raised and after a word."""
        small = size < _RAISED_SIZE * self._at[2] and y > self._at[1] + _RAISED_BY * self._at[2]
        mark = small and _RAISED.fullmatch(part.strip()) and _MARKED.search("".join(self._parts).rstrip())
        self.marks += bool(mark)
        return bool(mark)

    def _end(self) -> None:
        text = pages.plain("".join(self._parts))
        x, y, size = self._at
        if text:
            self._lines.append(PageLine(text=text, page=self.number, x_pt=x, y_pt=y, size_pt=size))
        self._parts.clear()
