"""Reads HTML files: the text of a page without its navigation, in chapters by its headings. Knows no other format."""

from selectolax.lexbor import LexborHTMLParser, LexborNode

from chorus.errors import SourceError
from tasks.documents.archive import as_declared
from tasks.documents.blocks import Block
from tasks.documents.encoding import decode
from tasks.documents.headings import drafts
from tasks.documents.html import Blocks
from tasks.documents.model import USUAL, Document, ReaderOptions, audible, counted
from tasks.documents.plain import title_of
from tasks.documents.runs import clean
from tasks.documents.tolerant import MOST_TAGS, parsed

_BEGINNINGS = (b"<!doctype html", b"<html")
_HEAD_BYTES = 1024
_LANGUAGE = ("html", "body", 'meta[http-equiv="content-language" i]')
_AUTHORS = ('meta[name="author" i]', 'meta[name="dc.creator" i]', 'meta[name="dcterms.creator" i]')


def looks(data: bytes) -> bool:
    """Whether these bytes begin like HTML."""
    head = data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return head.startswith(_BEGINNINGS) or (head.startswith((b"<?xml", b"<!--")) and b"<html" in head)


def read(data: bytes, name: str, options: ReaderOptions = USUAL) -> Document:
    """The document in an HTML file."""
    markup = _decoded(data, name, options)
    if markup.count("<") > MOST_TAGS:
        raise SourceError(f"{name} has {markup.count('<')} tags; HTML may have {MOST_TAGS}: split it.")
    tree = parsed(markup)
    reader, blocks = _read(tree, _language(tree))
    title = _title(tree, blocks) or title_of(name)
    chapters, silent = audible(drafts(blocks, options), otherwise=title)
    return Document(
        title=title,
        author=next(filter(None, (_attribute(tree, author, "content") for author in _AUTHORS)), ""),
        language=reader.language,
        chapters=chapters,
        left_out=(
            *silent,
            *counted(reader.marks, "note or page mark"),
            *((f"parts of the page around its text: {reader.furniture}",) if reader.furniture else ()),
        ),
    )


def _decoded(data: bytes, name: str, options: ReaderOptions) -> str:
    declared = None if options.encoding else as_declared(data)
    return decode(data, name, options.encoding) if declared is None else declared


def _read(tree: LexborHTMLParser, language: str) -> tuple[Blocks, list[Block]]:
    """The blocks of the page's main part, or of the whole page if that has none."""
    for root in (_main(tree), tree.root):
        reader = Blocks(language=language, page=True)
        blocks = list(reader.walk(root))
        if any(block.text for block in blocks):
            break
    return reader, blocks


def _main(tree: LexborHTMLParser) -> LexborNode | None:
    """The element that the page marks as its text. Several articles are a list, and none of them is the text."""
    main = tree.css("main, [role=main]")
    articles = tree.css("article")
    return main[0] if main else articles[0] if len(articles) == 1 else tree.root


def _language(tree: LexborHTMLParser) -> str:
    stated = (_attribute(tree, where, name) for where in _LANGUAGE for name in ("lang", "xml:lang", "content"))
    return next(filter(None, stated), "").partition(",")[0].strip()


def _attribute(tree: LexborHTMLParser, where: str, name: str) -> str:
    node = tree.css_first(where)
    return clean(node.attributes.get(name) or "") if node is not None else ""


def _title(tree: LexborHTMLParser, blocks: list[Block]) -> str:
    """The only heading of the first level, else the <title>, which often names the site as well."""
    tops = [block.text for block in blocks if block.level == 1]
    node = tree.css_first("title")
    stated = clean(node.text()) if node is not None else ""
    return " ".join((tops[0] if len(tops) == 1 else stated).split())
