"""Decides how long a segment should be, and where to end a span that is too long for one.

Pure: knows offsets and lengths, no phonemes and no segments.
"""

import re
from collections.abc import Iterable
from unicodedata import combining

from chorus.vocabulary import MAX_TOKENS
from tasks.documents.model import Span
from tasks.segmenting.marks import Marks

TARGET_TOKENS = 150
SHORT_HEADING_TOKENS = 30
"""A heading of up to this length, such as `Chapter 1: The Storm`, is spoken in one segment with the text below it."""
SHORT_TOKENS = 20
"""Text of up to this length sounds hurried or clipped when Kokoro speaks it alone."""
_SLACK = 1.5
"""A sentence of up to this many times the target stays whole."""
_FULL = 0.75
"""A segment filled to this share of the target ends, without looking whether a short sentence follows."""
_UNCUT_FACTOR = 4
"""While segments still grow, a clause of more than this many times the wanted length is cut between words."""
_NEAREST, _FARTHEST = 0.4, 2.5
"""A clause is cut only between these shares of the wanted length: the parts would be too short, or too long."""
_CLOSERS = "\"'\u2019\u201d\u00bb)]}"
_CLAUSE_ENDS = tuple(";:,)\u2014\u2013\u2026\u060c\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f")
_CLAUSE = re.compile(
    rf"(?:[;:,)\u2013\u2026\u060c][{re.escape(_CLOSERS)}]*(?=\s)|\u2014[{re.escape(_CLOSERS)}]*"
    rf"|[\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f][{re.escape(_CLOSERS)}]*|\s(?=\())"
)
_WORD = re.compile(r"\s+")
_LINK = re.compile(r"\S+")
# Words that join clauses. A reader may pause before one of them without a comma. English, Spanish, French, Italian,
# Portuguese, Hindi.
_LINKS = frozenset((
    "and", "but", "or", "nor", "because", "which", "that", "who", "whom", "whose", "when", "where", "while", "if", "as",
    "than", "until", "before", "after", "though", "although", "y", "pero", "que", "porque", "cuando", "donde",
    "mientras", "aunque", "et", "mais", "ou", "qui", "parce", "quand", "lorsque", "puis", "e", "ma", "che", "perché",
    "quando", "dove", "mentre", "mas", "onde", "enquanto", "embora", "और", "लेकिन", "कि", "जो", "क्योंकि", "जब", "तो",
))  # fmt: skip
_QUOTATION = re.compile(r"“[^“”]*”|«[^«»]*»|「[^「」]*」|\"[^\"]*\"")
_OPENING, _CLOSING = "“«「", "”»」"
_JOINERS = "\u200d\ufe0f"


class Targets:
    """How long the current segment should be: short for a waiting listener, then longer each time."""

    def __init__(self, *, target: int = TARGET_TOKENS, first: int | None = None) -> None:
        self._final = min(target, MAX_TOKENS)
        self.now = min(first or target, self._final)

    @property
    def growing(self) -> bool:
        """Whether the segments of a live job are still shorter than the target."""
        return self.now < self._final

    @property
    def longest(self) -> int:
        """A sentence of up to this length stays whole."""
        return self.now if self.growing else min(round(self.now * _SLACK), MAX_TOKENS)

    @property
    def longest_joined(self) -> int:
        """How long a segment may become by joining a span that is too short alone."""
        return min(2 * self.now if self.growing else self.longest + SHORT_HEADING_TOKENS, MAX_TOKENS)

    @property
    def longest_uncut(self) -> int:
        """A longer span without the end of a clause is cut between its words."""
        return min(_UNCUT_FACTOR * self.now, MAX_TOKENS) if self.growing else MAX_TOKENS

    def short(self, tokens: int, *, heading: bool) -> bool:
        """Whether a span is too short to be a segment alone."""
        return tokens <= min(SHORT_HEADING_TOKENS if heading else SHORT_TOKENS, self._final // 5)

    def full(self, tokens: int) -> bool:
        """Whether a segment is long enough to end here."""
        return tokens >= _FULL * self.now

    def next(self, tokens: int) -> None:
        """Set the length of the next segment, after one of this many tokens."""
        self.now = min(2 * self.now, self._final) if tokens else self.now


class Quotation:
    """Tracks whether a quotation is open while a paragraph is read."""

    def __init__(self) -> None:
        self._depth = 0
        self._straight = False

    def read(self, text: str) -> bool:
        """Whether a quotation is open after this part of the paragraph."""
        self._depth += sum(map(text.count, _OPENING)) - sum(map(text.count, _CLOSING))
        self._depth = max(0, self._depth)
        self._straight ^= text.count('"') % 2 == 1
        return self._depth > 0 or self._straight


def ends_clause(text: str) -> bool:
    """Whether a clause ends with this part of a sentence."""
    return text.rstrip(_CLOSERS).endswith((*_CLAUSE_ENDS, ".", "!", "?"))


def cut(text: str, span: Span, tokens: int, targets: Targets, marks: Marks) -> int | None:
    """Where to end a span that is too long; None if it should stay whole."""
    parts = tokens / targets.now if targets.growing else max(2, round(tokens / targets.now))
    aim = (span.end - span.start) / parts
    at = clause_end(text, span, aim, marks, farthest=_UNCUT_FACTOR if targets.growing else _FARTHEST)
    if at is not None or tokens <= targets.longest_uncut:
        return at
    return word_end(text, span, 2 * aim if targets.growing else aim, marks) if span.end - span.start > 1 else None


def clause_end(text: str, span: Span, aim: float, marks: Marks, *, farthest: float = _FARTHEST) -> int | None:
    """The end of a clause nearest to `aim` characters, if one is near enough. Ends outside quotations are preferred."""
    ends = (match.end() for match in _CLAUSE.finditer(text, span.start, span.end))
    near = [
        end
        for end in ends
        if _NEAREST * aim <= end - span.start <= farthest * aim
        and span.end - end >= _NEAREST * aim
        and not marks.splits_atom(end)
    ]
    return _nearest(span.start + aim, _kept_whole(text, span, near, marks))


def word_end(text: str, span: Span, aim: float, marks: Marks) -> int:
    """The end of a word nearest to `aim` characters, preferably before a joining word; inside a word if need be."""
    gaps = [match for match in _WORD.finditer(text, span.start, span.end) if not marks.splits_atom(match.start())]
    near = [gap for gap in gaps if gap.start() - span.start <= _FARTHEST * aim]
    if not near and marks.atoms(span):
        # A replaced stretch of a few letters may be spoken as many words: distances in characters mean nothing here.
        near = gaps
    linked = [gap.start() for gap in near if gap.start() - span.start >= aim / 2 and _links(text, gap.end())]
    found = _nearest(span.start + aim, linked or _kept_whole(text, span, [gap.start() for gap in near], marks))
    return _inside_word(text, span, aim, marks) if found is None else found


def _kept_whole(text: str, span: Span, ends: list[int], marks: Marks) -> list[int]:
    """The ends that split neither a quotation nor a marked stretch; all of them if each splits one."""
    quoted = [match.span() for match in _QUOTATION.finditer(text, span.start, span.end)]
    free = [end for end in ends if not marks.splits(end) and not any(start < end < last for start, last in quoted)]
    return free or ends


def _nearest(aim: float, ends: Iterable[int]) -> int | None:
    return min(ends, key=lambda end: abs(end - aim), default=None)


def _links(text: str, at: int) -> bool:
    match = _LINK.match(text, at)
    return match is not None and match[0].lower() in _LINKS


def _inside_word(text: str, span: Span, aim: float, marks: Marks) -> int:
    middle = span.start + max(1, min(int(aim), (span.end - span.start) // 2))
    cut_at = marks.nearest_outside_atom(middle, span)
    # An accent or a joiner belongs to the letter before it, so the cut moves behind it.
    while cut_at < span.end and (
        combining(text[cut_at]) or text[cut_at] in _JOINERS or text[cut_at - 1] == _JOINERS[0]
    ):
        cut_at += 1
    return cut_at if cut_at < span.end else middle
