"""Reads Markdown: headings become chapters, links their text, tables rows, footnotes notes. Knows no other format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from markdown_it.token import Token

from tasks.documents.commonmark import tokens
from tasks.documents.encoding import decode, unified
from tasks.documents.front import front
from tasks.documents.html import text_of
from tasks.documents.markup import SOFT, Cast
from tasks.documents.model import USUAL, Document, Draft, ReaderOptions, Run, Tag, audible, clean, counted
from tasks.documents.plain import title_of
from tasks.documents.table_rows import row, short_heads

_LANGUAGE = re.compile(r"""<([a-z][a-z0-9]*)\b[^>]*?\slang\s*=\s*["']?([A-Za-z0-9-]{1,35})""", re.IGNORECASE)
_DEEPEST_LANGUAGE = 20
_ELEMENT = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
_DONE = re.compile(r"\A\[[ xX]\][ \t]+")
"""The check box of a task."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _MarkdownBlock:
    runs: tuple[Run, ...]
    level: int = 0
    """The level of a heading, 1 to 6; 0 for any other paragraph."""
    kind: str = ""
    continued: bool = False

    @property
    def blank(self) -> bool:
        """Whether it has no text: an anchor or a comment."""
        return not any(run.kind or run.tags or run.text.strip() for run in self.runs)

    @property
    def text(self) -> str:
        """Its visible text, without pictures."""
        return clean("".join(run.text for run in self.runs if not run.kind))


@dataclass(kw_only=True)
class _MarkdownReader:
    """Turns tokens into blocks."""

    marks: int = 0
    """The count of footnote marks in the text."""
    _level: int = 0
    _number: str = ""
    _item: bool = False
    _note: bool = False
    _begun: bool = False
    """Whether the next paragraph continues a table or a note."""
    _cells: list[list[Run]] = field(default_factory=list)
    _head: bool = False
    _heads: tuple[str, ...] = ()
    _unsaid: list[list[Run]] = field(default_factory=list)
    """The row of headings, until it was spoken with another row."""

    def blocks(self, text: str, name: str) -> Iterator[_MarkdownBlock]:
        """The paragraphs in order."""
        for token in tokens(text, name):
            match token.type:
                case "inline" if self._cells:
                    self._cells[-1] = self._inline(token)
                case "inline":
                    yield self._paragraph(token)
                case "tr_close":
                    yield from self._row()
                case "table_close":
                    yield from self._rows([self._unsaid] if self._unsaid else [])
                case "html_block":
                    yield from (self._block([Run(part)]) for part in text_of(token.content))
                case "fence" | "code_block":
                    yield _MarkdownBlock(runs=(Run(token.content),), kind="code")
                case _:
                    self._structure(token)

    def _paragraph(self, token: Token) -> _MarkdownBlock:
        runs = self._inline(token)
        if self._item and runs:
            runs[0] = replace(runs[0], text=_DONE.sub("", runs[0].text, count=1))
        number, self._number, self._item = self._number, "", False
        return self._block([Run(number), *runs] if number else runs)

    def _block(self, runs: list[Run], *, kind: str = "") -> _MarkdownBlock:
        kind = "notes" if self._note else kind
        continued, self._begun = self._begun, bool(kind)
        return _MarkdownBlock(runs=tuple(runs), level=self._level, kind=kind, continued=continued)

    def _row(self) -> Iterator[_MarkdownBlock]:
        cells, self._cells, self._unsaid = self._cells, [], []
        if self._head:
            self._heads = short_heads([clean("".join(run.text for run in cell)) for cell in cells])
            self._unsaid = cells if self._heads else []
        if not self._unsaid:
            yield from self._rows([cells], () if self._head else self._heads)

    def _rows(self, rows: list[list[list[Run]]], heads: tuple[str, ...] = ()) -> Iterator[_MarkdownBlock]:
        yield from (self._block(list(row(map(tuple, cells), heads)), kind="tables") for cells in rows)

    def _structure(self, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._level = int(token.tag[1])
            case "heading_close":
                self._level = 0
            case "list_item_open":
                self._number, self._item = f"{token.info}. " if token.info else "", True
            case "th_open" | "td_open":
                self._cells.append([])
            case "footnote_open" | "footnote_close":
                self._note, self._begun = token.type == "footnote_open", False
            case "table_open":
                self._begun, self._heads, self._unsaid = self._note and self._begun, (), []
            case "thead_open" | "thead_close":
                self._head = token.type == "thead_open"

    def _inline(self, token: Token) -> list[Run]:
        found: list[Run] = []
        languages: list[tuple[str, Tag]] = []
        for child in token.children or []:
            tags = tuple(tag for _, tag in languages[-1:])
            match child.type:
                case "text" | "code_inline" | "text_special":
                    found.append(Run(child.content, tags))
                case "softbreak":
                    found.append(Run(SOFT, tags))
                case "hardbreak":
                    found.append(Run("\n", tags))
                case "image":
                    found.append(Run(_plain(child), tags, kind="images"))
                case "speech":
                    run: Run = child.meta["run"]
                    found.append(Run(run.text.strip("*_`"), (*tags, *run.tags)) if run.text else run)
                case "footnote_ref":
                    self.marks += 1
                case "html_inline":
                    found += [Run("\n")] if _html(child.content, languages) == "br" else []
        return found


def _html(element: str, languages: list[tuple[str, Tag]]) -> str:
    """The name of an HTML element. One that states a language is kept in `languages` until it is closed."""
    match = _ELEMENT.match(element)
    name = match[2].lower() if match else ""
    if match and match[1]:
        open_ = [at for at, (opened, _) in enumerate(languages) if opened == name]
        del languages[open_[-1] if open_ else len(languages) :]
    elif (stated := _LANGUAGE.match(element)) and len(languages) < _DEEPEST_LANGUAGE:
        languages.append((name, Tag("language", stated[2])))
    return name


def _plain(token: Token) -> str:
    """The alternative text of an image."""
    return "".join(child.content or _plain(child) for child in token.children or [])


def read(data: bytes, name: str, options: ReaderOptions = USUAL) -> Document:
    """The document in a Markdown file."""
    text = unified(decode(data, name, options.encoding))
    head = front(text, name)
    reader = _MarkdownReader()
    blocks = [block for block in reader.blocks(text[head.length :], name) if not block.blank]
    title = head.title or _title(blocks) or title_of(name)
    chapters, left_out = audible(_drafts(blocks, head.cast, options), otherwise=title)
    return Document(
        title=title,
        author=head.author,
        language=head.language,
        chapters=chapters,
        left_out=(*head.left_out, *left_out, *counted(reader.marks, "note mark")),
    )


def _title(blocks: list[_MarkdownBlock]) -> str:
    """The only heading of the first level, else a heading at the very beginning."""
    titles = [block.text for block in blocks if block.level == 1]
    titles = titles or [block.text for block in blocks[:1] if block.level > 0]
    return " ".join(titles[0].split()) if len(titles) == 1 else ""


def _drafts(blocks: list[_MarkdownBlock], cast: Cast, options: ReaderOptions) -> list[Draft]:
    """The chapters: at headings of the first level if there are several, else at those of the second."""
    deepest = 1 if sum(block.level == 1 for block in blocks) > 1 else 2
    drafts = [Draft(options=options)]
    for block in blocks:
        # A title directly above the first chapter is spoken with it.
        if 0 < block.level <= deepest:
            if not drafts[-1].only_headings:
                drafts.append(Draft(options=options))
            drafts[-1].title = block.text
        for speech in cast.speeches(block.runs):
            drafts[-1].add(speech, heading=block.level > 0, kind=block.kind, continued=block.continued)
    return drafts
