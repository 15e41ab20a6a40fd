"""What lies between the farm and its readers: audio that nobody has fetched yet, hints that nobody has taken.

Reads the ledger and changes nothing in it; `chorus status` shows it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import redis

from broker import registry
from broker.hints import queues_of
from broker.scripts import resend_after_ms
from chorus import keys
from chorus.hearing import CURSOR_MS, Cursor
from chorus.keys import JobKeys
from chorus.records import JobRecord, Worker
from chorus.states import State
from chorus.wire import RATE_HZ


@dataclass(frozen=True, kw_only=True, slots=True)
class ListenerLag:
    """A listener of a job, as its cursor says."""

    name: str
    behind_segments: int
    """Segments published, and not yet handed to the listener."""
    silent_s: float
    """Since it last wrote its cursor, which expires after ten seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """One unfinished job's."""

    job: str
    state: str
    waiting: str
    """Why nothing moves, as a sentence; empty while something does."""
    segments_done: int
    segments_planned: int
    planned: bool
    """Whether no more segments will be planned."""
    under_way: int
    """Segments sent or being spoken; of a paused job, which sends nothing, those that are still being spoken."""
    held_s: float
    """Seconds of audio in Redis, until they are stored, or while somebody may want to hear them."""
    hint_wait_s: float
    """How long the oldest step that no worker has taken yet has waited since it was last sent; 0: there is none.

    A paused job's steps do not wait for a worker: none may take them until it is resumed.
    """
    readers: tuple[ListenerLag, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The whole farm's."""

    silent_s: Mapping[str, float]
    """Since each worker's last heartbeat, by worker id."""
    queues: Mapping[str, int]
    """Messages in each of Celery's queues that is not empty."""
    jobs: tuple[Backlog, ...]
    """Every job that is not over, the oldest first."""


def look(connection: "redis.Redis") -> Traffic:
    """All of it, as it is now."""
    workers = registry.read(connection).workers
    active = [name.decode() for name in cast("list[bytes]", connection.zrange(keys.ACTIVE, 0, -1))]
    told = (_job(connection, job) for job in active)
    return Traffic(
        silent_s=_silence(connection, workers),
        queues=_queues(connection, workers),
        jobs=tuple(job for job in told if job is not None),
    )


def _silence(connection: "redis.Redis", workers: Iterable[Worker]) -> dict[str, float]:
    """By the server's clock alone: every heartbeat lets the registration live ten seconds more."""
    lives = {one.id: connection.pttl(keys.worker(one.id)) for one in workers}
    return {name: keys.WORKER_S - left_ms / 1000 for name, left_ms in lives.items() if left_ms >= 0}


def _queues(connection: "redis.Redis", workers: Iterable[Worker]) -> dict[str, int]:
    lengths = {name: connection.llen(name) for name in sorted(queues_of(workers))}
    return {name: length for name, length in lengths.items() if length}


def _job(connection: "redis.Redis", job: str) -> Backlog | None:
    known = JobKeys(job)
    with connection.pipeline() as batch:
        batch.time()
        batch.hgetall(known.record)
        batch.hgetall(known.sends)
        batch.hkeys(known.owners)
        batch.zrange(known.segment_leases, 0, -1, withscores=True)
        batch.zrange(known.desk_leases, 0, -1, withscores=True)
        batch.hkeys(known.entries)
        batch.hgetall(known.readers)
        (seconds, micros), fields, sends, owned, segment_leases, desk_leases, published, cursors = batch.execute()
    if not fields:
        return None
    record, now_ms = JobRecord.from_fields(job, fields), seconds * 1000 + micros / 1000
    runs = record.state is State.RUNNING
    spoken = [step for step, deadline_ms in segment_leases if step in owned and deadline_ms > now_ms]
    return Backlog(
        job=job,
        state=record.state,
        waiting=record.waiting,
        segments_done=record.segments_done,
        segments_planned=record.segments_planned,
        planned=record.planned,
        under_way=len(segment_leases if runs else spoken),
        held_s=record.frames_held / RATE_HZ,
        hint_wait_s=_oldest_hint_s(sends, dict(segment_leases) | dict(desk_leases), now_ms) if runs else 0.0,
        readers=_readers(cursors, {int(number) for number in published}, now_ms),
    )


def _oldest_hint_s(sends: Mapping[bytes, bytes], deadlines: Mapping[bytes, float], now_ms: float) -> float:
    """A claim clears how often its step was sent, so each step named there still waits."""
    waits = (
        now_ms - (deadlines[step] - resend_after_ms(int(times))) for step, times in sends.items() if step in deadlines
    )
    return max(0.0, max(waits, default=0.0)) / 1000


def _readers(cursors: Mapping[bytes, bytes], published: set[int], now_ms: float) -> tuple[ListenerLag, ...]:
    found: list[ListenerLag] = []
    for name, text in sorted(cursors.items()):
        cursor = Cursor.from_json(text)
        if cursor.deadline_ms >= now_ms:
            behind = sum(number >= cursor.segment for number in published)
            silent_ms = now_ms - (cursor.deadline_ms - CURSOR_MS)
            found.append(ListenerLag(name=name.decode(), behind_segments=behind, silent_s=max(0.0, silent_ms / 1000)))
    return tuple(found)
