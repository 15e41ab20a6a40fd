"""Opens the engine of this process as its settings ask for: loaded, warmed, and with a rest where priming is off.

Knows neither queues nor Celery.
"""

import gc
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


def open_speaker(
    model: Model, farm: FarmSettings, *, reached: Callable[[str], None] = lambda _stage: None
) -> "KokoroEngine | RestingEngine[KokoroEngine]":
    """The engine that this model makes, warm; ModelError where it cannot be had. `reached` is told of each stage."""
    engine = open_engine(model, farm, reached=reached)
    engine.warm_up()
    reached("warm_up")
    if farm.priming:
        return engine
    return RestingEngine(engine, partial(_woken, farm), after_s=farm.unload_s, let_go=trim)


def kokoro(engine: Engine) -> KokoroEngine | None:
    """The engine with the sessions behind what the process has installed; None while they are let go."""
    if isinstance(engine, RestingEngine):
        awake = engine.awake()
        return awake if isinstance(awake, KokoroEngine) else None
    return engine if isinstance(engine, KokoroEngine) else None


def _woken(farm: FarmSettings) -> KokoroEngine:
    """As it was before its rest. Where that cannot be, the process ends: its segments go to those that can speak."""
    gc.collect()
    try:
        engine = open_engine(resolve(farm), farm)
        engine.warm_up()
    except Exception as error:
        log.exception("The sessions could not be built anew.")
        worker_process.current().end(f"The sessions could not be built anew ({error})")
        raise
    return engine
