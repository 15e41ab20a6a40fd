"""Maintains a voice worker while it serves: keeps idle sessions warm or closes them, and frees memory it has grown by.

The rules stand in `keep_alive.py`, `resting.py` and `governor.py`; here they are applied to this process.
"""

import logging
import time
from collections import Counter
from dataclasses import asdict, replace
from typing import Any

from broker import worker_process
from broker.settings import FarmSettings
from tasks import engine
from workers.engine.factory import kokoro
from workers.engine.resting import RestingEngine
from workers.inference.keep_alive import KeepAlive
from workers.process import lifecycle, memory
from workers.upkeep.governor import MEGABYTE, Governor
from workers.upkeep.ticker import Ticker

log = logging.getLogger(__name__)


class Maintenance:
    """Made once the sessions are warm: growth is counted from the memory that the process has then."""

    def __init__(self, farm: FarmSettings, governor: Governor | None = None) -> None:
        reading = memory.read()
        self._governor = governor or Governor(baseline_bytes=reading.rss_bytes, asked_bytes=farm.growth_mb * MEGABYTE)
        self._keep_alive = KeepAlive(self._beats, every_s=farm.keep_alive_s if farm.priming else 0)
        self._steps: Counter[str] = Counter()
        self._given_back_bytes = 0
        self._alarmed = False
        self._ticker = Ticker(self._keep_alive.tick, self._settle, self._rest, self._govern)

    def start(self) -> None:
        """Begin, once the worker serves."""
        self._ticker.start()

    def stop(self) -> None:
        """End, when the worker ends."""
        self._ticker.stop()

    def status(self) -> dict[str, Any]:
        """The process's memory, and the steps taken about it. What cannot be known is None."""
        reading, trend = memory.read(), self._governor.trend()
        return {
            "in_use_bytes": reading.in_use_bytes,
            "baseline_bytes": self._governor.baseline_bytes,
            "room_bytes": reading.room.total_bytes,
            "available_bytes": reading.room.available_bytes,
            "mb_per_h": trend.mb_per_h if trend else None,
            "fresh_pages": memory.fresh_pages(),
            "given_back_bytes": self._given_back_bytes,
            "steps": dict(self._steps),
        }

    def beats(self) -> dict[str, dict[str, int]]:
        """By lane: how often its session was kept warm, and how often that was stopped for an utterance."""
        kokoro_engine = kokoro(engine.current())
        return {lane: asdict(counts) for lane, counts in kokoro_engine.beaten().items()} if kokoro_engine else {}

    def _beats(self) -> tuple[Any, ...]:
        kokoro_engine = kokoro(engine.current())
        return kokoro_engine.beats() if kokoro_engine else ()

    def _settle(self) -> None:
        kokoro_engine = kokoro(engine.current())
        if kokoro_engine:
            kokoro_engine.settle()

    def _rest(self) -> None:
        resting = engine.current()
        if isinstance(resting, RestingEngine):
            resting.tick()

    def _govern(self) -> None:
        reading = replace(memory.read(), under_way=worker_process.current().upkeep.under_way())
        step = self._governor.look(time.monotonic(), reading)
        self._watch_trend()
        if step == "none":
            return
        self._steps[step] += 1
        if step == "recycle":
            self._check_idle()
        else:
            self._shrink(caches=step == "drop")

    def _shrink(self, *, caches: bool) -> None:
        kokoro_engine = kokoro(engine.current())
        if caches and kokoro_engine:
            kokoro_engine.drop_caches()
        before = memory.read().rss_bytes
        memory.trim()
        freed = max(0, before - memory.read().rss_bytes)
        self._given_back_bytes += freed
        log.info("Grown to %.0f MB: %.0f MB were freed.", before / MEGABYTE, freed / MEGABYTE)

    def _check_idle(self) -> None:
        """Wait until nothing is under way and look again: only the memory it has then counts against the process."""
        with worker_process.current().drained():
            if kokoro_engine := kokoro(engine.current()):
                kokoro_engine.give_back()
            self._shrink(caches=True)
            idle = memory.read()
            must_go = self._governor.must_go(time.monotonic(), idle)
        if must_go:
            grown = (idle.rss_bytes - self._governor.baseline_bytes) / MEGABYTE
            lifecycle.recycle(f"Grown by {grown:.0f} MB with nothing under way")

    def _watch_trend(self) -> None:
        trend = self._governor.trend()
        alarming = bool(trend and trend.alarming)
        if trend and alarming and not self._alarmed:
            log.warning("This process grows by %.0f MB an hour: `chorus status` shows its memory.", trend.mb_per_h)
            self._steps["alarm"] += 1
        self._alarmed = alarming
