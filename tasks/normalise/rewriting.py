"""Rewrites a text by rules, and keeps the place in the source that each character of the result comes from.

Knows no language: rules say what is read as what.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tasks.documents.model import Span

HOLE = "\ue000"
"""Replaces each character that a rule has claimed. It is no letter, digit or blank, so no later rule matches it."""
_WIDE = 0x2E80
"""From this code point on, scripts have no blanks between words."""
_LONGEST_RUN = 30
"""The most characters without a blank of a word that several rules have read, such as `1-1-1-1`: misaki's time grows
with the cube of a word's parts."""
_END = re.compile(r"[\s\"')\]\u2019\u201d\u00bb]*$")
_WORDS = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcedStretch:
    """A stretch of the reading, and the stretch of the source that it comes from."""

    start: int
    """The offset of its first character in the reading."""
    end: int
    source: Span
    """The stretch of the source."""
    exact: bool
    """Whether each character comes from one character of the source; else the whole comes from the whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A text as it is read aloud."""

    text: str
    stretches: tuple[SourcedStretch, ...] = ()
    """In the order of the text, with only blanks between them."""

    def source(self, start: int, end: int) -> Span:
        """The source of a stretch of the text; for blanks only, an empty span after what comes before them."""
        first = bisect_right(self.stretches, start, key=lambda stretch: stretch.end)
        last = bisect_left(self.stretches, end, key=lambda stretch: stretch.start) - 1
        if not self.stretches:
            return Span(start=0, end=0)
        if last < first:
            near = self.stretches[max(last, 0)].source
            return Span(start=near.end, end=near.end)
        one, other = self.stretches[first], self.stretches[last]
        begin = one.source.start + max(0, start - one.start) * one.exact
        final = other.source.end - max(0, other.end - end) * other.exact
        return Span(start=begin, end=max(begin, final))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A pattern, and how its matches are read."""

    kind: str
    """A kind of chorus.reading.NORMALISED; empty for a rule that always applies."""
    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]
    """The words for a match; None leaves it to later rules."""
    needs: str = ""
    """`digits`: the rule is only tried on a text with digits."""


@dataclass(frozen=True, slots=True)
class _Claim:
    start: int
    end: int
    said: str | None
    """The words; None: as it is written."""


@dataclass(kw_only=True)
class Rewriting:
    """A text, and the claims of rules on its stretches. The first claim on a stretch counts."""

    plain: str
    """The text, with some characters replaced by simpler ones, one for one."""
    open: str = ""
    """The same text with a hole for every claimed character."""
    claims: list[_Claim] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = self.open or self.plain

    def apply(self, rule: Rule, *, as_written: bool = False) -> None:
        """Claim the rule's matches. With `as_written` they stay as they are, and later rules do not match them."""
        claims = []
        for match in rule.pattern.finditer(self.open):
            said = rule.say(match)
            if said is not None and match.end() > match.start():
                said = None if as_written else self._with_stop(match, said)
                claims.append(_Claim(match.start(), match.end(), said))
        self._add_claims(claims)

    def _with_stop(self, match: re.Match[str], said: str) -> str:
        """The words of a match, with a full stop if its abbreviation ended the sentence."""
        if match[0][-1] != "." or said.rstrip()[-1:] in ("", ".") or not _END.match(self.open, match.end()):
            return said
        return f"{said.rstrip()}."

    def claim(self, stretches: Iterable[tuple[int, int, str]]) -> None:
        """Claim stretches without a rule: start, end and words, in their order."""
        self._add_claims([_Claim(*stretch) for stretch in stretches])

    def separate(self, at: int) -> None:
        """Put a blank between two characters."""
        self.claims.append(_Claim(at, at, " "))

    def _add_claims(self, claims: list[_Claim]) -> None:
        if not claims:
            return
        parts, at = [], 0
        for claim in claims:
            parts += [self.open[at : claim.start], HOLE * (claim.end - claim.start)]
            at = claim.end
        self.open = "".join((*parts, self.open[at:]))
        self.claims += claims

    def reading(self, *, stopped: bool) -> Reading:
        """The claimed stretches in words, the rest as it is written, with single blanks.

        `stopped` adds a full stop at the end, without which the voice would not fall.
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
    """Joins words, with a blank wherever two would become one."""

    parts: list[str] = field(default_factory=list)
    stretches: list[SourcedStretch] = field(default_factory=list)
    length: int = 0
    last: str = ""
    _unbroken: int = 0
    """How many characters there are since the last blank."""

    def blank(self) -> None:
        if self.last not in ("", " "):
            self._add(" ")

    def copy(self, text: str, at: int) -> None:
        self._separate(text)
        self._add(text, Span(start=at, end=at + len(text)), exact=True)

    def say(self, text: str, source: Span) -> None:
        if text[:1] == " ":
            self.blank()
        words = " ".join(text.split())
        if words:
            self._separate(words)
            self._add(words, source)
        if text[-1:] == " ":
            self.blank()

    def _separate(self, text: str) -> None:
        one, other = self.last, text[0]
        joined = one.isalnum() and other.isalnum() and min(ord(one), ord(other)) < _WIDE
        first = text.find(" ")
        endless = self._unbroken + (len(text) if first < 0 else first) > _LONGEST_RUN and one < chr(_WIDE)
        if one not in ("", " ") and (joined or endless):
            self._add(" ")

    def _add(self, text: str, source: Span | None = None, *, exact: bool = False) -> None:
        if source is not None:
            self.stretches.append(
                SourcedStretch(start=self.length, end=self.length + len(text), source=source, exact=exact)
            )
        self.parts.append(text)
        self.length += len(text)
        self.last = text[-1]
        blank = text.rfind(" ")
        self._unbroken = self._unbroken + len(text) if blank < 0 else len(text) - 1 - blank

    def reading(self, *, stopped: bool) -> Reading:
        if self.last == " ":
            self.parts.pop()
            self.length -= 1
            self.last = self.parts[-1][-1] if self.parts else ""
        if stopped and self.last.isalnum():
            end = self.stretches[-1].source.end
            self._add(".", Span(start=end - 1, end=end))
        return Reading(text="".join(self.parts), stretches=tuple(self.stretches))


def rules(*groups: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules of all groups, in the order in which they claim."""
    return tuple(_flat(groups))


def _flat(groups: Iterable[Iterable[Rule]]) -> Iterator[Rule]:
    for group in groups:
        yield from group
