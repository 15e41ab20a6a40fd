"""Plain text: its encoding, its hard-wrapped lines, its chapter headings. Knows nothing of markup."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from charset_normalizer import from_bytes

from chorus.errors import SourceError
from tasks.documents.model import USUAL, Document, Draft, Wanted, audible

# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARY = bytes({*range(32)} - {*b"\t\n\r\f\x0b\x1b\x1a"})
_BINARY_SHARE = 0.02
_BINARY_SHARE_UTF8 = 0.2
"""Something that is UTF-8 to its end is a text, unless it consists of little else."""
_SAMPLE_BYTES = 64 * 1024
_ASCII = 0x7F
_WESTERN = frozenset("áàâãäåæçéèêëíîïìñóòôõöøœúùûüýÿßÁÀÂÄÅÆÇÉÈÊËÍÎÏÑÓÔÖØŒÚÜ‘’“”–—…«»¿¡°£€ªº·§©".encode("cp1252")) | {
    0xA0
}
_WESTERN_SHARE = 0.95
_WRAP_CHARS = 120
"""A line longer than this was not wrapped by hand, so its line end ends a paragraph."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    text: str
    numbered: bool
    """It says by its words that a chapter starts here."""
    capitals: bool
    """It looks like a heading and nothing more."""


def read(data: bytes, name: str, wanted: Wanted = USUAL) -> Document:
    """The document in a text file."""
    title = title_of(name)
    drafts = _drafts([_block(lines) for lines in _blocks(decode(data, name))], wanted)
    chapters, silent = audible(drafts, otherwise=title)
    return Document(title=title, chapters=chapters, left_out=silent)


def title_of(name: str) -> str:
    """What to call a document that does not say its title."""
    return re.sub(r"[_\s]+", " ", PurePath(name).stem).strip() or name


def decode(data: bytes, name: str) -> str:
    """The text in these bytes: by mark, as UTF-8, by a guess, or as cp1252; SourceError when they are no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    sample = data[:_SAMPLE_BYTES]
    binary = 1 - len(sample.translate(None, _BINARY)) / max(1, len(sample))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "" if binary > _BINARY_SHARE else _guessed(data)
    if not text or binary > _BINARY_SHARE_UTF8:
        raise SourceError(f"{name} is not a text: give an EPUB, Markdown or plain text file.")
    return text


def _guessed(data: bytes) -> str:
    """By the Western alphabet, which every one-byte language with a voice is written in, unless a guess is clear."""
    guess = from_bytes(data[:_SAMPLE_BYTES]).best()
    western = guess is None or "cp1252" in guess.could_be_from_charset or _western(data)
    # The guess saw only the beginning: the rest may hold bytes for which its encoding has no letter.
    return data.decode("cp1252" if western or guess is None else guess.encoding, "replace")


def _western(data: bytes) -> bool:
    """Whether, read as cp1252, nearly all beyond ASCII is what Western texts have: accents, quotes, dashes."""
    beyond = [byte for byte in data[:_SAMPLE_BYTES] if byte > _ASCII]
    return sum(byte in _WESTERN for byte in beyond) > _WESTERN_SHARE * len(beyond) and len(beyond) * 4 < len(data)


def _blocks(text: str) -> Iterator[list[str]]:
    """Runs of lines between empty ones, cut again where a line starts a list item or an indented paragraph."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if block and (not line.strip() or _starts_paragraph(line, block)):
            yield block
            block = []
        if line.strip():
            block.append(line)


def _starts_paragraph(line: str, block: list[str]) -> bool:
    if _ITEM.match(line) or max(len(block[-1]), len(line)) > _WRAP_CHARS:
        return True
    # Verse and centred headings are set in as a whole: there one more indented line is no news.
    return bool(_INDENT.match(line)) and not _INDENT.match(block[-1])


def _block(lines: list[str]) -> _Block:
    text = _join([line.strip() for line in lines])
    heading = len(lines) <= _HEADING_LINES and len(text) <= _HEADING_CHARS
    numbered = [bool(_NUMBERED.fullmatch(line.strip())) for line in lines] if heading else [False]
    letters = [char for char in text if char.isalpha()] if heading else []
    capitals = len(letters) > 1 and all(char.isupper() for char in letters) and text[-1] not in ",;"
    # Several numbered lines in one block are a table of contents.
    return _Block(text=text, numbered=numbered[0] and sum(numbered) == 1, capitals=capitals)


def _join(lines: list[str]) -> str:
    """Wrapped lines as one; a hyphen at a line's end keeps its word together."""
    parts = lines[:1]
    for before, line in pairwise(lines):
        glued = _HYPHEN.search(before) and line[:1].islower()
        parts.append(line if glued else f" {line}")
    return "".join(parts)


def _drafts(blocks: list[_Block], wanted: Wanted) -> list[Draft]:
    """Chapters start at numbered headings where there are two of them, else at lines in capitals, else nowhere."""
    by_number = sum(block.numbered for block in blocks) > 1
    by_capitals = not by_number and sum(block.capitals for block in blocks) > 1
    drafts = [Draft(wanted=wanted)]
    for block in blocks:
        starts = (by_number and block.numbered) or (by_capitals and block.capitals)
        # PART ONE directly above CHAPTER I belongs to it.
        if starts and not drafts[-1].only_headings:
            drafts.append(Draft(wanted=wanted))
        drafts[-1].add(block.text, heading=starts or (by_number and block.capitals))
    return drafts
