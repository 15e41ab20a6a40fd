"""How fast a job goes and how long it will still take, from looks at its record. Knows neither server nor terminal."""

import time
from collections import deque
from dataclasses import dataclass
from typing import Final, Literal, cast

from chorus.records import JobRecord
from chorus.states import State
from chorus.wire import RATE_HZ

WINDOW_S: Final = 120.0
"""Only the last two minutes count: workers come and go."""
LEAST_S: Final = 5.0
"""What was seen for less says nothing of the hours to come."""
_SAMPLE_S: Final = 2.0

Phase = Literal[
    "queued", "waiting", "reading", "speaking", "storing", "binding", "paused", "done", "failed", "cancelled"
]


def phase(record: JobRecord) -> Phase:
    """What a job is at: its state, and of a running one which of its stages."""
    if record.state is State.QUEUED:
        return "waiting" if record.waiting else "queued"
    if record.state is not State.RUNNING:
        return cast("Phase", record.state.value)
    if record.waiting:
        return "waiting"
    if not record.segments_planned:
        return "reading"
    if not record.request.format or not record.planned or segments_over(record) < record.segments_planned:
        return "speaking"
    return "binding" if record.parts_done >= record.parts_total else "storing"


def segments_over(record: JobRecord) -> int:
    """Segments that are spoken or given up."""
    return record.segments_done + record.segments_failed


def share(record: JobRecord) -> float:
    """How much of the text is spoken or, while it is bound, how much of the audio is in the file: 0 to 1."""
    if record.state is State.DONE:
        return 1.0
    if phase(record) == "binding":
        return min(1.0, record.bound_frames / record.frames) if record.frames else 0.0
    return min(1.0, record.characters / record.characters_total) if record.characters_total else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """How fast a job goes. None: not known yet."""

    times_real_time: float | None = None
    """Seconds of audio spoken per second; what was reused does not count."""
    left_s: float | None = None
    """Until all is spoken or, while it is bound, until the file is written."""


class Pace:
    """How fast a job goes, by what was seen of it in the last two minutes; what was done before does not count."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, JobRecord]] = deque()
        self._stage: tuple[str, int, Phase] | None = None

    def look(self, record: JobRecord, *, idle: bool = False) -> Rates:
        """Take in how the job stands now. `idle`: nothing can move yet, so that this time does not count either."""
        stage, now_s = (record.job, record.epoch, phase(record)), time.monotonic()
        if stage != self._stage or idle:
            self._seen.clear()
        self._stage = stage
        if not self._seen or now_s - self._seen[-1][0] >= _SAMPLE_S:
            self._seen.append((now_s, record))
        while len(self._seen) > 1 and now_s - self._seen[1][0] >= WINDOW_S:
            self._seen.popleft()
        began_s, first = self._seen[0]
        if now_s - began_s < LEAST_S:
            return Rates()
        return _rates(first, record, now_s - began_s)


def _rates(first: JobRecord, record: JobRecord, elapsed_s: float) -> Rates:
    """What changed from one look at a job to another, as rates."""
    if phase(record) == "binding":
        return Rates(left_s=_bind_left_s(record, (record.bound_frames - first.bound_frames) / elapsed_s))
    frames = record.frames - first.frames
    spoken = frames - (record.frames_cached - first.frames_cached)
    return Rates(
        times_real_time=spoken / RATE_HZ / elapsed_s or None, left_s=_speaking_left_s(record, frames / elapsed_s)
    )


def average_left_s(record: JobRecord, now_ms: int) -> float | None:
    """How long a job will still take if it goes on as fast as on average so far; None while that is not known.

    `now_ms`: by the server's clock, as all times in the record.
    """
    if phase(record) == "binding" and record.bind_started_ms is not None:
        spent_s = (now_ms - record.bind_started_ms) / 1000
        return _bind_left_s(record, record.bound_frames / spent_s) if spent_s >= LEAST_S else None
    if phase(record) == "speaking" and record.running_since_ms is not None:
        spent_s = (record.active_ms + now_ms - record.running_since_ms) / 1000
        return _speaking_left_s(record, record.frames / spent_s) if spent_s >= LEAST_S else None
    return None


def _speaking_left_s(record: JobRecord, frames_per_s: float) -> float | None:
    """The rest of the text lasts as long, per character, as what is spoken."""
    if frames_per_s <= 0 or not record.characters or not record.characters_total or phase(record) != "speaking":
        return None
    left = max(0, record.characters_total - record.characters)
    return record.frames / record.characters * left / frames_per_s


def _bind_left_s(record: JobRecord, frames_per_s: float) -> float | None:
    return max(0, record.frames - record.bound_frames) / frames_per_s if frames_per_s > 0 else None
