"""An engine that closes its sessions when it has been idle for a while, and opens new ones for the next utterance.

Only where priming is off: the first utterance after a rest waits for the loading. Knows nothing of how an engine is
opened.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from chorus.errors import ModelError
from tasks.engine import Engine, Lane, Speech, Utterance

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Engine)


class RestingEngine(Generic[E]):
    """Its names, voices and slots stay the same, awake or not. `speak` may be called from many threads at once."""

    def __init__(
        self,
        awake: E,
        wake: Callable[[], E],
        *,
        after_s: float,
        closed: Callable[[], None] = lambda: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wake` opens another engine like the one that is awake; `closed` is called after one was closed."""
        self.sound = awake.sound
        self.model = awake.model
        self.model_digest = awake.model_digest
        self.voices_digest = awake.voices_digest
        self.samples = awake.samples
        self.rests = 0
        """How often the sessions were closed."""
        self._voices = awake.voices()
        self._slots: dict[Lane, int] = {"live": awake.slots("live"), "bulk": awake.slots("bulk")}
        self._engine: E | None = awake
        self._wake, self._after_s, self._closed, self._clock_s = wake, after_s, closed, clock_s
        self._lock = threading.Lock()
        self._callers: set[object] = set()
        self._idle_since_s = clock_s()

    def voices(self) -> tuple[str, ...]:
        """The names in the voices file, sorted."""
        return self._voices

    def slots(self, lane: Lane) -> int:
        """How many utterances this lane speaks at once."""
        return self._slots[lane]

    def speak(self, utterance: Utterance, lane: Lane) -> Speech:
        """Speak it on this lane, once the sessions are open."""
        with self._awake() as engine:
            return engine.speak(utterance, lane)

    def speak_isolated(self, utterance: Utterance, *, limit_s: float) -> Speech:
        """Speak it in a process of its own."""
        with self._awake() as engine:
            return engine.speak_isolated(utterance, limit_s=limit_s)

    def awake(self) -> E | None:
        """The engine with its sessions; None while they are closed."""
        return self._engine

    def tick(self) -> bool:
        """Close the sessions if they have been idle for long enough; whether that happened now."""
        with self._lock:
            idle = not self._callers and self._clock_s() - self._idle_since_s >= self._after_s
            if self._engine is None or not idle:
                return False
            self._rest()
        return True

    def close(self) -> None:
        """For good: a closed engine refuses what it is asked from now on."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()

    @contextmanager
    def _awake(self) -> Iterator[E]:
        caller = object()
        with self._lock:
            # Before the engine is opened: a caller that waits for it must count, or the next tick would close it again.
            self._callers.add(caller)
            try:
                engine = self._engine or self._woken()
            except BaseException:
                self._callers.discard(caller)
                raise
        try:
            yield engine
        finally:
            with self._lock:
                self._callers.discard(caller)
                self._idle_since_s = self._clock_s()

    def _woken(self) -> E:
        began_s = self._clock_s()
        engine = self._wake()
        if engine.model_digest != self.model_digest:
            engine.close()
            raise ModelError("The model was exchanged while its sessions rested: restart the worker.")
        self._engine = engine
        self.samples = engine.samples
        log.info("The sessions are open again after %.1f s.", self._clock_s() - began_s)
        return engine

    def _rest(self) -> None:
        if self._engine is not None:
            self._engine.close()
        self._engine = None
        self._closed()
        self.rests += 1
        log.info("The sessions were idle for %.0f s and are closed.", self._after_s)
