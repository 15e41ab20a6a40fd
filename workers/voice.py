"""The voice worker: `celery -A workers.voice worker`. Warm sessions, and the segments they speak."""

import logging
import sys
from typing import Any

from celery.signals import celeryd_init, worker_ready, worker_shutdown

from broker import process
from broker.app import app, queue
from broker.gate import Gate
from broker.hints import voice_queue
from broker.settings import settings
from chorus.errors import ChorusError
from tasks import engine, voice

# Tasks held beyond the free slots, so that a slot that frees finds its next segment already here.
HOLD = 2

log = logging.getLogger(__name__)
voice.register(app)


@celeryd_init.connect
def _open(instance: Any, conf: Any, **_: Any) -> None:
    """Load and warm the model before the consumer starts: what is registered can speak at once."""
    try:
        _load(process.name_node(instance, "voice"), conf)
    except ChorusError as error:
        # Celery logs what a signal handler raises and goes on; a worker without a voice must not.
        sys.exit(f"chorus: {error}")


def _load(node: str, conf: Any) -> None:
    from workers.engine import open_engine  # noqa: PLC0415 - onnxruntime, only where a worker really starts
    from workers.models import resolve  # noqa: PLC0415 - the same

    model = resolve(settings())
    speaker = open_engine(model, settings())
    speaker.warm_up()
    engine.install(speaker)
    live, bulk = voice_queue("live", speaker.sound), voice_queue("bulk", speaker.sound)
    slots = {"live": speaker.slots("live"), "bulk": speaker.slots("bulk")}
    limits = {live: sum(slots.values()), bulk: slots["bulk"] + HOLD}
    Gate.configure(limits)
    conf.task_queues = [queue(name) for name in limits]
    conf.worker_concurrency = sum(limits.values())
    process.open_process(
        app,
        settings(),
        role="voice",
        node=node,
        slots=slots,
        store=None,
        sound=speaker.sound,
        model=speaker.model,
        model_digest=speaker.model_digest,
        voices_digest=speaker.voices_digest,
        stand_in=model.stand_in,
        voices=speaker.voices(),
    )


@worker_ready.connect
def _serve(**_: Any) -> None:
    process.current().upkeep.start()


@worker_shutdown.connect
def _leave(**_: Any) -> None:
    process.current().upkeep.stop()
    engine.current().close()
