"""Accepts a submit that an application without the SDK sends as a Celery message. docs/architecture.md shows the call.

An error in it becomes a failed job, because the job is all that the sender can look at. Knows nothing of documents or
speech.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import redis
from celery import Task
from celery.backends.redis import RedisBackend
from redis.client import Pipeline

from broker import worker_process
from chorus.client import Client
from chorus.errors import CallerError, OptionError
from chorus.keys import GLOBAL_S, JOBS, UNFINISHED_S, JobKeys, check_job_id
from chorus.record_access import read_fields
from chorus.records import RECORD_VERSION, JobRecord
from chorus.request import Priority, Request, Wishes
from chorus.states import State
from chorus.wire import Chunk, Kind, encode

RESULT_S: Final = 3600
"""How long a result is kept."""


class _Results(RedisBackend):  # type: ignore[misc] # celery has no types
    """Celery's result backend on the connection of this process."""

    def _create_client(self, **_: Any) -> "redis.Redis":
        return worker_process.current().redis


class SubmitTask(Task):  # type: ignore[misc] # celery has no types
    """The only task whose result is kept. With a backend for the whole app every hint would cost a subscription."""

    ignore_result = False

    @cached_property
    def backend(self) -> RedisBackend:
        """The backend that keeps its results."""
        return _Results(app=self.app, url="redis://", expires=RESULT_S)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A submit that was refused."""

    job: str
    wishes: Mapping[str, Any]
    """The wishes as they were sent."""
    reason: str

    def write(self, pipe: Pipeline, created_ms: int) -> None:
        """Write a failed job, unless a job of this id exists that was not refused. `pipe` watches the record."""
        keys = JobKeys(self.job)
        found = read_fields(pipe, self.job)
        pipe.multi()
        if found and not JobRecord.from_fields(self.job, found).refused:
            return
        fields: dict[Any, Any] = {
            "version": RECORD_VERSION,
            "state": State.FAILED.value,
            "epoch": 1,
            "request": Request.from_record(json.dumps(self.wishes)).to_json(),
            "digest": "",
            "created_ms": created_ms,
            "finished_ms": created_ms,
            "error": self.reason,
        }
        pipe.delete(*keys.all)
        pipe.hset(keys.record, mapping=fields)
        pipe.xadd(keys.stream, cast("Any", encode(Chunk(kind=Kind.FAILURE, segment=-1, text=self.reason))))
        pipe.zadd(JOBS, {self.job: created_ms})
        for key, life_s in ((keys.record, UNFINISHED_S), (keys.stream, UNFINISHED_S), (JOBS, GLOBAL_S)):
            pipe.expire(key, life_s)


def submit(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> str:
    """Submit the text of a message. If that fails, write a failed job and raise the error."""
    here = worker_process.current()
    wishes = dict(keywords)
    job, fresh, priority = wishes.pop("job", None), wishes.pop("fresh", False), wishes.pop("priority", None)
    try:
        text = _text(arguments)
        _check_id(job)
        with Client(here.app.conf.broker_url) as client:
            # Unchanged: the SDK refuses unknown wishes.
            record = client.submit(
                text, job=job, fresh=bool(fresh), priority=cast("Priority", priority), **cast("Wishes", wishes)
            )
    except CallerError as error:
        refused = _refused(job)
        _write(here.redis, Refusal(job=refused, wishes=wishes, reason=str(error)))
        raise type(error)(f"Job {refused} was refused: {error}") from error
    return f"job {record.job}: submitted"


def _text(arguments: Sequence[Any]) -> str:
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise OptionError("chorus.submit takes one argument, the text to speak: pass everything else as keywords.")
    return arguments[0]


def _check_id(job: Any) -> None:
    if job is not None and not isinstance(job, str):
        raise OptionError(f"job is {job!r}: give a string, or leave it out.")


def _refused(job: Any) -> str:
    """The id of the failed job: the sender's, or a new one if that is not valid."""
    try:
        return check_job_id(job)
    except (OptionError, TypeError):
        return secrets.token_hex(8)


def _write(connection: "redis.Redis", refusal: Refusal) -> None:
    seconds, micros = connection.time()
    created_ms = seconds * 1000 + micros // 1000
    connection.transaction(lambda pipe: refusal.write(pipe, created_ms), JobKeys(refusal.job).record)
