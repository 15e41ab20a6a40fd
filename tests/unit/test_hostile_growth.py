"""Texts of one pattern, repeated: the time of all that reads a text grows with its length, never with its square.

`./bin/test fuzz` tries every regular expression with texts made of its own loops.
"""

import functools
from collections.abc import Callable

import growth
import pytest

from tasks import documents
from tasks.documents.model import Chapter
from tasks.normalise import normalise
from tasks.phonemes.phonemize import forget
from tasks.segmenting.segments import segments
from tasks.segmenting.sentences import sentences

PROSE = (
    "The morning was cold, and nobody in the village had slept. They walked down to the harbour, past the shuttered "
    "houses, and waited for a boat that had been promised two days before. When it came, it was smaller than they had "
    "hoped. "
)
CODES = {"en": "English", "ja": "Japanese"}
SENTENCES = [
    "“",
    "'",
    "`",
    "「",
    '"',
    "?”",
    "a. ",
    "1. ",
    "…",
    "!",
    "「a」",
    "Mr. ",
    "a.b",
    "«",
    "(",
    "“a” ",
    "。",
    "a\n",
]
FIGURES = [
    " 000",
    ",000",
    ".000",
    "1-",
    "1/",
    "1:1",
    "$1",
    "1.",
    "%",
    "X",
    "a@",
    "/a",
    "°",
    "-",
    "*",
    "x²",
    "½",
    "&",
    "[",
]
MARKDOWNS = ["[", "*a ", "`", "<a ", "![", "[^1]:", "|", "> ", "\\", "~~", "&#", "](", "__", "<!--"]
PAGES = ["<b>", "<", "&", "<a href='", "<![CDATA[", "</p>", "<p>x", "<!--", "&#1", "<ol><li>", "<table>"]
TEXTS = [
    "[",
    "[pause:",
    "](/",
    "A: ",
    "_",
    "[Illustration",
    "- a\n",
    "CHAPTER I\n\n",
    "*** ",
    "voices:\n",
    "---\n",
    "a-\n",
]


def _read(ending: str) -> Callable[[str], object]:
    def read(text: str) -> None:
        try:
            documents.read(text.encode(), f"hostile{ending}")
        except documents.SourceError:
            return

    return read


def _cut(text: str) -> None:
    for _ in sentences(text, 0, len(text), "ja"):
        pass


MEMBERS: dict[str, tuple[Callable[[str], object], str]] = {
    **{
        f"sentences in {name}: {part!r}": (
            functools.partial(lambda text, code: list(sentences(text, 0, len(text), code)), code=code),
            part,
        )
        for code, name in CODES.items()
        for part in SENTENCES
    },
    **{
        f"figures in {code}: {part!r}": (functools.partial(normalise, language=code), part)
        for code, parts in (("en-us", FIGURES), ("es", FIGURES[:3]), ("fr-fr", FIGURES[:3]))
        for part in parts
    },
    **{f"Markdown: {part!r}": (_read(".md"), part) for part in MARKDOWNS},
    **{f"HTML: {part!r}": (_read(".html"), part) for part in PAGES},
    **{f"text: {part!r}": (_read(".txt"), part) for part in TEXTS},
}


@pytest.mark.parametrize("which", MEMBERS)
def test_a_repeated_pattern_takes_time_in_proportion(which: str) -> None:
    function, part = MEMBERS[which]
    assert growth.too_steep(function, growth.repeated(part, "a 0 "), 16_000) == ""


@pytest.mark.parametrize("part", ["1-", "1/2/", "x-", "“", "☃. ", "[", "a@"])
def test_a_repeated_pattern_is_pronounced_within_a_multiple_of_the_time_of_prose(part: str) -> None:
    def pronounce(text: str) -> None:
        forget()
        for _ in segments(Chapter(title="", text=text), "en-us"):
            pass

    pronounce(PROSE)
    # What is between two blanks is pronounced at once, up to a thousand characters.
    hostile = growth.seconds(pronounce, f"He said {part * (1000 // len(part))} aloud.", 1)
    assert hostile < 500 * growth.seconds(pronounce, PROSE * 4)


def test_growth_is_noticed() -> None:
    def square(text: str) -> None:
        for at in range(0, len(text), 8):
            text[at:].count("b")

    assert "times as long" in growth.too_steep(square, growth.repeated("a"), 300_000)
    assert growth.too_steep(lambda text: text.count("b"), growth.repeated("a")) == ""
