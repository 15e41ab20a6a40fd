"""Lanes: threads of our own that do nothing but inference, and a record of what each lane has done.

Knows nothing of onnxruntime or of speech: a lane runs whatever callable it is given, of a size that it is told.
"""

import ctypes
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar

from chorus.errors import FarmError
from workers.router import Cost, Load

T = TypeVar("T")

# The lowest there is: at 19 a listener pays about 4 % on a machine full of books, at 10 about 18 %.
NICEST = 19
# Apple's <sys/qos.h>. One class below UTILITY, BACKGROUND, would pin books to the efficiency cores of an idle Mac; the
# one above USER_INITIATED is for what draws the screen.
QOS_UTILITY, QOS_USER_INITIATED = 0x11, 0x19
# Enough for a peak over the last minutes; the totals do not depend on it.
RECENT_SPANS = 256

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One completed inference, on the monotonic clock."""

    asked_s: float
    """When a caller handed it over."""
    began_s: float
    """When a thread of the lane took it."""
    ended_s: float
    failed: bool = False
    expected_s: float | None = None
    """What it was expected to take on the lane's thread; None where nobody said how large it is."""

    @property
    def wait_s(self) -> float:
        """Seconds in line."""
        return self.began_s - self.asked_s

    @property
    def busy_s(self) -> float:
        """Seconds on the lane's thread."""
        return self.ended_s - self.began_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer(Generic[T]):
    """What the work returned, and when it ran."""

    value: T
    span: Span


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneHealth:
    """A lane's life so far, derived from completed spans alone."""

    name: str
    slots: int
    served: int = 0
    """Inferences that returned."""
    failures: int = 0
    """Inferences that raised."""
    busy_s: float = 0.0
    """Summed over all slots."""
    wait_s: float = 0.0
    """Summed seconds in line; divided by served and failures, the mean wait."""
    peak: int = 0
    """The most at once, among the last few hundred."""
    foretold_s: float = 0.0
    """Of the busy seconds, those that somebody had expected some number of."""
    astray_s: float = 0.0
    """By how much those expectations were off, each taken as positive; divided by foretold, the router's error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneReport(LaneHealth):
    """A lane as a worker shows it to people: its life so far, and what it runs on."""

    state: Literal["serving", "spare", "retired", "unavailable"] = "serving"
    """`spare`: only what fails elsewhere comes here. `retired`: it failed too often. `unavailable`: never opened."""
    reason: str = ""
    """Why it is not what was asked for, as a sentence."""
    provider: str = ""
    """onnxruntime's name for what it runs on."""
    nodes: int = 0
    """Nodes of the model's graph that run there."""
    nodes_total: int = 0
    """All of them: the rest runs on the CPU."""
    age_s: float = 0.0
    """Since it was opened."""

    @property
    def utilisation(self) -> float:
        """The share of its slots' time that was spent on work; 0 before there was any."""
        return self.busy_s / (self.slots * self.age_s) if self.slots and self.age_s else 0.0


@dataclass(kw_only=True, slots=True, eq=False)
class Promise:
    """Work that a lane will be given, or has in hand, and what it is expected to take there."""

    size: float
    expected_s: float
    urgent: bool
    began_s: float | None = None
    """When a thread of the lane took it."""


@dataclass(kw_only=True, slots=True, eq=False)
class _Task:
    """Work in line."""

    work: Callable[[], Any]
    asked_s: float
    promise: Promise | None
    counted: bool = True
    done: "Future[Any]" = field(default_factory=Future)


class Lane:
    """`slots` threads that live as long as the lane. `run` blocks and may be called from many threads.

    What is urgent is taken before what is not; among equals the first come.
    """

    def __init__(self, name: str, *, slots: int, lowered: bool, cores: tuple[int, ...] = ()) -> None:
        """Lower the lane's threads for life if `lowered`: a priority cannot be raised back without privilege.

        Those of other lanes go before them as far as nobody need be asked. `cores`: its threads keep to them, one to
        each in turn.
        """
        self.name = name
        self.slots = slots
        self._opened_s = time.monotonic()
        self._lock = threading.Lock()
        self._recent: deque[Span] = deque(maxlen=RECENT_SPANS)
        self._totals = LaneHealth(name=name, slots=slots)
        self._cost = Cost()
        self._promises: dict[Promise, None] = {}
        self._urgent: deque[_Task] = deque()
        self._usual: deque[_Task] = deque()
        self._cores = deque(cores)
        self._lowered = lowered
        self._pool = ThreadPoolExecutor(
            max_workers=slots, thread_name_prefix=f"lane-{name}", initializer=self._settle_in
        )

    def run(self, work: Callable[[], T], promise: Promise | None = None, *, counted: bool = True) -> Answer[T]:
        """Do this on one of the lane's threads and wait for it; what is not counted leaves no trace in its health."""
        task = _Task(work=work, asked_s=time.monotonic(), promise=promise, counted=counted)
        line = self._urgent if promise and promise.urgent else self._usual
        with self._lock:
            line.append(task)
        try:
            # One turn for each task in line: whose turn it is, is decided when a thread is free.
            self._pool.submit(self._take_turn)
        except RuntimeError as error:
            raise self._closed() from error
        try:
            answer: Answer[T] = task.done.result()
        except CancelledError as error:
            raise self._closed() from error
        return answer

    def promise(self, size: float, *, urgent: bool = False) -> Promise:
        """Count on work of this size from now on; hand the promise to `run`, and `release` it at the end."""
        with self._lock:
            promise = Promise(size=size, expected_s=self._cost.expected_s(size), urgent=urgent)
            self._promises[promise] = None
        return promise

    def release(self, promise: Promise) -> None:
        """The work is done, or will not come."""
        with self._lock:
            self._promises.pop(promise, None)

    def load(self, size: float, *, urgent: bool = False) -> Load:
        """The lane as work of this size would find it now."""
        now_s = time.monotonic()
        with self._lock:
            promises, cost_s = list(self._promises), self._cost.expected_s(size)
        # What is overdue by so much is taken to need as much again: a lane that hangs draws nobody into its line.
        running = [abs(each.began_s + each.expected_s - now_s) for each in promises if each.began_s is not None]
        idle = [0.0] * max(0, self.slots - len(running))
        before = [each for each in promises if each.began_s is None and (each.urgent or not urgent)]
        before.sort(key=lambda each: not each.urgent)
        return Load(free_in_s=tuple(running + idle), before_s=tuple(each.expected_s for each in before), cost_s=cost_s)

    def health(self) -> LaneHealth:
        """What the completed spans add up to."""
        with self._lock:
            return replace(self._totals, peak=most_at_once(self._recent))

    def age_s(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened_s

    def waiting(self) -> int:
        """How many stand in line."""
        with self._lock:
            return len(self._urgent) + len(self._usual)

    def close(self) -> None:
        """Finish what runs, refuse what waits, end the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            refused = [*self._urgent, *self._usual]
            self._urgent.clear()
            self._usual.clear()
        for task in refused:
            task.done.cancel()
        self._pool.shutdown(wait=True)

    def _settle_in(self) -> None:
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
        except BaseException as error:  # noqa: BLE001 - it is the caller's, whatever it is
            self._record(task, began_s, failed=True)
            task.done.set_exception(error)
        else:
            task.done.set_result(Answer(value=value, span=self._record(task, began_s, failed=False)))

    def _record(self, task: _Task, began_s: float, *, failed: bool) -> Span:
        promise = task.promise
        span = Span(
            asked_s=task.asked_s,
            began_s=began_s,
            ended_s=time.monotonic(),
            failed=failed,
            expected_s=promise.expected_s if promise else None,
        )
        with self._lock:
            if task.counted:
                self._recent.append(span)
                self._totals = _add(self._totals, span)
            if promise:
                self._promises.pop(promise, None)
            # How long it took to fail says nothing about how long it takes.
            if promise and not failed:
                self._cost.learn(promise.size, span.busy_s)
        return span

    def _closed(self) -> FarmError:
        return FarmError(f"The lane {self.name} is closed: this process is going down.")


def _add(totals: LaneHealth, span: Span) -> LaneHealth:
    foretold = span.expected_s is not None and not span.failed
    return replace(
        totals,
        served=totals.served + (not span.failed),
        failures=totals.failures + span.failed,
        busy_s=totals.busy_s + span.busy_s,
        wait_s=totals.wait_s + span.wait_s,
        foretold_s=totals.foretold_s + (span.busy_s if foretold else 0.0),
        astray_s=totals.astray_s + (abs(span.busy_s - (span.expected_s or 0.0)) if foretold else 0.0),
    )


def most_at_once(spans: Iterable[Span]) -> int:
    """The largest number of spans that overlap; one that ends as another begins does not."""
    edges = sorted(edge for span in spans for edge in ((span.began_s, 1), (span.ended_s, -1)))
    running = peak = 0
    for _, step in edges:
        running += step
        peak = max(peak, running)
    return peak


def lower_priority(platform: str = sys.platform, libc: Any = None) -> None:
    """Put the calling thread behind everything else on this machine, as far as the system allows it."""
    lower = {"linux": _be_nice, "darwin": lambda: _enter_class(QOS_UTILITY, libc)}.get(platform)
    if lower is None:
        log.warning("No way to lower a thread's priority on %s is known: books and listeners share alike.", platform)
    else:
        _try(lower)


def favour(platform: str = sys.platform, libc: Any = None) -> None:
    """Tell the system that somebody waits for the calling thread. Only a Mac asks no privilege for it."""
    if platform == "darwin":
        _try(lambda: _enter_class(QOS_USER_INITIATED, libc))


def own_cores() -> tuple[int, ...]:
    """The cores this process may run on, by number; none where the system does not tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def keep_to(core: int) -> None:
    """Have the calling thread run on this core alone, where the system has a way to say so."""
    if hasattr(os, "sched_setaffinity"):
        _try(lambda: os.sched_setaffinity(0, {core}))


def _try(change: Callable[[], None]) -> None:
    try:
        change()
    except OSError as error:
        log.warning("This thread keeps its priority, books and listeners share alike: %s", error)


def _be_nice() -> None:
    # On Linux a "process" of this call is a thread.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)


def _enter_class(qos: int, libc: Any) -> None:
    """Of the calling thread alone; `libc` stands in for the system's own library in tests."""
    failure = (libc or ctypes.CDLL(None)).pthread_set_qos_class_self_np(qos, 0)
    if failure:
        raise OSError(failure, os.strerror(failure))
