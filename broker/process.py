"""One worker process's hold on the farm: its connection, ledger, upkeep and store, in a per-process slot.

Opened by `workers` before the consumer starts, used by the steps in `tasks`. Knows nothing of speech.
"""

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from threading import BoundedSemaphore
from typing import Any

import redis
from celery import Celery
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from broker import hints, registry
from broker.ledger import Claim, Ledger, Outcome
from broker.settings import FarmSettings
from broker.store import LocalStore
from broker.upkeep import Upkeep
from chorus.errors import FarmError
from chorus.records import Worker

RETRIES = 12


@dataclass(kw_only=True)
class Process:
    """What a step may use."""

    app: Celery
    settings: FarmSettings
    redis: "redis.Redis"
    ledger: Ledger
    upkeep: Upkeep
    store: LocalStore | None
    free: Mapping[str, BoundedSemaphore]
    """By lane: a claim is made only when a slot is really free."""
    worker: Worker
    """As it was when the process opened."""
    served: int = field(default=0)

    def send(self, outcome: Outcome) -> Outcome:
        """Send the hints of an outcome and hand it back."""
        hints.send(self.app, outcome)
        return outcome

    def claim(self, job: str, step: str) -> Claim:
        """Take a step, under a token that no resent message shares."""
        return self.ledger.claim(job, step, uuid.uuid4().hex)

    def opened_store(self) -> LocalStore:
        """The store of this process."""
        if self.store is None:
            raise FarmError("This process has no store: parts and files are made by `celery -A workers.desk worker`.")
        return self.store


def connect(url: str) -> "redis.Redis":
    """A patient connection pool: the server may be away for seconds in the middle of a commit."""
    return redis.Redis.from_url(
        url,
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=5,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), RETRIES),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
    )


def name_node(worker: Any, role: str) -> str:
    """The worker's name in Flower: Celery calls all of them `celery`, and one machine has a voice and a desk."""
    name, _, machine = worker.hostname.partition("@")
    if name == "celery":
        worker.hostname = f"{role}@{machine}"
    return str(worker.hostname)


_slot: list[Process] = []


def open_process(
    app: Celery,
    settings: FarmSettings,
    *,
    role: str,
    node: str,
    slots: Mapping[str, int],
    store: LocalStore | None,
    **about: Any,
) -> Process:
    """Fill this process's slot. `about` are further fields of its registration."""
    connection = connect(app.conf.broker_url)
    ledger = Ledger(connection, settings)
    worker = Worker(
        id=f"{node}#{os.getpid()}",
        host=registry.host(),
        pid=os.getpid(),
        role=role,
        slots=slots,
        store=store.id if store else "",
        started_ms=int(time.time() * 1000),
        **about,
    )
    upkeep = Upkeep(
        connection, ledger, describe=lambda: describe(process), send=partial(hints.send, app), lease_s=settings.lease_s
    )
    process = Process(
        app=app,
        settings=settings,
        redis=connection,
        ledger=ledger,
        upkeep=upkeep,
        store=store,
        free={lane: BoundedSemaphore(count) for lane, count in slots.items()},
        worker=worker,
    )
    _slot[:] = [process]
    return process


def describe(process: Process) -> Worker:
    """The process's registration as of now."""
    return replace(process.worker, served=process.served)


def current() -> Process:
    """This process's hold on the farm."""
    if not _slot:
        raise FarmError("This process is no worker: start one with `celery -A workers.voice worker`.")
    return _slot[0]
