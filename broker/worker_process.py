"""What a worker process shares with its steps: connection, ledger, threads, watchdog and store, in a per-process slot.

Opened by `workers` before the consumer starts, used by the steps in `tasks`. Knows nothing of speech.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from threading import BoundedSemaphore
from typing import Any

import redis
from celery import Celery
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from broker import hints, reach, registry
from broker.checked_transport import door
from broker.job_titles import JobTitles
from broker.ledger import Claim, Ledger, Outcome
from broker.settings import FarmSettings
from broker.store import LocalStore
from broker.watchdog import HUNG, Watchdog, deadline_s
from broker.worker_threads import WorkerThreads
from chorus import bounded_replies
from chorus.errors import FarmError
from chorus.records import Worker
from chorus.set_aside import put_aside

Counters = Callable[[], Mapping[str, Mapping[str, float]]]
"""Counts since the process started, by what is counted."""

RETRIES = 12
FAREWELL_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RegisteredVoice:
    """What a voice worker registers of what it speaks with; chorus.records.Worker says what each field means."""

    sound: str = ""
    model: str = ""
    model_digest: str = ""
    voices_digest: str = ""
    stand_in: bool = False
    variant: str = ""
    variant_why: str = ""
    samples: str = ""
    model_source: str = ""
    voices: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Process:
    """What a step may use."""

    app: Celery
    settings: FarmSettings
    redis: "redis.Redis"
    ledger: Ledger
    upkeep: WorkerThreads
    watchdog: Watchdog
    titles: JobTitles
    store: LocalStore | None
    free: Mapping[str, BoundedSemaphore]
    """By lane: a claim is made only when a slot is really free."""
    worker: Worker
    """Its registration when the process was opened."""
    served: int = field(default=0)
    spoken: int = field(default=0)
    """Segments that this process's own engine spoke."""
    counters: list[Counters] = field(default_factory=list)
    """Functions that return this process's counts."""
    counted: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What they returned after the last step."""
    tagger: Callable[[], str] = str
    """Returns the name of what tells English nouns from verbs here, for the registration; empty if no text is read."""
    _draining: threading.Lock = field(default_factory=threading.Lock)
    """Held while all slots are taken: two threads that took them at once could wait for each other for ever."""

    def send(self, outcome: Outcome) -> Outcome:
        """Send the hints of an outcome, and return the outcome."""
        hints.send(self.app, outcome, self.titles)
        return outcome

    def claim(self, job: str, step: str) -> Claim:
        """Claim a step, with a token that names this worker and is different for every message."""
        token = f"{self.worker.id}/{uuid.uuid4().hex}"
        return self.ledger.claim(job, step, token, samples=self.worker.samples, graph=registry.graph_of(self.worker))

    def reopened(self, samples: str) -> None:
        """Register what sessions speak that were opened again; as before, nothing while it may still change."""
        if self.worker.samples:
            self.worker = replace(self.worker, samples=samples)

    def count(self, *more: Counters) -> None:
        """Add these counters and read all. The heartbeat must not read them itself: a counter may wait for a lock."""
        self.counters += more
        self.counted = {what: dict(counts) for ask in self.counters for what, counts in ask().items()}

    def note_refusal(self, queue: str, raw: bytes, reason: str) -> None:
        """Note a message that was refused, and count it at once: it is followed by no step, after which all is."""
        self.counted = {**self.counted, **_refusals()}
        with suppress(redis.RedisError):
            put_aside(self.redis, queue, raw, reason)

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        """Renew a step's lease while the block runs, and end this process if the step takes too long."""
        limit_s = deadline_s(claim, self.settings.deadline_s)
        with self.upkeep.holding(claim), self.watchdog.watching(claim, limit_s):
            yield

    @contextmanager
    def drained(self) -> Iterator[None]:
        """Take every slot, so that no step is under way while the block runs. Further steps wait for its end."""
        with self._draining, ExitStack() as taken:
            for lane, slots in self.worker.slots.items():
                for _ in range(slots):
                    taken.enter_context(self.free[lane])
            yield

    def end(self, why: str) -> None:
        """End this process at once, without waiting for what hangs. Its supervisor starts it again."""
        log.critical("%s: this process ends and is to be started again.", why)
        # In a thread, because it may be the server that does not answer.
        farewell = threading.Thread(target=self.upkeep.let_go, daemon=True)
        farewell.start()
        farewell.join(FAREWELL_S)
        os._exit(HUNG)

    def opened_store(self) -> LocalStore:
        """The store of this process."""
        if self.store is None:
            raise FarmError("This process has no store: start `celery -A workers.desk worker` for parts and files.")
        return self.store


def connect(url: str) -> "redis.Redis":
    """A connection pool that retries for seconds: the server may be restarted in the middle of a commit."""
    return bounded_replies.client(
        url,
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=5,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), RETRIES),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
    )


def name_node(worker: Any, role: str) -> str:
    """Set and return the worker's name in Celery: all are called `celery` otherwise, and could not be told apart."""
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
    voice: RegisteredVoice | None = None,
) -> Process:
    """Make this process's Process, which `current` then returns. `voice`: what a voice worker speaks with."""
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
        **(vars(voice) if voice else {}),
    )
    titles = JobTitles(connection)
    upkeep = WorkerThreads(
        connection,
        ledger,
        describe=lambda: describe(process),
        send=partial(hints.send, app, titles=titles),
        lease_s=settings.lease_s,
    )
    watchdog = Watchdog(reachable=lambda: reach.answers(app.conf.broker_url), end=lambda why: current().end(why))
    process = Process(
        app=app,
        settings=settings,
        redis=connection,
        ledger=ledger,
        upkeep=upkeep,
        watchdog=watchdog,
        titles=titles,
        store=store,
        free={lane: BoundedSemaphore(count) for lane, count in slots.items()},
        worker=worker,
    )
    process.counters.append(_refusals)
    door.hears[:] = [process.note_refusal]
    _slot[:] = [process]
    return process


def _refusals() -> dict[str, dict[str, float]]:
    """What lay on this process's queues and was no message of ours."""
    return {"messages": {"refused": door.refused}} if door.refused else {}


def describe(process: Process) -> Worker:
    """The process's registration with its counts of this moment."""
    return replace(process.worker, served=process.served, counters=process.counted, tagger=process.tagger())


def current() -> Process:
    """This process's Process, or FarmError if it is no worker."""
    if not _slot:
        raise FarmError("This process is no worker: start one with `celery -A workers.voice worker`.")
    return _slot[0]
