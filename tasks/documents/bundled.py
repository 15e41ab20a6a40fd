"""Reads several documents, packed by chorus.bundle into one source, as one document. Knows no file format."""

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace

from chorus.bundle import MIMETYPE
from chorus.errors import OptionError, SourceError
from chorus.languages import normalise
from tasks.documents.model import Chapter, Document, Mark, ReaderOptions

_VOLUME = re.compile(r" #[\d.]+\Z")
Reader = Callable[[bytes, str, ReaderOptions], Document]


def read(data: bytes, name: str, options: ReaderOptions, read_one: Reader) -> Document:
    """The documents in a bundle as one document. An error in one of them names it."""
    parts = [(part, read_one(each, part, options)) for part, each in _parts(data, name)]
    if not parts:
        raise SourceError(f"{name} holds no documents: name at least one.")
    documents = [document for _, document in parts]
    language = _common([document.language for document in documents])
    covered = next((document for document in documents if document.cover), documents[0])
    authors = dict.fromkeys(document.author for document in documents if document.author)
    return Document(
        title=documents[0].title,
        author=", ".join(authors),
        series=_series([document.series for document in documents]),
        language=language,
        cover=covered.cover,
        cover_type=covered.cover_type,
        chapters=tuple(
            chapter if language else _in(document.language, chapter)
            for document in documents
            for chapter in document.chapters
        ),
        left_out=tuple(f"{part}: {left_out}" for part, document in parts for left_out in document.left_out),
    )


def _parts(data: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if info.compress_type != zipfile.ZIP_STORED:
                    raise SourceError(f"{name} is no bundle that Chorus packed: name the documents in it instead.")
                if info.filename != MIMETYPE:
                    yield posixpath.basename(info.filename), archive.read(info)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise SourceError(f"{name} is damaged: submit its documents again.") from error


def _series(stated: list[str]) -> str:
    """The series of all documents that state one; for several volumes of one series its name without a number."""
    wholes = list(dict.fromkeys(filter(None, stated)))
    names = list(dict.fromkeys(_VOLUME.sub("", series) for series in wholes))
    return wholes[0] if len(wholes) == 1 else names[0] if len(names) == 1 else ""


def _common(languages: list[str]) -> str:
    """The language of all documents, as the first one states it; empty if one states none, or another."""
    return languages[0] if all(languages) and len(set(map(_code, languages))) == 1 else ""


def _code(language: str) -> str:
    try:
        return normalise(language)
    except OptionError:
        return language.lower()


def _in(language: str, chapter: Chapter) -> Chapter:
    if not language:
        return chapter
    whole = Mark(start=0, end=len(chapter.text), kind="language", value=language)
    return replace(chapter, marks=(whole, *chapter.marks))
