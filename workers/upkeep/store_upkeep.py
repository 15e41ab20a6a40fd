"""Keeps a desk's store small while the desk serves: removes what jobs left that are over, and what is too much cache.

Which jobs those are, `broker/store_sweep.py` decides. Knows nothing of sessions, and loads no onnxruntime.
"""

import secrets
import time
from contextlib import suppress
from typing import Final

from broker.cache import FOLDER, DiskCache
from broker.store import LocalStore
from broker.store_sweep import StoreSweep, ledger_of
from broker.worker_process import Process
from chorus.errors import ServerError
from workers.upkeep.ticker import Ticker

SWEEP_S: Final = 30.0
"""Between two turns of the sweep; the first comes at once, for a stack that a command starts lives for seconds."""
TRIM_S: Final = 300.0
"""Between two looks at the cache: workers bound it as they write, but each knows only now and then of the others."""

_ticker: list[Ticker] = []
"""Empty before the desk has opened its store, then one."""


class StoreUpkeep:
    """What is done for a store, and when it was last done."""

    def __init__(self, sweep: StoreSweep, cache: DiskCache) -> None:
        self._sweep, self._cache = sweep, cache
        self._sweep_due_s = self._trim_due_s = time.monotonic()

    def tick(self) -> None:
        """Do what is due."""
        now_s = time.monotonic()
        if now_s >= self._sweep_due_s:
            self._sweep_due_s = now_s + SWEEP_S
            # Without the ledger nothing is removed; the next turn asks again.
            with suppress(ServerError):
                self._sweep.turn()
        if now_s >= self._trim_due_s:
            self._trim_due_s = now_s + TRIM_S
            self._cache.trim()


def look_after(here: Process, store: LocalStore) -> None:
    """Look after this store from the moment the desk serves."""
    cache = DiskCache(store.folder / FOLDER, most_bytes=here.settings.cache_bytes())
    # Not all desks begin with the same jobs: those of a stack that lives for seconds would never see the others.
    sweep = StoreSweep(store, ledger_of(here.redis), after=secrets.token_hex(2))
    upkeep = StoreUpkeep(sweep, cache)
    _ticker[:] = [Ticker(upkeep.tick)]


def begin() -> None:
    """The desk serves."""
    for one in _ticker:
        one.start()


def leave() -> None:
    """The desk is going down."""
    for one in _ticker:
        one.stop()
