"""Reads DOCX with python-docx, within limits: its properties, and chapters by headings. Knows nothing of the XML."""

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import docx
from docx.exceptions import PythonDocxError
from docx.opc.exceptions import OpcError
from lxml import etree

from chorus.errors import SourceError
from tasks.documents.archive import Archive, xml
from tasks.documents.headings import drafts
from tasks.documents.model import USUAL, Document, ReaderOptions, audible, clean, counted
from tasks.documents.plain import title_of
from tasks.documents.word_numbering import Lists
from tasks.documents.wordml import Words
from tasks.documents.wordstyles import Styles, W

if TYPE_CHECKING:
    from docx.document import Document as Package

MOST_PARTS = 1000
MOST_XML_BYTES = 16 << 20
"""The most bytes of all parts. Word takes about twenty bytes for a letter, and a novel has half a million letters."""
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_XML = (".xml", ".rels")
_NOTES = ("footnotes", "endnotes")
_NOBODY = frozenset(("python-docx", "Microsoft Office User", "Windows User", "User", "Admin", "Administrator"))
"""Names that programs write if the author is unknown."""
# For a damaged package python-docx raises its own errors, those of lxml, and those of its attribute and key look-ups
# where a part is missing or has another element than expected.
_DAMAGE = (
    PythonDocxError,
    OpcError,
    etree.LxmlError,
    SyntaxError,
    zipfile.BadZipFile,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def read(data: bytes, name: str, options: ReaderOptions = USUAL) -> Document:
    """The document in a Word file."""
    if data.startswith(_OLE):
        protected = _ENCRYPTED in data
        what = "is encrypted with a password" if protected else "is an old Word document"
        remedy = "save it without one first" if protected else "save it as .docx"
        raise SourceError(f"{name} {what}: {remedy}.")
    with Archive(data, name) as archive:
        slim = _slim(archive)
    try:
        package = docx.Document(slim)
        about, body = package.core_properties, package.element.body
        words = Words(
            styles=Styles.of(_part(package, "styles")),
            lists=Lists.of(_part(package, "numbering")),
            notes=dict(_notes(package)),
            language=clean(about.language or ""),
        )
        blocks = list(words.read(body))
        title, author = clean(about.title or "") or words.title, clean(about.author or "")
    except _DAMAGE as error:
        raise SourceError(f"{name} is damaged or no Word document: save it again as .docx.") from error
    title = " ".join(title.split()) or title_of(name)
    chapters, silent = audible(drafts(blocks, options), otherwise=title)
    return Document(
        title=title,
        author="" if author in _NOBODY else author,
        language=words.language,
        chapters=chapters,
        left_out=(*silent, *counted(words.marks, "note mark")),
    )


def _slim(archive: Archive) -> io.BytesIO:
    """The package with empty pictures, fonts and objects, which are not needed and which python-docx would unpack."""
    if len(archive.names()) > MOST_PARTS:
        raise SourceError(f"{archive.name} holds {len(archive.names())} parts, more than {MOST_PARTS}: split it.")
    slim = io.BytesIO()
    left_bytes = MOST_XML_BYTES
    with zipfile.ZipFile(slim, "w") as out:
        for path in archive.names():
            part = archive.read(path, most_bytes=left_bytes) if path.lower().endswith(_XML) else b""
            left_bytes -= len(part)
            out.writestr(path, part)
    slim.seek(0)
    return slim


def _part(package: "Package", kind: str) -> etree._Element | None:
    """The part of the document with this kind of relation, read without entities or network."""
    for relation in package.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(f"/{kind}"):
            return xml(relation.target_part.blob)
    return None


def _notes(package: "Package") -> Iterator[tuple[tuple[str, str], etree._Element]]:
    for kind in _NOTES:
        tree = _part(package, kind)
        for note in () if tree is None else tree:
            # The separator lines between text and notes are stored as notes of another type.
            if isinstance(note.tag, str) and note.get(f"{W}type") in {None, "normal"}:
                yield (kind, note.get(f"{W}id") or ""), note
