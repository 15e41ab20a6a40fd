"""Looks at what is set aside once more, and removes it: `chorus reset --set-aside`.

A job that can be read by now, because this Chorus is newer than the one that set it aside, goes back into the lists.
What a newer Chorus wrote keeps its keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import redis

from chorus import keys, set_aside
from chorus.errors import UnreadableJobError
from chorus.keys import JobKeys
from chorus.record_access import read_list, read_records
from chorus.records import JobRecord
from chorus.set_aside import put_aside

_BATCH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAsideReview:
    """What became of it."""

    removed: int
    """Entries that were listed as set aside, and are no longer."""
    deleted: tuple[str, ...]
    """Jobs that cannot be read: their keys are deleted."""
    back: tuple[str, ...]
    """Jobs that can be read, or that a newer Chorus wrote: they are in the lists again."""


def clear(connection: "redis.Redis") -> SetAsideReview:
    """Do it. Also for what no worker has met yet, so that it works where none runs."""
    for index in (keys.ACTIVE, keys.JOBS):
        for entry, why in _unreadable(connection, index):
            put_aside(connection, index, entry, why)
    noted = set_aside.read(connection, set_aside.MOST)
    jobs = sorted({one.name for one in noted.latest if keys.is_job_id(one.name) and one.index in _LISTS})
    deleted, back = [], []
    for job, found in zip(jobs, read_records(connection, [job.encode() for job in jobs]), strict=True):
        if isinstance(found, UnreadableJobError):
            connection.unlink(*JobKeys(job).all)
            deleted.append(job)
        elif found is not None and _list_again(connection, job, found):
            back.append(job)
    connection.unlink(keys.SET_ASIDE, *map(keys.moved, keys.GLOBAL_KINDS))
    return SetAsideReview(removed=noted.held, deleted=tuple(deleted), back=tuple(back))


_LISTS = (keys.ACTIVE, keys.JOBS, keys.INBOX)


def _unreadable(connection: "redis.Redis", index: str) -> Iterator[tuple[bytes, str]]:
    entries = read_list(connection, index)
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        for entry, found in zip(batch, read_records(connection, batch), strict=True):
            if isinstance(found, UnreadableJobError):
                yield entry, found.why


def _list_again(connection: "redis.Redis", job: str, found: object) -> bool:
    """Put a job back into the lists; False if it is over."""
    record = found if isinstance(found, JobRecord) else None
    with connection.pipeline(transaction=False) as pipe:
        pipe.zadd(keys.JOBS, {job: record.created_ms if record else 0}, nx=True)
        if record is None or not record.finished:
            pipe.zadd(keys.ACTIVE, {job: record.created_ms if record else 0}, nx=True)
            pipe.rpush(keys.INBOX, job)
        for index in _LISTS:
            pipe.expire(index, keys.GLOBAL_S)
        pipe.execute(raise_on_error=False)
    return record is None or not record.finished
