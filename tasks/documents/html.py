"""HTML and XHTML as a run of paragraphs. Knows nothing of chapters, files or archives."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tasks.documents.model import clean

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "hgroup"))
_BLOCKS = _HEADINGS.union((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "legend", "li", "main", "nav", "ol",
    "option", "p", "pre", "section", "select", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
))  # fmt: skip
_CELLS = frozenset(("td", "th"))
_SILENT = frozenset(("head", "iframe", "noscript", "object", "rp", "rt", "script", "style", "svg", "template", "title"))
_PICTURES = frozenset(("img", "image", "svg"))
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_MARKS = frozenset(("noteref", "backlink", "pagebreak", "doc-noteref", "doc-backlink", "doc-pagebreak"))
"""Signs for the eye: a footnote's number, the way back from it, a page's number."""
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]*)((?:[^<>\"'/]|/(?!>)|\"[^\"<]*\"|'[^'<]*')*)/>")
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
# An HTML parser ends a doctype at the first ">", and would read out the declarations inside it.
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]{0,1000}\[.*?\]\s*>", re.DOTALL | re.IGNORECASE)
_DOCTYPE_CHARS = 64 * 1024
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One paragraph or heading."""

    text: str
    heading: bool
    anchors: tuple[str, ...]
    """The ids that stand at or before its beginning and behind the block before: where a link to them leads."""


@dataclass(kw_only=True)
class Blocks:
    """Call `read` and take what it yields; then the counters hold what was left out."""

    images: int = 0
    marks: int = 0
    _parts: list[str] = field(default_factory=list)
    _anchors: list[str] = field(default_factory=list)
    _headings: int = 0
    _pre: int = 0

    def read(self, markup: str) -> Iterator[Block]:
        """The paragraphs in order."""
        node = LexborHTMLParser(_tolerable(markup)).root
        depth = 0
        # By hand, for recursion would end at a hostile file's thousandth level.
        while node is not None:
            if not self._silent(node):
                yield from self._open(node)
                if node.first_child is not None:
                    node, depth = node.first_child, depth + 1
                    continue
                yield from self._close(node)
            # Depth, not equality, finds the root: nodes are compared by all of their markup.
            while node is not None and depth and node.next is None:
                node, depth = node.parent, depth - 1
                if node is not None:
                    yield from self._close(node)
            node = node.next if node is not None and depth else None
        yield from self._flush()
        # An id behind the last paragraph must not be found in the next document.
        self._anchors.clear()

    def _silent(self, node: LexborNode) -> bool:
        tag = node.tag or ""
        self.images += tag in _PICTURES
        if tag in _SILENT:
            return True
        if tag.startswith(("-", "_", "!")):
            return tag != "-text"
        attributes = node.attributes
        if anchor := attributes.get("id") or (attributes.get("name") if tag == "a" else None):
            self._anchors.append(anchor)
        roles = f"{attributes.get('epub:type') or ''} {attributes.get('role') or ''}".split()
        marked = not _MARKS.isdisjoint(roles)
        self.marks += marked
        return marked

    def _open(self, node: LexborNode) -> Iterator[Block]:
        tag = node.tag or ""
        if tag == "-text":
            text = node.text_content or ""
            self._parts.append(text if self._pre else _SPACE.sub(" ", text))
        elif tag == "br":
            self._parts.append("\n")
        elif tag in _CELLS and any(part.strip() for part in self._parts):
            self._parts.append(", ")
        elif tag in _BLOCKS:
            yield from self._flush()
        self._headings += tag in _HEADINGS
        self._pre += tag == "pre"

    def _close(self, node: LexborNode) -> Iterator[Block]:
        tag = node.tag or ""
        if tag in _BLOCKS:
            yield from self._flush()
        self._headings -= tag in _HEADINGS
        self._pre -= tag == "pre"

    def _flush(self) -> Iterator[Block]:
        # An empty line inside <pre> or two <br> are a break between paragraphs.
        texts = [text for part in re.split(r"\n[^\S\n]*\n", "".join(self._parts)) if (text := clean(part))]
        self._parts.clear()
        for text in texts:
            yield Block(text=text, heading=self._headings > 0, anchors=tuple(self._anchors))
            self._anchors.clear()


def text_of(markup: str) -> list[str]:
    """The paragraphs' text alone."""
    return [block.text for block in Blocks().read(markup)]


def _tolerable(markup: str) -> str:
    """XHTML as an HTML parser understands it: there `<title/>` would swallow the whole chapter."""
    head, rest = markup[:_DOCTYPE_CHARS], markup[_DOCTYPE_CHARS:]
    markup = _without_cdata(_DOCTYPE.sub("", head, count=1) + rest)
    return _SELF_CLOSED.sub(_open_and_closed, markup)


def _without_cdata(markup: str) -> str:
    """What stands in CDATA as ordinary text; by hand, for a pattern would look for a missing end again and again."""
    parts, at = [], 0
    while (start := markup.find(_CDATA, at)) >= 0 and (end := markup.find(_CDATA_END, start)) >= 0:
        parts += [markup[at:start], html.escape(markup[start + len(_CDATA) : end])]
        at = end + len(_CDATA_END)
    return "".join((*parts, markup[at:]))


def _open_and_closed(match: re.Match[str]) -> str:
    return match[0] if match[1].lower() in _VOID else f"<{match[1]}{match[2]}></{match[1]}>"
