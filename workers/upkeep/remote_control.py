"""Celery's remote commands of a voice worker: `inspect session_status` and `control session_reset`.

They run on Celery's own loop and answer at once: a reset goes its way in a thread. Knows nothing of who asks.
"""

import gc
import logging
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psutil
from celery.worker.control import control_command, inspect_command

from broker import worker_process
from broker.settings import settings
from chorus.errors import ModelError
from tasks import engine
from workers.process import lifecycle
from workers.process.start_up import origin, startup

if TYPE_CHECKING:
    from workers.upkeep.maintenance import Care

SERVING: Final = "serving"
RESETTING: Final = "resetting"
RESTING: Final = "resting"

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Life:
    """The sessions' life in this process."""

    resets: int = 0
    started_ms: int = 0
    """When the sessions in use were warm; 0: with the process."""
    busy: threading.Lock = field(default_factory=threading.Lock)
    care: "list[Care]" = field(default_factory=list)
    """Empty before the sessions are warm, then one."""


_life = _Life()


def look_after(care: "Care") -> None:
    """This is who looks after the process from the moment it serves."""
    _life.care[:] = [care]


def begin() -> None:
    """The process serves."""
    for care in _life.care:
        care.start()


def leave() -> None:
    """The process is going down."""
    for care in _life.care:
        care.stop()


@inspect_command()  # type: ignore[untyped-decorator] # Celery ships no types
def session_status(_state: Any) -> dict[str, Any]:
    """This worker's sessions: their lanes, model, age, how it started, and the process's memory."""
    from workers.engine.factory import kokoro  # noqa: PLC0415 - onnxruntime, only where a worker really runs

    here, speaker = worker_process.current(), engine.current()
    awake = kokoro(speaker)
    return {
        "state": RESETTING if _life.busy.locked() else SERVING if awake else RESTING,
        "resets": _life.resets,
        "recycles": origin.recycles,
        "started_ms": _life.started_ms or here.worker.started_ms,
        "model": speaker.model,
        "sound": speaker.sound,
        "rss_bytes": psutil.Process().memory_info().rss,
        "startup_s": startup.seconds(),
        "memory": _life.care[0].status() if _life.care else {},
        "beats": _life.care[0].beats() if _life.care else {},
        "lanes": [asdict(lane) for lane in awake.health()] if awake else [],
    }


@control_command()  # type: ignore[untyped-decorator] # the same
def process_recycle(_state: Any) -> dict[str, str]:
    """Finish what is held, and let a fresh process take this one's place."""
    lifecycle.recycle("Asked to")
    return {"ok": "recycling"}


@control_command()  # type: ignore[untyped-decorator] # the same
def session_reset(_state: Any) -> dict[str, str]:
    """Drain, close, rebuild and warm this worker's sessions; what comes meanwhile waits."""
    if not _life.busy.acquire(blocking=False):
        return {"ok": "a reset is under way already"}
    threading.Thread(target=_reset, name="chorus-reset", daemon=True).start()
    return {"ok": "resetting"}


def _reset() -> None:
    here = worker_process.current()
    with here.drained():
        try:
            _rebuild()
        except Exception as error:
            # Whatever it was: a worker that cannot speak must go, and before it lets go of its slots.
            log.exception("The sessions could not be rebuilt.")
            here.end(f"The sessions could not be rebuilt ({error})")
    _life.busy.release()


def _rebuild() -> None:
    from workers.engine.factory import open_speaker  # noqa: PLC0415 - the same
    from workers.models.resolving import resolve  # noqa: PLC0415 - onnxruntime, only where a worker really runs

    engine.current().close()
    # The session and what runs it hold each other: without this the old one would still be here beside the new.
    gc.collect()
    model = resolve(settings())
    if model.digest != engine.current().model_digest:
        raise ModelError(f"{model.path} is another model by now: only a new process can sign in with it.")
    engine.install(open_speaker(model, settings()))
    _life.resets += 1
    _life.started_ms = int(time.time() * 1000)
