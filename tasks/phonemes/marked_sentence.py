"""A sentence on its way to the backends: what is to be read, which stretches are given, where each came from.

Pure. Knows marks and offsets, no dictionary and no espeak.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

from tasks.documents.model import Mark, Span, speakable
from tasks.normalise import Reading, normalise

FIXED = ("say", "phonemes", "as")
"""Kinds of marks that say what a stretch sounds like; of those over one character the last one counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What a backend made of one word, or of a few that it took together."""

    text: str
    """As the backend read it; with `blank` the words are the whole reading."""
    start: int
    """Offset in the reading."""
    end: int
    phonemes: str
    backend: str
    """`misaki`, `espeak`, `lexicon` or `given`."""
    blank: str = ""
    """Between this word and the next."""
    guessed: bool = False
    """It stands in no dictionary: this is its spelling, pronounced."""
    lost: str = ""
    """What of it a reader would say and no backend could."""


def placed(
    text: str, start: int, end: int, phonemes: str, backend: str, *, guessed: bool = False, lost: str = ""
) -> Word:
    """The word that stands there."""
    blank = " " if text[end : end + 1].isspace() else ""
    return Word(
        text=text[start:end],
        start=start,
        end=end,
        phonemes=phonemes,
        backend=backend,
        blank=blank,
        guessed=guessed,
        lost=lost,
    )


def said_aloud(text: str) -> bool:
    """Whether a reader would say something for it: letters, figures and signs that have a name; no mark of a pause."""
    return speakable(text) or any(unicodedata.category(char) in ("So", "Sm", "No") for char in text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A stretch whose phonemes need no backend."""

    start: int
    end: int
    phonemes: str
    backend: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedSentence:
    """What a backend reads."""

    text: str
    given: tuple[Given, ...] = ()
    """Without overlaps, in order; offsets in `text`."""
    sources: tuple[Span, ...] | None = None
    """For each character of `text` the source's stretch that it stands for; None where nobody asked."""

    def source(self, start: int, end: int) -> Span:
        """Where a stretch of the reading came from."""
        if not self.sources:
            return Span(start=0, end=0)
        spans = self.sources[start : max(end, start + 1)] or self.sources[-1:]
        return Span(start=min(span.start for span in spans), end=max(span.end for span in spans))


@dataclass(frozen=True, kw_only=True, slots=True)
class StretchRules:
    """How a stretch is to be normalised."""

    language: str
    heading: bool
    as_written: frozenset[str]


def read(
    text: str, wanted: StretchRules, *, marks: Sequence[Mark] = (), given: Sequence[Given] = (), traced: bool = False
) -> MarkedSentence:
    """The reading of a sentence with these marks of FIXED kinds; `given` has offsets in the source."""
    if not marks and not given and not traced:
        return MarkedSentence(text=_normalise(text, wanted, "").text)
    said = _Traced.joined(_pieces(text, wanted, marks))
    return MarkedSentence(
        text=said.text,
        given=tuple(_placed(said, each) for each in sorted(given, key=lambda each: each.start)),
        sources=tuple(said.spans),
    )


def painted(length: int, marks: Iterable[Mark]) -> Iterator[tuple[int, int, Mark | None]]:
    """The stretches over which one mark counts, or none; laid end to end they are the whole length."""
    over: list[Mark | None] = [None] * length
    for mark in marks:
        for at in range(max(0, mark.start), min(length, mark.end)):
            over[at] = mark
    start = 0
    for at in range(1, length + 1):
        if at == length or over[at] is not over[start]:
            yield start, at, over[start]
            start = at


def within(marks: Iterable[Mark], start: int, end: int) -> tuple[Mark, ...]:
    """The marks over a stretch, with offsets in it."""
    return tuple(
        replace(mark, start=max(mark.start, start) - start, end=min(mark.end, end) - start)
        for mark in marks
        if mark.start < end and mark.end > start
    )


@dataclass(kw_only=True)
class _Traced:
    """A reading while it is put together, each character with its source."""

    text: str = ""
    spans: list[Span]

    @classmethod
    def joined(cls, pieces: Iterable["_Traced"]) -> "_Traced":
        whole = cls(spans=[])
        for piece in pieces:
            if piece.text.isspace() and (not whole.text or whole.text[-1].isspace()):
                continue
            whole.text += piece.text
            whole.spans += piece.spans
        kept = len(whole.text.rstrip())
        return cls(text=whole.text[:kept], spans=whole.spans[:kept])


def _pieces(text: str, wanted: StretchRules, marks: Sequence[Mark]) -> Iterator[_Traced]:
    """Readings between the marks that say how a stretch is read, and of these stretches themselves."""
    start = 0
    stretches = [each for each in painted(len(text), marks) if each[2] is not None]
    for first, behind, mark in stretches:
        if mark is None or mark.kind == "phonemes":
            continue
        yield from _spaced(text, start, first, wanted, "")
        if mark.kind == "as":
            yield from _spaced(text, first, behind, wanted, mark.value)
        else:
            said = _normalise(mark.value, wanted, "").text
            yield _Traced(text=said, spans=[Span(start=first, end=behind)] * len(said))
        start = behind
    yield from _spaced(text, start, len(text), wanted, "", last=True)


def _spaced(
    text: str, start: int, end: int, wanted: StretchRules, say_as: str, *, last: bool = False
) -> Iterator[_Traced]:
    """The reading of a stretch with the blanks around it that normalising takes away."""
    piece = text[start:end]
    if not piece.strip():
        if piece:
            yield _blank(start)
        return
    if piece[0].isspace():
        yield _blank(start)
    reading = _normalise(piece, wanted if last else replace(wanted, heading=False), say_as)
    yield _Traced(text=reading.text, spans=list(_spans(reading, start)))
    if piece[-1].isspace():
        yield _blank(end - 1)


def _spans(reading: Reading, offset: int) -> Iterator[Span]:
    """For each character of a reading its place in the whole source; a blank between two pieces has none."""
    at = source = 0
    for piece in reading.pieces:
        yield from repeat(Span(start=source + offset, end=source + offset), piece.start - at)
        for place in range(piece.end - piece.start):
            if piece.exact:
                yield Span(start=piece.source.start + place + offset, end=piece.source.start + place + 1 + offset)
            else:
                yield Span(start=piece.source.start + offset, end=piece.source.end + offset)
        at, source = piece.end, piece.source.end


def _blank(at: int) -> _Traced:
    return _Traced(text=" ", spans=[Span(start=at, end=at + 1)])


def _placed(said: _Traced, given: Given) -> Given:
    """A given stretch with its offsets in the reading; empty, at its place, where the reading has nothing of it."""
    solid = [at for at, char in enumerate(said.text) if not char.isspace()]
    inside = [at for at in solid if said.spans[at].start < given.end and said.spans[at].end > given.start]
    if inside:
        return replace(given, start=inside[0], end=inside[-1] + 1)
    behind = next((at for at in solid if said.spans[at].start >= given.end), len(said.text))
    return replace(given, start=behind, end=behind)


def _normalise(text: str, wanted: StretchRules, say_as: str) -> Reading:
    return normalise(text, wanted.language, heading=wanted.heading, as_written=wanted.as_written, say_as=say_as)
