"""Turns printed pages into running text: removes headers and footers, and joins lines. Knows no file format."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_EDGE_LINES = 3
"""This many lines at the top and at the bottom of a page may be header and footer."""
_NEAR_PAGES = 2
"""Left and right pages have different headers, so a line is repeated on the next page or on the one after it."""
_SAME_PT = 3.0
_PLACE_SHARE = 0.3
"""If this share of the pages has its header at one height, a single line at that height is a header as well."""
_LARGER = 1.15
"""A line that is this much larger than the text is a heading, even if the next page has one at the same height."""
_SMALLER = 0.93
_GAP = 1.4
"""A larger distance between two lines, measured in lines, ends a paragraph."""
_INDENT_EM = 0.8
_SHORT = 0.75
"""A line shorter than this share of a full line ends a paragraph if it ends a sentence as well."""
_HALF = 0.5
"""A line shorter than this share ends a paragraph if the next one begins with a capital: a heading, a verse."""
_FULL_LINE_QUANTILE = 0.9
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_NUMBER = re.compile(r"\d+|\b[ivxlcdm]{1,7}\b", re.IGNORECASE)
_NUMBERED = frozenset(("chapter", "part", "section", "book", "volume", "canto", "letter", "act", "scene", "kapitel",
                       "chapitre", "capítulo", "capitolo"))  # fmt: skip
_ITEM = re.compile(r"[•◦▪‣⁃·*]\s*\S|[-–]\s+\S|\(?\d{1,3}[.)]\s+\S|\(?[a-z]\)\s+\S")
_NOTE = re.compile(r"(?:\d{1,3}|[*†‡§])[.)]?\s*\S")
_ENDED = re.compile(r"[.!?:…][\"'”’»)\]]*\d{0,2}$|[。！？]$")
_BROKEN = re.compile(r"([^\W\d_]+)[-\u00ad\u2010]$")
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_FAR_PT = 72.0
"""Lines that are further apart than an inch do not count for the line spacing."""
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


@dataclass(frozen=True, kw_only=True, slots=True)
class PageLine:
    """One line on a page."""

    text: str
    page: int
    x_pt: float
    """The distance of its first letter from the left."""
    y_pt: float
    """The distance of its baseline from the bottom."""
    size_pt: float


def plain(text: str) -> str:
    """The text of a line, with ligatures as separate letters."""
    return " ".join(text.translate(_LIGATURES).split())


def body_size(lines: Iterable[PageLine]) -> float:
    """The font size of most of the text."""
    chars: Counter[float] = Counter()
    for line in lines:
        chars[round(line.size_pt, 1)] += len(line.text)
    return chars.most_common(1)[0][0] if chars else 0.0


# Headers, footers and page numbers


def without_furniture(
    pages: Sequence[Sequence[PageLine]], headings: frozenset[PageLine] = frozenset()
) -> tuple[list[list[PageLine]], int]:
    """The pages without headers and footers, and the number of lines removed. `headings` are never removed."""
    body = body_size(line for page in pages for line in page)
    kept = [list(page) for page in pages]
    removed: list[PageLine] = []
    # The outermost lines first, then the next ones: a header or a footer may have two lines.
    for _ in range(_EDGE_LINES):
        found = (
            _repeated([{line for line in _edges(page) if line.size_pt <= _LARGER * body} for page in kept]) - headings
        )
        if not found:
            break
        removed += found
        kept = [[line for line in page if line not in found] for page in kept]
    alone = _in_their_places(kept, removed, body) - headings
    kept = [[line for line in page if line not in alone] for page in kept]
    return kept, len(removed) + len(alone)


def _edges(page: Sequence[PageLine]) -> list[PageLine]:
    """The highest and the lowest line of a page."""
    if not page:
        return []
    return [max(page, key=lambda line: line.y_pt), min(page, key=lambda line: line.y_pt)]


def _repeated(edges: Sequence[Iterable[PageLine]]) -> set[PageLine]:
    """The lines that a neighbouring page has at the same height, the page number apart."""
    found: set[PageLine] = set()
    by_words: defaultdict[str, list[PageLine]] = defaultdict(list)
    for line in (line for page in edges for line in page):
        by_words[_words(line)].append(line)
    for lines in by_words.values():
        for at, line in enumerate(lines):
            for other in lines[at + 1 :]:
                if other.page - line.page > _NEAR_PAGES:
                    break
                if _same_place(line, other) and _same_but_for_the_page(line, other):
                    found |= {line, other}
    return found


def _words(line: PageLine) -> str:
    return " ".join(_NUMBER.sub("#", line.text).casefold().split())


def _same_place(one: PageLine, other: PageLine) -> bool:
    return one.page != other.page and abs(one.y_pt - other.y_pt) < _SAME_PT and abs(one.size_pt - other.size_pt) < 1


def _same_but_for_the_page(one: PageLine, other: PageLine) -> bool:
    """Whether two lines differ by the page number at most. `Chapter 3` and `Chapter 4` differ by more."""
    if one.text == other.text:
        # The same figure at the same height may be in a table.
        return any(char.isalpha() for char in one.text)
    words = re.findall(r"[^\W\d_]+|#", _words(one))
    named = [before in _NUMBERED for before, after in pairwise(["", *words]) if after == "#"]
    numbers, others = _NUMBER.findall(one.text), _NUMBER.findall(other.text)
    if len(numbers) != len(others):
        # One of them has the sign itself.
        return False
    pairs = zip(numbers, others, strict=True)
    changed = [(at, _value(b) - _value(a)) for at, (a, b) in enumerate(pairs) if a != b]
    return all(by == other.page - one.page and not (at < len(named) and named[at]) for at, by in changed)


def _value(number: str) -> int:
    if number.isdecimal():
        return int(number[:9])
    values = [_ROMAN[letter] for letter in number.lower()]
    return sum(-a if a < b else a for a, b in pairwise([*values, 0]))


def _in_their_places(pages: Sequence[Sequence[PageLine]], removed: Iterable[PageLine], body: float) -> set[PageLine]:
    """Lines apart from the text, at a height where many pages have their header: the header of a short chapter."""
    heights: defaultdict[int, set[int]] = defaultdict(set)
    for line in removed:
        heights[round(line.y_pt / _SAME_PT)].add(line.page)
    places = {at for at, on in heights.items() if len(on) >= max(_NEAR_PAGES, _PLACE_SHARE * len(pages))}
    apart_pt = _GAP * (_leading(line for page in pages for line in page) or body)
    return {
        line
        for page in pages
        for line in _edges(page)
        if round(line.y_pt / _SAME_PT) in places
        and line.size_pt <= _LARGER * body
        and all(abs(line.y_pt - other.y_pt) > apart_pt for other in page if other is not line)
    }


# Paragraphs


def notes_apart(page: Sequence[PageLine], body: float) -> tuple[list[PageLine], list[PageLine]]:
    """The text of a page, and the small print at its bottom if that begins like a note."""
    start = len(page)
    while start and page[start - 1].size_pt < _SMALLER * body:
        start -= 1
    while start < len(page) and not _NOTE.match(page[start].text):
        start += 1
    return list(page[:start]), list(page[start:])


def paragraphs(lines: Sequence[PageLine], words: Counter[str]) -> Iterator[str]:
    """The lines joined to paragraphs. `words` of the document show whether a hyphen belongs to a word."""
    if not lines:
        return
    layout = _Layout.of(lines)
    group = [lines[0]]
    for before, line in pairwise(lines):
        if layout.begins(group, before, line):
            yield _passage(group, words)
            group = []
        group.append(line)
    yield _passage(group, words)


def words_of(lines: Iterable[PageLine]) -> Counter[str]:
    """The count of words that are whole in these lines, with their hyphens."""
    return Counter(word.casefold().replace("\u2010", "-") for line in lines for word in _WORD.findall(line.text))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """Line spacing, line length and margins of the text."""

    leading_pt: float
    full_chars: int
    """The number of characters in a full line."""
    margins_pt: dict[int, float]
    """The x position at which most lines begin, by page."""

    @classmethod
    def of(cls, lines: Sequence[PageLine]) -> "_Layout":
        lengths = sorted(len(line.text) for line in lines)
        starts: defaultdict[int, Counter[int]] = defaultdict(Counter)
        for line in lines:
            starts[line.page][round(line.x_pt)] += 1
        return cls(
            leading_pt=_leading(lines),
            full_chars=lengths[int(_FULL_LINE_QUANTILE * (len(lengths) - 1))],
            margins_pt={page: counts.most_common(1)[0][0] for page, counts in starts.items()},
        )

    def begins(self, group: list[PageLine], before: PageLine, line: PageLine) -> bool:
        """Whether a line begins a new paragraph after the lines of the group."""
        smaller, larger = sorted((before.size_pt, line.size_pt))
        if larger > _LARGER * smaller or _ITEM.match(line.text):
            return True
        chars = len(before.text) / self.full_chars
        ended = chars < _SHORT and (bool(_ENDED.search(before.text)) or (chars < _HALF and line.text[0].isupper()))
        if line.page != before.page or line.y_pt > before.y_pt:
            return ended or self._indented(line)
        if before.y_pt - line.y_pt > _GAP * max(self.leading_pt, line.size_pt):
            return True
        return ended or self._set_in(group, before, line)

    def _indented(self, line: PageLine) -> bool:
        return line.x_pt - self.margins_pt[line.page] > _INDENT_EM * line.size_pt

    def _set_in(self, group: list[PageLine], before: PageLine, line: PageLine) -> bool:
        """Whether a line is indented against the line before it, or less indented than the rest of its paragraph."""
        by = (line.x_pt - before.x_pt) / max(line.size_pt, 1.0)
        if by > _INDENT_EM:
            # The second line of a list item begins under its first word.
            return not (len(group) == 1 and _ITEM.match(before.text))
        return by < -_INDENT_EM and len(group) > 1


def _leading(lines: Iterable[PageLine]) -> float:
    """The median distance from one baseline to the next."""
    steps = [
        round(a.y_pt - b.y_pt, 1) for a, b in pairwise(lines) if a.page == b.page and 0 < a.y_pt - b.y_pt < _FAR_PT
    ]
    return statistics.median(steps) if steps else 0.0


def _passage(group: list[PageLine], words: Counter[str]) -> str:
    parts = [group[0].text]
    for before, line in pairwise(group):
        parts[-1], between = _seam(before.text, parts[-1], line.text, words)
        parts.append(between + line.text)
    return "".join(parts)


def _seam(before: str, so_far: str, after: str, words: Counter[str]) -> tuple[str, str]:
    """The text so far, without a hyphen that only breaks a word, and what goes between it and the next line."""
    broken, rest = _BROKEN.search(before), _WORD.match(after)
    if broken is None or rest is None:
        wide = before and after and _WIDE.match(before[-1]) and _WIDE.match(after[0])
        return so_far, "" if wide else " "
    first, second = broken[1].casefold(), rest[0].casefold()
    named = rest[0][0].isupper() and not broken[1].isupper()
    compound = named or words[f"{first}-{second}"] > words[first + second]
    return (so_far if compound and before[-1] != "\u00ad" else so_far[:-1]), ""
