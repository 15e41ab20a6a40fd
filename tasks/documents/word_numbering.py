"""Numbers the paragraphs of Word's lists and numbered headings. Knows no text."""

import re
from dataclasses import dataclass, field

from lxml import etree

from tasks.documents.lists import written
from tasks.documents.wordstyles import W, number, value

_FORMS = {
    "decimal": "1",
    "decimalZero": "1",
    "lowerLetter": "a",
    "upperLetter": "A",
    "lowerRoman": "i",
    "upperRoman": "I",
}
_LEVELS = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class _Level:
    start: int
    form: str
    """As in HTML's `type`; empty for bullets."""
    text: str
    """The pattern of the number: `%1.%2`, or `Chapter %1`."""


@dataclass(kw_only=True)
class Lists:
    """All lists of a document, with the next number of each."""

    _abstract: dict[str, str] = field(default_factory=dict)
    """The definition of each list. Lists of one definition share their numbers."""
    _levels: dict[str, list[_Level]] = field(default_factory=dict)
    _counts: dict[str, list[int | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: etree._Element | None) -> "Lists":
        """The lists of the numbering part."""
        if tree is None:
            return cls()
        return cls(
            _abstract={node.get(f"{W}numId") or "": value(node, f"{W}abstractNumId") for node in tree.iter(f"{W}num")},
            _levels={node.get(f"{W}abstractNumId") or "": _levels(node) for node in tree.iter(f"{W}abstractNum")},
        )

    def next(self, list_id: str, level: int) -> str:
        """The number before the next paragraph of this list, such as `2.1 `; empty for bullets."""
        definition = self._abstract.get(list_id, "")
        levels = self._levels.get(definition, [])
        if level >= len(levels):
            return ""
        counts = self._counts.setdefault(definition, [None] * _LEVELS)
        before = counts[level]
        counts[level] = levels[level].start if before is None else before + 1
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)
        if not levels[level].form:
            return ""
        return f"{re.sub(r'%([1-9])', lambda match: _shown(levels, counts, int(match[1]) - 1), levels[level].text)} "


def _shown(levels: list[_Level], counts: list[int | None], level: int) -> str:
    if level >= len(levels):
        return ""
    count = counts[level]
    return written(levels[level].start if count is None else count, levels[level].form or "1")


def _levels(node: etree._Element) -> list[_Level]:
    return [
        _Level(
            start=number(value(level, f"{W}start") or "1"),
            form=_FORMS.get(value(level, f"{W}numFmt"), ""),
            text=value(level, f"{W}lvlText")[:40],
        )
        for level in node.findall(f"{W}lvl")[:_LEVELS]
    ]
