"""Opens the engine of a worker process, warm; where priming is off, as one that closes its sessions when idle.

Knows neither queues nor Celery.
"""

import logging
from collections.abc import Callable
from functools import partial

from broker import worker_process
from broker.settings import FarmSettings
from tasks.engine import Engine
from workers.engine.kokoro_engine import KokoroEngine
from workers.engine.opening import open_engine
from workers.engine.resting import RestingEngine
from workers.models.resolving import Model, resolve
from workers.process.memory import trim

log = logging.getLogger(__name__)


def open_warm_engine(
    model: Model, farm: FarmSettings, *, reached: Callable[[str], None] = lambda _stage: None
) -> "KokoroEngine | RestingEngine[KokoroEngine]":
    """An engine that speaks with this model, warm, or ModelError. `reached` is called at the end of each stage."""
    engine = open_engine(model, farm, reached=reached)
    engine.warm_up()
    reached("warm_up")
    if farm.priming:
        return engine
    return RestingEngine(engine, partial(_woken, farm), after_s=farm.unload_s, closed=trim)


def kokoro(engine: Engine) -> KokoroEngine | None:
    """The Kokoro engine within the engine that the process has installed; None while its sessions are closed."""
    if isinstance(engine, RestingEngine):
        awake = engine.awake()
        return awake if isinstance(awake, KokoroEngine) else None
    return engine if isinstance(engine, KokoroEngine) else None


def _woken(farm: FarmSettings) -> KokoroEngine:
    """A new engine after a rest. If there is none to be had the process ends, and other workers speak its segments."""
    try:
        engine = open_engine(resolve(farm), farm)
        engine.warm_up()
        worker_process.current().reopened(engine.samples)
    except Exception as error:
        log.exception("The sessions could not be opened again.")
        worker_process.current().end(f"The sessions could not be opened again ({error})")
        raise
    return engine
