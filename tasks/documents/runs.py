"""One paragraph's text, cleaned, and where in it what a reader knows about its stretches came to lie.

Knows no chapter and no file format.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

MarkKind = Literal["language", "voice", "rate", "say", "phonemes", "as", "pause"]

# Joiners and marks that show how to break or order letters, never a sound; espeak would spell some of them.
# U+200C and U+200D stay: Hindi is written with them.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n[\n ]*")
_SOLID = re.compile(r"\S")
# Accents, vowel signs and the later parts of Korean syllables melt into the letter before them.
_MELTING = range(0x1160, 0x1200)


@dataclass(frozen=True, slots=True)
class Tag:
    """What a reader knows about a stretch of text, before the stretch has its place: see model.Mark."""

    kind: MarkKind
    value: str


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a paragraph about which the same is known throughout."""

    text: str
    tags: tuple[Tag, ...] = ()
    """From the outermost to the innermost. Neighbours that share one Tag object lie under one mark, so an element of
    the source makes one Tag, however many runs it has. A run without text is a pause at its place, or switches to the
    voice that is its last tag for the rest of the chapter."""
    kind: str = ""
    """`images` for an alternative text, or another word of chorus.reading.SKIPPABLE and SPEAKABLE."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedRun:
    """A tag and the stretch it lies on."""

    start: int
    end: int
    tag: Tag


def clean(text: str) -> str:
    """One paragraph's text: composed letters, single blanks, single line ends, nothing invisible."""
    text = _CONTROL.sub("", unicodedata.normalize("NFC", text)).translate(_INVISIBLE)
    text = _LINE_ENDS.sub("\n", _BLANKS.sub(" ", "\n".join(text.splitlines())))
    return text.strip()


def placed(runs: Iterable[Run]) -> tuple[str, tuple[PlacedRun, ...]]:
    """The runs' clean text, and where their tags lie in it, by start, outer ones first.

    A pause has no length; any other tag without a visible character under it is gone.
    """
    pieces = list(runs)
    text = clean("".join(run.text for run in pieces))
    if not any(run.tags for run in pieces):
        return text, ()
    pieces = _whole_letters(pieces)
    # Cleaning only composes, drops and joins blanks, so that the visible characters of a run can be counted off.
    at = [match.start() for match in _SOLID.finditer(text)]
    found: list[_Open] = []
    open_: list[_Open] = []
    first = 0
    for run in pieces:
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
    """A tag from its first visible character, by number, up to behind its last."""

    tag: Tag
    first: int
    last: int

    def span(self, at: list[int], length: int) -> tuple[int, int]:
        start = at[self.first] if self.first < len(at) else length
        silent = self.tag.kind == "pause" or self.first == self.last
        return start, start if silent else at[self.last - 1] + 1


def _still_open(open_: list[_Open], tags: tuple[Tag, ...]) -> int:
    """How many of the tags go on from the run before."""
    kept = 0
    while kept < min(len(open_), len(tags)) and open_[kept].tag is tags[kept] and tags[kept].kind != "pause":
        kept += 1
    return kept


def _whole_letters(runs: Iterable[Run]) -> list[Run]:
    """The same runs, none beginning with what belongs to the last letter of the ones before it."""
    whole: list[Run] = []
    last = -1
    for run in runs:
        melting = _melting(run.text) if last >= 0 else 0
        if melting:
            whole[last] = replace(whole[last], text=whole[last].text + run.text[:melting])
        if run.text[melting:]:
            last = len(whole)
        if run.text[melting:] or run.tags:
            whole.append(replace(run, text=run.text[melting:]))
    return whole


def _melting(text: str) -> int:
    """How many of the first characters cannot stand alone."""
    return next(
        (at for at, char in enumerate(text) if ord(char) not in _MELTING and unicodedata.category(char)[0] != "M"),
        len(text),
    )
