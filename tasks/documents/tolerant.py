"""XHTML and HTML of any quality as one tree. Knows nothing of what the elements mean."""

import html
import re

from selectolax.lexbor import LexborHTMLParser

_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]*)((?:[^<>\"'/]|/(?!>)|\"[^\"<]*\"|'[^'<]*')*)/>")
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
# An HTML parser ends a doctype at the first ">", and would read out the declarations inside it.
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]{0,1000}\[.*?\]\s*>", re.DOTALL | re.IGNORECASE)
_DOCTYPE_CHARS = 64 * 1024


def parsed(markup: str) -> LexborHTMLParser:
    """The tree of a document, XHTML or HTML."""
    return LexborHTMLParser(_tolerable(markup))


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
