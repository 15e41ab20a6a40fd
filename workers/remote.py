"""Celery's remote commands of a voice worker: `inspect session_status` and `control session_reset`.

They run on Celery's own loop and answer at once: a reset goes its way in a thread. Knows nothing of who asks.
"""

import gc
import logging
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import psutil
from celery.worker.control import control_command, inspect_command

from broker import process
from broker.settings import settings
from chorus.errors import ModelError
from tasks import engine

if TYPE_CHECKING:
    from workers.engine import KokoroEngine

SERVING: Final = "serving"
RESETTING: Final = "resetting"

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Life:
    """The sessions' life in this process."""

    resets: int = 0
    started_ms: int = 0
    """When the sessions in use were warm; 0: with the process."""
    busy: threading.Lock = field(default_factory=threading.Lock)


_life = _Life()


@inspect_command()  # type: ignore[untyped-decorator] # Celery ships no types
def session_status(_state: Any) -> dict[str, Any]:
    """This worker's sessions: their lanes, model, age, and the process's memory."""
    here, speaker = process.current(), cast("KokoroEngine", engine.current())
    return {
        "state": RESETTING if _life.busy.locked() else SERVING,
        "resets": _life.resets,
        "started_ms": _life.started_ms or here.worker.started_ms,
        "model": speaker.model,
        "sound": speaker.sound,
        "rss_bytes": psutil.Process().memory_info().rss,
        "lanes": [asdict(lane) for lane in speaker.health()],
    }


@control_command()  # type: ignore[untyped-decorator] # the same
def session_reset(_state: Any) -> dict[str, str]:
    """Drain, close, rebuild and warm this worker's sessions; what comes meanwhile waits."""
    if not _life.busy.acquire(blocking=False):
        return {"ok": "a reset is under way already"}
    threading.Thread(target=_reset, name="chorus-reset", daemon=True).start()
    return {"ok": "resetting"}


def _reset() -> None:
    here = process.current()
    with here.drained():
        try:
            _rebuild()
        except Exception as error:
            # Whatever it was: a worker that cannot speak must go, and before it lets go of its slots.
            log.exception("The sessions could not be rebuilt.")
            here.end(f"The sessions could not be rebuilt ({error})")
    _life.busy.release()


def _rebuild() -> None:
    from workers.engine import open_engine  # noqa: PLC0415 - onnxruntime, only where a worker really runs
    from workers.models import resolve  # noqa: PLC0415 - the same

    engine.current().close()
    # The session and what runs it hold each other: without this the old one would still be here beside the new.
    gc.collect()
    model = resolve(settings())
    if model.digest != engine.current().model_digest:
        raise ModelError(f"{model.path} is another model by now: only a new process can sign in with it.")
    speaker = open_engine(model, settings())
    speaker.warm_up()
    engine.install(speaker)
    _life.resets += 1
    _life.started_ms = int(time.time() * 1000)
