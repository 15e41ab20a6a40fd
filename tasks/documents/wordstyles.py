"""Reads the styles of a Word document: which paragraphs are headings, contents or list items. Knows no text.

A style is recognised by its built-in name, which is English in every language of Word, and by its outline level.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
TITLE = 1
"""The level of a document's title. Its first headings are one level below."""
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_CONTENTS = re.compile(r"toc (?:[1-9]|heading)|table of (?:figures|authorities)", re.IGNORECASE)
_CODE = re.compile(r"html preformatted|source code|code|macro", re.IGNORECASE)
_BODY_OUTLINE = 9
_DEEPEST = 50
"""At most this many styles may be based on one another; more are a circle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """A paragraph's style, with the properties of the styles that it is based on."""

    level: int = 0
    """The level of a heading; 0 for any other paragraph."""
    kind: str = ""
    """`contents`, `index`, `bibliography` or `code`."""
    list_id: str = ""
    list_level: int = 0
    language: str = ""


def value(node: etree._Element | None, path: str) -> str:
    """The `w:val` of the element at this path under a node; empty if there is none."""
    found = None if node is None else node.find(path)
    return "" if found is None else found.get(f"{W}val") or ""


def is_on(node: etree._Element | None, name: str) -> bool:
    """Whether a property such as `vanish` is set: it is there and not switched off."""
    found = None if node is None else node.find(f"{W}{name}")
    return found is not None and (found.get(f"{W}val") or "1") not in {"0", "false", "off"}


@dataclass(kw_only=True)
class Styles:
    """All styles of a document."""

    language: str = ""
    """The language of text that states no other."""
    usual: str = ""
    """The style of paragraphs that state none."""
    _nodes: dict[str, etree._Element] = field(default_factory=dict)
    _known: dict[str, Style] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: etree._Element | None) -> "Styles":
        """The styles of the styles part."""
        nodes = {} if tree is None else {node.get(f"{W}styleId") or "": node for node in tree.iter(f"{W}style")}
        usual = (
            key for key, node in nodes.items() if node.get(f"{W}type") == "paragraph" and node.get(f"{W}default") == "1"
        )
        return cls(
            language=value(tree, f"{W}docDefaults/{W}rPrDefault/{W}rPr/{W}lang"), usual=next(usual, ""), _nodes=nodes
        )

    def get(self, key: str) -> Style:
        """The style with this id."""
        if key not in self._known:
            self._known[key] = _style(list(self._chain(key)))
        return self._known[key]

    def _chain(self, key: str) -> Iterator[etree._Element]:
        """A style and the styles that it is based on."""
        for _ in range(_DEEPEST):
            node = self._nodes.get(key)
            if node is None:
                return
            yield node
            key = value(node, f"{W}basedOn")


def _style(chain: list[etree._Element]) -> Style:
    names = [value(node, f"{W}name").lower() for node in chain]
    properties = [node.find(f"{W}pPr") for node in chain]
    lists = [(list_id, one) for one in properties if (list_id := value(one, f"{W}numPr/{W}numId"))]
    levels = [level for one in properties if (level := value(one, f"{W}numPr/{W}ilvl"))]
    languages = [language for node in chain if (language := value(node.find(f"{W}rPr"), f"{W}lang"))]
    return Style(
        level=next(filter(None, map(_level, names, properties)), 0),
        kind=next((kind for name in names if (kind := _kind(name))), ""),
        list_id=lists[0][0] if lists else "",
        list_level=number(levels[0]) if levels else 0,
        language=languages[0] if languages else "",
    )


def _level(name: str, properties: etree._Element | None) -> int:
    if name == "title":
        return TITLE
    if match := _HEADING.fullmatch(name):
        return TITLE + int(match[1])
    return outline_level(properties)


def outline_level(properties: etree._Element | None) -> int:
    """The level that the properties of a paragraph or a style state; 0 for none."""
    stated = value(properties, f"{W}outlineLvl")
    level = number(stated) if stated else _BODY_OUTLINE
    return TITLE + 1 + level if level < _BODY_OUTLINE else 0


def _kind(name: str) -> str:
    if _CONTENTS.fullmatch(name):
        return "contents"
    if name == "bibliography" or re.fullmatch(r"index(?: [1-9]| heading)", name):
        return name.partition(" ")[0]
    return "code" if _CODE.fullmatch(name) else ""


def number(text: str) -> int:
    """The number in a string of up to six digits; 0 for anything else."""
    return int(text) if re.fullmatch(r"\d{1,6}", text) else 0
