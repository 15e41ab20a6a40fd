"""Reads HTML and XHTML as paragraphs with the properties of their elements. Knows nothing of chapters or files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from selectolax.lexbor import LexborNode

from tasks.documents import sections, signs
from tasks.documents.blocks import Block, split
from tasks.documents.lists import Numbering
from tasks.documents.runs import Run, Tag, clean
from tasks.documents.table_rows import Table
from tasks.documents.tolerant import BLOCKS, parsed

_LEVELS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_CELLS = frozenset(("td", "th"))
_SILENT = frozenset(("head", "iframe", "noscript", "object", "rp", "rt", "script", "style", "template", "title"))
_PICTURES = frozenset(("img", "image", "svg"))
_SECTIONS = frozenset(("article", "aside", "body", "div", "dl", "nav", "ol", "section", "ul"))
_SCOPING = _SECTIONS.union(_LEVELS, ("hgroup", "table", "pre", "li"))
"""Elements that change the scope even without an attribute."""
_SPACE = re.compile(r"\s+")
_NUMBERED = re.compile(r"\s*[\[(]?\d{1,4}[\]).:]")
_NO_LANGUAGE = frozenset(("", "und", "zxx", "mul", "mis", "x", "i"))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    """The properties of the text inside an element."""

    kind: str = ""
    tags: tuple[Tag, ...] = ()
    language: str = ""
    """The primary language: `en` of `en-GB`."""
    level: int = 0
    pre: bool = False
    linked: bool = False
    interrupted: "_HtmlParagraph | None" = None
    """The paragraph that continues after this element, if it is a note."""


@dataclass(kw_only=True, slots=True)
class _HtmlParagraph:
    """A paragraph that is being read."""

    runs: list[Run] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    number: str = ""
    """Its number in a list."""
    linked_chars: int = 0


@dataclass(kw_only=True)
class Blocks:
    """Reads documents: `read` yields the blocks, and the counters then say what was left out."""

    language: str = ""
    """The language of the whole; if empty, the first one that an element states."""
    others: frozenset[str] = frozenset()
    """Other primary languages that a whole document may state. Any other is ignored: tools often write their own."""
    page: bool = False
    """Whether it is a web page, whose navigation, forms, header and footer are not read."""
    marks: int = 0
    """The count of marks that only readers need to see: numbers of notes and pages."""
    furniture: int = 0
    """The count of elements such as navigation that belong to the page and not to the text."""
    _open_paragraph: _HtmlParagraph = field(default_factory=_HtmlParagraph)
    _scopes: list[_Scope] = field(default_factory=list)
    _tables: list[Table] = field(default_factory=list)
    _lists: list[Numbering | None] = field(default_factory=list)
    _done: list[Block] = field(default_factory=list)
    _begun: str = ""
    """The kind of the note, table or code block that the next paragraph continues."""

    def read(self, markup: str) -> Iterator[Block]:
        """The paragraphs of a document in order."""
        yield from self.walk(parsed(markup).root)

    def walk(self, node: LexborNode | None) -> Iterator[Block]:
        """The paragraphs under this node in order."""
        self._scopes = [_Scope(language=primary(self.language))]
        depth = 0
        # Without recursion, which would fail at the thousandth level of a malicious file.
        while node is not None:
            if not self._silent(node):
                self._open(node)
                if node.first_child is not None:
                    node, depth = node.first_child, depth + 1
                    continue
                self._close(node)
            # The root is found by depth and not by comparison, because nodes are compared by all of their markup.
            while node is not None and depth and node.next is None:
                node, depth = node.parent, depth - 1
                if node is not None:
                    self._close(node)
            yield from self._finished()
            node = node.next if node is not None and depth else None
        self._flush()
        yield from self._finished()
        # An id after the last paragraph must not belong to the next document.
        self._open_paragraph = _HtmlParagraph()

    def _finished(self) -> list[Block]:
        done, self._done = self._done, []
        return done

    def _silent(self, node: LexborNode) -> bool:
        """Whether the content of this node is not spoken. Notes its id, picture or mark."""
        tag = node.tag or ""
        if tag.startswith(("-", "_", "!")):
            return tag != "-text"
        attributes = node.attributes
        if anchor := attributes.get("id") or (attributes.get("name") if tag == "a" else None):
            self._open_paragraph.anchors.append(anchor)
        if tag in _SILENT or signs.hidden(attributes):
            return True
        if tag in _PICTURES:
            self._picture(attributes)
            return True
        if signs.is_mark(node, attributes):
            self.marks += 1
            return True
        if self.page and signs.is_furniture(node, attributes):
            self.furniture += 1
            return True
        return False

    def _picture(self, attributes: signs.Attributes) -> None:
        alternative = clean(attributes.get("alt") or attributes.get("aria-label") or "")
        tags = self._scopes[-1].tags
        if signs.is_initial(alternative):
            self._open_paragraph.runs.append(Run(alternative, tags))
        else:
            said = "" if signs.is_file_name(alternative) else f" {alternative} "
            self._open_paragraph.runs.append(Run(said, tags, "images"))

    def _open(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._text(node.text_content or "")
            return
        if tag in BLOCKS or tag in _CELLS:
            self._flush()
        if tag == "br":
            self._open_paragraph.runs.append(Run("\n"))
        self._scopes.append(self._scope(node, tag))
        match tag:
            case "table":
                if self._tables:
                    self._done += self._tables[-1].give_up()
                self._tables.append(Table())
            case "td" | "th" if self._tables:
                self._tables[-1].cell(heading=tag == "th")
            case "ol":
                self._lists.append(_numbering(node))
            case "ul":
                self._lists.append(None)
            case "li" if self._lists and (numbering := self._lists[-1]) and self._scopes[-1].kind != "contents":
                self._open_paragraph.number = numbering.next(node.attributes.get("value"))

    def _text(self, text: str) -> None:
        scope = self._scopes[-1]
        self._open_paragraph.runs.append(Run(text if scope.pre else _SPACE.sub(" ", text), scope.tags))
        self._open_paragraph.linked_chars += len(text.strip()) if scope.linked else 0

    def _scope(self, node: LexborNode, tag: str) -> _Scope:
        """The scope inside an element, from its own properties and those of the scope around it."""
        outer, attributes = self._scopes[-1], node.attributes
        if not attributes and tag not in _SCOPING:
            return replace(outer, interrupted=None) if outer.interrupted else outer
        kind, interrupted = self._kind(node, tag), None
        if signs.is_note(tag, signs.types(attributes), attributes):
            interrupted, self._open_paragraph = self._open_paragraph, _HtmlParagraph()
            kind = "notes"
        if interrupted or kind != outer.kind or (tag == "li" and kind == "notes"):
            self._begun = ""
        language, tags = self._language(tag, attributes, outer)
        return _Scope(
            kind=kind,
            tags=tags,
            language=language,
            level=_level(node, tag) or outer.level,
            pre=outer.pre or tag == "pre",
            linked=outer.linked or (tag == "a" and bool(attributes.get("href"))),
            interrupted=interrupted,
        )

    def _kind(self, node: LexborNode, tag: str) -> str:
        outer = self._scopes[-1].kind
        if tag in _SECTIONS:
            return sections.of_types(signs.types(node.attributes)) or outer
        if tag == "table" and not signs.is_layout(node.attributes):
            return "tables"
        return "code" if tag == "pre" and signs.is_code(node) else outer

    def _language(self, tag: str, attributes: signs.Attributes, outer: _Scope) -> tuple[str, tuple[Tag, ...]]:
        """The language inside an element, and its tags. Another country's variant is no other language."""
        stated = (attributes.get("xml:lang") or attributes.get("lang") or "").strip()
        own = primary(stated)
        disbelieved = tag in {"html", "body"} and outer.language and own not in self.others
        if own in _NO_LANGUAGE or own == outer.language or disbelieved:
            return outer.language, outer.tags
        if not outer.language:
            self.language = stated
            return own, outer.tags
        return own, (*outer.tags, Tag("language", stated))

    def _close(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "-text":
            return
        scope = self._scopes[-1]
        if tag in BLOCKS or tag in _CELLS or scope.interrupted:
            self._flush()
        if scope.interrupted:
            self._open_paragraph = scope.interrupted
        self._scopes.pop()
        match tag:
            case "table" if self._tables:
                self._done += self._tables.pop().end()
            case "tr" if self._tables:
                for block in self._tables[-1].end_row():
                    self._emit(block)
            case "ol" | "ul" if self._lists:
                self._lists.pop()
            case "li":
                self._open_paragraph.number = ""

    def _flush(self) -> None:
        paragraph, self._open_paragraph = self._open_paragraph, _HtmlParagraph()
        scope = self._scopes[-1]
        anchors = tuple(paragraph.anchors)
        number = paragraph.number
        for runs in split(paragraph.runs):
            text = "".join(run.text for run in runs)
            if not text.strip() and not any(run.kind for run in runs):
                continue
            numbered = number and text.strip() and not _NUMBERED.match(text)
            self._emit(
                Block(
                    runs=(Run(number), *runs) if numbered else tuple(runs),
                    level=scope.level,
                    anchors=anchors,
                    kind=scope.kind,
                    continued=bool(scope.kind) and self._begun == scope.kind,
                    linked_chars=paragraph.linked_chars,
                )
            )
            self._begun, anchors, number, paragraph.linked_chars = scope.kind, (), "", 0
        self._open_paragraph.anchors += anchors
        self._open_paragraph.number = number

    def _emit(self, block: Block) -> None:
        if self._tables and self._tables[-1].in_cell:
            self._tables[-1].add(block)
        else:
            self._done.append(block)


def text_of(markup: str) -> list[str]:
    """The text of the paragraphs, without pictures."""
    return [
        text
        for block in Blocks().read(markup)
        if (text := clean("".join(run.text for run in block.runs if not run.kind)))
    ]


def _numbering(node: LexborNode) -> Numbering:
    items, child = 0, node.first_child if "reversed" in node.attributes else None
    while child is not None:
        items += child.tag == "li"
        child = child.next
    return Numbering.of(node.attributes, items)


def _level(node: LexborNode, tag: str) -> int:
    """The level of a heading, or of the first heading in a group; 0 for other elements."""
    if tag != "hgroup":
        return _LEVELS.get(tag, 0)
    child = node.first_child
    while child is not None:
        if child.tag in _LEVELS:
            return _LEVELS[child.tag]
        child = child.next
    return 1


def primary(language: str) -> str:
    """The primary language: `en` of `en-GB`."""
    return language.replace("_", "-").partition("-")[0].strip().lower()
