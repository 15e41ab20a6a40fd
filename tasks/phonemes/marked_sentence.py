"""Prepares a sentence for a backend: the text to read, stretches with given phonemes, and the source of each character.

Pure: knows marks and offsets, no dictionary and no espeak.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

from tasks.documents.model import Mark, Span, speakable
from tasks.normalise import Reading, normalise

FIXED = ("say", "phonemes", "as")
"""The kinds of marks that determine how a stretch is spoken. The last one over a character counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A backend's result for one word, or for several that it read together."""

    text: str
    """The word as the backend read it. All words with their `blank` are the whole reading."""
    start: int
    """Its offset in the reading."""
    end: int
    phonemes: str
    backend: str
    """`misaki`, `espeak`, `lexicon` or `given`."""
    blank: str = ""
    """The blank between this word and the next."""
    guessed: bool = False
    """Whether it is in no dictionary and was pronounced by its spelling."""
    lost: str = ""
    """The part of it that a person would read aloud and no backend can pronounce."""


def placed(
    text: str, start: int, end: int, phonemes: str, backend: str, *, guessed: bool = False, lost: str = ""
) -> Word:
    """The word between two offsets."""
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
    """Whether a person would read it aloud: letters, figures and signs that have a name, but no punctuation."""
    return speakable(text) or any(unicodedata.category(char) in ("So", "Sm", "No") for char in text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A stretch whose phonemes are known before a backend reads it."""

    start: int
    end: int
    phonemes: str
    backend: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedSentence:
    """The text that a backend reads."""

    text: str
    given: tuple[Given, ...] = ()
    """In order and without overlaps, with offsets in `text`."""
    sources: tuple[Span, ...] | None = None
    """The stretch of the source that each character of `text` stands for; None if it was not traced."""

    def source(self, start: int, end: int) -> Span:
        """The stretch of the source that a stretch of the reading comes from."""
        if not self.sources:
            return Span(start=0, end=0)
        spans = self.sources[start : max(end, start + 1)] or self.sources[-1:]
        return Span(start=min(span.start for span in spans), end=max(span.end for span in spans))


@dataclass(frozen=True, kw_only=True, slots=True)
class StretchRules:
    """How a stretch is normalised."""

    language: str
    heading: bool
    as_written: frozenset[str]


def read(
    text: str, rules: StretchRules, *, marks: Sequence[Mark] = (), given: Sequence[Given] = (), traced: bool = False
) -> MarkedSentence:
    """The reading of a sentence with marks of FIXED kinds. `given` has offsets in the source."""
    if not marks and not given and not traced:
        return MarkedSentence(text=_normalise(text, rules, "").text)
    said = _Traced.joined(_readings(text, rules, marks))
    return MarkedSentence(
        text=said.text,
        given=tuple(_placed(said, each) for each in sorted(given, key=lambda each: each.start)),
        sources=tuple(said.spans),
    )


def painted(length: int, marks: Iterable[Mark]) -> Iterator[tuple[int, int, Mark | None]]:
    """The whole length as stretches, each with the mark that counts there, or None."""
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
    """A reading that is being built, with the source of each character."""

    text: str = ""
    spans: list[Span]

    @classmethod
    def joined(cls, parts: Iterable["_Traced"]) -> "_Traced":
        whole = cls(spans=[])
        for part in parts:
            if part.text.isspace() and (not whole.text or whole.text[-1].isspace()):
                continue
            whole.text += part.text
            whole.spans += part.spans
        kept = len(whole.text.rstrip())
        return cls(text=whole.text[:kept], spans=whole.spans[:kept])


def _readings(text: str, rules: StretchRules, marks: Sequence[Mark]) -> Iterator[_Traced]:
    """The readings of the marked stretches, and of the text between them."""
    start = 0
    stretches = [each for each in painted(len(text), marks) if each[2] is not None]
    for first, end, mark in stretches:
        if mark is None or mark.kind == "phonemes":
            continue
        yield from _spaced(text, start, first, rules, "")
        if mark.kind == "as":
            yield from _spaced(text, first, end, rules, mark.value)
        else:
            said = _normalise(mark.value, rules, "").text
            yield _Traced(text=said, spans=[Span(start=first, end=end)] * len(said))
        start = end
    yield from _spaced(text, start, len(text), rules, "", last=True)


def _spaced(
    text: str, start: int, end: int, rules: StretchRules, say_as: str, *, last: bool = False
) -> Iterator[_Traced]:
    """The reading of a stretch, with the blanks around it that normalising removes."""
    part = text[start:end]
    if not part.strip():
        if part:
            yield _blank(start)
        return
    if part[0].isspace():
        yield _blank(start)
    reading = _normalise(part, rules if last else replace(rules, heading=False), say_as)
    yield _Traced(text=reading.text, spans=list(_spans(reading, start)))
    if part[-1].isspace():
        yield _blank(end - 1)


def _spans(reading: Reading, offset: int) -> Iterator[Span]:
    """For each character of a reading its place in the whole source. A blank between two stretches has an empty one."""
    at = source = 0
    for part in reading.stretches:
        yield from repeat(Span(start=source + offset, end=source + offset), part.start - at)
        for place in range(part.end - part.start):
            if part.exact:
                yield Span(start=part.source.start + place + offset, end=part.source.start + place + 1 + offset)
            else:
                yield Span(start=part.source.start + offset, end=part.source.end + offset)
        at, source = part.end, part.source.end


def _blank(at: int) -> _Traced:
    return _Traced(text=" ", spans=[Span(start=at, end=at + 1)])


def _placed(said: _Traced, given: Given) -> Given:
    """A given stretch with offsets in the reading; an empty stretch at its place if the reading left it out."""
    solid = [at for at, char in enumerate(said.text) if not char.isspace()]
    inside = [at for at in solid if said.spans[at].start < given.end and said.spans[at].end > given.start]
    if inside:
        return replace(given, start=inside[0], end=inside[-1] + 1)
    end = next((at for at in solid if said.spans[at].start >= given.end), len(said.text))
    return replace(given, start=end, end=end)


def _normalise(text: str, rules: StretchRules, say_as: str) -> Reading:
    return normalise(text, rules.language, heading=rules.heading, as_written=rules.as_written, say_as=say_as)
