"""Keep-alive: a short utterance on each session that nobody has used for a while, so that the next one finds it warm.

It runs on the lane's own thread, and whoever comes breaks it off. Knows nothing of sessions or speech.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

IDLE_S = 120.0
"""A session that was used since needs no keeping."""


class Beat:
    """One utterance that nobody hears. It is broken off by calling what `on_break` was given."""

    def __init__(self) -> None:
        self.broken = False
        self._break_off: Callable[[], None] = lambda: None

    def on_break(self, break_off: Callable[[], None]) -> None:
        """Call this, from another thread, when somebody comes; at once if he has come already."""
        self._break_off = break_off
        if self.broken:
            break_off()

    def break_off(self) -> None:
        """Somebody has come."""
        self.broken = True
        self._break_off()


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """A session's beats so far."""

    beats: int = 0
    """Those that came to their end."""
    broken: int = 0
    """Those that gave way to work."""


class Rest:
    """Whether anybody wants a session, and since when nobody has."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._callers: set[object] = set()
        self._since_s = clock_s()
        self._beat: Beat | None = None
        self._beats = self._broken = 0

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """While the block lasts somebody needs the session, and a beat under way gives way at once."""
        caller = object()
        with self._lock:
            self._callers.add(caller)
            beat = self._beat
        if beat is not None:
            beat.break_off()
        try:
            yield
        finally:
            with self._lock:
                self._callers.discard(caller)
                self._since_s = self._clock_s()

    def idle_s(self) -> float:
        """Seconds since anybody wanted it; 0 while somebody does. A beat is nobody."""
        with self._lock:
            return 0.0 if self._callers else self._clock_s() - self._since_s

    def beat(self, speak: Callable[[Beat], object], *, idle_s: float = IDLE_S, counted: bool = True) -> bool:
        """Have it speak if nobody has wanted it for so long; whether it did, to the end."""
        beat = Beat()
        with self._lock:
            if self._callers or self._clock_s() - self._since_s < idle_s:
                return False
            self._beat = beat
        try:
            speak(beat)
        finally:
            with self._lock:
                self._beat = None
                if counted:
                    self._broken += beat.broken
                    self._beats += not beat.broken
        return not beat.broken

    def counts(self) -> Counts:
        """The beats so far."""
        with self._lock:
            return Counts(beats=self._beats, broken=self._broken)


class KeepAlive:
    """Every so often, one beat for each session that is idle; `tick` it from one thread."""

    def __init__(
        self,
        beats: Callable[[], Iterable[Callable[[], object]]],
        *,
        every_s: float,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`beats`: the sessions of this moment, each to be called for its beat. Every 0 s is never."""
        self._beats, self._every_s, self._clock_s = beats, every_s, clock_s
        self._last_s = clock_s()

    def tick(self) -> bool:
        """Whether it was time."""
        if not self._every_s or self._clock_s() - self._last_s < self._every_s:
            return False
        self._last_s = self._clock_s()
        for beat in self._beats():
            beat()
        return True
