"""Ends this process when a step or Celery's loop hangs: a deadlock has no cure from inside, a supervisor has one.

Knows neither Redis nor what the steps do. It counts its own ticks instead of the clock's seconds, so that a machine
that slept, or a process that was stopped, is not executed as it wakes up.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from broker.ledger import Claim
from chorus.wire import RATE_HZ

HUNG = 70
"""Exit status of a process that ended itself: the system's code for a defect of the software."""
TICK_S = 1.0
# The most that one tick counts for, however long it was in coming.
LONGEST_TICK_S = 2 * TICK_S
LOOP_S = 20.0
# A segment may take so many times as long as it sounds.
SLOWEST = 20
# For a desk's steps, and for segments in a child process, which has a limit of its own.
PATIENT_S = 1800.0
# The file of a hundred hours is encoded in one step.
BIND_S = 6 * 3600.0


def deadline_s(claim: Claim, least_s: float) -> float:
    """How long this step may take before its process counts as hung."""
    if claim.step == "bind":
        return BIND_S
    return speaking_s(claim, least_s) if claim.is_segment and not claim.isolated else PATIENT_S


def speaking_s(claim: Claim, least_s: float) -> float:
    """How long speaking this segment may take."""
    return max(least_s, SLOWEST * claim.to_speak.frames / RATE_HZ)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """A step under way."""

    about: str
    limit_s: float
    since_s: float
    """In awake seconds."""


class Watchdog:
    """Watches steps against their deadlines, and Celery's loop while there is one."""

    def __init__(
        self,
        *,
        reachable: Callable[[], bool],
        end: Callable[[str], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reachable`: whether the server answers; while it does not, everything may well stand still."""
        self._reachable, self._end, self._clock_s = reachable, end, clock_s
        self._awake_s = self._excused_s = 0.0
        self._last_tick_s = clock_s()
        self._steps: dict[str, _Step] = {}
        self._turned_s: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chorus-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()

    @contextmanager
    def watching(self, claim: Claim, limit_s: float) -> Iterator[None]:
        """End the process if the block takes longer than this."""
        self._steps[claim.token] = _Step(
            about=f"{claim.step.replace(':', ' ')} of job {claim.job}", limit_s=limit_s, since_s=self._awake_s
        )
        try:
            yield
        finally:
            self._steps.pop(claim.token, None)

    def loop_turned(self) -> None:
        """Celery's event loop made a turn."""
        self._turned_s = self._awake_s

    def loop_left(self) -> None:
        """There is no loop at the moment: the server is being looked for, or the worker is leaving."""
        self._turned_s = None

    def tick(self) -> None:
        """Look once."""
        now_s = self._clock_s()
        self._awake_s += min(now_s - self._last_tick_s, LONGEST_TICK_S)
        self._last_tick_s = now_s
        hung = self._hung()
        if hung and self._reachable():
            self._end(hung)
        elif hung:
            self._excused_s = self._awake_s

    def _hung(self) -> str:
        for step in tuple(self._steps.values()):
            if self._age_s(step.since_s) > step.limit_s:
                return f"{step.about} has taken more than {step.limit_s:.0f} s"
        if self._turned_s is not None and self._age_s(self._turned_s) > LOOP_S:
            return f"Celery's loop has stood still for more than {LOOP_S:.0f} s"
        return ""

    def _age_s(self, since_s: float) -> float:
        return self._awake_s - max(since_s, self._excused_s)

    def _run(self) -> None:
        while not self._stopping.wait(TICK_S):
            self.tick()
