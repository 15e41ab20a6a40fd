"""Keeps the keys that belong to no job usable: one of another Redis type is moved, and the lists of jobs are made anew.

Every job's record says all that the lists say of it, so a lost list costs one search of the server's keys.
"""

import logging
import re
from typing import Final, cast

import redis

from broker.scripts import SCRIPTS
from chorus import keys
from chorus.keys import GLOBAL_KINDS, GLOBAL_S
from chorus.set_aside import put_aside
from chorus.states import OVER

_LONGEST_MUTEX_MS: Final = 60_000
_BATCH: Final = 1000
_A_TIME: Final = re.compile(rb"[0-9]{1,15}")

log = logging.getLogger(__name__)


class Indexes:
    """One process's access to these keys. Any number of processes may mend them at once."""

    def __init__(self, connection: "redis.Redis") -> None:
        self._redis = connection
        self._mend = connection.register_script((SCRIPTS / "indexes" / "mend.lua").read_text())

    def mend(self) -> None:
        """Move what is of a wrong type. Where a list of jobs was lost by that, it is made anew from their records."""
        names = list(GLOBAL_KINDS)
        moved = self._mend(keys=[*names, *map(keys.moved, names)], args=[GLOBAL_S, *GLOBAL_KINDS.values()])
        # Whoever holds this never needs more than a moment; without an end, no expired lease would be found again.
        left_ms = self._redis.pttl(keys.REAPER)
        if left_ms == -1 or left_ms > _LONGEST_MUTEX_MS:
            self._redis.delete(keys.REAPER)
        for name in (key.decode() for key in moved):
            put_aside(self._redis, name, b"", f"it was no {GLOBAL_KINDS[name]}; it is kept as {keys.moved(name)}")
            log.warning("%s was no %s: it is moved to %s.", name, GLOBAL_KINDS[name], keys.moved(name))
        if {keys.ACTIVE.encode(), keys.JOBS.encode()} & set(moved):
            self._list_jobs()

    def _list_jobs(self) -> None:
        over = {state.value.encode() for state in OVER}
        for key in self._redis.scan_iter(keys.EVERY_RECORD, count=_BATCH, _type="hash"):
            job = keys.job_id_of(key.partition(b"{")[2].partition(b"}")[0])
            if not job:
                continue
            state, want, created_ms = cast(
                "list[bytes | None]", self._redis.hmget(key, ["state", "want", "created_ms"])
            )
            score = int(created_ms) if created_ms and _A_TIME.fullmatch(created_ms) else 0
            self._redis.zadd(keys.JOBS, {job: score})
            if want or state not in over:
                self._redis.zadd(keys.ACTIVE, {job: score})
        for name in (keys.JOBS, keys.ACTIVE):
            self._redis.expire(name, GLOBAL_S)
