"""Keep-alive: a short run on each session that has been idle for a while, so that the next utterance finds it warm.

The run happens on the lane's own thread and is stopped when somebody needs the session. Knows nothing of sessions or
speech.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

IDLE_S = 120.0
"""A session that was used within this time needs no keep-alive."""


class SilentRun:
    """One run that nobody hears, and how to stop it from another thread."""

    def __init__(self) -> None:
        self.stopped = False
        self._stop: Callable[[], None] = lambda: None

    def on_stop(self, stop: Callable[[], None]) -> None:
        """What stops the run; called at once if it has been stopped already."""
        self._stop = stop
        if self.stopped:
            stop()

    def stop(self) -> None:
        """Somebody needs the session."""
        self.stopped = True
        self._stop()


@dataclass(frozen=True, kw_only=True, slots=True)
class BeatCounts:
    """A session's keep-alive runs so far."""

    beats: int = 0
    """Those that ran to their end."""
    broken: int = 0
    """Those that were stopped for an utterance."""


class SessionUse:
    """Who uses a session, and since when nobody does; runs something on it while it is idle."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._users: set[object] = set()
        self._idle_since_s = clock_s()
        self._silent_run: SilentRun | None = None
        self._beats = self._broken = 0

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The caller needs the session for as long as the block lasts; a silent run is stopped at once."""
        user = object()
        with self._lock:
            self._users.add(user)
            silent_run = self._silent_run
        if silent_run is not None:
            silent_run.stop()
        try:
            yield
        finally:
            with self._lock:
                self._users.discard(user)
                self._idle_since_s = self._clock_s()

    def idle_s(self) -> float:
        """Seconds since the last use ended; 0 while it is in use. A silent run is no use."""
        with self._lock:
            return 0.0 if self._users else self._clock_s() - self._idle_since_s

    def run_silently(self, run: Callable[[SilentRun], object], *, idle_s: float = IDLE_S, counted: bool = True) -> bool:
        """Run it if the session has been idle for so long; whether it ran to its end. `counted`: as a keep-alive."""
        silent_run = SilentRun()
        with self._lock:
            if self._users or self._clock_s() - self._idle_since_s < idle_s:
                return False
            self._silent_run = silent_run
        try:
            run(silent_run)
        finally:
            with self._lock:
                self._silent_run = None
                if counted:
                    self._broken += silent_run.stopped
                    self._beats += not silent_run.stopped
        return not silent_run.stopped

    def counts(self) -> BeatCounts:
        """The keep-alive runs so far."""
        with self._lock:
            return BeatCounts(beats=self._beats, broken=self._broken)


class KeepAlive:
    """Every so often, one keep-alive run for each session that is idle. One thread calls `tick`."""

    def __init__(
        self,
        beats: Callable[[], Iterable[Callable[[], object]]],
        *,
        every_s: float,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`beats` names the keep-alive run of each session there is at that moment. `every_s=0` turns it off."""
        self._beats, self._every_s, self._clock_s = beats, every_s, clock_s
        self._last_s = clock_s()

    def tick(self) -> bool:
        """Call them if it is time; whether it was."""
        if not self._every_s or self._clock_s() - self._last_s < self._every_s:
            return False
        self._last_s = self._clock_s()
        for beat in self._beats():
            beat()
        return True
