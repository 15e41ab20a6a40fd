"""Reads the XML of a Word document as paragraphs. Knows nothing of packages, files or chapters.

Deleted text, comments, page headers and field instructions are not read. The body of a note follows the paragraph that
refers to it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from lxml import etree

from tasks.documents import signs
from tasks.documents.blocks import Block, split
from tasks.documents.html import primary
from tasks.documents.runs import Run, Tag, clean
from tasks.documents.table_rows import Table
from tasks.documents.word_numbering import Lists
from tasks.documents.wordstyles import TITLE, Style, Styles, W, is_on, number, outline_level, value

_UNREAD = frozenset(
    f"{W}{name}"
    for name in (
        "del", "moveFrom", "delText", "instrText", "rPr", "sectPr", "tblPr", "tblGrid", "tcPr", "comment", "rt",
    )
) | {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}  # fmt: skip
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_PICTURES = frozenset((
    "{http://schemas.openxmlformats.org/drawingml/2006/picture}pic", "{urn:schemas-microsoft-com:vml}imagedata",
))  # fmt: skip
_TEXTS = frozenset((f"{W}t", f"{_MATH}t"))
_SIGNS = {f"{W}tab": " ", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-", f"{W}ptab": " "}
_REFERENCES = {f"{W}footnoteReference": "footnotes", f"{W}endnoteReference": "endnotes"}
_UNSTYLED = frozenset(("", "TableGrid", "TableNormal"))
_MADE_UP = re.compile(r"(?:Description automatically generated.*|AI-generated content may be incorrect\.?)", re.DOTALL)


@dataclass(kw_only=True, slots=True)
class _WordParagraph:
    style: Style
    runs: list[Run] = field(default_factory=list)
    number: str = ""
    notes: list[etree._Element] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class _Rows:
    """A table that is being read, and which of its rows are headings."""

    table: Table = field(default_factory=Table)
    headed: bool = False
    """Whether its style marks the first row as headings."""
    first: bool = True
    heading: bool = False


@dataclass(kw_only=True)
class Words:
    """Reads a document: `read` yields the blocks, and the fields then say what was found."""

    styles: Styles
    lists: Lists
    notes: dict[tuple[str, str], etree._Element]
    """By `footnotes` or `endnotes` and the note's id. Each note is read at the first reference to it."""
    language: str = ""
    """The language of the document; if empty, that of most of the text."""
    title: str = ""
    """The text of the first title paragraph."""
    marks: int = 0
    """The count of note numbers that are left out."""
    _paragraphs: list[_WordParagraph] = field(default_factory=list)
    """The open paragraphs. A text box is inside a paragraph and has paragraphs of its own."""
    _runs: list[tuple[Tag, ...]] = field(default_factory=list)
    _tables: list[_Rows] = field(default_factory=list)
    _done: list[Block] = field(default_factory=list)
    _note: bool = False
    _begun: str = ""
    _tags: dict[str, Tag] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._enters: dict[str, Callable[[etree._Element], None]] = {
            f"{W}r": self._enter_run,
            f"{W}p": self._enter_paragraph,
            f"{W}tbl": self._enter_table,
            f"{W}tr": self._enter_row,
            f"{W}tc": self._enter_cell,
        }
        self._leaves: dict[str, Callable[[], object]] = {
            f"{W}r": self._runs.pop,
            f"{W}p": self._leave_paragraph,
            f"{W}tbl": self._leave_table,
            f"{W}tr": self._leave_row,
        }

    def read(self, body: etree._Element) -> Iterator[Block]:
        """The paragraphs in order."""
        self.language = self.language or _most_spoken(body, self.styles.language)
        yield from self._walk(body)

    def _walk(self, root: etree._Element) -> Iterator[Block]:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, node in walk:
            if event == "start":
                if not self._enter(node):
                    walk.skip_subtree()
            elif leave := self._leaves.get(node.tag):
                leave()
                done, self._done = self._done, []
                yield from done

    def _enter(self, node: etree._Element) -> bool:
        """Open an element, and say whether its content is read."""
        tag = str(node.tag)
        if tag in _UNREAD:
            return False
        if enter := self._enters.get(tag):
            enter(node)
        elif self._paragraphs:
            self._inline(node, tag)
        return not (tag == f"{W}r" and is_on(node.find(f"{W}rPr"), "vanish"))

    def _inline(self, node: etree._Element, tag: str) -> None:
        runs = self._paragraphs[-1].runs
        tags = self._runs[-1] if self._runs else ()
        if tag in _TEXTS:
            runs.append(Run(node.text or "", tags))
        elif tag in _SIGNS:
            runs.append(Run(_SIGNS[tag]))
        elif tag in _PICTURES:
            runs.append(Run(f" {_alternative(node)} ", tags, "images"))
        elif kind := _REFERENCES.get(tag):
            self.marks += 1
            note = self.notes.pop((kind, node.get(f"{W}id") or ""), None)
            if note is not None:
                self._paragraphs[-1].notes.append(note)

    def _enter_run(self, node: etree._Element) -> None:
        stated = value(node.find(f"{W}rPr"), f"{W}lang")
        language = stated or (self._paragraphs[-1].style.language if self._paragraphs else "") or self.styles.language
        foreign = language and primary(language) != primary(self.language)
        self._runs.append((self._tags.setdefault(language, Tag("language", language)),) if foreign else ())

    def _enter_paragraph(self, node: etree._Element) -> None:
        properties = node.find(f"{W}pPr")
        style = self.styles.get(value(properties, f"{W}pStyle") or self.styles.usual)
        list_id = value(properties, f"{W}numPr/{W}numId") or style.list_id
        list_level = number(value(properties, f"{W}numPr/{W}ilvl") or str(style.list_level))
        level = outline_level(properties) or style.level
        self._paragraphs.append(
            _WordParagraph(style=replace(style, level=level), number=self.lists.next(list_id, list_level))
        )

    def _leave_paragraph(self) -> None:
        paragraph = self._paragraphs.pop()
        level = 0 if self._note else paragraph.style.level
        kind = "notes" if self._note else paragraph.style.kind or ("tables" if self._tables else "")
        number = paragraph.number
        for runs in split(paragraph.runs):
            text = clean("".join(run.text for run in runs))
            if not text and not any(run.kind for run in runs):
                continue
            if level == TITLE:
                self.title = self.title or text
            numbered = (Run(number), *runs) if number and text else tuple(runs)
            self._emit(Block(runs=numbered, level=level, kind=kind, continued=bool(kind) and self._begun == kind))
            self._begun, number = kind, ""
        for note in paragraph.notes:
            self._read_note(note)

    def _read_note(self, note: etree._Element) -> None:
        """Read the paragraphs of a note. They do not belong to the tables around its number."""
        tables, self._tables = self._tables, []
        outer, self._note, self._begun = self._note, True, ""
        # A note was removed from `notes` before it is read, so notes that refer to each other do not loop.
        self._done = list(self._walk(note))
        self._tables, self._note, self._begun = tables, outer, ""

    def _emit(self, block: Block) -> None:
        if self._tables and self._tables[-1].table.in_cell:
            self._tables[-1].table.add(block)
        else:
            self._done.append(block)

    def _enter_table(self, node: etree._Element) -> None:
        if self._tables:
            self._done += self._tables[-1].table.give_up()
        style, look = value(node, f"{W}tblPr/{W}tblStyle"), node.find(f"{W}tblPr/{W}tblLook")
        marked = look is not None and look.get(f"{W}firstRow") in {"1", "true"} and style not in _UNSTYLED
        self._tables.append(_Rows(headed=marked))
        self._begun = ""

    def _leave_table(self) -> None:
        self._done += self._tables.pop().table.end()

    def _enter_row(self, node: etree._Element) -> None:
        if self._tables:
            rows = self._tables[-1]
            first, rows.first = rows.first, False
            rows.heading = is_on(node.find(f"{W}trPr"), "tblHeader") or (first and (rows.headed or _bold(node)))

    def _leave_row(self) -> None:
        if self._tables:
            for block in self._tables[-1].table.end_row():
                self._emit(block)

    def _enter_cell(self, _node: etree._Element) -> None:
        if self._tables:
            self._tables[-1].table.cell(heading=self._tables[-1].heading)


def _most_spoken(body: etree._Element, otherwise: str) -> str:
    """The language of most of the letters."""
    letters: Counter[str] = Counter()
    for run in body.iter(f"{W}r"):
        language = value(run.find(f"{W}rPr"), f"{W}lang") or otherwise
        letters[language] += sum(len(text.text or "") for text in run.iterfind(f"{W}t"))
    return letters.most_common(1)[0][0] if letters else otherwise


def _alternative(picture: etree._Element) -> str:
    """The alternative text of a picture, unless a program generated it."""
    described = ""
    for above in picture.iterancestors():
        if above.tag == f"{W}drawing":
            described = next((node.get("descr") or "" for node in above.iter("{*}docPr")), "")
        if str(above.tag).endswith("}shape"):
            described = above.get("alt") or ""
        if described or above.tag == f"{W}p":
            break
    described = clean(_MADE_UP.sub("", described))
    return "" if signs.is_file_name(described) else described


def _bold(row: etree._Element) -> bool:
    """Whether all text in a row is bold."""
    runs = [run for run in row.iter(f"{W}r") if any((text.text or "").strip() for text in run.iterfind(f"{W}t"))]
    return bool(runs) and all(is_on(run.find(f"{W}rPr"), "b") for run in runs)
