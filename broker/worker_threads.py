"""The three small threads of every worker process: heartbeat, reaper, intake. They know nothing of what steps do.

The heartbeat renews the leases of this process and its entry in the worker registry; the reaper advances every active
job; the intake advances the jobs named on the inbox. Each survives a server that is away and goes on when it is back.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

import redis

from broker import registry
from broker.indexes import Indexes
from broker.ledger import ENDED, Claim, Ledger, Outcome
from broker.outage import outage
from broker.registry import Farm
from chorus import keys
from chorus.checks import shown
from chorus.connection import place
from chorus.errors import FarmError
from chorus.record_access import NO_ID
from chorus.records import Worker
from chorus.set_aside import put_aside

BEAT_S = 1.0
TICK_S = 0.5
SHORTEST_TICK_S = 0.05
# How much sooner than its own next tick a reaper lets others look: one that dies leaves no tick out.
MUTEX_SHORTER_S = 0.04
# A reaper that finds itself this late was asleep, and so perhaps was every worker: leases get one more lease time.
LATE_S = 1.0
MOST_SAID = 100
"""Sentences about single jobs that a process remembers to have logged."""

log = logging.getLogger(__name__)


class WorkerThreads:
    """Start it once the worker can serve; stop it when the worker leaves."""

    def __init__(
        self,
        connection: "redis.Redis",
        ledger: Ledger,
        *,
        describe: Callable[[], Worker],
        send: Callable[[Outcome], None],
        lease_s: float,
    ) -> None:
        self._redis = connection
        self._ledger = ledger
        self._describe = describe
        self._send = send
        self._lease_s = lease_s
        self._held: dict[str, Claim] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._every, args=(work, pause_s), name=f"chorus-{name}", daemon=True)
            for name, work, pause_s in (
                ("heartbeat", self._beat, BEAT_S),
                ("reaper", self._reap, TICK_S),
                ("intake", self._take_in, 0.0),
            )
        ]
        self._farm = Farm(workers=())
        self._indexes = Indexes(connection)
        self._said = deque[str](maxlen=MOST_SAID)
        self._last_tick_s = time.monotonic()
        self._patient_until_s = 0.0

    def start(self) -> None:
        """Register first, so that the windows count this worker before its first claim."""
        self._attempt(self._beat)
        # The process was not asleep: it loaded a model.
        self._last_tick_s = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Leave the registry and end the threads. Steps that are still held are sent again when their leases expire."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=2 * BEAT_S + 1)
        try:
            registry.sign_out(self._redis, self._describe())
        except redis.RedisError as error:
            log.warning("Could not leave the worker registry (%s): the entry expires by itself.", error)

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        """Renew this claim's lease while the block runs."""
        with self._lock:
            self._held[claim.token] = claim
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(claim.token, None)

    def under_way(self) -> int:
        """How many steps this process holds."""
        with self._lock:
            return len(self._held)

    def let_go(self) -> None:
        """This process is about to end: release its steps and leave the registry, so that nothing waits for a lease."""
        self._stopping.set()
        with self._lock:
            held = list(self._held.values())
            self._held.clear()
        for claim in held:
            with suppress(FarmError):
                self._ledger.release(claim)
        registry.sign_out(self._redis, self._describe())

    def _every(self, work: Callable[[], float | None], pause_s: float) -> None:
        wait_s: float | None = None
        while not self._stopping.wait(pause_s if wait_s is None else wait_s):
            wait_s = self._attempt(work)

    def _attempt(self, work: Callable[[], float | None]) -> float | None:
        """Do it; the answer is how long to wait until the next time, None for the usual pause."""
        name = threading.current_thread().name
        try:
            wait_s = work()
        except redis.RedisError as error:
            outage.tell(name, error, place(self._redis))
            self._stopping.wait(BEAT_S)
        except Exception:
            # A thread that ended here would leave a worker that speaks on and renews nothing.
            log.exception("%s goes on after an unexpected error.", name)
            self._stopping.wait(BEAT_S)
        else:
            outage.over(name)
            return wait_s
        return None

    def _beat(self) -> None:
        with self._lock:
            held = list(self._held.values())
        for claim in held:
            # A job that cannot be read is set aside by this; the others' leases are renewed.
            with suppress(FarmError):
                self._ledger.renew(claim)
        self._indexes.mend()
        registry.sign_in(self._redis, self._describe())
        self._farm = farm = registry.read(self._redis)
        self._ledger.note_farm(farm.slots(), farm.voices(), memory_tight=registry.memory_tight(self._redis))

    def _reap(self) -> float | None:
        now_s = time.monotonic()
        if now_s - self._last_tick_s > TICK_S + LATE_S:
            self._patient_until_s = now_s + self._lease_s
        self._last_tick_s = now_s
        if not self._redis.set(keys.REAPER, self._describe().id, nx=True, px=_mutex_ms(TICK_S)):
            return None
        next_s = TICK_S
        for entry in cast("list[bytes]", self._redis.zrange(keys.ACTIVE, 0, -1)):
            due_s = self._look_at(keys.ACTIVE, entry, may_reap=now_s >= self._patient_until_s)
            next_s = min(next_s, max(due_s, SHORTEST_TICK_S))
        if next_s < TICK_S:
            self._redis.pexpire(keys.REAPER, _mutex_ms(next_s))
        return next_s

    def _take_in(self) -> None:
        popped = cast("tuple[bytes, bytes] | None", self._redis.blpop([keys.INBOX], timeout=1))
        if popped is not None:
            self._look_at(keys.INBOX, popped[1], may_reap=False)

    def _look_at(self, index: str, entry: bytes, *, may_reap: bool) -> float:
        """Advance the job that an entry of a list names. Whatever is wrong with it, the next entry gets its turn."""
        job = keys.job_id_of(entry)
        try:
            if job:
                return self._advance(job, may_reap=may_reap)
            put_aside(self._redis, index, entry, NO_ID)
            log.warning("%s in %s is set aside: %s.", shown(entry), index, NO_ID)
        except redis.RedisError:
            # The server is away, or refuses everything.
            raise
        except FarmError as error:
            # Of what a newer Chorus wrote, each worker says so once.
            if str(error) not in self._said:
                self._said.append(str(error))
                log.warning("%s", error)
        except Exception as error:
            told = f"{job}: {type(error).__name__}"
            if told not in self._said:
                self._said.append(told)
                log.exception("Job %s is left for the next look.", job)
        return TICK_S

    def _advance(self, job: str, *, may_reap: bool) -> float:
        """Do what one job needs now; in how many seconds it needs the next look, at most a tick."""
        outcome = self._ledger.advance(job, self._farm.pins(), may_reap=may_reap)
        if outcome.status in ENDED:
            self._redis.zrem(keys.ACTIVE, job)
        self._send(outcome)
        return int(outcome.extra[0]) / 1000 if outcome.extra else TICK_S


def _mutex_ms(pause_s: float) -> int:
    return max(1, round((pause_s - MUTEX_SHORTER_S) * 1000))
