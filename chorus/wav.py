"""Writes WAV with correct sizes, to files and to pipes. Knows nothing of where the PCM comes from.

PCM here is always s16le mono 24 kHz.
"""

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from chorus.errors import FarmError
from chorus.files import whole_file
from chorus.wire import RATE_HZ, SAMPLE_BYTES

_UNKNOWN = 0xFFFFFFFF
_SHORT_BYTES, _LONG_BYTES = 44, 80
_FORMAT = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
_COPY_BYTES = 1 << 20


def is_long(frames: int) -> bool:
    """Whether so many frames need more than the 32-bit sizes of RIFF."""
    return frames * SAMPLE_BYTES + _SHORT_BYTES - 8 > _UNKNOWN


def wav_header(frames: int) -> bytes:
    """The exact header for so many frames: 44 bytes of RIFF, or 80 of RF64 where the sizes need 64 bits."""
    return _long_header(frames) if is_long(frames) else _short_header(frames)


def streaming_header() -> bytes:
    """The header for a pipe whose length is not known yet: both sizes mean 'until the end'."""
    return struct.pack("<4sI4s", b"RIFF", _UNKNOWN, b"WAVE") + _FORMAT + struct.pack("<4sI", b"data", _UNKNOWN)


def _short_header(frames: int) -> bytes:
    data = frames * SAMPLE_BYTES
    return (
        struct.pack("<4sI4s", b"RIFF", _SHORT_BYTES - 8 + data, b"WAVE") + _FORMAT + struct.pack("<4sI", b"data", data)
    )


def _long_header(frames: int) -> bytes:
    data = frames * SAMPLE_BYTES
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, _LONG_BYTES - 8 + data, data, frames, 0)
    return struct.pack("<4sI4s", b"RF64", _UNKNOWN, b"WAVE") + sizes + _FORMAT + struct.pack("<4sI", b"data", _UNKNOWN)


class WavWriter:
    """Writes the header, then PCM as it comes. A stream that can seek gets its exact sizes at the end; a pipe cannot.

    If the length is known beforehand, `frames` makes the header exact from the start, in a pipe too.
    """

    def __init__(self, stream: BinaryIO, *, frames: int | None = None) -> None:
        self.frames = 0
        self._stream = stream
        self._announced = frames
        self._start = stream.tell() if stream.seekable() else None
        self._header_bytes = 0

    def __enter__(self) -> Self:
        header = streaming_header() if self._announced is None else wav_header(self._announced)
        self._header_bytes = len(header)
        self._stream.write(header)
        return self

    def write(self, pcm: bytes) -> None:
        """Append whole samples."""
        if len(pcm) % SAMPLE_BYTES:
            raise FarmError(f"{len(pcm)} bytes of PCM end within a sample: write whole ones.")
        self._stream.write(pcm)
        self.frames += len(pcm) // SAMPLE_BYTES

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Also after an error: what was written until then can be played, if the caller keeps it.
        if self._start is not None:
            self._settle(self._start)
        self._stream.flush()
        if error is None and self._announced not in (None, self.frames) and self._start is None:
            raise FarmError(
                f"The header announced {self._announced} frames, but {self.frames} were written: write as many."
            )

    def _settle(self, start: int) -> None:
        """Write the header with the final sizes. If RIFF became RF64, move the audio to make room for it."""
        header = _long_header(self.frames) if self._header_bytes == _LONG_BYTES else wav_header(self.frames)
        end = start + self._header_bytes + self.frames * SAMPLE_BYTES
        grown = len(header) - self._header_bytes
        if grown:
            _move_up(self._stream, start=start + self._header_bytes, end=end, by=grown)
        self._stream.seek(start)
        self._stream.write(header)
        self._stream.seek(end + grown)


def _move_up(stream: BinaryIO, *, start: int, end: int, by: int) -> None:
    """Move the bytes from `start` to `end` by `by`, the last block first, so that none is overwritten unread."""
    while end > start:
        at = max(start, end - _COPY_BYTES)
        stream.seek(at)
        block = stream.read(end - at)
        stream.seek(at + by)
        stream.write(block)
        end = at


@contextlib.contextmanager
def wav_file(path: Path, *, frames: int | None = None) -> Iterator[WavWriter]:
    """A WAV file with exact sizes that is complete or absent."""
    with whole_file(path) as temporary, temporary.open("r+b") as stream, WavWriter(stream, frames=frames) as writer:
        yield writer
