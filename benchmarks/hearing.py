"""What counts as a first sound, and how a listener's is measured.

It is the first sample louder than 0.1 % of full scale that a model has just spoken for this job. A header is passed
over, silence waited through, and audio that was spoken before is refused: its time is nobody's speed.
"""

import array
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.first_sound import SILENCE
from benchmarks.wording import VOICE
from chorus import Client, Kind
from chorus.records import JobRecord
from chorus.states import State
from chorus.wire import RATE_HZ, SAMPLE_BYTES

SAID_BEFORE = ("cache", "primer")
_HEADERS = (b"RIFF", b"RF64")
_PAYLOAD = b"data"
_SIZE_BYTES = 4


class RefusedError(Exception):
    """What was timed is no first sound, or no speed."""


class Ear:
    """Given bytes of s16le as they arrive, it knows when the first sound did."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._heard_s: float | None = None
        self._pending = b""
        self._sounding = False

    def hear(self, data: bytes, now_s: float) -> None:
        """Some more of the stream, at this moment; pieces may end within a sample, or within a header."""
        if self._heard_s is None:
            self._pending += data
            whole = self._payload()
            if loud(whole):
                self._heard_s = now_s

    @property
    def heard(self) -> bool:
        """Whether there was a sound yet."""
        return self._heard_s is not None

    @property
    def first_ms(self) -> float:
        """From the beginning to the first sound; RefusedError if there was none."""
        if self._heard_s is None:
            raise RefusedError("Nothing was heard: a header and silence are no first sound.")
        return (self._heard_s - self._began_s) * 1000

    def _payload(self) -> bytes:
        """The whole samples among what is pending, without the header."""
        if not self._sounding:
            if any(mark.startswith(self._pending[: len(mark)]) for mark in _HEADERS):
                _, found, rest = self._pending.partition(_PAYLOAD)
                if not found or len(rest) < _SIZE_BYTES:
                    return b""
                self._pending = rest[_SIZE_BYTES:]
            self._sounding = True
        whole = len(self._pending) // SAMPLE_BYTES * SAMPLE_BYTES
        samples, self._pending = self._pending[:whole], self._pending[whole:]
        return samples


def loud(pcm: bytes) -> bool:
    """Whether anything can be heard in it."""
    return any(abs(sample) > SILENCE for sample in array.array("h", pcm))


def require_spoken(record: JobRecord) -> JobRecord:
    """The job's record, if every segment of it was spoken, now and for it; else RefusedError."""
    if record.state is not State.DONE or record.segments_failed:
        raise RefusedError(f"Job {record.job} is {record.state} ({record.segments_failed} failed): {record.error}")
    return require_anew(record)


def require_anew(record: JobRecord) -> JobRecord:
    """The job's record, if what is heard of it so far was spoken now and for it; else RefusedError."""
    if record.segments_cached or record.first_audio_from in SAID_BEFORE:
        raise RefusedError(f"{record.segments_cached} segments of job {record.job} were spoken before.")
    if record.first_audio_ms is None:
        raise RefusedError(f"Nothing can be heard in job {record.job}.")
    return record


@dataclass(frozen=True, kw_only=True)
class Live:
    """One live request, heard to its end."""

    first_ms: float
    """From the submit to the first sound, at the listener."""
    whole_ms: float
    """To the last chunk."""
    arrivals: tuple[tuple[float, float], ...]
    """Of each chunk: seconds since the submit, and seconds of audio in it."""
    record: JobRecord


def listen(client: Client, text: str, *, live: bool = True) -> Live:
    """Submit, listen to the end, and refuse what was not spoken now."""
    began_s = time.perf_counter()
    ear = Ear(began_s)
    job = client.submit(text, live=live, voice=VOICE).job
    arrivals = []
    with client.listen(job) as listener:
        for chunk in listener:
            now_s = time.perf_counter()
            if chunk.kind is Kind.AUDIO:
                ear.hear(chunk.pcm, now_s)
                arrivals.append((now_s - began_s, len(chunk.pcm) / SAMPLE_BYTES / RATE_HZ))
    whole_ms = (time.perf_counter() - began_s) * 1000
    record = require_spoken(client.wait(job))
    return Live(first_ms=ear.first_ms, whole_ms=whole_ms, arrivals=tuple(arrivals), record=record)


def first_sound_ms(client: Client, text: str) -> float:
    """Milliseconds from the submit to the first sound of a long text, whose rest is cancelled."""
    began_s = time.perf_counter()
    ear = Ear(began_s)
    job = client.submit(text, live=True, voice=VOICE).job
    with client.listen(job) as listener:
        for chunk in listener:
            ear.hear(chunk.pcm, time.perf_counter())
            if ear.heard:
                break
    require_anew(client.job(job))
    client.want(job, "cancelled")
    client.wait(job)
    return ear.first_ms


def underruns(arrivals: Sequence[tuple[float, float]], *, start_s: float) -> list[float]:
    """Seconds that a player had nothing to play, each time, on its own clock: no card's, so that none is needed.

    `arrivals` are moments and the seconds of audio that came then; playing begins with the first `start_s` of audio.
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
