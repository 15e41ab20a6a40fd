"""A chapter's marks by what they do: where voice, rate and silence change, and what no cut may part.

Knows offsets alone: no phonemes, no segments. Marks may lie over each other in any way; the last over a character
counts, which in nested elements is the innermost.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import accumulate, pairwise

from chorus.reading import LONGEST_PAUSE_MS
from chorus.vocabulary import fit, speaks
from tasks.documents.model import BREAK, Chapter, Mark, Span, speakable
from tasks.segmenting.sentences import trimmed

SLOWEST, FASTEST = 0.25, 4.0
"""Factors of the speed beyond these are taken for these, as a request's own would be refused."""
_ATOMIC = frozenset(("say", "phonemes"))
"""What replaces a stretch as a whole: half of one would be said twice, or not at all."""
_FIXED = _ATOMIC | {"as"}
_DIGITS = 9
LONGEST_TEXT = 1000
"""Characters phonemized at once: what bounds time on a text without sentences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A part of a paragraph that one voice says at one rate, without an ordered silence inside."""

    span: Span
    voice: str
    """Empty: the job's own."""
    rate: float
    """1: the job's own speed."""


class Marks:
    """One chapter's marks, to be asked by offset."""

    def __init__(self, chapter: Chapter) -> None:
        inside = [_clipped(mark, len(chapter.text)) for mark in chapter.marks]
        self._text = chapter.text
        self._fixed = list(_unbroken(chapter.text, [mark for mark in inside if mark.kind in _FIXED]))
        self._atoms = [mark for mark in self._fixed if mark.kind in _ATOMIC]
        self._languages = list(_flat(mark for mark in inside if mark.kind == "language"))
        self._voices = list(_flat(mark for mark in inside if mark.kind == "voice"))
        self._rates = list(_flat(mark for mark in inside if mark.kind == "rate"))
        pauses = sorted((mark.start, _milliseconds(mark.value)) for mark in inside if mark.kind == "pause")
        self._pauses = [at for at, _ in pauses]
        self._waited = [0, *accumulate(wait_ms for _, wait_ms in pauses)]
        edges = (edge for mark in (*self._voices, *self._rates) for edge in (mark.start, mark.end))
        silences = (at for at, wait_ms in pauses if wait_ms)
        self._edges = sorted({self.behind_atom(edge) for edge in (*edges, *silences)})

    def stretches(self, span: Span) -> Iterator[Stretch]:
        """What of a span is said in one voice, at one rate, without a silence; in order, blanks around it left out."""
        inner = self._edges[bisect_right(self._edges, span.start) : bisect_left(self._edges, span.end)]
        for start, end in pairwise((span.start, *inner, span.end)):
            for body in trimmed(self._text, start, end):
                voice, rate = _at(self._voices, body.start), _at(self._rates, body.start)
                yield Stretch(span=body, voice=voice.value if voice else "", rate=_factor(rate.value) if rate else 1.0)

    def silence_ms(self, behind: int, before: int) -> int:
        """The silences ordered behind the character at one offset and before that at another, together."""
        first, last = bisect_right(self._pauses, behind), bisect_right(self._pauses, before)
        return min(self._waited[last] - self._waited[first], LONGEST_PAUSE_MS)

    def language(self, span: Span) -> str:
        """The language that a whole span is in, as the document states it; empty if nothing is said about all of it."""
        mark = _at(self._languages, span.start)
        return mark.value if mark and mark.end >= span.end else ""

    def within(self, span: Span) -> tuple[Mark, ...]:
        """What a phonemizer must know about a span, with offsets in it. What it has only half of is left as written."""
        found = [
            replace(mark, start=max(mark.start, span.start) - span.start, end=min(mark.end, span.end) - span.start)
            for marks in (self._languages, self._fixed)
            for mark in _over(marks, span)
            if mark.kind not in _ATOMIC or span.start <= mark.start < mark.end <= span.end
        ]
        return tuple(sorted(found, key=lambda mark: mark.start))

    def atoms(self, span: Span) -> list[Span]:
        """The stretches in it that are replaced as a whole."""
        return [Span(start=mark.start, end=mark.end) for mark in _over(self._atoms, span)]

    def let_go(self, span: Span) -> None:
        """Leave what is in a span as written: what was to be said instead cannot be."""
        for marks in (self._atoms, self._fixed):
            marks[:] = [
                mark for mark in marks if mark.kind not in _ATOMIC or mark.start < span.start or mark.end > span.end
            ]

    def parts_atom(self, at: int) -> bool:
        """Whether a cut here would part what replaces its stretch as a whole."""
        return self.behind_atom(at) != at

    def parts(self, at: int) -> bool:
        """Whether a cut here would part any stretch of another language or with a reading of its own."""
        return any(mark.start < at for marks in (self._fixed, self._languages) if (mark := _at(marks, at)))

    def beside_atom(self, at: int, span: Span) -> int:
        """The nearest place inside the span that parts nothing; the same place where there is none."""
        atom = _at(self._atoms, at)
        if atom is None or atom.start >= at:
            return at
        beside = [edge for edge in (atom.start, atom.end) if span.start < edge < span.end]
        return min(beside, key=lambda edge: abs(edge - at), default=at)

    def behind_atom(self, at: int) -> int:
        """The next place that parts nothing which is replaced as a whole."""
        atom = _at(self._atoms, at)
        return at if atom is None or atom.start == at else atom.end


def _clipped(mark: Mark, length: int) -> Mark:
    start = min(max(0, mark.start), length)
    return replace(mark, start=start, end=min(max(start, mark.end), length))


def _flat(marks: Iterable[Mark]) -> Iterator[Mark]:
    """The same without overlaps: over each character the last one."""
    ordered = list(marks)
    waiting = sorted(range(len(ordered)), key=lambda order: ordered[order].start, reverse=True)
    edges = sorted({edge for mark in ordered for edge in (mark.start, mark.end)})
    active: list[tuple[int, int]] = []
    held: tuple[int, Mark] | None = None
    for start, end in pairwise(edges):
        while waiting and ordered[waiting[-1]].start <= start:
            order = waiting.pop()
            heappush(active, (-order, ordered[order].end))
        while active and active[0][1] <= start:
            heappop(active)
        top = -active[0][0] if active else None
        if held is not None and held[0] == top:
            held = top, replace(held[1], end=end)
            continue
        if held is not None:
            yield held[1]
        held = None if top is None else (top, replace(ordered[top], start=start, end=end))
    if held is not None:
        yield held[1]


def _unbroken(text: str, marks: Sequence[Mark]) -> Iterator[Mark]:
    """Without what cannot replace a stretch as a whole: it is overlaid, silent, endless, or passes its paragraph."""
    given = frozenset(marks)
    for mark in _flat(marks):
        stretch = text[mark.start : mark.end]
        whole = mark in given and stretch.strip() and BREAK not in stretch and len(stretch) <= LONGEST_TEXT
        if (whole and _audible(mark)) or mark.kind not in _ATOMIC:
            yield mark


def _audible(mark: Mark) -> bool:
    return speaks(fit(mark.value).text) if mark.kind == "phonemes" else speakable(mark.value)


def _at(marks: Sequence[Mark], at: int) -> Mark | None:
    """Of marks without overlaps, the one over a character."""
    index = bisect_right(marks, at, key=lambda mark: mark.start) - 1
    return marks[index] if index >= 0 and at < marks[index].end else None


def _over(marks: Sequence[Mark], span: Span) -> Sequence[Mark]:
    first = bisect_right(marks, span.start, key=lambda mark: mark.end)
    return marks[first : bisect_left(marks, span.end, key=lambda mark: mark.start)]


def _factor(value: str) -> float:
    try:
        factor = float(value)
    except ValueError:
        return 1.0
    return min(max(factor, SLOWEST), FASTEST) if math.isfinite(factor) and factor > 0 else 1.0


def _milliseconds(value: str) -> int:
    return min(int(value), LONGEST_PAUSE_MS) if value.isdecimal() and len(value) <= _DIGITS else 0
