"""Bounds what a document says of itself: titles, names, what is left out. Knows no file format.

Titles go into files, records, reports and terminals, so each is one line of readable text, however it was written.
"""

from collections.abc import Iterable
from dataclasses import replace

from chorus.screen_text import printable
from tasks.documents.model import Document

LONGEST_TITLE = 300
"""The most characters of a title or a name. The longest titles of books have about two hundred."""
MOST_LEFT_OUT = 200
"""At most this many things that are left out are listed; the others are counted."""

LONGEST_SENTENCE = 600
"""The most characters of an error."""


def labelled(document: Document, otherwise: str) -> Document:
    """The document with bounded titles. `otherwise`: its title if nothing readable is left of its own."""
    chapters = tuple(
        chapter if chapter.title == (title := label(chapter.title)) else replace(chapter, title=title)
        for chapter in document.chapters
    )
    return replace(
        document,
        title=label(document.title) or label(otherwise),
        author=label(document.author),
        series=label(document.series),
        language=label(document.language),
        cover_type=label(document.cover_type),
        chapters=chapters,
        left_out=_bounded(document.left_out),
    )


def label(text: str) -> str:
    """One line without hidden characters, cut after LONGEST_TITLE characters."""
    # Far more than is kept, and far less than a document may hold.
    line = printable(text[: 4 * LONGEST_TITLE])
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1].rstrip()}…"


def sentence(text: str) -> str:
    """One line without hidden characters. Of a very long one the middle is left out: the remedy stands at its end."""
    line = printable(text)
    half = LONGEST_SENTENCE // 2
    return line if len(line) <= LONGEST_SENTENCE else f"{line[:half]}…{line[-half:]}"


def _bounded(left_out: Iterable[str]) -> tuple[str, ...]:
    listed = list(left_out)
    if len(listed) <= MOST_LEFT_OUT:
        return tuple(map(label, listed))
    return (*map(label, listed[:MOST_LEFT_OUT]), f"{len(listed) - MOST_LEFT_OUT} other parts")
