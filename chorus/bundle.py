"""Packs several documents into one source: an uncompressed archive, in their order. Knows no document format."""

import io
import zipfile
from collections.abc import Iterable
from typing import Final

MIMETYPE: Final = "mimetype"
MEDIA: Final = b"application/vnd.chorus.bundle"
MAGIC: Final = b"PK\x03\x04"
# The same documents must give the same bytes: the job's id is their digest.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(documents: Iterable[tuple[str, bytes]]) -> bytes:
    """The documents, each with its file name, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(MIMETYPE, _EPOCH), MEDIA)
        for number, (name, data) in enumerate(documents, 1):
            archive.writestr(zipfile.ZipInfo(f"{number}/{name}", _EPOCH), data)
    return buffer.getvalue()


def packed(data: bytes) -> bool:
    """Whether these bytes are an archive that `pack` made."""
    return data.startswith(MAGIC) and MEDIA in data[: len(MAGIC) + 100]
