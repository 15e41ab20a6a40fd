"""Markdown: headings become chapters, links their text, tables rows; code is left out. Knows no other format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tasks.documents.html import text_of
from tasks.documents.model import USUAL, Document, Draft, Wanted, audible, clean, counted
from tasks.documents.plain import decode, title_of

_FRONT = re.compile(r"\A\s*---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(title|author|authors|creator|lang|language):[ \t]*(.+?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_ONE_NAME = {"authors": "author", "creator": "author", "lang": "language"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    text: str
    level: int
    """A heading's, 1 to 6; 0 for any other paragraph."""


@dataclass(kw_only=True)
class _Reader:
    """Turns tokens into blocks and counts what is not spoken."""

    code: int = 0
    images: int = 0
    _level: int = 0
    _number: str = ""
    _cells: list[str] = field(default_factory=list)

    def read(self, text: str) -> Iterator[_Block]:
        """The paragraphs in order."""
        parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        for token in parser.parse(text):
            for paragraph in self._paragraphs(token):
                if spoken := clean(paragraph):
                    yield _Block(text=spoken, level=self._level)

    def _paragraphs(self, token: Token) -> list[str]:
        match token.type:
            case "inline" if self._cells:
                self._cells[-1] = self._inline(token)
            case "inline":
                number, self._number = self._number, ""
                return [number + self._inline(token)]
            case "tr_close":
                row, self._cells = ", ".join(cell for cell in self._cells if cell), []
                return [row]
            case "html_block":
                return text_of(token.content)
            case _:
                self._structure(token)
        return []

    def _structure(self, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._level = int(token.tag[1])
            case "heading_close":
                self._level = 0
            case "list_item_open":
                self._number = f"{token.info}. " if token.info else ""
            case "th_open" | "td_open":
                self._cells.append("")
            case "fence" | "code_block":
                self.code += 1

    def _inline(self, token: Token) -> str:
        parts = []
        for child in token.children or []:
            match child.type:
                case "text" | "code_inline":
                    parts.append(child.content)
                case "softbreak":
                    parts.append(" ")
                case "hardbreak":
                    parts.append("\n")
                case "image":
                    self.images += 1
        return "".join(parts)


def read(data: bytes, name: str, wanted: Wanted = USUAL) -> Document:  # noqa: ARG001 -- not yet
    """The document in a Markdown file."""
    text, fields = _front(decode(data, name))
    reader = _Reader()
    blocks = list(reader.read(text))
    title = fields.get("title") or _title(blocks) or title_of(name)
    chapters, silent = audible(_drafts(blocks), otherwise=title)
    return Document(
        title=title,
        author=fields.get("author", ""),
        language=fields.get("language", ""),
        chapters=chapters,
        left_out=(*counted(reader.code, "code block"), *counted(reader.images, "image"), *silent),
    )


def _front(text: str) -> tuple[str, dict[str, str]]:
    """The text without its front matter, and the fields of it that we know."""
    text = text.replace("\r\n", "\n")
    match = _FRONT.match(text)
    if match is None or ":" not in match[1]:
        return text, {}
    found = ((key.lower(), value.strip("\"'[]")) for key, value in _FIELD.findall(match[1]))
    return text[match.end() :], {_ONE_NAME.get(key, key): value for key, value in found}


def _title(blocks: list[_Block]) -> str:
    """The only title on the first level, or else a heading with which everything begins."""
    titles = [block.text for block in blocks if block.level == 1]
    titles = titles or [block.text for block in blocks[:1] if block.level > 0]
    return " ".join(titles[0].split()) if len(titles) == 1 else ""


def _drafts(blocks: list[_Block]) -> list[Draft]:
    """Where there is one title at most, the second level makes the chapters; where there are more, the first."""
    deepest = 1 if sum(block.level == 1 for block in blocks) > 1 else 2
    drafts = [Draft()]
    for block in blocks:
        # A title directly above its first chapter is spoken with it.
        if 0 < block.level <= deepest:
            if not drafts[-1].only_headings:
                drafts.append(Draft())
            drafts[-1].title = block.text
        drafts[-1].add(block.text, heading=block.level > 0)
    return drafts
