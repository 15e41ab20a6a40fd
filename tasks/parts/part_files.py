"""Writes and reads parts: about a minute of finished audio as FLAC, and a sidecar that describes it.

The sidecar is written last: if it exists, the part is complete. A job's ledger can be rebuilt from sidecars alone.
Knows nothing of the ledger.
"""

import io
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import soundfile

from broker.store import Store, epoch_key, part_key, sidecar_key
from chorus.errors import FarmError
from chorus.screen_text import printable
from chorus.wire import RATE_HZ, SAMPLE_BYTES
from tasks.audio import BookChapter
from tasks.audio.pcm import digest, samples

VERSION = 1
LOUDNESS_FRAMES = RATE_HZ // 10
QUIETEST_DB = -90
_LONGEST_REASON = 200

Timing = tuple[str, float, float]


@dataclass(frozen=True, kw_only=True)
class SpokenSegment:
    """One segment with its audio, before it is written into a part."""

    number: int
    """Its number in the whole job."""
    pcm: bytes
    """Its audio with the pause after it; silence if it failed."""
    start: int
    """The offset of its first character in the chapter's text."""
    end: int
    """The offset after its last character."""
    text: str
    """The source text, for captions."""
    timings: tuple[Timing, ...] = ()
    """Per phoneme: symbol, start and end in seconds from the segment's start."""
    failed: bool = False
    """Whether it could not be spoken, so that its audio is silence."""


@dataclass(frozen=True, kw_only=True)
class PlacedSegment:
    """One segment as the sidecar lists it: a SpokenSegment with its place in the part instead of its audio."""

    number: int
    offset: int
    """Its first frame in the part."""
    frames: int
    start: int
    end: int
    text: str
    timings: tuple[Timing, ...]
    failed: bool


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """The description of one part."""

    version: int
    job: str
    epoch: int
    part: int
    chapter: int
    frames: int
    sha256: str
    """The digest of the part's PCM."""
    segments: tuple[PlacedSegment, ...]
    loudness_db: tuple[int, ...]
    """RMS of every tenth of a second in dB below full scale, at least -90."""

    def to_json(self) -> bytes:
        """As it is written into the store."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The sidecar in these bytes; FarmError if they are none, or come from a newer Chorus."""
        try:
            record = json.loads(data)
            version = int(record["version"])
            if version > VERSION:
                raise FarmError(f"A sidecar has version {version}, this Chorus reads {VERSION}: update Chorus here.")
            segments = tuple(_placed(segment) for segment in record.pop("segments"))
            return cls(**record | {"segments": segments, "loudness_db": tuple(record["loudness_db"])})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            why = printable(str(error))[:_LONGEST_REASON]
            raise FarmError(f"A sidecar in the store is damaged ({why}): render the job again with --fresh.") from error


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that was read from the store and verified."""

    sidecar: Sidecar
    pcm: bytes


def write_part(
    store: Store, job: str, epoch: int, part: int, *, chapter: int, segments: Sequence[SpokenSegment]
) -> Sidecar:
    """Write the segments in this order into the store: the FLAC first, then the sidecar."""
    pcm = b"".join(segment.pcm for segment in segments)
    sidecar = Sidecar(
        version=VERSION,
        job=job,
        epoch=epoch,
        part=part,
        chapter=chapter,
        frames=len(pcm) // SAMPLE_BYTES,
        sha256=digest(pcm),
        segments=tuple(_place(segments)),
        loudness_db=loudness_db(pcm),
    )
    store.write(part_key(job, epoch, part), to_flac(pcm))
    store.write(sidecar_key(job, epoch, part), sidecar.to_json())
    return sidecar


def has_part(store: Store, job: str, epoch: int, part: int) -> bool:
    """Whether this part is complete in the store."""
    return store.exists(sidecar_key(job, epoch, part))


def read_sidecar(store: Store, job: str, epoch: int, part: int) -> Sidecar:
    """The sidecar of one part."""
    return Sidecar.from_json(store.read(sidecar_key(job, epoch, part)))


def read_sidecars(store: Store, job: str, epoch: int) -> Iterator[Sidecar]:
    """The sidecars of all parts that were completed, in order."""
    for key in store.keys(epoch_key(job, epoch)):
        if "/part-" in key and key.endswith(".json"):
            yield Sidecar.from_json(store.read(key))


def read_part(store: Store, job: str, epoch: int, part: int) -> Part:
    """A verified part; FarmError if it is missing or does not match its sidecar."""
    sidecar = read_sidecar(store, job, epoch, part)
    key = part_key(job, epoch, part)
    pcm = from_flac(key, store.read(key))
    if digest(pcm) != sidecar.sha256:
        raise FarmError(
            f"{key} is damaged: its checksum does not match its sidecar. Render the job again with --fresh."
        )
    return Part(sidecar=sidecar, pcm=pcm)


def read_parts(store: Store, job: str, epoch: int, parts: Iterable[int]) -> Iterator[Part]:
    """The parts in order, each read when it is requested."""
    return (read_part(store, job, epoch, part) for part in parts)


def ahead(parts: Iterator[Part]) -> Iterator[Part]:
    """The same parts, each read while the one before is used. At most two are in memory."""
    with ThreadPoolExecutor(1, thread_name_prefix="chorus-read-ahead") as reader:
        coming = reader.submit(next, parts, None)
        while part := coming.result():
            coming = reader.submit(next, parts, None)
            yield part


def chapter_marks(sidecars: Iterable[Sidecar], titles: Sequence[str]) -> tuple[BookChapter, ...]:
    """Where each chapter lies in the finished audio. A chapter without audio is left out."""
    marks: list[BookChapter] = []
    start = 0
    for number, group in itertools.groupby(sidecars, key=lambda sidecar: sidecar.chapter):
        frames = sum(sidecar.frames for sidecar in group)
        if frames:
            marks.append(BookChapter(title=titles[number], start=start, frames=frames))
        start += frames
    return tuple(marks)


def loudness_db(pcm: bytes) -> tuple[int, ...]:
    """The loudness envelope of a sidecar: the RMS of every tenth of a second; the last one may be shorter."""
    wave = samples(pcm).astype(np.float64) / 32768
    starts = np.arange(0, wave.size, LOUDNESS_FRAMES)
    if not starts.size:
        return ()
    power = np.add.reduceat(wave * wave, starts) / np.diff(np.append(starts, wave.size))
    floor = 10 ** (QUIETEST_DB / 10)
    return tuple(int(level) for level in np.rint(10 * np.log10(np.maximum(power, floor))))


def _place(segments: Sequence[SpokenSegment]) -> Iterator[PlacedSegment]:
    offset = 0
    for segment in segments:
        frames = len(segment.pcm) // SAMPLE_BYTES
        yield PlacedSegment(
            number=segment.number,
            offset=offset,
            frames=frames,
            start=segment.start,
            end=segment.end,
            text=segment.text,
            timings=tuple((symbol, round(start, 3), round(end, 3)) for symbol, start, end in segment.timings),
            failed=segment.failed,
        )
        offset += frames


def _placed(record: dict[str, Any]) -> PlacedSegment:
    return PlacedSegment(**record | {"timings": tuple((str(s), float(a), float(b)) for s, a, b in record["timings"])})


def to_flac(pcm: bytes) -> bytes:
    """The audio as 16-bit mono FLAC; no bytes for no audio, because libsndfile writes no empty FLAC."""
    if not pcm:
        return b""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples(pcm), RATE_HZ, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def from_flac(key: str, data: bytes) -> bytes:
    """The PCM in a FLAC; FarmError, naming the key, if it cannot be decoded."""
    if not data:
        return b""
    try:
        wave, _ = soundfile.read(io.BytesIO(data), dtype="int16")
    except soundfile.LibsndfileError as error:
        raise FarmError(f"{key} is damaged ({error}): render the job again with --fresh.") from error
    return bytes(wave.astype("<i2").tobytes())
