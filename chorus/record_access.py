"""Reads jobs' records and workers' registrations from Redis, each by itself: a bad one is an error beside the others.

Changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import redis

from chorus import keys
from chorus.checks import Damage, shown
from chorus.errors import ChorusError, NewerVersionError, UnreadableJobError
from chorus.keys import JobKeys
from chorus.records import JobRecord, Worker


def of_another_type(error: object) -> bool:
    """Whether the server refused a command because a key is of another Redis type than Chorus gives it."""
    return isinstance(error, redis.ResponseError) and "WRONGTYPE" in str(error)


def read_fields(connection: "redis.Redis", job: str) -> dict[bytes, bytes]:
    """A job's whole record; empty if there is none. redis-py's types cannot say that it answers with bytes."""
    try:
        return cast("dict[bytes, bytes]", connection.hgetall(JobKeys(job).record))
    except redis.ResponseError as error:
        if not of_another_type(error):
            raise
        raise _no_hash(job) from error


def read_list(connection: "redis.Redis", key: str) -> list[bytes]:
    """All entries of a sorted set; none if the key is of another type."""
    try:
        return cast("list[bytes]", connection.zrange(key, 0, -1))
    except redis.ResponseError as error:
        if not of_another_type(error):
            raise
        return []


def read_records(connection: "redis.Redis", entries: Sequence[bytes]) -> list[JobRecord | ChorusError | None]:
    """For each entry of a list of jobs its record; None: it has expired; an error: it cannot be read."""
    jobs = [keys.job_id_of(entry) for entry in entries]
    with connection.pipeline(transaction=False) as pipe:
        for job in filter(None, jobs):
            pipe.hgetall(JobKeys(job).record)
        found = iter(pipe.execute(raise_on_error=False))
    return [
        _parsed(job, next(found)) if job else UnreadableJobError.because(shown(entry), NO_ID)
        for entry, job in zip(entries, jobs, strict=True)
    ]


NO_ID = "it is no job's id"


def _parsed(job: str, fields: Any) -> JobRecord | ChorusError | None:
    if of_another_type(fields):
        return _no_hash(job)
    if isinstance(fields, Exception):
        raise fields
    try:
        return JobRecord.from_fields(job, fields) if fields else None
    except (UnreadableJobError, NewerVersionError) as error:
        return error


def _no_hash(job: str) -> UnreadableJobError:
    return UnreadableJobError.because(job, "its record is no hash")


def read_workers(connection: "redis.Redis") -> Mapping[bytes, Worker | ChorusError | Damage | None]:
    """For each name in the registry its worker; None: it has expired; an error: it cannot be read."""
    names = read_list(connection, keys.WORKERS)
    # MGET answers for a key of another type as for a missing one.
    texts = connection.mget([keys.worker("").encode() + name for name in names]) if names else []
    return dict(_workers(names, cast("list[bytes | None]", texts)))


def _workers(
    names: Sequence[bytes], texts: Sequence[bytes | None]
) -> Iterator[tuple[bytes, Worker | ChorusError | Damage | None]]:
    for name, text in zip(names, texts, strict=True):
        try:
            worker = None if text is None else Worker.from_json(text)
            if worker and worker.id.encode() != name:
                raise Damage.of("its id", worker.id)
        except (Damage, NewerVersionError) as error:
            yield name, error
        else:
            yield name, worker
