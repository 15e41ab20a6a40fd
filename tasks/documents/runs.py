"""Cleans the text of one paragraph, and finds the place of each tag in the cleaned text.

Knows no chapter and no file format.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

MarkKind = Literal["language", "voice", "rate", "say", "phonemes", "as", "pause"]

# Joiners and marks for breaking or ordering letters. They have no sound, and espeak would spell some of them.
# U+200C and U+200D stay, because Hindi needs them.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n[\n ]*")
_SOLID = re.compile(r"\S")
# Accents, vowel signs and the later parts of Korean syllables are composed with the letter before them.
_JOINING = range(0x1160, 0x1200)


@dataclass(frozen=True, slots=True)
class Tag:
    """A property of a stretch of text before its offsets are known. See model.Mark."""

    kind: MarkKind
    value: str


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a paragraph with the same tags throughout."""

    text: str
    tags: tuple[Tag, ...] = ()
    """From the outermost to the innermost. Adjacent runs that share one Tag object get one mark, so a reader makes one
    Tag for an element, however many runs it has. A run without text is a pause, or changes the voice for the rest of
    the chapter to its last tag."""
    kind: str = ""
    """A word of chorus.reading.SKIPPABLE or SPEAKABLE, such as `images` for an alternative text; else empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedRun:
    """A tag with the offsets of its stretch."""

    start: int
    end: int
    tag: Tag


def clean(text: str) -> str:
    """A paragraph's text with composed letters, single blanks and line ends, and without invisible characters."""
    text = _CONTROL.sub("", unicodedata.normalize("NFC", text)).translate(_INVISIBLE)
    text = _LINE_ENDS.sub("\n", _BLANKS.sub(" ", "\n".join(text.splitlines())))
    return text.strip()


def placed(runs: Iterable[Run]) -> tuple[str, tuple[PlacedRun, ...]]:
    """The clean text of the runs, and the offsets of their tags in it, sorted by start, outer ones first.

    A pause has no length. Any other tag without a visible character is dropped.
    """
    listed = list(runs)
    text = clean("".join(run.text for run in listed))
    if not any(run.tags for run in listed):
        return text, ()
    listed = _whole_letters(listed)
    # Cleaning only composes letters and changes blanks, so the visible characters of each run can be counted off.
    at = [match.start() for match in _SOLID.finditer(text)]
    found: list[_Open] = []
    open_: list[_Open] = []
    first = 0
    for run in listed:
        if not run.text:
            found += [_Open(tag, first, first) for tag in run.tags if tag.kind == "pause"]
            continue
        last = first + sum(map(len, clean(run.text).split()))
        kept = _still_open(open_, run.tags)
        open_ = open_[:kept] + [_Open(tag, first, last) for tag in run.tags[kept:]]
        found += open_[kept:]
        for one in open_:
            one.last = last
        first = last
    return text, tuple(
        PlacedRun(start=start, end=end, tag=one.tag)
        for one in found
        for start, end in [one.span(at, len(text))]
        if end > start or one.tag.kind == "pause"
    )


@dataclass(slots=True)
class _Open:
    """A tag with the numbers of its first visible character and of the one after its last."""

    tag: Tag
    first: int
    last: int

    def span(self, at: list[int], length: int) -> tuple[int, int]:
        start = at[self.first] if self.first < len(at) else length
        silent = self.tag.kind == "pause" or self.first == self.last
        return start, start if silent else at[self.last - 1] + 1


def _still_open(open_: list[_Open], tags: tuple[Tag, ...]) -> int:
    """How many of the tags continue from the run before."""
    kept = 0
    while kept < min(len(open_), len(tags)) and open_[kept].tag is tags[kept] and tags[kept].kind != "pause":
        kept += 1
    return kept


def _whole_letters(runs: Iterable[Run]) -> list[Run]:
    """The same runs, with accents at the beginning of one moved to the letter before it."""
    whole: list[Run] = []
    last = -1
    for run in runs:
        joined = _joined_length(run.text) if last >= 0 else 0
        if joined:
            whole[last] = replace(whole[last], text=whole[last].text + run.text[:joined])
        if run.text[joined:]:
            last = len(whole)
        if run.text[joined:] or run.tags:
            whole.append(replace(run, text=run.text[joined:]))
    return whole


def _joined_length(text: str) -> int:
    """How many of the first characters belong to the letter before them."""
    return next(
        (at for at, char in enumerate(text) if ord(char) not in _JOINING and unicodedata.category(char)[0] != "M"),
        len(text),
    )
