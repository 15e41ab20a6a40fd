"""The voice worker: `celery -A workers.voice worker`. Warm sessions, and the segments they speak."""

import sys
from typing import Any

from broker import process
from broker.app import app
from broker.gate import HOLD
from broker.hints import voice_queue
from broker.primers import Primers
from broker.settings import settings
from tasks import engine, shelf, voice
from workers import remote  # noqa: F401 - its commands are known to Celery once it is imported
from workers.life import connect, listen


def _say(line: str) -> None:
    """Into the worker's log, which Celery has not opened yet."""
    print(f"chorus: {line}", file=sys.stderr, flush=True)  # noqa: T201 - the reason stands above


def _open(node: str, conf: Any) -> None:
    """Load and warm the model: what is registered can speak at once."""
    from workers.engine import open_engine  # noqa: PLC0415 - onnxruntime, only where a worker really starts
    from workers.optimise.preparing import ready  # noqa: PLC0415 - the same

    model = ready(settings(), _say)
    speaker = open_engine(model, settings())
    speaker.warm_up()
    engine.install(speaker)
    live, bulk = voice_queue("live", speaker.sound), voice_queue("bulk", speaker.sound)
    slots = {"live": speaker.slots("live"), "bulk": speaker.slots("bulk")}
    listen(conf, {live: sum(slots.values()), bulk: slots["bulk"] + HOLD})
    here = process.open_process(
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
        variant=model.variant,
        variant_why=model.why,
        voices=speaker.voices(),
    )
    kept = shelf.open_shelf(settings(), Primers(here.redis))
    if kept:
        here.count(kept.counters)


voice.register(app)
connect("voice", _open, lambda: engine.current().close())
