"""Parses XHTML and HTML of any quality into a tree of bounded size. Knows nothing of what the elements mean."""

import html
import re

from selectolax.lexbor import LexborHTMLParser

MOST_TAGS = 150_000
"""The most tags of one document. An element takes a kilobyte, and a long novel in one file has 50,000."""
_DEEPEST = 2000
"""Deeper elements are ignored, not their text: for each element the parser searches all open ones."""
_MOST_FORMATS = 8
_LONGEST_TAG = 32 * 1024
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup",
    "hr", "legend", "li", "main", "nav", "ol", "option", "p", "pre", "section", "select", "summary", "table", "tbody",
    "tfoot", "thead", "tr", "ul",
))  # fmt: skip
"""The elements that begin and end a paragraph."""
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
# The next element of the same name closes them, so they are never nested.
_SELF_CLOSING = _VOID | frozenset((
    "a", "body", "caption", "colgroup", "dd", "dt", "head", "html", "li", "option", "p", "rp", "rt", "tbody", "td",
    "tfoot", "th", "thead", "tr",
))  # fmt: skip
_FORMATS = frozenset(("b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"))
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)([^<>]*)>")
_DATA = re.compile(r"data:[^\"'\s>]{1000,}")
# Possessive quantifiers: backtracking would fill the memory.
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]*)((?:[^<>\"'/]|/(?!>)|\"[^\"<]*+\"|'[^'<]*+')*+)/>")
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
# An HTML parser ends a doctype at the first ">", and would take the declarations in it for text.
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]{0,1000}\[.*?\]\s*>", re.DOTALL | re.IGNORECASE)
_DOCTYPE_CHARS = 64 * 1024


def parsed(markup: str) -> LexborHTMLParser:
    """The tree of an XHTML or HTML document; with more than MOST_TAGS tags only its text."""
    text = _without_cdata(_without_declarations(markup))
    if text.count("<") > MOST_TAGS:
        return LexborHTMLParser(_TAG.sub(" ", text))
    return LexborHTMLParser(_SELF_CLOSED.sub(_open_and_closed, _TAG.sub(_Nesting(), text)))


def _without_declarations(markup: str) -> str:
    head, rest = markup[:_DOCTYPE_CHARS], markup[_DOCTYPE_CHARS:]
    return _DOCTYPE.sub("", head, count=1) + rest


def _without_cdata(markup: str) -> str:
    """The markup with CDATA as ordinary text. Not by a regex, which would search for a missing end again and again."""
    parts, at = [], 0
    while (start := markup.find(_CDATA, at)) >= 0 and (end := markup.find(_CDATA_END, start)) >= 0:
        parts += [markup[at:start], html.escape(markup[start + len(_CDATA) : end])]
        at = end + len(_CDATA_END)
    return "".join((*parts, markup[at:]))


def _open_and_closed(match: re.Match[str]) -> str:
    """The tag with an end tag. `<title/>` is complete in XHTML, but HTML would read on to the next end tag."""
    return match[0] if match[1].lower() in _VOID else f"<{match[1]}{match[2]}></{match[1]}>"


class _Nesting:
    """Removes the tags of elements that are nested too deep, and closes formats where their paragraph ends.

    A parser opens an unclosed format again in every later paragraph, and formats mean nothing here.
    """

    def __init__(self) -> None:
        self._deep = 0
        self._formats: list[str] = []

    def __call__(self, match: re.Match[str]) -> str:
        closing, name = bool(match[1]), match[2].lower()
        if name in _FORMATS:
            return _short(match) if self._format(name, closing=closing) else ""
        ended = "".join(f"</{one}>" for one in reversed(self._formats)) if name in BLOCKS else ""
        if ended:
            self._formats.clear()
        return ended + (_short(match) if self._nested(name, match, closing=closing) else "")

    def _format(self, name: str, *, closing: bool) -> bool:
        """Whether the tag of a format is kept."""
        if closing:
            if name in self._formats:
                del self._formats[self._formats.index(name) :]
                return True
            return False
        if len(self._formats) < _MOST_FORMATS:
            self._formats.append(name)
            return True
        return False

    def _nested(self, name: str, match: re.Match[str], *, closing: bool) -> bool:
        """Whether an element is not nested too deep."""
        if name in _SELF_CLOSING or match[3].endswith("/"):
            return True
        deep = self._deep if closing else self._deep + 1
        self._deep = max(0, deep - 1) if closing else deep
        return deep <= _DEEPEST


def _short(match: re.Match[str]) -> str:
    """A tag without embedded pictures, and without attributes if they are too long."""
    if len(match[3]) <= _LONGEST_TAG:
        return match[0]
    attributes = _DATA.sub("", match[3])
    return f"<{match[1]}{match[2]}{attributes if len(attributes) <= _LONGEST_TAG else ''}>"
