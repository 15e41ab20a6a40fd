"""Documents in, chapters out: which reader a file wants, and the sentence for one that no reader takes."""

import re
from collections.abc import Callable
from pathlib import PurePath

from chorus import reading
from chorus.bundle import packed
from chorus.errors import SourceError
from chorus.request import Request
from tasks.documents import bundle, epub, markdown, plain, ssml
from tasks.documents.model import USUAL, Chapter, Document, Paragraph, Wanted, select

__all__ = ["MOST_TEXT_BYTES", "Chapter", "Document", "Paragraph", "Wanted", "read", "select", "wanted"]

Reader = Callable[[bytes, str, Wanted], Document]

_TEXT_READERS: dict[str, Reader] = {".md": markdown.read, ".markdown": markdown.read, ".ssml": ssml.read}
_ZIP = b"PK\x03\x04"
_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "an old Word document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
)
_MARKDOWN = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,1000}(?:#{1,6} \S|```|---\r?\n[a-z]{1,20}:)")
MOST_TEXT_BYTES = 8 << 20
"""Of a text or Markdown file: some one and a half million words."""
_REMEDY = "give an EPUB, Markdown or plain text file."


def wanted(request: Request) -> Wanted:
    """What a request asks of its reader."""
    return Wanted(
        skip=reading.skipped(request.skip),
        speak=reading.also_spoken(request.speak),
        encoding=reading.encoding(request.encoding),
    )


def read(data: bytes, name: str, wanted: Wanted = USUAL) -> Document:
    """The document in a file, or SourceError: chosen by the name's ending, else by what the bytes are."""
    if not data:
        raise SourceError(f"{name} is empty: {_REMEDY}")
    document = _reader(data, name)(data, name, wanted)
    if document.chapters:
        return document
    beside = f" beside what is left out, {'; '.join(document.left_out)}" if document.left_out else ""
    raise SourceError(f"{name} holds no text that could be spoken{beside}: {_REMEDY}")


def _read_part(data: bytes, name: str, wanted: Wanted) -> Document:
    if packed(data):
        raise SourceError(f"{name} is a bundle inside a bundle: name its documents instead.")
    return read(data, name, wanted)


def _reader(data: bytes, name: str) -> Reader:
    if packed(data):
        return lambda data, name, wanted: bundle.read(data, name, wanted, _read_part)
    ending = PurePath(name).suffix.lower()
    # What is called an EPUB is opened as one, so that a damaged one is called damaged.
    if ending == ".epub" or data.startswith(_ZIP):
        return epub.read
    for mark, what in _OTHERS:
        if data.startswith(mark):
            raise SourceError(f"{name} is {what}: {_REMEDY}")
    if len(data) > MOST_TEXT_BYTES:
        raise SourceError(f"{name} has {len(data) >> 20} MB; a text may have {MOST_TEXT_BYTES >> 20}: split it.")
    if ending in _TEXT_READERS:
        return _TEXT_READERS[ending]
    if ssml.looks(data):
        return ssml.read
    # Standard input has no ending; a text file's says that its signs are text.
    return markdown.read if not ending and _MARKDOWN.match(data) else plain.read
