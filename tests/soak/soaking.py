"""The soak itself: keeps a farm busy with every kind of job while its workers are struck, and remembers how all ended.

It judges single jobs as they end; what must hold of the whole stands in test_soak.py.
"""

import itertools
import os
import random
import shutil
import threading
import time
from collections.abc import Callable

import redis
from chaos.supervised import SupervisedWorkshop
from law import check_keys
from soak.gauges import Gauges
from soak.jobs import Job, draw
from soak.mischief import Mischief
from support import wait_until

from chorus import keys
from chorus.client import Client
from chorus.keys import FINISHED_S, JobKeys
from chorus.states import State

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**6))
VICTIMS = ("voice-1", "voice-2", "desk-1")
STEADY = ("voice-steady", "desk-steady")
"""Never struck: one life as long as the soak, to see whether it grows."""
AT_ONCE = 10
PATIENCE_S = 300
"""How long no job at all may come to its end."""
LOOK_S = 0.05


class Soak:
    """The farm, its jobs, and what became of them."""

    def __init__(self, farm: SupervisedWorkshop, connection: "redis.Redis", say: Callable[[str], None]) -> None:
        self.farm, self.redis = farm, connection
        self.mischief = Mischief(farm, connection, VICTIMS, random.Random(SEED + 1))
        self.gauges = Gauges(connection, lambda: {name: farm.pid(name) for name in (*VICTIMS, *STEADY)})
        self.over: dict[str, Job] = {}
        self.wrong: dict[str, str] = {}
        """What came to something else than it must, and to what."""
        self.under_way: dict[str, Job] = {}
        """After the run: what never came to an end."""
        self.first_bytes = self.used_bytes()
        self._chance = random.Random(SEED)
        self._say = say
        self._minute = 0
        self._last_end_s = time.monotonic()

    @property
    def client(self) -> Client:
        return self.farm.client

    def run(self) -> None:
        """Until the time is over, and every job."""
        with self.gauges, self.mischief:
            self._turn()
            while self.under_way and time.monotonic() < self._last_end_s + PATIENCE_S:
                self._turn()
                self._each_minute()
                threading.Event().wait(LOOK_S)
        self.mischief.look()

    def _turn(self) -> None:
        """Hand in what there is room for, and look at everything."""
        if self.gauges.now_s >= MINUTES * 60:
            self.mischief.stop()
        else:
            while len(self.under_way) < AT_ONCE:
                self._submit()
        self.mischief.look()
        for job in tuple(self.under_way.values()):
            self._look_at(job)

    def _submit(self) -> None:
        job = draw(self._chance, len(self.under_way) + len(self.over))
        self.under_way[job.name] = job
        job.submit(self.client)

    def _look_at(self, job: Job) -> None:
        record = self.client.job(job.name)
        if not job.over(record):
            job.advance(self.client, record)
            return
        try:
            job.check(self.client, record, self.farm.folder)
        except AssertionError as error:
            self.wrong[job.name] = str(error)
        # What was fetched is not needed any more, and a disk may be small.
        shutil.rmtree(self.farm.folder / "home" / "store" / "jobs" / job.name, ignore_errors=True)
        self.over[job.name] = self.under_way.pop(job.name)
        self._last_end_s = time.monotonic()

    def _each_minute(self) -> None:
        minute = int(self.gauges.now_s // 60)
        if minute > self._minute:
            self._minute = minute
            assert check_keys(self.farm.url)
            self._say(
                f"{minute} min: {len(self.over)} jobs over, {len(self.wrong)} of them wrong, "
                f"{len(self.under_way)} under way; {len(self.mischief.strikes)} strikes"
            )

    def listed(self) -> dict[str, State]:
        """Every job that the farm knows, page by page."""
        pages = itertools.takewhile(bool, map(self.client.jobs, itertools.count()))
        return {record.job: record.state for record in itertools.chain.from_iterable(pages)}

    def queued(self) -> dict[str, int]:
        """How many messages lie in each of Celery's queues."""
        return {name.decode(): self.redis.llen(name) for name in self.redis.scan_iter("chorus.*", _type="list")}

    def used_bytes(self) -> int:
        return int(self.redis.info("memory")["used_memory"])

    def bytes_of(self, job: Job) -> int:
        """What a job's keys take in Redis."""
        return sum(self.redis.memory_usage(key, samples=0) or 0 for key in JobKeys(job.name).all)

    def let_an_hour_pass(self) -> None:
        """All finished jobs expire. A failed one is kept for a month; cancelled, it has an hour like the others."""
        for name, job in self.over.items():
            if job.must_be is State.FAILED:
                self.client.want(name, "cancelled")
        wait_until(lambda: not self.redis.zcard(keys.ACTIVE), description="the failed jobs are cancelled")
        for key in self._keys():
            assert self.redis.ttl(key) <= FINISHED_S, f"{key} outlives its job"
            self.redis.pexpire(key, 1)
        wait_until(lambda: not self.redis.exists(*self._keys()), description="they have expired")

    def _keys(self) -> list[str]:
        return [key for name in self.over for key in JobKeys(name).all]
