"""Strikes workers every few seconds: they are killed, told to go, or frozen for a while. It knows no jobs.

A victim is frozen first and looked at, so that a strike is known to have hit a step under way.
"""

import random
import signal
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Self

import redis
from chaos.supervised import SupervisedWorkshop

from chorus import keys
from chorus.keys import JobKeys

PAUSE_S = (1.5, 5.0)
FROZEN_S = (0.3, 9.0)
"""From a hiccup to three leases: who wakes late commits late."""
HOWS = ("kill -9", "SIGTERM", "frozen")
LOOKS = 40
LOOK_S = 0.02
OVER = (b"done", b"failed", b"cancelled")


@dataclass(frozen=True, kw_only=True)
class Held:
    """A step that the victim had when it was struck."""

    job: str
    step: str
    token: bytes


@dataclass(kw_only=True)
class Strike:
    """One blow."""

    how: str
    victim: str
    at_s: float
    held: Collection[Held]
    recovered_s: float | None = None
    """From the blow until all it held was done, taken by another, or not wanted any more."""


class Mischief:
    """Strikes these workers, and no others, until it is over."""

    def __init__(
        self, farm: SupervisedWorkshop, connection: "redis.Redis", victims: Collection[str], chance: random.Random
    ) -> None:
        self.strikes: list[Strike] = []
        self._farm = farm
        self._redis = connection
        self._victims = tuple(victims)
        self._chance = chance
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mischief", daemon=True)
        self._hows: dict[str, Callable[[str], None]] = dict(
            zip(HOWS, (farm.kill, self._tell_to_go, self._keep_frozen), strict=True)
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No more strikes; nobody is left frozen."""
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """Note what has recovered since the last look."""
        assert self._thread.is_alive() or self._over.is_set(), "nobody strikes any more"
        for strike in self.strikes:
            if strike.recovered_s is None and not any(map(self._still_held, strike.held)):
                strike.recovered_s = time.monotonic() - strike.at_s

    def _run(self) -> None:
        while not self._over.wait(self._chance.uniform(*PAUSE_S)):
            victim, how = self._chance.choice(self._victims), self._chance.choice(HOWS)
            if self._farm.worker(victim):
                held = self._freeze(victim)
                self.streak.append(Strike(how=how, victim=victim, at_s=time.monotonic(), held=held))
                self._hows[how](victim)

    def _freeze(self, victim: str) -> frozenset[Held]:
        """Stop it, if that can be had while it holds something; what."""
        me = f"{victim}@test#{self._farm.pid(victim)}/".encode()
        for _ in range(LOOKS):
            self._farm.send_signal(victim, signal.SIGSTOP)
            if held := frozenset(self._held_by(me)):
                return held
            self._farm.send_signal(victim, signal.SIGCONT)
            self._over.wait(LOOK_S)
        self._farm.send_signal(victim, signal.SIGSTOP)
        return frozenset()

    def _held_by(self, me: bytes) -> list[Held]:
        found = []
        for job in map(bytes.decode, self._redis.zrange(keys.ACTIVE, 0, -1)):
            owners = self._redis.hgetall(JobKeys(job).owners)
            found += [
                Held(job=job, step=step.decode(), token=token) for step, token in owners.items() if token.startswith(me)
            ]
        return found

    def _still_held(self, held: Held) -> bool:
        """Whether the step is still in the hands of the attempt that was struck, and somebody waits for it."""
        job = JobKeys(held.job)
        return self._redis.hget(job.owners, held.step) == held.token and (
            self._redis.hget(job.record, "state") not in OVER
        )

    def _tell_to_go(self, victim: str) -> None:
        self._farm.send_signal(victim, signal.SIGTERM)
        self._farm.send_signal(victim, signal.SIGCONT)

    def _keep_frozen(self, victim: str) -> None:
        self._over.wait(self._chance.uniform(*FROZEN_S))
        self._farm.send_signal(victim, signal.SIGCONT)
