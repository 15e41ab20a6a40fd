"""Reads a cover picture: its format and size, and its form in an Ogg comment. Knows nothing of books."""

import base64
import io
import struct
from dataclasses import dataclass

import av
from av.error import FFmpegError

from chorus.errors import OptionError

_MAGIC = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png"}
_CODECS = {"jpeg": "mjpeg", "png": "png"}
_FRONT_COVER = 3
_BITS_PER_PIXEL = 24


@dataclass(frozen=True, kw_only=True)
class Cover:
    """A picture that was decoded without an error."""

    data: bytes
    kind: str
    """`jpeg` or `png`."""
    width: int
    height: int

    @property
    def codec(self) -> str:
        """FFmpeg's name of its codec."""
        return _CODECS[self.kind]

    def vorbis_comment(self) -> str:
        """The FLAC picture block in base64, as an Ogg comment stores it."""
        mime = f"image/{self.kind}".encode()
        head = struct.pack(f">II{len(mime)}sI", _FRONT_COVER, len(mime), mime, 0)
        size = struct.pack(">IIIII", self.width, self.height, _BITS_PER_PIXEL, 0, len(self.data))
        return base64.b64encode(head + size + self.data).decode()


def read_cover(data: bytes) -> Cover:
    """The cover in these bytes; OptionError if it is neither JPEG nor PNG, or damaged."""
    kind = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), "")
    if not kind:
        raise OptionError("The cover is neither JPEG nor PNG: convert it, or render without a cover.")
    try:
        with av.open(io.BytesIO(data), "r", format=f"{kind}_pipe") as image:
            picture = next(image.decode(video=0))
    except (FFmpegError, StopIteration, IndexError) as error:
        raise OptionError(f"The cover is a damaged {kind.upper()}: replace it, or render without a cover.") from error
    return Cover(data=data, kind=kind, width=picture.width, height=picture.height)
