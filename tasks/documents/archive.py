"""Reads an untrusted zip archive in memory and within limits, or refuses it in one sentence. Knows nothing of EPUB.

No more of a member is unpacked than the size that it declares, so the checks before reading hold for false sizes too.
"""

import codecs
import io
import lzma
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from lxml import etree

from chorus.errors import SourceError
from tasks.documents import charsets
from tasks.documents.tolerant import MOST_TAGS

MOST_MEMBERS = 20_000
MOST_MEMBER_BYTES = 32 << 20
MOST_MARKUP_BYTES = 10 << 20
"""The most bytes of one markup document. Parsed, it takes about twenty times as much memory; a long novel has 4 MB."""
MOST_BYTES = 64 << 20
"""The most bytes of all members that are read."""
MOST_TAGS_TOGETHER = 600_000
"""The most tags of all documents; two million words have about as many."""
_MOST_RATIO = 200
_RATIO_FROM_BYTES = 4 << 20
"""Below this size a high compression ratio is harmless, and blank pages have one."""
_PASSWORD = 0x1
_ENCRYPTION = "META-INF/encryption.xml"
# With these algorithms only fonts are obfuscated, and the text can be read.
_FONTS_ONLY = frozenset(("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"))
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARED = (
    re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']"""),
    re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE),
)
_HEAD_BYTES = 2048


class Archive:
    """The members of one archive, by their path inside it."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._left_bytes = MOST_BYTES
        self._left_tags = MOST_TAGS_TOGETHER
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGE as error:
            raise SourceError(
                f"{name} is damaged or incomplete: its archive cannot be opened. Fetch it again."
            ) from error
        infos = self._zip.infolist()
        if len(infos) > MOST_MEMBERS:
            raise SourceError(f"{name} holds {len(infos)} files, more than {MOST_MEMBERS}: split it.")
        named = (info for info in infos if info.filename and not info.is_dir())
        self._members = {posixpath.normpath(info.filename): info for info in named}
        self._refuse_protection()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def names(self) -> tuple[str, ...]:
        """The members' paths, without `./` and `x/../`."""
        return tuple(self._members)

    def has(self, path: str) -> bool:
        """Whether a member has this path."""
        return path in self._members

    def read(self, path: str, *, most_bytes: int = MOST_MEMBER_BYTES) -> bytes:
        """A member's bytes; SourceError if it is damaged or too large."""
        info = self._members[path]
        bomb = info.file_size > _RATIO_FROM_BYTES and info.file_size > _MOST_RATIO * info.compress_size
        if bomb or info.file_size > min(most_bytes, self._left_bytes):
            size = f"{path} in it would unpack to {info.file_size >> 20} MB"
            raise SourceError(f"{self.name} is too large: {size}. Split it.")
        if info.flag_bits & _PASSWORD:
            raise SourceError(f"{self.name} is encrypted with a password: unlock it first.")
        try:
            data = self._zip.read(info)
        except _DAMAGE as error:
            raise SourceError(
                f"{self.name} is damaged: {path} inside it cannot be unpacked. Fetch it again."
            ) from error
        self._left_bytes -= len(data)
        return data

    def expect(self, paths: Iterable[str]) -> None:
        """SourceError, before anything is read, if these members are too large together."""
        total = sum(self._members[path].file_size for path in paths)
        if total > MOST_BYTES:
            raise SourceError(
                f"{self.name} is too large: its documents would unpack to {total >> 20} MB together. Split it."
            )

    def text(self, path: str) -> str:
        """The text of a markup member, in the encoding that it declares."""
        text = decoded(self.read(path, most_bytes=MOST_MARKUP_BYTES))
        tags = text.count("<")
        self._left_tags -= tags
        if tags > MOST_TAGS or self._left_tags < 0:
            raise SourceError(f"{self.name} has too many elements to be read ({path}: {tags} tags): split it.")
        return text

    def tree(self, path: str) -> etree._Element | None:
        """The root of an XML member that describes others; None if it cannot be parsed."""
        data = self.read(path, most_bytes=MOST_MARKUP_BYTES)
        tags = data.count(b"<")
        if tags > MOST_TAGS_TOGETHER:
            raise SourceError(f"{self.name} has too many elements to be read ({path}: {tags} tags): split it.")
        return xml(data)

    def _refuse_protection(self) -> None:
        if not self.has(_ENCRYPTION):
            return
        tree = self.tree(_ENCRYPTION)
        nodes = () if tree is None else tree.iter("{*}EncryptionMethod")
        if tree is None or any(node.get("Algorithm") not in _FONTS_ONLY for node in nodes):
            raise SourceError(
                f"{self.name} is encrypted (DRM): only its seller's programs can open it, use one without."
            )


def xml(data: bytes) -> etree._Element | None:
    """The root of an XML file, read without entities or network; None if it cannot be parsed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, LookupError, ValueError):
        return None


def decoded(data: bytes) -> str:
    """Markup as text, in the encoding that it declares, else in UTF-8, else in cp1252."""
    text = as_declared(data)
    if text is not None:
        return text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def as_declared(data: bytes) -> str | None:
    """Markup in the encoding of its byte order mark or of the charset that it declares; None if neither works."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    for pattern in _DECLARED:
        match = pattern.search(data[:_HEAD_BYTES])
        if match and (codec := charsets.codec(match[1].decode("ascii"))):
            try:
                return data.decode(codec)
            except UnicodeDecodeError:
                continue
    return None
