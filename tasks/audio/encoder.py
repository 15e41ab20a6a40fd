"""Encodes a book once, in constant memory, and checks its length before the file gets its name. Knows no parts."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chorus.errors import FarmError, OptionError
from chorus.files import whole_file
from chorus.request import FORMATS
from chorus.wav import WavWriter
from chorus.wire import SAMPLE_BYTES
from tasks.audio.book import BookMeta, frames_of


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """The result of an encode."""

    frames: int
    bytes: int
    """The size of the file."""
    sha256_pcm: str
    """The digest of the PCM that was encoded. It is the same for every format of a book."""


class _Meter:
    """Passes PCM on to an encoder, and counts and hashes it."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.frames = 0
        self.sha = hashlib.sha256()
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.frames += len(block) // SAMPLE_BYTES
            self.sha.update(block)
            yield block


def encode(blocks: Iterable[bytes], book: BookMeta, form: str, path: Path) -> Encoded:
    """Encode the blocks into a file. `path` stays as it was until the new file is complete."""
    with whole_file(path) as temporary:
        return encode_into(blocks, book, form, temporary)


def encode_into(blocks: Iterable[bytes], book: BookMeta, form: str, path: Path) -> Encoded:
    """The same for a caller who replaces the file itself, as a store's writer does. A full disk raises OSError."""
    if form not in FORMATS:
        raise OptionError(f"Format {form!r} is unknown: choose one of {', '.join(FORMATS)}.")
    meter = _Meter(blocks)
    announced = frames_of(book)
    if form == "wav":
        _write_wav(meter, announced, path)
    else:
        _compress(meter, book, form, path)
    if announced not in (None, meter.frames):
        lengths = f"The chapters add up to {announced} frames, the parts to {meter.frames}"
        raise FarmError(f"{lengths}: no {form} was made. Render the job again with --fresh.")
    return Encoded(frames=meter.frames, bytes=path.stat().st_size, sha256_pcm=meter.sha.hexdigest())


def _write_wav(blocks: Iterable[bytes], frames: int | None, path: Path) -> None:
    with path.open("w+b") as file, WavWriter(file, frames=frames) as wav:
        for block in blocks:
            wav.write(block)


def _compress(blocks: Iterable[bytes], book: BookMeta, form: str, path: Path) -> None:
    from tasks.audio.containers import RECIPES, mux  # noqa: PLC0415 - 17 MB of FFmpeg, which a voice worker never needs

    mux(blocks, book, RECIPES[form], path)
