"""XHTML and HTML of any quality as one tree, of bounded size. Knows nothing of what the elements mean."""

import html
import re

from selectolax.lexbor import LexborHTMLParser

MOST_TAGS = 150_000
"""Of one document: the parser takes a kilobyte for an element, and a fat novel in one file has fifty thousand."""
_DEEPEST = 2000
"""An element further in is read as if it were not there: the parser looks through all that are open for every other."""
_MOST_FORMATS = 8
_LONGEST_TAG = 32 * 1024
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup",
    "hr", "legend", "li", "main", "nav", "ol", "option", "p", "pre", "section", "select", "summary", "table", "tbody",
    "tfoot", "thead", "tr", "ul",
))  # fmt: skip
"""Elements that begin and end a paragraph."""
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
# Their next one closes them, so that they do not lie inside one another.
_SELF_CLOSING = _VOID | frozenset((
    "a", "body", "caption", "colgroup", "dd", "dt", "head", "html", "li", "option", "p", "rp", "rt", "tbody", "td",
    "tfoot", "th", "thead", "tr",
))  # fmt: skip
_FORMATS = frozenset(("b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"))
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)([^<>]*)>")
_DATA = re.compile(r"data:[^\"'\s>]{1000,}")
# Possessive, for what it takes in is never given back: the steps back would fill the memory.
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]*)((?:[^<>\"'/]|/(?!>)|\"[^\"<]*+\"|'[^'<]*+')*+)/>")
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
# An HTML parser ends a doctype at the first ">", and would read out the declarations inside it.
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]{0,1000}\[.*?\]\s*>", re.DOTALL | re.IGNORECASE)
_DOCTYPE_CHARS = 64 * 1024


def parsed(markup: str) -> LexborHTMLParser:
    """The tree of a document, XHTML or HTML; beyond MOST_TAGS its text alone."""
    text = _without_cdata(_without_declarations(markup))
    if text.count("<") > MOST_TAGS:
        return LexborHTMLParser(_TAG.sub(" ", text))
    return LexborHTMLParser(_SELF_CLOSED.sub(_open_and_closed, _TAG.sub(_Nesting(), text)))


def _without_declarations(markup: str) -> str:
    head, rest = markup[:_DOCTYPE_CHARS], markup[_DOCTYPE_CHARS:]
    return _DOCTYPE.sub("", head, count=1) + rest


def _without_cdata(markup: str) -> str:
    """What stands in CDATA as ordinary text; by hand, for a pattern would look for a missing end again and again."""
    parts, at = [], 0
    while (start := markup.find(_CDATA, at)) >= 0 and (end := markup.find(_CDATA_END, start)) >= 0:
        parts += [markup[at:start], html.escape(markup[start + len(_CDATA) : end])]
        at = end + len(_CDATA_END)
    return "".join((*parts, markup[at:]))


def _open_and_closed(match: re.Match[str]) -> str:
    """In XHTML `<title/>` is whole; an HTML parser would take the chapter for its text."""
    return match[0] if match[1].lower() in _VOID else f"<{match[1]}{match[2]}></{match[1]}>"


class _Nesting:
    """Takes out the tags of elements that lie too deep, and closes formats where their paragraph ends.

    A parser opens a format that was never closed again in every paragraph behind it, and for us it means nothing.
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
        """Whether a format's tag means something."""
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
        """Whether an element lies within bounds."""
        if name in _SELF_CLOSING or match[3].endswith("/"):
            return True
        deep = self._deep if closing else self._deep + 1
        self._deep = max(0, deep - 1) if closing else deep
        return deep <= _DEEPEST


def _short(match: re.Match[str]) -> str:
    """A tag without pictures written into it, and without attributes if there are too many of them."""
    if len(match[3]) <= _LONGEST_TAG:
        return match[0]
    attributes = _DATA.sub("", match[3])
    return f"<{match[1]}{match[2]}{attributes if len(attributes) <= _LONGEST_TAG else ''}>"
