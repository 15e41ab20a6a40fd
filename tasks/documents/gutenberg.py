"""Removes Project Gutenberg's header, licence and small print from a plain text. Knows nothing of chapters."""

import re
from dataclasses import dataclass

from tasks.documents.runs import Run

_START = re.compile(
    r"^[ \t]*\*{3} ?START OF TH(?:E|IS) PROJECT GUTENBERG[^*]{0,400}\*{3}[^\n]*$"
    r"|^\*END\*? ?THE SMALL PRINT![^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(
    r"^[ \t]*\*{3} ?END OF TH(?:E|IS) PROJECT GUTENBERG"
    r"|^[ \t]*(?:\*{3} ?)?End of (?:the |this )?Project Gutenberg(?:'s|\u2019s| E?-?(?:book|text))",
    re.IGNORECASE | re.MULTILINE,
)
_CREDITS = re.compile(
    r"\s*(?:(?:this )?(?:e-?text|e-?book)(?: was)? )?(?:produced|prepared|transcribed) by\b(?:[^\n]+(?:\n|\Z)){1,12}",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^(Title|Author|Language):[ \t]*(\S.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_WORD = re.compile(r"\S+")
_ASIDE = re.compile(r"\[(?:(Illustration)|Footnote(?: [\w*]{1,5})?)(?:: *([^\]]*))?\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """The book's own text, and what Project Gutenberg's header says about it."""

    text: str
    title: str = ""
    author: str = ""
    language: str = ""
    left_out: tuple[str, ...] = ()


def book(text: str) -> Book:
    """The book in a text of Project Gutenberg; any other text unchanged."""
    starts = list(_START.finditer(text))
    end = _END.search(text, starts[0].end() if starts else 0)
    if not starts and end is None:
        return Book(text=text)
    header = text[: starts[0].start()] if starts else ""
    fields = {match[1].lower(): " ".join(match[2].split()) for match in reversed(list(_FIELD.finditer(header)))}
    texts = [_body(text, start.end(), after) for start, after in zip(starts, _ends(starts, text), strict=True)]
    body = "\n\n".join(texts) if starts else text[: end.start()] if end else text
    left_out = _words(text) - _words(body)
    return Book(
        text=body,
        title=fields.get("title", ""),
        author=fields.get("author", ""),
        language=fields.get("language", ""),
        left_out=(f"Project Gutenberg's header, licence and credits ({left_out} words that are not the book's)",),
    )


def aside(text: str) -> Run | None:
    """The run for a paragraph that stands for a picture or holds a note; None for any other."""
    match = _ASIDE.fullmatch(text) if text.startswith("[") else None
    return match and Run(match[2] or "", kind="images" if match[1] else "notes")


def _words(text: str) -> int:
    """The number of words, counted without a list, which would take ten times the memory of the text."""
    return sum(1 for _ in _WORD.finditer(text))


def _ends(starts: list[re.Match[str]], text: str) -> list[int]:
    """The offset before which each text ends; a file may hold several texts."""
    return [*(start.start() for start in starts[1:]), len(text)] if starts else []


def _body(text: str, start: int, last: int) -> str:
    end = _END.search(text, start, last)
    body = text[start : end.start() if end else last]
    credits_ = _CREDITS.match(body)
    return body[credits_.end() :] if credits_ else body
