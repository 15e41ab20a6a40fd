"""One final encode with constant memory, counted and verified before the file takes its name."""

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
    """What was made."""

    frames: int
    bytes: int
    """The file's size."""
    sha256_pcm: str
    """Of the sound that went in, equal for every format of one book."""


class _Meter:
    """Counts and hashes PCM on its way to an encoder."""

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
    """Make the file from PCM that is fetched as it is needed. Until it is whole, `path` stays as it was."""
    with whole_file(path) as temporary:
        return encode_into(blocks, book, form, temporary)


def encode_into(blocks: Iterable[bytes], book: BookMeta, form: str, path: Path) -> Encoded:
    """The same into a file that someone else makes whole, as a store's writer does; a full disk stays an OSError."""
    if form not in FORMATS:
        raise OptionError(f"Format {form!r} is unknown: choose one of {', '.join(FORMATS)}.")
    meter = _Meter(blocks)
    announced = frames_of(book)
    if form == "wav":
        _write_wav(meter, announced, path)
    else:
        _compress(meter, book, form, path)
    if announced not in (None, meter.frames):
        raise FarmError(f"The chapters announce {announced} frames, the parts hold {meter.frames}: no {form} was made.")
    return Encoded(frames=meter.frames, bytes=path.stat().st_size, sha256_pcm=meter.sha.hexdigest())


def _write_wav(blocks: Iterable[bytes], frames: int | None, path: Path) -> None:
    with path.open("w+b") as file, WavWriter(file, frames=frames) as wav:
        for block in blocks:
            wav.write(block)


def _compress(blocks: Iterable[bytes], book: BookMeta, form: str, path: Path) -> None:
    from tasks.audio.containers import RECIPES, mux  # noqa: PLC0415 - 17 MB of FFmpeg that a voice worker never needs

    mux(blocks, book, RECIPES[form], path)
