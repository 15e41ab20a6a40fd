"""Where a speaker breathes: how long a segment should be, and where to end what is too long for one.

Pure. Knows offsets and lengths, no phonemes and no segments.
"""

import re
from collections.abc import Iterable
from unicodedata import combining

from chorus.vocabulary import MAX_TOKENS
from tasks.documents.model import Span
from tasks.segmenting.marks import Marks

TARGET_TOKENS = 150
SHORT_HEADING_TOKENS = 30
"""A heading up to this long, `Chapter 1: The Storm`, joins the breath of what it stands over."""
SHORT_TOKENS = 20
"""Up to this long anything sounds hurried or clipped when Kokoro speaks it by itself."""
_SLACK = 1.5
"""A sentence up to this many times the target is still better spoken whole."""
_FULL = 0.75
"""Filled to this share a segment is handed on without looking whether a short sentence follows."""
_PATIENCE = 4
"""While segments still grow, a clause so many times longer than wanted is cut between its words."""
_NEAREST, _FARTHEST = 0.4, 2.5
"""Where a clause may end, in shares of the wanted length: nearer leaves a stump, farther is no answer."""
_CLOSERS = "\"'\u2019\u201d\u00bb)]}"
_CLAUSE_ENDS = tuple(";:,)\u2014\u2013\u2026\u060c\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f")
_CLAUSE = re.compile(
    rf"(?:[;:,)\u2013\u2026\u060c][{re.escape(_CLOSERS)}]*(?=\s)|\u2014[{re.escape(_CLOSERS)}]*"
    rf"|[\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f][{re.escape(_CLOSERS)}]*|\s(?=\())"
)
_WORD = re.compile(r"\s+")
_LINK = re.compile(r"\S+")
# Before one of these a reader who runs out of breath stops without a comma: English, Spanish, French, Italian,
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
    """How long the segment at hand should be: small for a waiting listener, then growing."""

    def __init__(self, *, target: int = TARGET_TOKENS, first: int | None = None) -> None:
        self._final = min(target, MAX_TOKENS)
        self.now = min(first or target, self._final)

    @property
    def growing(self) -> bool:
        """Whether somebody waits for the first words still."""
        return self.now < self._final

    @property
    def longest(self) -> int:
        """A sentence up to this long stays whole."""
        return self.now if self.growing else min(round(self.now * _SLACK), MAX_TOKENS)

    @property
    def roomiest(self) -> int:
        """What may be put together rather than leave a stump alone."""
        return min(2 * self.now if self.growing else self.longest + SHORT_HEADING_TOKENS, MAX_TOKENS)

    @property
    def patience(self) -> int:
        """Beyond this a piece without a clause's end is cut between its words."""
        return min(_PATIENCE * self.now, MAX_TOKENS) if self.growing else MAX_TOKENS

    def short(self, tokens: int, *, heading: bool) -> bool:
        """Whether a piece had better not be alone."""
        return tokens <= min(SHORT_HEADING_TOKENS if heading else SHORT_TOKENS, self._final // 5)

    def full(self, tokens: int) -> bool:
        """Whether a segment is long enough to be handed on."""
        return tokens >= _FULL * self.now

    def next(self, tokens: int) -> None:
        """A segment of so many tokens was handed on."""
        self.now = min(2 * self.now, self._final) if tokens else self.now


class Quotation:
    """Whether a quotation is open, while a paragraph is read on."""

    def __init__(self) -> None:
        self._depth = 0
        self._straight = False

    def read(self, text: str) -> bool:
        """Whether one is open behind this piece of the paragraph."""
        self._depth += sum(map(text.count, _OPENING)) - sum(map(text.count, _CLOSING))
        self._depth = max(0, self._depth)
        self._straight ^= text.count('"') % 2 == 1
        return self._depth > 0 or self._straight


def ends_clause(text: str) -> bool:
    """Whether a clause ends with this piece of a sentence."""
    return text.rstrip(_CLOSERS).endswith((*_CLAUSE_ENDS, ".", "!", "?"))


def cut(text: str, span: Span, tokens: int, targets: Targets, marks: Marks) -> int | None:
    """Where to end a piece that is too long; None where it had better stay whole."""
    pieces = tokens / targets.now if targets.growing else max(2, round(tokens / targets.now))
    aim = (span.end - span.start) / pieces
    at = clause_end(text, span, aim, marks, farthest=_PATIENCE if targets.growing else _FARTHEST)
    if at is not None or tokens <= targets.patience:
        return at
    return word_end(text, span, 2 * aim if targets.growing else aim, marks) if span.end - span.start > 1 else None


def clause_end(text: str, span: Span, aim: float, marks: Marks, *, farthest: float = _FARTHEST) -> int | None:
    """The clause's end nearest to so many characters, if one is near enough; rather outside of quotations."""
    ends = (match.end() for match in _CLAUSE.finditer(text, span.start, span.end))
    near = [
        end
        for end in ends
        if _NEAREST * aim <= end - span.start <= farthest * aim
        and span.end - end >= _NEAREST * aim
        and not marks.parts_atom(end)
    ]
    return _nearest(span.start + aim, _kept_whole(text, span, near, marks))


def word_end(text: str, span: Span, aim: float, marks: Marks) -> int:
    """The word's end nearest to so many characters, rather before an `and`; inside a word where there is no other."""
    gaps = [match for match in _WORD.finditer(text, span.start, span.end) if not marks.parts_atom(match.start())]
    near = [gap for gap in gaps if gap.start() - span.start <= _FARTHEST * aim]
    if not near and marks.atoms(span):
        # A few letters may stand for many words: their length tells nothing.
        near = gaps
    linked = [gap.start() for gap in near if gap.start() - span.start >= aim / 2 and _links(text, gap.end())]
    found = _nearest(span.start + aim, linked or _kept_whole(text, span, [gap.start() for gap in near], marks))
    return _inside_word(text, span, aim, marks) if found is None else found


def _kept_whole(text: str, span: Span, ends: list[int], marks: Marks) -> list[int]:
    """Those that part neither a quotation nor a marked stretch; all of them where each parts one."""
    quoted = [match.span() for match in _QUOTATION.finditer(text, span.start, span.end)]
    free = [end for end in ends if not marks.parts(end) and not any(start < end < last for start, last in quoted)]
    return free or ends


def _nearest(aim: float, ends: Iterable[int]) -> int | None:
    return min(ends, key=lambda end: abs(end - aim), default=None)


def _links(text: str, at: int) -> bool:
    match = _LINK.match(text, at)
    return match is not None and match[0].lower() in _LINKS


def _inside_word(text: str, span: Span, aim: float, marks: Marks) -> int:
    middle = span.start + max(1, min(int(aim), (span.end - span.start) // 2))
    cut_at = marks.beside_atom(middle, span)
    # An accent or a joiner belongs to the letter before it.
    while cut_at < span.end and (
        combining(text[cut_at]) or text[cut_at] in _JOINERS or text[cut_at - 1] == _JOINERS[0]
    ):
        cut_at += 1
    return cut_at if cut_at < span.end else middle
