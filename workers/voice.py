"""The voice worker: `celery -A workers.voice worker`. Warm sessions, and the segments they speak."""

import sys
from typing import TYPE_CHECKING, Any

from broker import worker_process
from broker.app import app
from broker.gate import HOLD
from broker.hints import voice_queue
from broker.primers import Primers
from broker.settings import settings
from tasks import engine, voice_tasks
from tasks.parts import segment_cache
from workers.process.lifecycle import connect, listen, refuse_alone
from workers.process.start_up import startup
from workers.upkeep import remote_control

if TYPE_CHECKING:
    from workers.upkeep.preparation import BackgroundPreparation


_preparation: "list[BackgroundPreparation]" = []
"""Empty before the sessions are warm, then one."""


def _say(line: str) -> None:
    """Into the worker's log, which Celery has not opened yet."""
    print(f"chorus: {line}", file=sys.stderr, flush=True)  # noqa: T201 - the reason stands above


def _open(node: str, conf: Any) -> None:
    """Load and warm the model: what is registered can speak at once."""
    from workers.engine.factory import kokoro, open_warm_engine  # noqa: PLC0415 - the same
    from workers.optimise.preparing import may_differ, ready  # noqa: PLC0415 - the same
    from workers.upkeep.maintenance import Maintenance  # noqa: PLC0415 - onnxruntime, only where a worker really starts
    from workers.upkeep.preparation import BackgroundPreparation  # noqa: PLC0415 - the same

    startup.reached("libraries")
    model = ready(settings(), _say)
    startup.reached("model")
    speaker = open_warm_engine(model, settings(), reached=startup.reached)
    engine.install(speaker)
    # Not of the model: a graph that did not load has given way to its file.
    opened = kokoro(speaker) or model
    remote_control.set_maintenance(Maintenance(settings()))
    live, bulk = voice_queue("live", speaker.sound), voice_queue("bulk", speaker.sound)
    slots = {"live": speaker.slots("live"), "bulk": speaker.slots("bulk")}
    listen(conf, {live: sum(slots.values()), bulk: slots["bulk"] + HOLD})
    here = worker_process.open_process(
        app,
        settings(),
        role="voice",
        node=node,
        slots=slots,
        store=None,
        voice=worker_process.RegisteredVoice(
            sound=speaker.sound,
            model=speaker.model,
            model_digest=speaker.model_digest,
            voices_digest=speaker.voices_digest,
            stand_in=model.stand_in,
            variant=opened.variant,
            variant_why=opened.why,
            samples="" if may_differ(settings(), model) else speaker.samples,
            model_source=model.source,
            voices=speaker.voices(),
        ),
    )
    _preparation[:] = [
        BackgroundPreparation(settings(), model, exchange=remote_control.exchange, kept=remote_control.keep)
    ]
    kept = segment_cache.open_cache(settings(), Primers(here.redis))
    if kept:
        here.count(kept.counters)


voice_tasks.register(app)


def _serve() -> None:
    remote_control.start()
    for preparation in _preparation:
        preparation.start()


def _close() -> None:
    remote_control.stop()
    engine.current().close()


connect("voice", _open, closed=_close, ready=_serve)

if __name__ == "__main__":
    refuse_alone("workers.voice")
