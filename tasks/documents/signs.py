"""Recognises elements that are not read aloud: note numbers, page marks, navigation. Knows nothing of paragraphs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from tasks.documents import sections

Attributes = Mapping[str, str | None]

_MARKS = frozenset(("noteref", "backlink", "pagebreak", "doc-noteref", "doc-backlink", "doc-pagebreak", "annoref"))
_MARK_CLASSES = frozenset(
    (
        "pagenum",
        "pageno",
        "page-number",
        "pagenumber",
        "noteref",
        "footnote-ref",
        "fnref",
        "footnote-backref",
        "fnanchor",
    )
)
_NOTE_CLASSES = frozenset(("footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes"))
_NOTE_TAGS = frozenset(("aside", "dd", "div", "li", "ol", "p", "section", "td"))
_CODE_CLASSES = frozenset(("programlisting", "sourcecode", "highlight"))
_MARK_CHARS = 40
"""A longer element is no mark: some files put a whole chapter into the element of a page number."""
_MOST_NODES = 40
_NUMBER = re.compile(r"\d{1,4}[a-z]?|[a-z]|[ivxlc]{1,6}|[*†‡§¶#]{1,4}")
_BRACKETED = re.compile(r"\[\s*(?:note )?(?:\d{1,4}|[a-z]|[ivxlc]{1,6}|[*†‡§¶]{1,4})\s*\]", re.IGNORECASE)
_SYMBOL = re.compile(r"[*†‡§¶]{1,4}")
_BACK = re.compile(r"[\u2190-\u21ff\u23ce\u2b05-\u2b0d^\ufe0e\ufe0f\s]+")
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_FILE_NAME = re.compile(r"\S+\.(?:jpe?g|png|gif|svg|webp|bmp|tiff?)", re.IGNORECASE)
_FURNITURE = frozenset(("button", "dialog", "form", "input", "menu", "nav", "select"))
_FURNITURE_ROLES = frozenset(("banner", "complementary", "contentinfo", "form", "menu", "navigation", "search"))
_FRAMES = frozenset(("aside", "footer", "header"))
_BOILERPLATE = "pg-boilerplate"
"""The class of Project Gutenberg's licence."""
_CONTENT = frozenset(("article", "main", "section"))
_UNSPOKEN_LISTS = frozenset(("landmarks", "page-list", "doc-pagelist"))


@dataclass(frozen=True, kw_only=True, slots=True)
class _SmallElement:
    """The content of a small element."""

    text: str
    raised: bool
    """Whether it holds a <sup>."""
    linked: bool
    """Whether it holds a link to an anchor."""


def types(attributes: Attributes) -> list[str]:
    """The types that an element states."""
    return f"{attributes.get('epub:type') or ''} {attributes.get('role') or ''}".split()


def hidden(attributes: Attributes) -> bool:
    """Whether an element is hidden, hidden from screen readers, or a list of pages or landmarks."""
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or bool(_UNSEEN.search(attributes.get("style") or ""))
        or not _UNSPOKEN_LISTS.isdisjoint(types(attributes))
    )


def is_mark(node: LexborNode, attributes: Attributes) -> bool:
    """Whether an element is the number of a note, a link back from a note, or a page number."""
    tag = node.tag
    if not _MARKS.isdisjoint(types(attributes)) or not _MARK_CLASSES.isdisjoint(_classes(attributes)):
        return _small(node) is not None
    if tag == "sup":
        seen = _small(node)
        return seen is not None and seen.linked and _numbers(seen.text)
    if tag == "a" and "#" in (attributes.get("href") or ""):
        seen = _small(node)
        return seen is not None and (_is_number_link(seen, node) or bool(_BACK.fullmatch(seen.text)))
    return False


def _is_number_link(seen: _SmallElement, node: LexborNode) -> bool:
    """Whether a link is a raised or bracketed number. A plain number may be a chapter in a table of contents."""
    above = node.parent
    raised = seen.raised or (above is not None and above.tag == "sup")
    plain = seen.text.strip()
    return bool(_BRACKETED.fullmatch(plain) or _SYMBOL.fullmatch(plain) or (raised and _numbers(plain)))


def _numbers(text: str) -> bool:
    parts = re.split(r"[\s,]+", text.strip(" \t\n[](),"))
    return all(map(_NUMBER.fullmatch, parts))


def is_note(tag: str, words: list[str], attributes: Attributes) -> bool:
    """Whether an element is the body of a note."""
    return sections.is_note(words) or (tag in _NOTE_TAGS and not _NOTE_CLASSES.isdisjoint(_classes(attributes)))


def is_code(node: LexborNode) -> bool:
    """Whether a <pre> holds a program rather than a poem."""
    if not _CODE_CLASSES.isdisjoint(_classes(node.attributes)) or node.attributes.get("data-type") == "programlisting":
        return True
    first = node.first_child
    while first is not None and first.tag == "-text" and not (first.text_content or "").strip():
        first = first.next
    return first is not None and first.tag in {"code", "samp", "kbd"}


def is_layout(attributes: Attributes) -> bool:
    """Whether a table states that it is used for layout."""
    return attributes.get("role") in {"presentation", "none"}


def is_furniture(node: LexborNode, attributes: Attributes) -> bool:
    """Whether an element of a web page belongs to the site and not to the text."""
    roles = (attributes.get("role") or "").split()
    if is_note(node.tag or "", types(attributes), attributes):
        return False
    if _BOILERPLATE in _classes(attributes):
        return True
    if node.tag in _FRAMES:
        return not any(role.startswith("doc-") for role in roles) and (node.tag == "aside" or not _in_content(node))
    return node.tag in _FURNITURE or not _FURNITURE_ROLES.isdisjoint(roles)


def is_initial(alternative: str) -> bool:
    """Whether a picture is an initial letter, with the rest of the word after it."""
    return len(alternative) == 1 and alternative.isalpha()


def is_file_name(alternative: str) -> bool:
    """Whether an alternative text is only a file name."""
    return bool(_FILE_NAME.fullmatch(alternative))


def _in_content(node: LexborNode) -> bool:
    above = node.parent
    for _ in range(_MOST_NODES):
        if above is None or above.tag in _CONTENT:
            return above is not None
        above = above.parent
    return False


def _classes(attributes: Attributes) -> list[str]:
    return (attributes.get("class") or "").lower().split()


def _small(node: LexborNode) -> _SmallElement | None:
    """The content of a small element; None if it is larger than a mark. Deeply nested files are not searched."""
    nodes = []
    for seen in _first(node):
        nodes.append(seen)
        if len(nodes) > _MOST_NODES:
            return None
    text = "".join(seen.text_content or "" for seen in nodes if seen.tag == "-text")
    if len(text) > _MARK_CHARS:
        return None
    return _SmallElement(
        text=text,
        raised=any(seen.tag == "sup" for seen in nodes),
        linked=any(seen.tag == "a" and "#" in (seen.attributes.get("href") or "") for seen in nodes),
    )


def _first(node: LexborNode) -> Iterator[LexborNode]:
    """The nodes under this one in order, without recursion."""
    waiting = [node.first_child]
    while waiting:
        seen = waiting.pop()
        if seen is not None:
            yield seen
            waiting += [seen.next, seen.first_child]
