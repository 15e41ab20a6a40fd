"""Reads PDF with pypdf: lines of pages, outline, metadata. Knows nothing of how lines become paragraphs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

from pypdf import Configuration, PdfReader, apply_configuration
from pypdf.errors import DependencyError
from pypdf.generic import Destination

from chorus.errors import SourceError
from tasks.documents import pages, sections
from tasks.documents.model import USUAL, Document, Draft, ReaderOptions, audible, clean, counted
from tasks.documents.pages import PageLine
from tasks.documents.pdf_lines import DAMAGE, Pages
from tasks.documents.plain import title_of

MOST_PDF_BYTES = 64 << 20
"""The most bytes of a file. Most of a large one is pictures, which are not read."""
MOST_PAGES = 5000
_LIMITS = Configuration(
    maximum_declared_stream_length=MOST_PDF_BYTES,
    array_based_stream_maximum_output_length=16 << 20,
    lzw_maximum_output_length=16 << 20,
    run_length_maximum_output_length=16 << 20,
    zlib_maximum_output_length=16 << 20,
    stream_decoding_work_maximum_length=32 << 20,
    stream_parsing_work_maximum_count=300_000,
    outline_maximum_entries=5000,
    outline_maximum_depth=20,
    page_tree_maximum_entries=4 * MOST_PAGES,
    page_tree_maximum_depth=50,
    xform_maximum_invocations_per_extraction=500,
)
_XREF_ENTRIES = 500_000
_PART = re.compile(r"(?:part|book|volume|teil|band|buch|partie|tome|livre|parte|libro|livro)\b", re.IGNORECASE)
_PROGRAMS = re.compile(r"^(?:Microsoft (?:Office )?Word|PowerPoint Presentation|Untitled)\s*-?\s*", re.IGNORECASE)
_FILE = re.compile(r".*\.(?:docx?|odt|rtf|tex|dvi|indd|qxd|pdf|ps|eps|pages|fm|wpd|txt)", re.IGNORECASE)
_HEADINGS = 2
"""At most this many of a chapter's first paragraphs may be its title."""
_NUMBER_CHARS = 12
_FEWEST_TITLE_CHARS = 4
"""A title shorter than this occurs by chance in many lines."""
_LEADERS = re.compile(r"(?:\.\s?){4,}\s*[\divxlc]+$")
"""The dots between a title and its page number."""
_NUMBERED_SHARE = 0.5
"""A list with page numbers at the end of fewer lines than this share is no table of contents."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _OutlineEntry:
    """One entry of the outline."""

    level: int
    title: str
    part: str
    page: int
    top_pt: float | None


def read(data: bytes, name: str, options: ReaderOptions = USUAL) -> Document:
    """The document in a PDF file."""
    if len(data) > MOST_PDF_BYTES:
        raise SourceError(f"{name} has {len(data) >> 20} MB; a PDF may have {MOST_PDF_BYTES >> 20}: split it.")
    with apply_configuration(_LIMITS):
        try:
            return _read(data, name, options)
        except DependencyError as error:
            # Alone pypdf opens only older ciphers, and cannot say whether this file needs a password.
            raise SourceError(f"{name} is encrypted with AES: print it to a new PDF, without a password.") from error


def _read(data: bytes, name: str, options: ReaderOptions) -> Document:
    try:
        reader = _opened(data, name)
        title, author, language = _about(reader)
        outline = list(_outline(reader))
        count = len(reader.pages)
    except DAMAGE as error:
        raise SourceError(f"{name} is damaged or no valid PDF: print it to a new PDF.") from error
    if count > MOST_PAGES:
        raise SourceError(f"{name} has {count} pages, more than {MOST_PAGES}: split it.")
    found = Pages(name=name)
    found.read(reader, count)
    return _document(found, outline, options, Document(title=title or title_of(name), author=author, language=language))


def _opened(data: bytes, name: str) -> PdfReader:
    reader = PdfReader(BytesIO(data), xref_stream_maximum_entries=_XREF_ENTRIES)
    # Many encrypted PDFs only forbid printing, and open with an empty password.
    if reader.is_encrypted and not reader.decrypt(""):
        raise SourceError(f"{name} is encrypted: save it without its password first.")
    return reader


def _about(reader: PdfReader) -> tuple[str, str, str]:
    """The title, author and language that the file states."""
    about = reader.metadata
    title = _PROGRAMS.sub("", clean(str(about.title or ""))) if about else ""
    author = clean(str(about.author or "")) if about else ""
    language = clean(str(reader.root_object.get("/Lang") or ""))
    return "" if _FILE.fullmatch(title) else title, author, language


def _outline(reader: PdfReader) -> Iterator[_OutlineEntry]:
    """The outline's entries, without recursion. An entry that leads to no page is left out."""
    waiting: list[tuple[int, Any]] = [(1, entry) for entry in reversed(reader.outline)]
    above: dict[int, str] = {}
    while waiting:
        level, entry = waiting.pop()
        if isinstance(entry, list):
            waiting += [(level + 1, one) for one in reversed(entry)]
            continue
        title, page = clean(str(entry.title or "")), reader.get_destination_page_number(entry)
        above[level] = title
        if title and page is not None and page >= 0:
            yield _OutlineEntry(level=level, title=title, part=above.get(level - 1, ""), page=page, top_pt=_top(entry))


def _top(entry: Destination) -> float | None:
    top = entry.top
    return float(top) if isinstance(top, int | float) else None


def _document(found: Pages, outline: list[_OutlineEntry], options: ReaderOptions, about: Document) -> Document:
    kept, furniture = pages.without_furniture(found.lines, frozenset(_headings(outline, found.lines)))
    chapters, silent = audible(_drafts(kept, _chapters(outline), about.title, options), otherwise=about.title)
    empty = sum(not page for page in found.lines) - len(found.damaged)
    return replace(
        about,
        chapters=chapters,
        left_out=(
            *silent,
            *((f"{furniture} headers, footers and page numbers",) if furniture else ()),
            *counted(found.marks, "note or page mark"),
            *((f"pages without text: {empty}",) if empty else ()),
            *((f"damaged pages: {', '.join(map(str, found.damaged))}",) if found.damaged else ()),
        ),
    )


def _headings(outline: list[_OutlineEntry], lines: Sequence[Sequence[PageLine]]) -> Iterator[PageLine]:
    """The lines to which the outline leads. They are never headers of a page, even at its top."""
    for entry in outline:
        page = lines[entry.page] if entry.page < len(lines) else ()
        yield from [line for line in page if _same(line.text, entry.title)][:1]


def _chapters(outline: list[_OutlineEntry]) -> list[_OutlineEntry]:
    """The entries of the outline's highest level, and of the second if the highest is the book or its parts."""
    tops = [entry for entry in outline if entry.level == 1]
    deepest = 2 if len(tops) == 1 or any(_PART.match(entry.title) for entry in tops) else 1
    return sorted((entry for entry in outline if entry.level <= deepest), key=lambda entry: entry.page)


def _drafts(
    kept: list[list[PageLine]], entries: list[_OutlineEntry], book: str, options: ReaderOptions
) -> Iterator[Draft]:
    """The chapters that the outline defines; one chapter if there is no outline."""
    lines = [line for page in kept for line in page]
    body, words = pages.body_size(lines), pages.words_of(lines)
    titles = sections.clear_titles([(entry.title, entry.part) for entry in entries], book)
    starts: dict[int, list[tuple[_OutlineEntry, str]]] = {}
    for entry, title in zip(entries, titles, strict=True):
        starts.setdefault(entry.page, []).append((entry, title))
    chapter = _Chapter()
    for number, page in enumerate(kept):
        text, notes = pages.notes_apart(page, body)
        places: dict[int, str] = {}
        for entry, title in starts.get(number, []):
            first = places.setdefault(_place(entry, text), title)
            if first == entry.part:
                places[_place(entry, text)] = sections.joined(first, title)
        for at, line in enumerate(text):
            if at in places:
                yield chapter.draft(words, options)
                chapter = _Chapter(title=places[at])
            chapter.lines.append(line)
        chapter.notes += notes
    yield chapter.draft(words, options)


def _place(entry: _OutlineEntry, lines: Sequence[PageLine]) -> int:
    """The index of a chapter's first line on its page: where the outline points, else its title, else the top."""
    if entry.top_pt is not None:
        below = [at for at, line in enumerate(lines) if line.y_pt <= entry.top_pt]
        return below[0] if below else 0
    return next((at for at, line in enumerate(lines) if _same(line.text, entry.title)), 0)


@dataclass(kw_only=True)
class _Chapter:
    """The lines of a chapter that is being collected."""

    title: str = ""
    lines: list[PageLine] = field(default_factory=list)
    notes: list[PageLine] = field(default_factory=list)

    def draft(self, words: Counter[str], options: ReaderOptions) -> Draft:
        """The chapter as paragraphs, with its notes at the end."""
        draft = Draft(title=self.title, kind=self._kind(), options=options)
        texts = list(pages.paragraphs(self.lines, words))
        listed = _listed(texts)
        for at, text in enumerate(texts):
            kind, heading = "contents" if listed[at] else "", at < _HEADINGS and _same(text, self.title)
            draft.add(text, heading=heading, kind=kind, continued=at > 0 and listed[at - 1])
        for paragraph in pages.paragraphs(self.notes, words):
            draft.add(paragraph, kind="notes")
        return draft

    def _kind(self) -> str:
        kind = sections.of_title(self.title)
        numbered = sum(line.text[-1:].isdecimal() for line in self.lines)
        return "" if kind == "contents" and numbered < _NUMBERED_SHARE * len(self.lines) else kind


def _listed(texts: list[str]) -> list[bool]:
    """For each paragraph, whether it is an entry or the heading of a printed table of contents."""
    dotted = [bool(_LEADERS.search(text)) for text in texts]
    heads = [after and sections.of_title(text) == "contents" for text, after in zip(texts, dotted[1:], strict=False)]
    return [here or head for here, head in zip(dotted, [*heads, False], strict=False)]


def _same(line: str, title: str) -> bool:
    """Whether a line is this title, with or without its number."""
    said, stated = (re.sub(r"\W+", "", text).casefold() for text in (line, title))
    longer, shorter = max(said, stated, key=len), min(said, stated, key=len)
    if len(shorter) < _FEWEST_TITLE_CHARS:
        return bool(shorter) and said == stated
    return shorter in longer and len(longer) - len(shorter) <= _NUMBER_CHARS
