"""Reads plain text: joins hard-wrapped lines and finds chapter headings. Knows no other format."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePath

from chorus.errors import SourceError
from tasks.documents import gutenberg, markup
from tasks.documents.encoding import decode, unified
from tasks.documents.front import front
from tasks.documents.markup import Cast
from tasks.documents.model import USUAL, Document, Draft, ReaderOptions, Run, audible

__all__ = ["decode", "read", "title_of"]

_WRAP_CHARS, _WRAP_WIDE_CHARS = 120, 60
"""A longer line was not wrapped by hand, so its end ends a paragraph. In Chinese and Japanese half the length."""
_WIDE = re.compile(r"[\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef]")
"""Wide letters, which have no blanks between them. Korean has blanks."""
_WIDE_SHARE = 0.3
_SAMPLE_CHARS = 10_000
_LONG_SHARE = 0.05
"""If more than this share of a text's lines are longer, no line was wrapped."""
_MOST_LINES = 200_000
_MOST_MARKS = 50_000
_SIGNS = ("[pause:", "[voice:", "](/")
_MOST_CHAPTERS = 20_000
"""If more lines than this look like headings, none of them is one."""
_HEADING_CHARS = 80
_HEADING_LINES = 3
_ROMAN = r"(?-i:(?=[CLXVI])C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"
_COUNT = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    "|nineteen|(?:twenty|thirty|forty|fifty)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?"
    "|(?:the )?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)"
)
_NUMBERED = re.compile(
    r"(?:chapter|part|book|volume|letter|act|canto|cap[ií]tulo|chapitre|capitolo|parte|livre|libro|livro)\s+"
    rf"(?:\d{{1,4}}|{_ROMAN}|{_COUNT})\b(?:\s*[.:\u2014\u2013-].*|\s+(?-i:[A-Z]).*|\s*)"
    r"|(?:prologue|epilogue|preface|foreword|introduction|afterword|interlude)[.:]?"
    rf"|{_ROMAN}\.?",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s*(?:[-*\u2022\u2013]|\d{1,3}[.)])\s+\S")
_HYPHEN = re.compile(r"[^\W\d_]-$")
_INDENT = re.compile(r"[ \t]{2,}\S")


_CONTENTS = re.compile(r"(?:table of )?contents[.:]?", re.IGNORECASE)
_LEAST_ENTRIES = 3
"""This many possible headings directly below each other are a table of contents."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _TextBlock:
    runs: tuple[Run, ...]
    text: str
    """Its visible text."""
    numbered: bool = False
    """Whether its words say that a chapter begins, such as `Chapter 3`."""
    capitals: bool = False
    """Whether it only looks like a heading, in capitals."""
    kind: str = ""


def read(data: bytes, name: str, options: ReaderOptions = USUAL) -> Document:
    """The document in a text file."""
    text = unified(decode(data, name, options.encoding))
    if text.count("\n") > _MOST_LINES or sum(map(text.count, _SIGNS)) > _MOST_MARKS:
        raise SourceError(f"{name} has too many lines or marks to be read in reasonable time: split it.")
    head = front(text, name)
    book = gutenberg.book(text[head.length :])
    title = head.title or book.title or title_of(name)
    blocks = [_block(lines, head.cast, name) for lines in _blocks(book.text.splitlines(), head.cast)]
    chapters, left_out = audible(_drafts(_without_contents(blocks), head.cast, options), otherwise=title)
    return Document(
        title=title,
        author=head.author or book.author,
        language=head.language or book.language,
        chapters=chapters,
        left_out=(*head.left_out, *book.left_out, *left_out),
    )


def title_of(name: str) -> str:
    """The title of a document that states none, from its file name."""
    return re.sub(r"[_\s]+", " ", PurePath(name).stem).strip() or name


def _blocks(lines: list[str], cast: Cast) -> Iterator[list[str]]:
    """Groups of lines between empty lines, split again where a line begins a list item or an indented paragraph."""
    longest = _longest(lines)
    filled = [line for line in lines if line.strip()]
    wrapped = sum(len(line) > longest for line in filled) <= _LONG_SHARE * len(filled)
    block: list[str] = []
    for line in [*lines, ""]:
        if block and (not line.strip() or not wrapped or _starts_paragraph(line, block, cast, longest)):
            yield block
            block = []
        if line.strip():
            block.append(line)


def _longest(lines: list[str]) -> int:
    """The most characters of a line that was wrapped by hand."""
    sample = "".join(lines[:_SAMPLE_CHARS])[:_SAMPLE_CHARS]
    return _WRAP_WIDE_CHARS if len(_WIDE.findall(sample)) > _WIDE_SHARE * len(sample) else _WRAP_CHARS


def _starts_paragraph(line: str, block: list[str], cast: Cast, longest: int) -> bool:
    if _ITEM.match(line) or cast.starts(line) or max(len(block[-1]), len(line)) > longest:
        return True
    # Verse and centred headings are indented as a whole, so an indented line there begins no paragraph.
    return bool(_INDENT.match(line)) and not _INDENT.match(block[-1])


def _block(lines: list[str], cast: Cast, name: str) -> _TextBlock:
    runs = tuple(markup.runs(_join(lines), name))
    text = "".join(run.text for run in runs).strip()
    aside = gutenberg.aside(text)
    if aside is not None or cast.starts(text):
        return _TextBlock(runs=runs if aside is None else (aside,), text=text, kind=aside.kind if aside else "")
    shown = list(itertools.takewhile(_short, (markup.visible(line, name).strip() for line in lines)))
    if len(shown) < len(lines):
        return _TextBlock(runs=runs, text=text)
    shown = [line for line in shown if line]
    numbered = sum(_NUMBERED.fullmatch(line) is not None for line in shown)
    if numbered == len(shown) >= _LEAST_ENTRIES:
        return _TextBlock(runs=runs, text=text, kind="contents")
    if not 0 < len(shown) <= _HEADING_LINES or not _short(text):
        return _TextBlock(runs=runs, text=text)
    letters = [char for char in text if char.isalpha()]
    capitals = len(letters) > 1 and all(char.isupper() for char in letters) and text[-1] not in ",;"
    # Several numbered lines in one block are a table of contents.
    return _TextBlock(
        runs=runs, text=text, numbered=numbered == 1 and bool(_NUMBERED.fullmatch(shown[0])), capitals=capitals
    )


def _short(line: str) -> bool:
    return len(line) <= _HEADING_CHARS


def _without_contents(blocks: list[_TextBlock]) -> list[_TextBlock]:
    """The blocks without a table of contents: a heading of that name, and headings after it that occur again later."""
    last = {block.text: at for at, block in enumerate(blocks) if block.numbered}
    entries = [block.numbered and last[block.text] > at for at, block in enumerate(blocks)]
    marked = list(blocks)
    start = 0
    for at, entry in enumerate([*entries, False]):
        if not entry:
            for index in range(start, at) if at - start >= _LEAST_ENTRIES else ():
                marked[index] = replace(blocks[index], numbered=False, capitals=False, kind="contents")
            start = at + 1
    for at, (block, after) in enumerate(pairwise(marked)):
        if after.kind == "contents" and _CONTENTS.fullmatch(block.text):
            marked[at] = replace(block, numbered=False, capitals=False, kind="contents")
    return marked


def _join(lines: list[str]) -> str:
    """Wrapped lines joined to one. A word that is broken by a hyphen at a line end gets no blank."""
    parts = [lines[0].strip()]
    for line in map(str.strip, lines[1:]):
        end, start = parts[-1][-2:], line[:1]
        glued = (_HYPHEN.search(end) and start.islower()) or (_WIDE.match(end[-1:]) and _WIDE.match(start))
        parts += [line] if glued else [" ", line]
    return "".join(parts)


def _drafts(blocks: list[_TextBlock], cast: Cast, options: ReaderOptions) -> list[Draft]:
    """The chapters: at numbered headings if there are two, else at headings in capitals, else a single chapter."""
    by_number = 1 < sum(block.numbered for block in blocks) <= _MOST_CHAPTERS
    by_capitals = not by_number and 1 < sum(block.capitals for block in blocks) <= _MOST_CHAPTERS
    drafts = [Draft(options=options)]
    before = ""
    for block in blocks:
        starts = (by_number and block.numbered) or (by_capitals and block.capitals)
        # PART ONE directly above CHAPTER I belongs to that chapter.
        if starts and not drafts[-1].only_headings:
            drafts.append(Draft(options=options))
        for speech in cast.speeches(block.runs):
            heading = starts or (by_number and block.capitals)
            continued = block.kind == before == "contents"
            drafts[-1].add(speech, heading=heading, kind=block.kind, continued=continued)
        before = block.kind
    return drafts
