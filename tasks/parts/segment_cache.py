"""The cache of spoken segments: on this machine's disk, and for the first words of live jobs in Redis.

A segment's key is the digest of everything that determines its audio. It is kept without the pause after it, which
depends on its place in a job. Knows nothing of jobs.
"""

import json
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from broker.cache import FOLDER, DiskCache, digest
from broker.primers import Primers
from broker.settings import FarmSettings
from chorus.errors import FarmError
from tasks.audio import pcm
from tasks.parts.part_files import Timing, from_flac, to_flac

Source = Literal["primer", "cache"]

_VERSION = 1
"""Increase it when the same model begins to give other audio for the same phonemes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedSegment:
    """One spoken segment without the pause after it."""

    pcm: bytes
    timings: tuple[Timing, ...]

    def pack(self, *, small: bool) -> bytes:
        """A checksum, a line of JSON, and the audio. FLAC if `small`: half the size, 3 ms per ten seconds of audio."""
        head = json.dumps({"flac": small, "timings": self.timings}).encode()
        body = head + b"\n" + (to_flac(self.pcm) if small else self.pcm)
        return pcm.digest(body).encode() + b"\n" + body

    @classmethod
    def unpack(cls, data: bytes) -> "CachedSegment":
        """The segment that was packed; FarmError if the bytes are damaged."""
        checksum, _, body = data.partition(b"\n")
        if pcm.digest(body).encode() != checksum:
            raise FarmError("A cached segment is damaged: its checksum does not match, delete it.")
        line, _, sound = body.partition(b"\n")
        head = json.loads(line)
        timings = tuple((symbol, start, end) for symbol, start, end in head["timings"])
        return cls(pcm=from_flac("A cached segment", sound) if head["flac"] else sound, timings=timings)


def name_of(*, sound: str, voices_digest: str, voice: str, speed: float, phonemes: str, samples: str = "") -> str:
    """A segment's key: the digest of all that determines its audio. `voice` must have its canonical spelling.

    `samples`: of the worker, where the job wants the same ones each time; else any that sound alike will do.
    """
    return digest(_VERSION, sound, voices_digest, voice, float(speed), phonemes, *filter(None, (samples,)))


class SegmentCache:
    """Finds and keeps segments on disk and in Redis, and counts hits and misses of this process."""

    def __init__(self, disk: DiskCache, primers: Primers) -> None:
        self._disk = disk
        self._primers = primers
        self._counts = {"cache": {"hits": 0, "misses": 0, "damaged": 0}, "primer": {"hits": 0, "misses": 0}}
        self._lock = Lock()

    def find(self, name: str, *, primer: bool) -> tuple[CachedSegment, Source] | None:
        """A cached segment and where it was. For a live job's first segment, Redis is asked first."""
        if primer and (segment := self._in_redis(name)):
            return segment, "primer"
        segment = self._on_disk(name)
        return (segment, "cache") if segment else None

    def keep(self, name: str, segment: CachedSegment, *, found: Source | None, primer: bool) -> None:
        """Store a segment where the next job will look for it, unless it was found there."""
        if found is None:
            self._disk.write(name, segment.pack(small=True))
        if primer and found != "primer":
            self._primers.keep(name, segment.pack(small=False))

    def counters(self) -> dict[str, dict[str, int]]:
        """Hits and misses since this process started, and the sizes, by cache."""
        with self._lock:
            counters = {cache: dict(counts) for cache, counts in self._counts.items()}
        counters["cache"] |= {"entries": self._disk.entries, "bytes": self._disk.size_bytes}
        counters["primer"] |= {"entries": self._primers.entries}
        return counters

    def _in_redis(self, name: str) -> CachedSegment | None:
        return self._unpacked("primer", self._primers.find(name))

    def _on_disk(self, name: str) -> CachedSegment | None:
        data = self._disk.read(name)
        segment = self._unpacked("cache", data)
        if data is not None and segment is None:
            self._disk.drop(name)
            self._count("cache", "damaged")
        return segment

    def _unpacked(self, cache: Source, data: bytes | None) -> CachedSegment | None:
        """The segment, or None. A damaged one counts as a miss: it is spoken and stored again."""
        segment = None
        if data is not None:
            try:
                segment = CachedSegment.unpack(data)
            except FarmError:
                segment = None
        self._count(cache, "misses" if segment is None else "hits")
        return segment

    def _count(self, cache: Source, what: str) -> None:
        with self._lock:
            self._counts[cache][what] += 1


_slot: list[SegmentCache] = []


def open_cache(settings: FarmSettings, primers: Primers) -> SegmentCache | None:
    """Open this process's cache; None if the settings switch it off."""
    _slot.clear()
    if settings.cache_bytes():
        disk = DiskCache(settings.store_folder() / FOLDER, most_bytes=settings.cache_bytes())
        disk.open()
        _slot[:] = [SegmentCache(disk, primers)]
    return current()


def current() -> SegmentCache | None:
    """This process's cache; None if it keeps nothing."""
    return _slot[0] if _slot else None
