"""Answers questions about a chapter's marks: where voice, rate and silence change, and what no cut may split.

Knows offsets alone, no phonemes and no segments. Marks may overlap in any way; the last one over a character counts,
which in nested elements is the innermost.
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
"""A mark's factor of the speed is limited to these. In a request such a speed would be refused."""
_ATOMIC = frozenset(("say", "phonemes"))
"""Marks that replace their stretch as a whole. Half of such a stretch could not be spoken once and correctly."""
_FIXED = _ATOMIC | {"as"}
_DIGITS = 9
LONGEST_TEXT = 1000
"""At most this many characters are phonemized at once, which bounds the time on a text without sentences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A part of a paragraph that one voice speaks at one rate, without a requested silence inside."""

    span: Span
    voice: str
    """Empty: the job's own voice."""
    rate: float
    """1: the job's own speed."""


class Marks:
    """One chapter's marks. Every question is asked by offset."""

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
        self._edges = sorted({self.after_atom(edge) for edge in (*edges, *silences)})

    def stretches(self, span: Span) -> Iterator[Stretch]:
        """The span as stretches of one voice, one rate and no silence inside, in order, without blanks around them."""
        inner = self._edges[bisect_right(self._edges, span.start) : bisect_left(self._edges, span.end)]
        for start, end in pairwise((span.start, *inner, span.end)):
            for body in trimmed(self._text, start, end):
                voice, rate = _at(self._voices, body.start), _at(self._rates, body.start)
                yield Stretch(span=body, voice=voice.value if voice else "", rate=_factor(rate.value) if rate else 1.0)

    def silence_ms(self, behind: int, before: int) -> int:
        """The sum of the silences requested after the character at one offset and before the character at another."""
        first, last = bisect_right(self._pauses, behind), bisect_right(self._pauses, before)
        return min(self._waited[last] - self._waited[first], LONGEST_PAUSE_MS)

    def language(self, span: Span) -> str:
        """The language that the document states for the whole span; empty if it states none, or for a part only."""
        mark = _at(self._languages, span.start)
        return mark.value if mark and mark.end >= span.end else ""

    def within(self, span: Span) -> tuple[Mark, ...]:
        """The marks that a phonemizer needs for a span, with offsets in it, but no half of a replacement."""
        found = [
            replace(mark, start=max(mark.start, span.start) - span.start, end=min(mark.end, span.end) - span.start)
            for marks in (self._languages, self._fixed)
            for mark in _over(marks, span)
            if mark.kind not in _ATOMIC or span.start <= mark.start < mark.end <= span.end
        ]
        return tuple(sorted(found, key=lambda mark: mark.start))

    def atoms(self, span: Span) -> list[Span]:
        """The stretches in the span that are replaced as a whole."""
        return [Span(start=mark.start, end=mark.end) for mark in _over(self._atoms, span)]

    def drop_atoms(self, span: Span) -> None:
        """Drop the replacements in a span, because they cannot be spoken. The text is then spoken as it is written."""
        for marks in (self._atoms, self._fixed):
            marks[:] = [
                mark for mark in marks if mark.kind not in _ATOMIC or mark.start < span.start or mark.end > span.end
            ]

    def splits_atom(self, at: int) -> bool:
        """Whether a cut here would split a stretch that is replaced as a whole."""
        return self.after_atom(at) != at

    def splits(self, at: int) -> bool:
        """Whether a cut here would split a stretch in another language or with a reading of its own."""
        return any(mark.start < at for marks in (self._fixed, self._languages) if (mark := _at(marks, at)))

    def nearest_outside_atom(self, at: int, span: Span) -> int:
        """The nearest offset inside the span that splits no replacement; the same offset if there is none."""
        atom = _at(self._atoms, at)
        if atom is None or atom.start >= at:
            return at
        beside = [edge for edge in (atom.start, atom.end) if span.start < edge < span.end]
        return min(beside, key=lambda edge: abs(edge - at), default=at)

    def after_atom(self, at: int) -> int:
        """The next offset that splits no replacement."""
        atom = _at(self._atoms, at)
        return at if atom is None or atom.start == at else atom.end


def _clipped(mark: Mark, length: int) -> Mark:
    start = min(max(0, mark.start), length)
    return replace(mark, start=start, end=min(max(start, mark.end), length))


def _flat(marks: Iterable[Mark]) -> Iterator[Mark]:
    """The same marks without overlaps: the last one over each character."""
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
    """Without replacements that cannot be spoken whole: overlapped, silent, too long, or across paragraphs."""
    given = frozenset(marks)
    for mark in _flat(marks):
        stretch = text[mark.start : mark.end]
        whole = (
            mark in given
            and stretch.strip()
            and BREAK not in stretch
            and max(len(stretch), len(mark.value)) <= LONGEST_TEXT
        )
        if (whole and _audible(mark)) or mark.kind not in _ATOMIC:
            yield mark


def _audible(mark: Mark) -> bool:
    return speaks(fit(mark.value).text) if mark.kind == "phonemes" else speakable(mark.value)


def _at(marks: Sequence[Mark], at: int) -> Mark | None:
    """The mark over a character, of marks without overlaps."""
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
