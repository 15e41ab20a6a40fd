"""Lanes: threads of our own that do nothing but inference, and a record of what each lane has done.

Knows nothing of onnxruntime or of speech: a lane runs whatever callable it is given.
"""

import ctypes
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chorus.errors import FarmError

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


class Lane:
    """`slots` threads that live as long as the lane. `run` blocks and may be called from many threads."""

    def __init__(self, name: str, *, slots: int, lowered: bool) -> None:
        """Lower the lane's threads for life if `lowered`: a priority cannot be raised back without privilege.

        Those of other lanes go before them as far as nobody need be asked.
        """
        self.name = name
        self.slots = slots
        self._lock = threading.Lock()
        self._recent: deque[Span] = deque(maxlen=RECENT_SPANS)
        self._totals = LaneHealth(name=name, slots=slots)
        self._pool = ThreadPoolExecutor(
            max_workers=slots,
            thread_name_prefix=f"lane-{name}",
            initializer=lower_priority if lowered else favour,
        )

    def run(self, work: Callable[[], T]) -> Answer[T]:
        """Do this on one of the lane's threads and wait for it."""
        try:
            future = self._pool.submit(self._timed, work, time.monotonic())
        except RuntimeError as error:
            raise self._closed() from error
        try:
            return future.result()
        except CancelledError as error:
            raise self._closed() from error

    def health(self) -> LaneHealth:
        """What the completed spans add up to."""
        with self._lock:
            done, recent = self._totals, tuple(self._recent)
        return LaneHealth(
            name=done.name, slots=done.slots, served=done.served, failures=done.failures,
            busy_s=done.busy_s, wait_s=done.wait_s, peak=most_at_once(recent),
        )  # fmt: skip

    def close(self) -> None:
        """Finish what runs, refuse what waits, end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _timed(self, work: Callable[[], T], asked_s: float) -> Answer[T]:
        began_s, failed = time.monotonic(), True
        try:
            value = work()
            failed = False
        finally:
            span = Span(asked_s=asked_s, began_s=began_s, ended_s=time.monotonic(), failed=failed)
            self._record(span)
        return Answer(value=value, span=span)

    def _record(self, span: Span) -> None:
        with self._lock:
            self._recent.append(span)
            self._totals = _add(self._totals, span)

    def _closed(self) -> FarmError:
        return FarmError(f"The lane {self.name} is closed: this process is going down.")


def _add(totals: LaneHealth, span: Span) -> LaneHealth:
    return LaneHealth(
        name=totals.name,
        slots=totals.slots,
        served=totals.served + (not span.failed),
        failures=totals.failures + span.failed,
        busy_s=totals.busy_s + span.busy_s,
        wait_s=totals.wait_s + span.wait_s,
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
