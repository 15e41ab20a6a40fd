"""Every parser of something from outside, as a function of bytes, and the law that each must keep whatever they are.

The law: a parser returns, or raises a ChorusError whose message is one line, names what was read and says what to do.
"""

import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from chorus import lexicon, screen_text, wire
from chorus.checks import Damage
from chorus.errors import ChorusError
from chorus.records import JobRecord, Worker
from chorus.request import Request
from tasks import documents
from tasks.documents import pages
from tasks.documents.model import Document, select
from tasks.normalise import normalise
from tasks.parts.part_files import Sidecar
from tasks.segmenting.marks import Marks
from tasks.segmenting.sentences import sentences

NAME: Final = "hostile"
LONGEST_S: Final = 5.0
"""The most processor time for a few kilobytes."""
LONGEST_MESSAGE: Final = 1000
LANGUAGES: Final = ("en-us", "en-gb", "fr-fr", "es", "it", "pt-br", "hi", "ja", "zh")
SPACES: Final = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
PAGE: Final = "<html xmlns:epub='http://www.idpf.org/2007/ops'><body><h1>One</h1><p>First.</p></body></html>"
CONTAINER: Final = "<container><rootfiles><rootfile full-path='b.opf'/></rootfiles></container>"
PACKAGE: Final = (
    "<package><metadata><title>T</title></metadata><manifest><item id='n' href='nav.xhtml' "
    "media-type='application/xhtml+xml' properties='nav'/><item id='x' href='t.ncx' "
    "media-type='application/x-dtbncx+xml'/><item id='1' href='1.xhtml' media-type='application/xhtml+xml'/>"
    "<item id='2' href='2.xhtml' media-type='application/xhtml+xml'/></manifest>"
    "<spine toc='x'><itemref idref='1'/><itemref idref='2'/></spine></package>"
)
BOOK: Final[Mapping[str, str]] = {
    "META-INF/container.xml": CONTAINER, "b.opf": PACKAGE, "1.xhtml": PAGE, "2.xhtml": PAGE.replace("One", "Two"),
}  # fmt: skip


class LawBrokenError(AssertionError):
    """A parser did something else than to return or to raise a sentence."""


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """An archive of these members, not compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in members.items():
            archive.writestr(path, content)
    return out.getvalue()


def in_book(member: str) -> Callable[[bytes], None]:
    """Reads a book with these bytes as one of its members."""
    return lambda data: read(zipped({**BOOK, member: data}), ".epub")


def _in_word(member: str) -> Callable[[bytes], None]:
    return lambda data: read(_word(member, data), ".docx")


def _word(member: str, data: bytes) -> bytes:
    import docx  # noqa: PLC0415 -- slow, and only this needs it

    if not _WORD:
        package, out = docx.Document(), io.BytesIO()
        package.add_paragraph("Some text.")
        package.save(out)
        with zipfile.ZipFile(out) as archive:
            _WORD.update({name: archive.read(name) for name in archive.namelist()})
    return zipped({**_WORD, member: data})


_WORD: dict[str, bytes] = {}


def read(data: bytes, ending: str) -> None:
    """Reads a document, and asks for what is asked of every document."""
    document = documents.read(data, f"{NAME}{ending}")
    _check(document)


def _check(document: Document) -> None:
    """What the rest of Chorus relies on."""
    for chapter in document.chapters:
        length = len(chapter.text)
        for paragraph in chapter.paragraphs():
            _require(0 <= paragraph.start <= paragraph.end <= length, "a paragraph outside its chapter")
        for mark in chapter.marks:
            _require(0 <= mark.start <= mark.end <= length, "a mark outside its chapter")
        Marks(chapter)
        chapter.text.encode()
    shown = (document.title, document.author, document.series, document.language, *document.left_out)
    for text in (*shown, *(chapter.title for chapter in document.chapters)):
        text.encode()
        _require(screen_text.escaped(text) == text, f"a title that is {text!r}")
    select(document, "1-")


def _furniture(data: bytes) -> None:
    """Lines of a PDF's pages: five bytes for their places, and the rest of a line for the text."""
    lines: list[list[pages.PageLine]] = []
    for number, page in enumerate(data.split(b"\f")[:20]):
        lines.append([])
        for line in page.split(b"\n")[:40]:
            if text := pages.plain(line[3:].decode("utf-8", "replace")):
                x, y, size = (*line[:3], 0, 0, 0)[:3]
                lines[-1].append(pages.PageLine(text=text, page=number, x_pt=x * 2.0, y_pt=y * 4.0, size_pt=size / 4))
    kept, _removed = pages.without_furniture(lines)
    body = pages.body_size(line for page in kept for line in page)
    texts, notes = zip(*(pages.notes_apart(page, body) for page in kept), strict=True)
    whole = [line for page in texts for line in page]
    words = pages.words_of(whole)
    "".join(pages.paragraphs(whole, words))
    "".join(pages.paragraphs([line for page in notes for line in page], Counter(words)))


def _lexicon(ending: str) -> Callable[[bytes], None]:
    def parse(data: bytes) -> None:
        lexicon.entries(lexicon.parsed(Path(f"{NAME}{ending}"), data.decode("utf-8", "replace")))

    return parse


def _wire(data: bytes) -> None:
    parts = data.split(b"\xff")
    wire.decode(dict(zip(parts[::2], parts[1::2], strict=False)))


def _record(data: bytes) -> None:
    parts = data.split(b"\xff")
    record = JobRecord.from_fields(NAME, dict(zip(parts[::2], parts[1::2], strict=False)))
    record.to_json().encode()


def _worker(data: bytes) -> None:
    try:
        Worker.from_json(data).to_json()
    except Damage as error:
        raise ChorusError(f"{NAME}: {error}") from error


def _request(data: bytes) -> None:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(told, dict) and all(isinstance(value, str) for value in told.values()):
        Request.from_json(json.dumps(told)).to_json().encode()


def _normalise(data: bytes) -> None:
    if data:
        text = data[1:].decode("utf-8", "replace")
        language, heading = LANGUAGES[data[0] % len(LANGUAGES)], data[0] > 127
        reading = normalise(text, language, heading=heading)
        _require(all(0 <= part.source.start <= part.source.end <= len(text) for part in reading.stretches), "a source")


def _sentences(data: bytes) -> None:
    if data:
        text = data[1:].decode("utf-8", "replace")
        ends = 0
        for span in sentences(text, 0, len(text), LANGUAGES[data[0] % len(LANGUAGES)]):
            _require(span.start >= ends and not text[ends : span.start].strip(), "a character in no sentence")
            ends = span.end
        _require(not text[ends:].strip(), "a character behind all sentences")


def _require(held: object, what: str) -> None:
    if not held:
        raise LawBrokenError(what)


PARSERS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "container": in_book("META-INF/container.xml"),
    "package": in_book("b.opf"),
    "nav": in_book("nav.xhtml"),
    "ncx": in_book("t.ncx"),
    "page": in_book("1.xhtml"),
    "encryption": in_book("META-INF/encryption.xml"),
    "archive": lambda data: read(data, ".epub"),
    "html": lambda data: read(data, ".html"),
    "ssml": lambda data: read(data, ".ssml"),
    "markdown": lambda data: read(data, ".md"),
    "text": lambda data: read(data, ".txt"),
    "unnamed": lambda data: read(data, ""),
    "word": _in_word("word/document.xml"),
    "styles": _in_word("word/styles.xml"),
    "properties": _in_word("docProps/core.xml"),
    "relations": _in_word("word/_rels/document.xml.rels"),
    "pdf": lambda data: read(data, ".pdf"),
    "furniture": _furniture,
    "toml": _lexicon(".toml"),
    "json": _lexicon(".json"),
    "pls": _lexicon(".pls"),
    "wire": _wire,
    "record": _record,
    "worker": _worker,
    "request": _request,
    "sidecar": lambda data: _ignore(Sidecar.from_json(data)),
    "normalise": _normalise,
    "sentences": _sentences,
}
_NAMED: Final = frozenset(PARSERS) - {"wire", "sidecar", "request", "furniture", "normalise", "sentences"}
"""Those whose input has a name."""


def _ignore(_value: object) -> None: ...


def check(parser: str, data: bytes) -> None:
    """Give a parser these bytes; LawBrokenError, or whatever it raised, if it does not keep the law."""
    began_s = time.process_time()
    try:
        PARSERS[parser](data)
    except ChorusError as error:
        said = str(error)
        _require(said and screen_text.escaped(said) == said, f"a message of several lines: {said!r}")
        _require(len(said) <= LONGEST_MESSAGE, f"a message of {len(said)} characters")
        _require(parser not in _NAMED or NAME in said, f"a message without the name: {said!r}")
    taken_s = time.process_time() - began_s
    _require(taken_s < LONGEST_S or len(data) > 1 << 16, f"{taken_s:.1f} s for {len(data)} bytes")


def corpus() -> Iterable[tuple[str, Path]]:
    """What broke the law once, by the parser's name."""
    for path in sorted((Path(__file__).parent / "corpus").glob("*/*")):
        yield path.parent.name, path
