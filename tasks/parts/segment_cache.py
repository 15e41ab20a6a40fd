"""What was spoken before, found again by all that makes its sound: on this machine's disk, and of live jobs in Redis.

A segment is kept without the pause behind it, which is the place's and not the words'. Knows no job.
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
"""To be counted up when the same model begins to be spoken with in another way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedSegment:
    """One segment as it was spoken, without its pause."""

    pcm: bytes
    timings: tuple[Timing, ...]

    def pack(self, *, small: bool) -> bytes:
        """A checksum, a line of JSON, and the sound: as FLAC where `small`, half the size for 3 ms per ten seconds."""
        head = json.dumps({"flac": small, "timings": self.timings}).encode()
        body = head + b"\n" + (to_flac(self.pcm) if small else self.pcm)
        return pcm.digest(body).encode() + b"\n" + body

    @classmethod
    def unpack(cls, data: bytes) -> "CachedSegment":
        """What was packed, verified; FarmError if it is not that."""
        checksum, _, body = data.partition(b"\n")
        if pcm.digest(body).encode() != checksum:
            raise FarmError("A kept segment is damaged: its checksum does not match.")
        line, _, sound = body.partition(b"\n")
        head = json.loads(line)
        timings = tuple((symbol, start, end) for symbol, start, end in head["timings"])
        return cls(pcm=from_flac("A kept segment", sound) if head["flac"] else sound, timings=timings)


def name_of(*, sound: str, voices_digest: str, voice: str, speed: float, phonemes: str) -> str:
    """The digest of all that makes a segment's sound. `voice` in its canonical spelling."""
    return digest(_VERSION, sound, voices_digest, voice, float(speed), phonemes)


class SegmentCache:
    """This process's way to what was kept, and its counts of what it found."""

    def __init__(self, disk: DiskCache, primers: Primers) -> None:
        self._disk = disk
        self._primers = primers
        self._counts = {"cache": {"hits": 0, "misses": 0, "damaged": 0}, "primer": {"hits": 0, "misses": 0}}
        self._lock = Lock()

    def find(self, name: str, *, primer: bool) -> tuple[CachedSegment, Source] | None:
        """What was kept, and where it was; a live job's first segment is looked for in Redis first."""
        if primer and (take := self._primer(name)):
            return take, "primer"
        take = self._kept(name)
        return (take, "cache") if take else None

    def keep(self, name: str, take: CachedSegment, *, found: Source | None, primer: bool) -> None:
        """Keep what was spoken, or found at one place only, where the next will look for it."""
        if found is None:
            self._disk.write(name, take.pack(small=True))
        if primer and found != "primer":
            self._primers.keep(name, take.pack(small=False))

    def counters(self) -> dict[str, dict[str, int]]:
        """Hits, misses and sizes since this process started, by cache."""
        with self._lock:
            told = {cache: dict(counts) for cache, counts in self._counts.items()}
        told["cache"] |= {"entries": self._disk.entries, "bytes": self._disk.size_bytes}
        told["primer"] |= {"entries": self._primers.entries}
        return told

    def _primer(self, name: str) -> CachedSegment | None:
        return self._opened("primer", self._primers.find(name))

    def _kept(self, name: str) -> CachedSegment | None:
        data = self._disk.read(name)
        take = self._opened("cache", data)
        if data is not None and take is None:
            self._disk.drop(name)
            self._count("cache", "damaged")
        return take

    def _opened(self, cache: Source, data: bytes | None) -> CachedSegment | None:
        """What is damaged counts as missing; it will be spoken, and kept, anew."""
        take = None
        if data is not None:
            try:
                take = CachedSegment.unpack(data)
            except FarmError:
                take = None
        self._count(cache, "misses" if take is None else "hits")
        return take

    def _count(self, cache: Source, what: str) -> None:
        with self._lock:
            self._counts[cache][what] += 1


_slot: list[SegmentCache] = []


def open_cache(settings: FarmSettings, primers: Primers) -> SegmentCache | None:
    """Fill this process's slot, unless nothing is to be kept."""
    _slot.clear()
    if settings.cache_bytes():
        disk = DiskCache(settings.store_folder() / FOLDER, most_bytes=settings.cache_bytes())
        disk.open()
        _slot[:] = [SegmentCache(disk, primers)]
    return current()


def current() -> SegmentCache | None:
    """This process's shelf; None: it keeps nothing."""
    return _slot[0] if _slot else None
