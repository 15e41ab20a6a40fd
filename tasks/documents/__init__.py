"""Reads documents into chapters: chooses the reader for a file, or names why there is none. Knows nothing of speech."""

import re
from collections.abc import Callable
from pathlib import PurePath

from chorus import reading
from chorus.bundle import packed
from chorus.errors import SourceError
from chorus.request import Request
from chorus.screen_text import printable
from tasks.documents import bundled, epub, labels, markdown, plain, signatures, ssml, web
from tasks.documents.model import USUAL, Chapter, Document, Paragraph, ReaderOptions, select

__all__ = ["MOST_TEXT_BYTES", "Chapter", "Document", "Paragraph", "ReaderOptions", "read", "reader_options", "select"]

Reader = Callable[[bytes, str, ReaderOptions], Document]


def _pdf(data: bytes, name: str, options: ReaderOptions) -> Document:
    from tasks.documents import pdf  # noqa: PLC0415 -- 0.3 s of a start that seldom needs it

    return pdf.read(data, name, options)


def _word(data: bytes, name: str, options: ReaderOptions) -> Document:
    from tasks.documents import word  # noqa: PLC0415 -- 0.2 s, likewise

    return word.read(data, name, options)


# A file called .epub is opened as an EPUB whatever its bytes are, so that a damaged one is reported as damaged.
_READERS: dict[str, Reader] = {".epub": epub.read, ".pdf": _pdf, ".docx": _word, ".docm": _word}
_ZIP, _WORD_PART = b"PK\x03\x04", b"word/document.xml"
_BY_MARK: tuple[tuple[bytes, Reader], ...] = (
    (b"%PDF", _pdf),
    (b"\xd0\xcf\x11\xe0", _word),
    (_ZIP, epub.read),
)
_TEXT_READERS: dict[str, Reader] = {
    ".md": markdown.read, ".markdown": markdown.read,
    ".ssml": ssml.read,
    ".html": web.read, ".htm": web.read, ".xhtml": web.read,
}  # fmt: skip
_MARKDOWN = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,1000}(?:#{1,6} \S|```|---\r?\n[a-z]{1,20}:)")
MOST_TEXT_BYTES = 8 << 20
"""The most bytes of a text or Markdown file: about one and a half million words."""
_NAMED = 10
"""At most this many things that are left out are named in an error."""
_REMEDY = "give an EPUB, PDF, Word, HTML, Markdown or plain text file."


def reader_options(request: Request) -> ReaderOptions:
    """The options of a request that a reader needs."""
    return ReaderOptions(
        skip=reading.skipped(request.skip),
        speak=reading.also_spoken(request.speak),
        encoding=reading.encoding(request.encoding),
    )


def read(data: bytes, name: str, options: ReaderOptions = USUAL) -> Document:
    """The document in a file; SourceError if none can be read. The bytes' signature or the name's ending says how."""
    name = printable(name)
    if not data:
        raise SourceError(f"{name} is empty: {_REMEDY}")
    try:
        document = labels.labelled(_reader(data, name)(data, name, options), name)
    except SourceError as error:
        raise SourceError(labels.sentence(str(error))) from error
    if document.chapters:
        return document
    left_out = document.left_out[:_NAMED] + (("and more",) if len(document.left_out) > _NAMED else ())
    beside = f" beside what is left out, {'; '.join(left_out)}" if left_out else ""
    raise SourceError(labels.sentence(f"{name} holds no text that could be spoken{beside}: {_REMEDY}"))


def _read_part(data: bytes, name: str, options: ReaderOptions) -> Document:
    if packed(data):
        raise SourceError(f"{name} is a bundle inside a bundle: name its documents instead.")
    return read(data, name, options)


def _reader(data: bytes, name: str) -> Reader:
    if packed(data):
        return lambda data, name, options: bundled.read(data, name, options, _read_part)
    ending = PurePath(name).suffix.lower()
    # The names of an archive's members are not compressed, so they can be found in its bytes.
    if data.startswith(_ZIP) and (_WORD_PART in data or _READERS.get(ending) is _word):
        return _word
    if what := signatures.archived(data) if data.startswith(_ZIP) and ending != ".epub" else signatures.named(data):
        raise SourceError(f"{name} is {what}: {_REMEDY}")
    by_mark = (reader for mark, reader in _BY_MARK if data.startswith(mark))
    if reader := next(by_mark, None) or _READERS.get(ending):
        return reader
    if len(data) > MOST_TEXT_BYTES:
        raise SourceError(f"{name} has {len(data) >> 20} MB; a text may have {MOST_TEXT_BYTES >> 20}: split it.")
    return _TEXT_READERS.get(ending) or _by_looks(data, ending)


def _by_looks(data: bytes, ending: str) -> Reader:
    if ssml.looks(data):
        return ssml.read
    if web.looks(data):
        return web.read
    # Text from standard input has no ending and may be Markdown. A file called .txt is plain text whatever is in it.
    return markdown.read if not ending and _MARKDOWN.match(data) else plain.read
