"""Puts a stream's chunks, which arrive in any order, back into the order of speech. Pure: no Redis, no clock.

The rules, with `next` the first place (segment, chunk) not yet handed out:

| what arrives                       | what happens                                                                  |
|------------------------------------|-------------------------------------------------------------------------------|
| audio before `next`, or held       | dropped: a redelivery                                                         |
| audio at `next`                    | handed out, and all that was waiting for it                                   |
| audio after `next`                 | held until its turn, within `limit_bytes`, else ReorderError                  |
| failure of a segment               | one entry that stands for the whole segment, at its place in the order        |
| audio and failure of one segment   | the first to arrive decides; the other is dropped                             |
| mark                               | handed out right before its segment's first entry; dropped when that is past, |
|                                    | and never waited for                                                          |
| end, of n segments                 | handed out once `next` is (n, 0): finished                                    |
| failure of the job (segment -1)    | handed out at once, and nothing after it: finished                            |
| anything, once finished            | dropped                                                                       |
| a segment cut in two ways, a place | WireError, and nothing is changed                                             |
| outside its segment or the end     |                                                                               |
"""

from typing import Final, NamedTuple

from chorus.errors import FarmError
from chorus.wire import Chunk, Kind, WireError

LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Far above the farm's window of unfreed audio, so that only a lost segment can reach it."""
ENTRY_BYTES: Final = 512
"""The memory that holding an entry takes besides its audio, about."""
JOB: Final = -1
"""The segment number of an entry that concerns the whole job."""


class ReorderError(FarmError):
    """Too much audio waits for a segment that has not arrived."""

    code = "reorder"


class Place(NamedTuple):
    """A place in the total order."""

    segment: int
    chunk: int


def after(chunk: Chunk) -> Place:
    """The place that follows this entry's."""
    if chunk.kind is Kind.END:
        return Place(chunk.segment, 0)
    if chunk.kind is Kind.FAILURE or chunk.chunk + 1 >= chunk.chunks:
        return Place(chunk.segment + 1, 0)
    return Place(chunk.segment, chunk.chunk + 1)


class Reassembler:
    """Push entries in any order, get those that became ready.

    `Reassembler(*other.state)` resumes behind what `other` handed out; push again what `other` still held.
    """

    def __init__(self, segment: int = 0, chunk: int = 0, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._next = Place(segment, chunk)
        self._limit_bytes = limit_bytes
        self._held: dict[int, dict[int, Chunk]] = {}
        self._marks: dict[int, dict[str, Chunk]] = {}
        self._held_bytes = 0
        self._counts: dict[int, int] = {}
        self._end: Chunk | None = None
        self._finished = False

    @property
    def state(self) -> Place:
        """The first place not yet handed out."""
        return self._next

    @property
    def finished(self) -> bool:
        """Whether the end, or the job's failure, was handed out."""
        return self._finished

    @property
    def holding(self) -> bool:
        """Whether anything waits here for its turn."""
        return bool(self._held or self._marks or self._end) and not self._finished

    def push(self, chunk: Chunk) -> list[Chunk]:
        """What became ready with this entry, in order."""
        if self._finished:
            return []
        if chunk.kind is Kind.FAILURE and chunk.segment == JOB:
            self._finish()
            return [chunk]
        if not self._is_new(chunk):
            return []
        self._hold(chunk)
        return self._ready()

    def missing(self) -> list[Place]:
        """The places known to be empty before something that is held. An unseen segment counts as its chunk 0."""
        if self._finished or not (self._held or self._end):
            return []
        stop = self._end.segment if self._end else max(self._held) + 1
        return [place for segment in range(self._next.segment, stop) for place in self._gaps(segment)]

    def _gaps(self, segment: int) -> list[Place]:
        held = self._held.get(segment, {})
        if _is_failure(held):
            return []
        start = self._next.chunk if segment == self._next.segment else 0
        count = max(self._counts.get(segment, 0), start + 1)
        return [Place(segment, chunk) for chunk in range(start, count) if chunk not in held]

    def _is_new(self, chunk: Chunk) -> bool:
        """Whether this entry was neither handed out nor is held; WireError if it contradicts the stream."""
        if chunk.segment < 0 or not 0 <= chunk.chunk < chunk.chunks:
            raise WireError(f"Entry {chunk.segment}.{chunk.chunk} of {chunk.chunks} chunks has no place in a stream.")
        if chunk.kind is Kind.END:
            return self._is_new_end(chunk)
        if self._end and chunk.segment >= self._end.segment and chunk.kind is not Kind.MARK:
            raise WireError(f"Segment {chunk.segment} arrived, but the stream ends after {self._end.segment} segments.")
        if chunk.kind is Kind.MARK:
            past = (chunk.segment, 0) < self._next
            return not past and chunk.text not in self._marks.get(chunk.segment, {})
        if chunk.kind is Kind.FAILURE:
            return (chunk.segment, 0) >= self._next and not self._held.get(chunk.segment)
        return self._is_new_audio(chunk)

    def _is_new_audio(self, chunk: Chunk) -> bool:
        held = self._held.get(chunk.segment, {})
        if chunk.order < self._next or chunk.chunk in held or _is_failure(held):
            return False
        if self._counts.get(chunk.segment, chunk.chunks) != chunk.chunks:
            known = self._counts[chunk.segment]
            raise WireError(f"Segment {chunk.segment} arrived cut into {known} chunks and into {chunk.chunks}.")
        return True

    def _is_new_end(self, chunk: Chunk) -> bool:
        if self._end and self._end.segment != chunk.segment:
            raise WireError(f"The stream ends after {self._end.segment} segments and after {chunk.segment}.")
        first_after = max([*self._held, self._next.segment - (self._next.chunk == 0)]) + 1
        if chunk.segment < first_after:
            raise WireError(f"The stream ends after {chunk.segment} segments, but segment {first_after - 1} arrived.")
        return self._end is None

    def _hold(self, chunk: Chunk) -> None:
        if chunk.kind is Kind.END:
            self._end = chunk
            return
        cost = len(chunk.pcm) + ENTRY_BYTES
        # An entry that is handed out at once is never held, so it passes even when the limit is reached.
        waits = chunk.order != self._next or chunk.kind is Kind.MARK
        if waits and self._held_bytes + cost > self._limit_bytes:
            raise ReorderError(
                f"Segment {self._next.segment} did not arrive while {self._held_bytes >> 20} MB of later audio waited "
                "for it: follow the job again, or look at its record for the cause."
            )
        self._held_bytes += cost
        if chunk.kind is Kind.MARK:
            self._marks.setdefault(chunk.segment, {})[chunk.text] = chunk
        else:
            self._held.setdefault(chunk.segment, {})[chunk.chunk if chunk.kind is Kind.AUDIO else 0] = chunk
            self._counts[chunk.segment] = chunk.chunks

    def _ready(self) -> list[Chunk]:
        ready: list[Chunk] = []
        while (chunk := self._take()) is not None:
            if self._next.chunk == 0:
                ready += self._take_marks(chunk.segment)
            ready.append(chunk)
            self._next = after(chunk)
            if self._next.chunk == 0:
                self._counts.pop(chunk.segment, None)
        if self._end and self._next == (self._end.segment, 0):
            ready += [*self._take_marks(self._end.segment), self._end]
            self._finish()
        return ready

    def _take(self) -> Chunk | None:
        held = self._held.get(self._next.segment, {})
        chunk = held.pop(self._next.chunk, None)
        if chunk is not None:
            self._held_bytes -= len(chunk.pcm) + ENTRY_BYTES
            if not held:
                del self._held[self._next.segment]
        return chunk

    def _take_marks(self, segment: int) -> list[Chunk]:
        marks = list(self._marks.pop(segment, {}).values())
        self._held_bytes -= sum(len(mark.pcm) + ENTRY_BYTES for mark in marks)
        return marks

    def _finish(self) -> None:
        self._finished = True
        self._held.clear()
        self._marks.clear()
        self._counts.clear()
        self._held_bytes = 0


def _is_failure(held: dict[int, Chunk]) -> bool:
    return 0 in held and held[0].kind is Kind.FAILURE
