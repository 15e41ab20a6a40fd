"""A chapter cut into segments: what one call of the engine speaks, and how long it is silent afterwards.

Spans are offsets into the chapter's text; laid end to end they hold every character of it that is not a blank. Knows
nothing of jobs, queues or audio files.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from unicodedata import combining

from chorus.reading import PAUSES_MS
from tasks.documents.model import Chapter, Paragraph
from tasks.phonemes import Phonemes, check, phonemize
from tasks.text import Span, sentences, trimmed
from tasks.vocabulary import N_MAX

TARGET_TOKENS = 150
FRAMES_PER_TOKEN = 3 * 600
"""Kokoro's duration of an average token: three of its frames, each 600 samples at 24 kHz."""
_SLACK = 1.5
"""A sentence up to this many times the target is still better spoken whole."""
_LONGEST_TEXT = 1000
"""Characters phonemized at once: what bounds time on a text without sentences."""
_CLOSERS = "\"'\u2019\u201d\u00bb)]}"
_CLAUSE = re.compile(
    rf"(?:[;:,)\u2013\u2026\u060c][{re.escape(_CLOSERS)}]*(?=\s)|\u2014[{re.escape(_CLOSERS)}]*"
    rf"|[\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f][{re.escape(_CLOSERS)}]*|\s(?=\())"
)
_CLAUSE_ENDS = tuple(";:,)\u2014\u2013\u2026\u060c\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f")
_WORD = re.compile(r"\s+")
_JOINERS = "\u200d\ufe0f"
_NEAREST, _FARTHEST = 0.4, 2.5
"""Where a clause may end, in shares of the wanted length: nearer leaves a stump, farther is no answer."""
_PATIENCE = 4
"""While segments still grow, a clause so many times longer than wanted is cut between its words."""
_FULL = 0.75
"""Filled to this share a segment is handed on without looking whether a short sentence follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """What the engine speaks in one breath."""

    start: int
    """Offset of its first character in the chapter's text."""
    end: int
    """Offset behind its last; up to the next segment's start there are only blanks."""
    phonemes: str
    """1 to 510 symbols of the vocabulary, at least one of them a sound."""
    pause_ms: int
    """Silence after it, at speed 1."""
    tokens: int
    heading: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    """A span with its phonemes; without phonemes it is passed over in silence."""

    span: Span
    said: Phonemes
    heading: bool = False
    ends: str = "cut"
    """What ends behind it: a key of PAUSES_MS."""


def segments(
    chapter: Chapter, language: str, *, target: int = TARGET_TOKENS, first: int | None = None
) -> Iterator[Segment]:
    """The chapter's segments, cut while they are asked for; none if it has nothing to say.

    With `first` the first one is about so many tokens long, and the next ones double up to the target.
    """
    check(language)
    held: Segment | None = None
    start: int | None = None
    for piece in _joined(chapter, language, _Targets(target=target, first=first)):
        if not piece.said.text:
            # Ornaments belong to the silence behind what was said, or to what is said first.
            if held is None:
                start = piece.span.start if start is None else start
            else:
                held = replace(held, end=piece.span.end, pause_ms=max(held.pause_ms, PAUSES_MS[piece.ends]))
            continue
        if held is not None:
            yield held
        held, start = _segment(piece, start), None
    if held is not None:
        yield replace(held, pause_ms=PAUSES_MS["chapter"])


def estimate_frames(tokens: int, speed: float) -> int:
    """About how many samples at 24 kHz so many tokens become."""
    return round(tokens * FRAMES_PER_TOKEN / speed)


def _segment(piece: _Piece, start: int | None) -> Segment:
    return Segment(
        start=piece.span.start if start is None else start,
        end=piece.span.end,
        phonemes=piece.said.text,
        pause_ms=PAUSES_MS[piece.ends],
        tokens=piece.said.tokens,
        heading=piece.heading,
    )


class _Targets:
    """How long the segment at hand should be: small for a waiting listener, then growing."""

    def __init__(self, *, target: int, first: int | None) -> None:
        self._final = min(target, N_MAX)
        self.now = min(first or target, self._final)

    @property
    def growing(self) -> bool:
        return self.now < self._final

    def next(self) -> None:
        self.now = min(2 * self.now, self._final)


def _joined(chapter: Chapter, language: str, targets: _Targets) -> Iterator[_Piece]:
    """Pieces of one paragraph put together until they are long enough."""
    for paragraph in chapter.paragraphs():
        held: _Piece | None = None
        for piece in _pieces(chapter.text, paragraph, language, targets):
            if held is not None and held.said.tokens + 1 + piece.said.tokens > targets.now:
                yield held
                targets.next()
                held = None
            held = piece if held is None else _merged(held, piece)
            if held.said.tokens >= _FULL * targets.now:
                yield held
                targets.next()
                held = None
        if held is not None:
            yield held


def _merged(one: _Piece, other: _Piece) -> _Piece:
    text = " ".join(said.text for said in (one.said, other.said) if said.text)
    span = Span(start=one.span.start, end=other.span.end)
    return replace(other, span=span, said=replace(other.said, text=text))


def _pieces(text: str, paragraph: Paragraph, language: str, targets: _Targets) -> Iterator[_Piece]:
    """A paragraph's sentences, whole where they are short enough."""
    for body in trimmed(text, paragraph.start, paragraph.end):
        for sentence in sentences(text, body.start, body.end, language):
            rest: Span | None = sentence
            while rest is not None:
                span, said = _take(text, rest, language, targets, heading=paragraph.heading)
                ends = _ends(text, span, sentence, body, paragraph, said)
                yield _Piece(span=span, said=said, heading=paragraph.heading, ends=ends)
                rest = next(trimmed(text, span.end, sentence.end), None)


def _ends(text: str, span: Span, sentence: Span, body: Span, paragraph: Paragraph, said: Phonemes) -> str:
    if span.end == body.end:
        return "heading" if paragraph.heading else "paragraph" if said.text or span != body else "scene"
    if span.end == sentence.end:
        return "sentence"
    return "clause" if text[span.start : span.end].rstrip(_CLOSERS).endswith(_CLAUSE_ENDS) else "cut"


def _take(text: str, rest: Span, language: str, targets: _Targets, *, heading: bool) -> tuple[Span, Phonemes]:
    """The beginning of what is left of a sentence, as much as one segment should have of it."""
    span = rest
    if rest.end - rest.start > _LONGEST_TEXT:
        bound = Span(start=rest.start, end=rest.start + _LONGEST_TEXT)
        span = _until(text, rest, _at_clause(text, bound, _LONGEST_TEXT * 0.8) or _at_word(text, bound, _LONGEST_TEXT))
    said = phonemize(text[span.start : span.end], language, heading=heading)
    while said.tokens > (targets.now if targets.growing else min(targets.now * _SLACK, N_MAX)):
        cut = _cut(text, span, said.tokens, targets)
        if cut is None:
            break
        span = _until(text, span, cut)
        said = phonemize(text[span.start : span.end], language, heading=heading)
    return span, said


def _cut(text: str, span: Span, tokens: int, targets: _Targets) -> int | None:
    """Where to end a piece that is too long; None where it had better stay whole."""
    pieces = tokens / targets.now if targets.growing else max(2, round(tokens / targets.now))
    aim = (span.end - span.start) / pieces
    at = _at_clause(text, span, aim)
    if at is not None or tokens <= (min(_PATIENCE * targets.now, N_MAX) if targets.growing else N_MAX):
        return at
    return _at_word(text, span, 2 * aim if targets.growing else aim) if span.end - span.start > 1 else None


def _until(text: str, span: Span, end: int) -> Span:
    return next(trimmed(text, span.start, end))


def _at_clause(text: str, span: Span, aim: float) -> int | None:
    """The clause's end nearest to so many characters, if one is near enough."""
    ends = [match.end() for match in _CLAUSE.finditer(text, span.start, span.end) if match.end() < span.end]
    near = [end for end in ends if _NEAREST * aim <= end - span.start <= _FARTHEST * aim]
    near = [end for end in near if span.end - end >= _NEAREST * aim]
    return min(near, key=lambda end: abs(end - span.start - aim), default=None)


def _at_word(text: str, span: Span, aim: float) -> int:
    """The word's end nearest to so many characters; inside a word where there is no other way."""
    ends = [match.start() for match in _WORD.finditer(text, span.start, span.end)]
    near = [end for end in ends if end - span.start <= _FARTHEST * aim]
    if near:
        return min(near, key=lambda end: abs(end - span.start - aim))
    middle = min(span.start + max(1, int(aim)), span.start + (span.end - span.start) // 2 or span.start + 1)
    cut = middle
    # An accent or a joiner belongs to the letter before it.
    while cut < span.end and (combining(text[cut]) or text[cut] in _JOINERS or text[cut - 1] == _JOINERS[0]):
        cut += 1
    return cut if cut < span.end else middle
