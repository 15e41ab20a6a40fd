"""Documents in, chapters out: which reader a file wants, and the sentence for one that no reader takes."""

import re
from collections.abc import Callable
from pathlib import PurePath

from chorus import reading
from chorus.bundle import packed
from chorus.errors import SourceError
from chorus.request import Request
from tasks.documents import bundled, epub, markdown, plain, ssml, web
from tasks.documents.model import USUAL, Chapter, Document, Paragraph, ReaderOptions, select

__all__ = ["MOST_TEXT_BYTES", "Chapter", "Document", "Paragraph", "ReaderOptions", "read", "select", "wanted"]

Reader = Callable[[bytes, str, ReaderOptions], Document]


def _pdf(data: bytes, name: str, wanted: ReaderOptions) -> Document:
    from tasks.documents import pdf  # noqa: PLC0415 -- 0.3 s of a start that mostly does without

    return pdf.read(data, name, wanted)


def _word(data: bytes, name: str, wanted: ReaderOptions) -> Document:
    from tasks.documents import word  # noqa: PLC0415 -- 0.2 s, likewise

    return word.read(data, name, wanted)


# What is called an EPUB is opened as one, so that a damaged one is called damaged.
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
_OTHERS = (
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
)
_MARKDOWN = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,1000}(?:#{1,6} \S|```|---\r?\n[a-z]{1,20}:)")
MOST_TEXT_BYTES = 8 << 20
"""Of a text or Markdown file: some one and a half million words."""
_REMEDY = "give an EPUB, PDF, Word, HTML, Markdown or plain text file."


def wanted(request: Request) -> ReaderOptions:
    """What a request asks of its reader."""
    return ReaderOptions(
        skip=reading.skipped(request.skip),
        speak=reading.also_spoken(request.speak),
        encoding=reading.encoding(request.encoding),
    )


def read(data: bytes, name: str, wanted: ReaderOptions = USUAL) -> Document:
    """The document in a file, or SourceError: chosen by the name's ending, else by what the bytes are."""
    if not data:
        raise SourceError(f"{name} is empty: {_REMEDY}")
    document = _reader(data, name)(data, name, wanted)
    if document.chapters:
        return document
    beside = f" beside what is left out, {'; '.join(document.left_out)}" if document.left_out else ""
    raise SourceError(f"{name} holds no text that could be spoken{beside}: {_REMEDY}")


def _read_part(data: bytes, name: str, wanted: ReaderOptions) -> Document:
    if packed(data):
        raise SourceError(f"{name} is a bundle inside a bundle: name its documents instead.")
    return read(data, name, wanted)


def _reader(data: bytes, name: str) -> Reader:
    if packed(data):
        return lambda data, name, wanted: bundled.read(data, name, wanted, _read_part)
    ending = PurePath(name).suffix.lower()
    # The members' names stand in an archive as they are.
    if data.startswith(_ZIP) and (_WORD_PART in data or _READERS.get(ending) is _word):
        return _word
    by_mark = (reader for mark, reader in _BY_MARK if data.startswith(mark))
    if reader := next(by_mark, None) or _READERS.get(ending):
        return reader
    for mark, what in _OTHERS:
        if data.startswith(mark):
            raise SourceError(f"{name} is {what}: {_REMEDY}")
    if len(data) > MOST_TEXT_BYTES:
        raise SourceError(f"{name} has {len(data) >> 20} MB; a text may have {MOST_TEXT_BYTES >> 20}: split it.")
    return _TEXT_READERS.get(ending) or _by_looks(data, ending)


def _by_looks(data: bytes, ending: str) -> Reader:
    if ssml.looks(data):
        return ssml.read
    if web.looks(data):
        return web.read
    # Standard input has no ending; a text file's says that its signs are text.
    return markdown.read if not ending and _MARKDOWN.match(data) else plain.read
