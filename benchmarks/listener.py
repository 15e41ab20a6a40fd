"""Measures what a listener receives: the time to first sound, the arrival of chunks, and stalls of a player.

The first sound is the first sample louder than 0.1 % of full scale that the model spoke for this job. A header and
silence are skipped, and a job with audio from a cache is refused, since its time says nothing about speed.
"""

import array
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.first_sound import SILENCE
from benchmarks.sample_texts import VOICE
from chorus import Client, Kind
from chorus.records import JobRecord
from chorus.states import State
from chorus.wire import RATE_HZ, SAMPLE_BYTES

CACHED_SOURCES = ("cache", "primer")
_HEADERS = (b"RIFF", b"RF64")
_PAYLOAD = b"data"
_SIZE_BYTES = 4


class InvalidMeasurementError(Exception):
    """What was measured is not a valid first sound or speed."""


class FirstSoundDetector:
    """Takes bytes of s16le as they arrive, and records when the first sound arrived."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._first_s: float | None = None
        self._pending = b""
        self._past_header = False

    def feed(self, data: bytes, now_s: float) -> None:
        """Take more bytes of the stream, which arrived at `now_s`; they may end within a sample or a header."""
        if self._first_s is None:
            self._pending += data
            whole = self._payload()
            if loud(whole):
                self._first_s = now_s

    @property
    def has_sound(self) -> bool:
        """Whether the first sound has arrived."""
        return self._first_s is not None

    @property
    def first_ms(self) -> float:
        """Milliseconds from the start to the first sound; InvalidMeasurementError if there was none."""
        if self._first_s is None:
            raise InvalidMeasurementError("There was no sound: a header and silence do not count as a first sound.")
        return (self._first_s - self._began_s) * 1000

    def _payload(self) -> bytes:
        """The complete samples among the pending bytes, without the header."""
        if not self._past_header:
            if any(mark.startswith(self._pending[: len(mark)]) for mark in _HEADERS):
                _, found, rest = self._pending.partition(_PAYLOAD)
                if not found or len(rest) < _SIZE_BYTES:
                    return b""
                self._pending = rest[_SIZE_BYTES:]
            self._past_header = True
        whole = len(self._pending) // SAMPLE_BYTES * SAMPLE_BYTES
        samples, self._pending = self._pending[:whole], self._pending[whole:]
        return samples


def loud(pcm: bytes) -> bool:
    """Whether any sample is loud enough to be heard."""
    return any(abs(sample) > SILENCE for sample in array.array("h", pcm))


def require_spoken(record: JobRecord) -> JobRecord:
    """The job's record, if all its segments were spoken for it; else InvalidMeasurementError."""
    if record.state is not State.DONE or record.segments_failed:
        raise InvalidMeasurementError(
            f"Job {record.job} is {record.state} ({record.segments_failed} failed): {record.error}"
        )
    return require_uncached(record)


def require_uncached(record: JobRecord) -> JobRecord:
    """The job's record, if its audio so far was spoken for it and not cached; else InvalidMeasurementError."""
    if record.segments_cached or record.first_audio_from in CACHED_SOURCES:
        raise InvalidMeasurementError(
            f"Audio of job {record.job} came from a cache ({record.segments_cached} segments)."
        )
    if record.first_audio_ms is None:
        raise InvalidMeasurementError(f"Job {record.job} has no audio.")
    return record


@dataclass(frozen=True, kw_only=True)
class LiveRequest:
    """The times of one request, which was read to its end."""

    first_ms: float
    """From the submit to the first sound at the listener."""
    whole_ms: float
    """From the submit to the last chunk at the listener."""
    arrivals: tuple[tuple[float, float], ...]
    """For each chunk: seconds since the submit, and seconds of audio in it."""
    record: JobRecord


def listen(client: Client, text: str, *, live: bool = True) -> LiveRequest:
    """Submit a text and read it to the end; InvalidMeasurementError if audio came from a cache."""
    began_s = time.perf_counter()
    detector = FirstSoundDetector(began_s)
    job = client.submit(text, live=live, voice=VOICE).job
    arrivals = []
    with client.listen(job) as listener:
        for chunk in listener:
            now_s = time.perf_counter()
            if chunk.kind is Kind.AUDIO:
                detector.feed(chunk.pcm, now_s)
                arrivals.append((now_s - began_s, len(chunk.pcm) / SAMPLE_BYTES / RATE_HZ))
    whole_ms = (time.perf_counter() - began_s) * 1000
    record = require_spoken(client.wait(job))
    return LiveRequest(first_ms=detector.first_ms, whole_ms=whole_ms, arrivals=tuple(arrivals), record=record)


def first_sound_ms(client: Client, text: str) -> float:
    """Milliseconds from the submit to the first sound of a long text; its rest is cancelled."""
    began_s = time.perf_counter()
    detector = FirstSoundDetector(began_s)
    job = client.submit(text, live=True, voice=VOICE).job
    with client.listen(job) as listener:
        for chunk in listener:
            detector.feed(chunk.pcm, time.perf_counter())
            if detector.has_sound:
                break
    require_uncached(client.job(job))
    client.want(job, "cancelled")
    client.wait(job)
    return detector.first_ms


def underruns(arrivals: Sequence[tuple[float, float]], *, start_s: float) -> list[float]:
    """The stalls of a simulated player: for each, the seconds in which it had nothing to play. No sound card is needed.

    `arrivals` are the times of chunks and the seconds of audio in each. Playing begins when `start_s` of audio are
    there.
    """
    stalls = []
    plays_until_s: float | None = None
    waiting_s = 0.0
    for now_s, audio_s in arrivals:
        waiting_s += audio_s
        if plays_until_s is None and waiting_s < start_s:
            continue
        if plays_until_s is not None and now_s > plays_until_s:
            stalls.append(now_s - plays_until_s)
        plays_until_s = max(now_s, plays_until_s or now_s) + waiting_s
        waiting_s = 0.0
    return stalls
