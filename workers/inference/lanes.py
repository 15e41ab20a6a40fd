"""Lanes: threads that do nothing but inference, their queue, and a record of what each lane has done.

Knows nothing of onnxruntime or of speech: a lane runs any callable, and its size is a number given with it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from broker.lane_reports import LaneHealth
from chorus.errors import FarmError
from workers.inference.lane_statistics import LaneRun, add, most_at_once
from workers.inference.priority import favour, keep_to, lower_priority
from workers.inference.router import Cost, Load

T = TypeVar("T")

# Enough for the peak of the last minutes; the totals do not depend on it.
RECENT_SPANS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer(Generic[T]):
    """What the work returned, and when it ran."""

    value: T
    span: LaneRun


@dataclass(kw_only=True, slots=True, eq=False)
class Promise:
    """Work that a lane is going to get or has begun, and how long it is expected to take there."""

    size: float
    expected_s: float
    measured: bool
    """Whether that follows from work that the lane has done."""
    urgent: bool
    began_s: float | None = None
    """When a thread of the lane began with it."""


@dataclass(kw_only=True, slots=True, eq=False)
class _Task:
    """Work in the queue."""

    work: Callable[[], Any]
    asked_s: float
    promise: Promise | None
    counted: bool = True
    done: "Future[Any]" = field(default_factory=Future)


class Lane:
    """`slots` threads that live as long as the lane. `run` blocks and may be called from many threads.

    Urgent work is taken before other work; among equals, the one that was asked for first.
    """

    def __init__(self, name: str, *, slots: int, lowered: bool, cores: tuple[int, ...] = ()) -> None:
        """If `lowered`, its threads run at the lowest priority for life: raising it again takes a privilege.

        If not, at a higher one than usual, where the system grants that without a privilege. `cores`: each thread is
        bound to one of them, in turn.
        """
        self.name = name
        self.slots = slots
        self._opened_s = time.monotonic()
        self._lock = threading.Lock()
        self._recent: deque[LaneRun] = deque(maxlen=RECENT_SPANS)
        self._totals = LaneHealth(name=name, slots=slots)
        self._cost = Cost()
        self._promises: dict[Promise, None] = {}
        self._urgent: deque[_Task] = deque()
        self._usual: deque[_Task] = deque()
        self._cores = deque(cores)
        self._lowered = lowered
        self._pool = ThreadPoolExecutor(
            max_workers=slots, thread_name_prefix=f"lane-{name}", initializer=self._prepare_thread
        )

    def run(self, work: Callable[[], T], promise: Promise | None = None, *, counted: bool = True) -> Answer[T]:
        """Do this on one of the lane's threads and wait for it; what is not `counted` is left out of its health."""
        task = _Task(work=work, asked_s=time.monotonic(), promise=promise, counted=counted)
        line = self._urgent if promise and promise.urgent else self._usual
        with self._lock:
            line.append(task)
        try:
            # One turn for each task in the queue; which task gets the turn is decided when a thread is free.
            self._pool.submit(self._take_turn)
        except RuntimeError as error:
            raise self._closed() from error
        try:
            answer: Answer[T] = task.done.result()
        except CancelledError as error:
            raise self._closed() from error
        return answer

    def promise(self, size: float, *, urgent: bool = False) -> Promise:
        """Count work of this size from now on. Hand the promise to `run`, and `release` it at the end."""
        with self._lock:
            cost = self._cost
            promise = Promise(size=size, expected_s=cost.expected_s(size), measured=cost.measured, urgent=urgent)
            self._promises[promise] = None
        return promise

    def release(self, promise: Promise) -> None:
        """The work is done, or will not be asked for."""
        with self._lock:
            self._promises.pop(promise, None)

    def load(self, size: float, *, urgent: bool = False) -> Load:
        """The lane's load as work of this size would find it now."""
        now_s = time.monotonic()
        with self._lock:
            promises, cost_s = list(self._promises), self._cost.expected_s(size)
        # Work that is overdue by some time is taken to need as much again: a lane that hangs gets no further work.
        running = [abs(each.began_s + each.expected_s - now_s) for each in promises if each.began_s is not None]
        idle = [0.0] * max(0, self.slots - len(running))
        before = [each for each in promises if each.began_s is None and (each.urgent or not urgent)]
        before.sort(key=lambda each: not each.urgent)
        return Load(free_in_s=tuple(running + idle), before_s=tuple(each.expected_s for each in before), cost_s=cost_s)

    def health(self) -> LaneHealth:
        """The totals of all completed inferences."""
        with self._lock:
            return replace(self._totals, peak=most_at_once(self._recent))

    def age_s(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened_s

    def waiting(self) -> int:
        """How many tasks are in the queue."""
        with self._lock:
            return len(self._urgent) + len(self._usual)

    def close(self) -> None:
        """Finish the work that runs, refuse what is in the queue, end the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            refused = [*self._urgent, *self._usual]
            self._urgent.clear()
            self._usual.clear()
        for task in refused:
            task.done.cancel()
        self._pool.shutdown(wait=True)

    def _prepare_thread(self) -> None:
        (lower_priority if self._lowered else favour)()
        with self._lock:
            core = self._cores[0] if self._cores else None
            self._cores.rotate(-1)
        if core is not None:
            keep_to(core)

    def _take_turn(self) -> None:
        with self._lock:
            line = self._urgent or self._usual
            if not line:
                return
            task = line.popleft()
            began_s = time.monotonic()
            if task.promise:
                task.promise.began_s = began_s
        try:
            value = task.work()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller, whatever it is
            self._record(task, began_s, failed=True)
            task.done.set_exception(error)
        else:
            task.done.set_result(Answer(value=value, span=self._record(task, began_s, failed=False)))

    def _record(self, task: _Task, began_s: float, *, failed: bool) -> LaneRun:
        promise = task.promise
        span = LaneRun(
            asked_s=task.asked_s,
            began_s=began_s,
            ended_s=time.monotonic(),
            failed=failed,
            expected_s=promise.expected_s if promise and promise.measured else None,
        )
        with self._lock:
            if task.counted:
                self._recent.append(span)
                self._totals = add(self._totals, span)
            if promise:
                self._promises.pop(promise, None)
            # The time until a failure says nothing about the time that the work takes.
            if promise and not failed:
                self._cost.learn(promise.size, span.busy_s)
        return span

    def _closed(self) -> FarmError:
        return FarmError(f"The lane {self.name} is closed, this process is going down: wait for the next.")
