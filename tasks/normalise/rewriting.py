"""A text being rewritten, and what comes of it: words whose every character knows what it was written as.

Knows no language: rules say what stands for what, this room keeps the places.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tasks.documents.model import Span

HOLE = "\ue000"
"""Stands for each character that a rule has claimed: no letter, no digit, no blank, so that no later rule sees it."""
_WIDE = 0x2E80
"""From here on scripts are written without blanks between words."""
_END = re.compile(r"[\s\"')\]\u2019\u201d\u00bb]*$")
_WORDS = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcedStretch:
    """A stretch of the reading and where it came from."""

    start: int
    """Offset of its first character in the reading's text."""
    end: int
    source: Span
    """What it was written as."""
    exact: bool
    """Character by character as it was written; else the whole stands for the whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A text as it is to be spoken."""

    text: str
    pieces: tuple[SourcedStretch, ...] = ()
    """In the order of the text; between them nothing but blanks."""

    def source(self, start: int, end: int) -> Span:
        """What this stretch of the text was written as; of blanks alone, what stands before them."""
        first = bisect_right(self.pieces, start, key=lambda piece: piece.end)
        last = bisect_left(self.pieces, end, key=lambda piece: piece.start) - 1
        if not self.pieces:
            return Span(start=0, end=0)
        if last < first:
            near = self.pieces[max(last, 0)].source
            return Span(start=near.end, end=near.end)
        one, other = self.pieces[first], self.pieces[last]
        begin = one.source.start + max(0, start - one.start) * one.exact
        final = other.source.end - max(0, other.end - end) * other.exact
        return Span(start=begin, end=max(begin, final))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What a pattern's matches are read as."""

    kind: str
    """One of chorus.reading.NORMALISED, or empty for what always holds."""
    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]
    """The words for a match; None leaves it to the rules behind."""
    needs: str = ""
    """`digits`: not tried where there are none."""


@dataclass(frozen=True, slots=True)
class _Claim:
    start: int
    end: int
    said: str | None
    """None: as it is written."""


@dataclass(kw_only=True)
class Rewriting:
    """A text with the claims that rules have laid on it; the first claim counts."""

    plain: str
    """The text, or one of the same length whose characters are easier to read."""
    open: str = ""
    """The same with a hole wherever something is claimed."""
    claims: list[_Claim] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = self.open or self.plain

    def apply(self, rule: Rule, *, as_written: bool = False) -> None:
        """Lay the rule's claims; `as_written` protects what it is about from the rules behind instead."""
        laid = []
        for match in rule.pattern.finditer(self.open):
            said = rule.say(match)
            if said is not None and match.end() > match.start():
                said = None if as_written else self._stopped(match, said)
                laid.append(_Claim(match.start(), match.end(), said))
        self._lay(laid)

    def _stopped(self, match: re.Match[str], said: str) -> str:
        """An abbreviation at the end lends its full stop to the sentence."""
        if match[0][-1] != "." or said.rstrip()[-1:] in ("", ".") or not _END.match(self.open, match.end()):
            return said
        return f"{said.rstrip()}."

    def claim(self, stretches: Iterable[tuple[int, int, str]]) -> None:
        """Lay claims by hand: start, end, what is said; in their order."""
        self._lay([_Claim(*stretch) for stretch in stretches])

    def part(self, at: int) -> None:
        """Put a blank between two characters."""
        self.claims.append(_Claim(at, at, " "))

    def _lay(self, laid: list[_Claim]) -> None:
        if not laid:
            return
        parts, at = [], 0
        for claim in laid:
            parts += [self.open[at : claim.start], HOLE * (claim.end - claim.start)]
            at = claim.end
        self.open = "".join((*parts, self.open[at:]))
        self.claims += laid

    def reading(self, *, stopped: bool) -> Reading:
        """What was claimed as it is said, all else as it is written, with single blanks.

        `stopped`: with a full stop at the end, for without one the voice stays up.
        """
        writer = _Writer()
        at = 0
        for claim in sorted(self.claims, key=lambda claim: claim.start):
            self._copy(writer, at, claim.start)
            if claim.said is None:
                self._copy(writer, claim.start, claim.end)
            else:
                writer.say(claim.said, Span(start=claim.start, end=claim.end))
            at = claim.end
        self._copy(writer, at, len(self.plain))
        return writer.reading(stopped=stopped)

    def _copy(self, writer: "_Writer", start: int, end: int) -> None:
        if start < end and self.plain[start].isspace():
            writer.blank()
        for match in _WORDS.finditer(self.plain, start, end):
            writer.copy(match[0], match.start())
            if match.end() < end:
                writer.blank()


@dataclass(kw_only=True)
class _Writer:
    """Puts words together, a blank wherever two would run into each other."""

    parts: list[str] = field(default_factory=list)
    pieces: list[SourcedStretch] = field(default_factory=list)
    length: int = 0
    last: str = ""

    def blank(self) -> None:
        if self.last not in ("", " "):
            self._add(" ")

    def copy(self, text: str, at: int) -> None:
        self._part(text)
        self._add(text, Span(start=at, end=at + len(text)), exact=True)

    def say(self, text: str, source: Span) -> None:
        if text[:1] == " ":
            self.blank()
        words = " ".join(text.split())
        if words:
            self._part(words)
            self._add(words, source)
        if text[-1:] == " ":
            self.blank()

    def _part(self, text: str) -> None:
        one, other = self.last, text[0]
        if one.isalnum() and other.isalnum() and min(ord(one), ord(other)) < _WIDE:
            self._add(" ")

    def _add(self, text: str, source: Span | None = None, *, exact: bool = False) -> None:
        if source is not None:
            self.pieces.append(
                SourcedStretch(start=self.length, end=self.length + len(text), source=source, exact=exact)
            )
        self.parts.append(text)
        self.length += len(text)
        self.last = text[-1]

    def reading(self, *, stopped: bool) -> Reading:
        if self.last == " ":
            self.parts.pop()
            self.length -= 1
            self.last = self.parts[-1][-1] if self.parts else ""
        if stopped and self.last.isalnum():
            end = self.pieces[-1].source.end
            self._add(".", Span(start=end - 1, end=end))
        return Reading(text="".join(self.parts), pieces=tuple(self.pieces))


def rules(*groups: Iterable[Rule]) -> tuple[Rule, ...]:
    """Groups of rules in the order in which they claim."""
    return tuple(_flat(groups))


def _flat(groups: Iterable[Iterable[Rule]]) -> Iterator[Rule]:
    for group in groups:
        yield from group
