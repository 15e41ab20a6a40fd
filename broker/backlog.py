"""What lies between the farm and its readers: audio that nobody has fetched yet, hints that nobody has taken.

Reads the ledger and changes nothing in it; `chorus status` shows it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from broker.hints import queues_of
from broker.scripts import resend_after_ms
from chorus import keys, set_aside
from chorus.checks import Damage, shown
from chorus.errors import ChorusError, UnreadableJobError
from chorus.hearing import CURSOR_MS, Cursor
from chorus.keys import JobKeys
from chorus.record_access import NO_ID, of_another_type, read_list, read_workers
from chorus.records import JobRecord, Worker
from chorus.set_aside import SetAside
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
class Unreadable:
    """A job or a worker that is still listed and cannot be read, or that a newer Chorus wrote."""

    name: str
    why: str
    """A sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The whole farm's."""

    silent_s: Mapping[str, float]
    """Since each worker's last heartbeat, by worker id."""
    queues: Mapping[str, int]
    """Messages in each of Celery's queues that is not empty."""
    jobs: tuple[Backlog, ...]
    """Every job that is not over, the oldest first."""
    unreadable: tuple[Unreadable, ...] = ()
    """What is passed over here."""
    set_aside: SetAside = field(default_factory=SetAside)
    """What workers met, could not read, and took out of the lists."""


def look(connection: "redis.Redis") -> Traffic:
    """All of it, as it is now."""
    registered = read_workers(connection)
    workers = [one for one in registered.values() if isinstance(one, Worker)]
    told = [_job(connection, entry) for entry in read_list(connection, keys.ACTIVE)]
    bad = [
        Unreadable(name=shown(name), why=str(one))
        for name, one in registered.items()
        if isinstance(one, ChorusError | Damage)
    ]
    return Traffic(
        silent_s=_silence(connection, workers),
        queues=_queues(connection, workers),
        jobs=tuple(one for one in told if isinstance(one, Backlog)),
        unreadable=(*(one for one in told if isinstance(one, Unreadable)), *bad),
        set_aside=set_aside.read(connection),
    )


def _silence(connection: "redis.Redis", workers: Iterable[Worker]) -> dict[str, float]:
    """By the server's clock alone: every heartbeat lets the registration live ten seconds more."""
    lives = {one.id: connection.pttl(keys.worker(one.id)) for one in workers}
    return {name: keys.WORKER_S - left_ms / 1000 for name, left_ms in lives.items() if left_ms >= 0}


def _queues(connection: "redis.Redis", workers: Iterable[Worker]) -> dict[str, int]:
    lengths = {name: connection.llen(name) for name in sorted(queues_of(workers))}
    return {name: length for name, length in lengths.items() if length}


def _job(connection: "redis.Redis", entry: bytes) -> Backlog | Unreadable | None:
    job = keys.job_id_of(entry)
    if not job:
        return Unreadable(name=shown(entry), why=str(UnreadableJobError.because(shown(entry), NO_ID)))
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
        answers = batch.execute(raise_on_error=False)
    try:
        return _backlog(job, answers)
    except ChorusError as error:
        return Unreadable(name=job, why=str(error))
    except (ValueError, TypeError, OverflowError) as error:
        return Unreadable(name=job, why=str(UnreadableJobError.because(job, shown(str(error)))))


def _backlog(job: str, answers: list[Any]) -> Backlog | None:
    for answer in answers:
        if of_another_type(answer):
            raise UnreadableJobError.because(job, "one of its keys is of another Redis type")
        if isinstance(answer, Exception):
            raise answer
    (seconds, micros), fields, sends, owned, segment_leases, desk_leases, published, cursors = answers
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
        readers=_readers(cursors, {int(number) for number in published if number.isdigit()}, now_ms),
    )


def _oldest_hint_s(sends: Mapping[bytes, bytes], deadlines: Mapping[bytes, float], now_ms: float) -> float:
    """A claim clears how often its step was sent, so each step named there still waits."""
    waits = (
        now_ms - (deadlines[step] - resend_after_ms(int(times)))
        for step, times in sends.items()
        if step in deadlines and math.isfinite(deadlines[step])
    )
    return max(0.0, max(waits, default=0.0)) / 1000


def _readers(cursors: Mapping[bytes, bytes], published: set[int], now_ms: float) -> tuple[ListenerLag, ...]:
    found: list[ListenerLag] = []
    for name, text in sorted(cursors.items()):
        try:
            cursor = Cursor.from_json(text)
        except (ValueError, TypeError, KeyError, RecursionError):
            continue  # the next look of the reaper removes it
        if cursor.deadline_ms >= now_ms:
            behind = sum(number >= cursor.segment for number in published)
            silent_ms = now_ms - (cursor.deadline_ms - CURSOR_MS)
            found.append(ListenerLag(name=shown(name), behind_segments=behind, silent_s=max(0.0, silent_ms / 1000)))
    return tuple(found)
