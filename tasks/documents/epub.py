"""Reads EPUB 2 and 3: makes chapters from the reading order and the table of contents. Knows nothing of markup.

Nothing is unpacked to disk, and nothing outside the archive is opened.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chorus.errors import SourceError
from tasks.documents import contents, sections
from tasks.documents.archive import Archive
from tasks.documents.blocks import Block, kind_of
from tasks.documents.contents import ContentsEntry
from tasks.documents.html import Blocks, primary
from tasks.documents.model import USUAL, Document, Draft, ReaderOptions, audible, counted
from tasks.documents.opf import Package, package
from tasks.documents.plain import title_of


def read(data: bytes, name: str, options: ReaderOptions = USUAL) -> Document:
    """The document in an EPUB file."""
    with Archive(data, name) as archive:
        book = package(archive)
        if not book.spine:
            raise SourceError(f"{name} lists no documents to read in its package file: it is damaged, fetch it again.")
        archive.expect(item.path for item in book.spine)
        found = contents.entries(archive.tree(book.contents), book) if archive.has(book.contents) else []
        blocks = Blocks(
            language=next(iter(book.languages), ""), others=frozenset(primary(one) for one in book.languages)
        )
        drafts = list(_drafts(_slices(archive, book, found, blocks), options))
        cover = _cover(archive, book)
    title = book.title or title_of(name)
    chapters, silent = audible(drafts, otherwise=title)
    return Document(
        title=title,
        author=book.author,
        series=book.series,
        language=blocks.language,
        cover=cover,
        cover_type=book.cover.media if book.cover and cover else "",
        chapters=chapters,
        left_out=(*book.left_out, *silent, *counted(blocks.marks, "note or page mark")),
    )


def _cover(archive: Archive, book: Package) -> bytes | None:
    """The cover's picture; None if there is none or it cannot be read."""
    if book.cover is None or not archive.has(book.cover.path):
        return None
    try:
        return archive.read(book.cover.path)
    except SourceError:
        book.left_out.append("the cover (damaged, or too large)")
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Slice:
    """A part of one document, between two entries of the table of contents."""

    blocks: list[Block]
    kind: str
    title: str
    starts: bool
    """Whether a chapter begins here, according to the table of contents."""


def _slices(archive: Archive, book: Package, found: list[ContentsEntry], reader: Blocks) -> Iterator[_Slice]:
    starts: dict[str, list[ContentsEntry]] = {}
    for one in found:
        starts.setdefault(one.path, []).append(one)
    for item in book.spine:
        blocks = list(reader.read(archive.text(item.path)))
        places = _places(starts.get(item.path, []), blocks)
        whole = book.kinds.get((item.path, "")) or sections.of_path(item.path)
        cuts = sorted({0, *places})
        for start, end in zip(cuts, [*cuts[1:], len(blocks)], strict=True):
            entry = places.get(start)
            stated = book.kinds.get((item.path, entry.anchor)) if entry else ""
            named = sections.of_title(entry.title) if entry else ""
            yield _Slice(
                blocks=blocks[start:end],
                kind=kind_of(blocks[start:end], stated or (whole if len(cuts) == 1 else "") or named),
                title=entry.title if entry else "",
                starts=entry is not None or (not found and start == 0),
            )


def _places(entries: list[ContentsEntry], blocks: list[Block]) -> dict[int, ContentsEntry]:
    """The entries of the table of contents, by the index of the block before which they start."""
    at = {anchor: index for index, block in reversed(list(enumerate(blocks))) for anchor in block.anchors}
    places: dict[int, ContentsEntry] = {}
    for entry in entries:
        # A link to a missing anchor leads to the beginning of its document.
        place = at.get(entry.anchor, 0)
        first = places.setdefault(place, entry)
        if first is not entry and first.title == entry.part and (not entry.anchor or entry.anchor in at):
            places[place] = replace(entry, title=sections.joined(first.title, entry.title))
    return places


def _drafts(slices: Iterator[_Slice], options: ReaderOptions) -> Iterator[Draft]:
    """The chapters of the table of contents. A section of a kind of its own, such as notes, is always one alone."""
    draft = Draft(options=options)
    for part in slices:
        if part.starts or part.kind != draft.kind:
            if draft.paragraphs or draft.title or draft.left_out:
                yield draft
            draft = Draft(options=options, title=part.title, kind=part.kind)
        for block in part.blocks:
            kind = "" if block.kind == draft.kind else block.kind
            draft.add(block.runs, heading=block.level > 0, kind=kind, continued=block.continued)
    yield draft
