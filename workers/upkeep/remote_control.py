"""Celery's remote commands of a voice worker: `inspect session_status` and `control session_reset`.

They run on Celery's own loop and answer at once; a reset goes on in a thread. Knows nothing of who asks.
"""

import logging
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import psutil
from celery.worker.control import control_command, inspect_command

from broker import worker_process
from broker.settings import settings
from chorus.errors import ModelError
from tasks import engine
from workers.process import lifecycle, memory
from workers.process.start_up import origin, startup

if TYPE_CHECKING:
    from workers.models.resolving import Model
    from workers.upkeep.maintenance import Maintenance

SERVING: Final = "serving"
RESETTING: Final = "resetting"
RESTING: Final = "resting"

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Sessions:
    """What happened to the sessions of this process."""

    resets: int = 0
    started_ms: int = 0
    """When the present sessions were ready; 0: at the process's start."""
    resetting: threading.Lock = field(default_factory=threading.Lock)
    maintenance: "list[Maintenance]" = field(default_factory=list)
    """Empty before the sessions are warm, then one."""


_sessions = _Sessions()


def set_maintenance(maintenance: "Maintenance") -> None:
    """What `start` and `stop` start and stop, and `session_status` asks."""
    _sessions.maintenance[:] = [maintenance]


def start() -> None:
    """Begin the maintenance, once the process serves."""
    for maintenance in _sessions.maintenance:
        maintenance.start()


def stop() -> None:
    """End the maintenance, when the process ends."""
    for maintenance in _sessions.maintenance:
        maintenance.stop()


@inspect_command()  # type: ignore[untyped-decorator] # Celery ships no types
def session_status(_state: Any) -> dict[str, Any]:
    """This worker's sessions: their lanes, model, age, how it started, and the process's memory."""
    from workers.engine.factory import kokoro  # noqa: PLC0415 - onnxruntime, only where a worker really runs

    here, installed = worker_process.current(), engine.current()
    awake = kokoro(installed)
    return {
        "state": RESETTING if _sessions.resetting.locked() else SERVING if awake else RESTING,
        "resets": _sessions.resets,
        "recycles": origin.recycles,
        "started_ms": _sessions.started_ms or here.worker.started_ms,
        "model": installed.model,
        "sound": installed.sound,
        "rss_bytes": psutil.Process().memory_info().rss,
        "startup_s": startup.seconds(),
        "memory": _sessions.maintenance[0].status() if _sessions.maintenance else {},
        "beats": _sessions.maintenance[0].beats() if _sessions.maintenance else {},
        "lanes": [asdict(lane) for lane in awake.health()] if awake else [],
    }


@control_command()  # type: ignore[untyped-decorator] # the same
def process_recycle(_state: Any) -> dict[str, str]:
    """Finish the tasks in hand, and replace this process by a fresh one."""
    lifecycle.recycle("Asked to")
    return {"ok": "recycling"}


@control_command()  # type: ignore[untyped-decorator] # the same
def session_reset(_state: Any) -> dict[str, str]:
    """Drain, close, rebuild and warm this worker's sessions; segments that arrive meanwhile wait."""
    if not _sessions.resetting.acquire(blocking=False):
        return {"ok": "a reset is under way already"}
    threading.Thread(target=_reset, name="chorus-reset", daemon=True).start()
    return {"ok": "resetting"}


def exchange(model: "Model") -> None:
    """Let another graph of the same sound speak: its sessions are opened beside the present ones, which then close."""
    from workers.upkeep.maintenance import Maintenance  # noqa: PLC0415 - see above

    here = worker_process.current()
    with _sessions.resetting:
        _install(model)
        # Growth is counted from what is left once the former sessions' memory has gone back to the system.
        memory.trim()
        here.worker = replace(
            here.worker, variant=model.variant, variant_why=model.why, samples=engine.current().samples
        )
        stop()
        set_maintenance(Maintenance(settings()))
        start()
        _sessions.started_ms = int(time.time() * 1000)


def keep() -> None:
    """The graph that speaks will not be exchanged: its samples stay the same from now on."""
    here = worker_process.current()
    here.worker = replace(here.worker, samples=engine.current().samples)


def _install(model: "Model") -> None:
    from workers.engine.factory import open_warm_engine  # noqa: PLC0415 - see above

    fresh = open_warm_engine(model, settings())
    with worker_process.current().drained():
        former = engine.current()
        engine.install(fresh)
        former.close()


def _reset() -> None:
    here = worker_process.current()
    with here.drained():
        try:
            _rebuild()
        except Exception as error:
            # Whatever the error: a worker that cannot speak must end, and before its slots are free again.
            log.exception("The sessions could not be rebuilt.")
            here.end(f"The sessions could not be rebuilt ({error})")
    _sessions.resetting.release()


def _rebuild() -> None:
    from workers.engine.factory import open_warm_engine  # noqa: PLC0415 - the same
    from workers.models.resolving import resolve  # noqa: PLC0415 - onnxruntime, only where a worker really runs

    engine.current().close()
    model = resolve(settings())
    if model.digest != engine.current().model_digest:
        raise ModelError(f"{model.path} is another model by now: restart the worker.")
    engine.install(open_warm_engine(model, settings()))
    worker_process.current().reopened(engine.current().samples)
    _sessions.resets += 1
    _sessions.started_ms = int(time.time() * 1000)
