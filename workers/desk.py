"""The desk worker: `celery -A workers.desk worker`. Texts and files: plan, part, bind. No model."""

import sys
from datetime import timedelta
from typing import Any

from celery.signals import celeryd_init, worker_ready, worker_shutdown

from broker import process
from broker.app import DESK, DESK_LIVE, app, queue
from broker.gate import Gate
from broker.hints import store_queue
from broker.settings import settings
from broker.store import LocalStore
from chorus.errors import ChorusError
from tasks import desk

# As long as a job's record lives, and a day for whoever comes late to fetch a result.
UNFINISHED, FINISHED = timedelta(days=30), timedelta(days=1)
# As in the voice worker: the next step is here before a slot is free.
HOLD = 2

desk.register(app)


@celeryd_init.connect
def _open(instance: Any, conf: Any, **_: Any) -> None:
    try:
        _prepare(process.name_node(instance, "desk"), conf)
    except ChorusError as error:
        # Celery logs what a signal handler raises and goes on; a desk without a store must not.
        sys.exit(f"chorus: {error}")


def _prepare(node: str, conf: Any) -> None:
    store = LocalStore(settings().store_folder())
    store.sweep(unfinished=UNFINISHED, finished=FINISHED)
    slots = settings().desk_slots
    limits = {DESK_LIVE: slots + HOLD, store_queue(store.id): slots + HOLD, DESK: slots + HOLD}
    Gate.configure(limits)
    conf.task_queues = [queue(name) for name in limits]
    conf.worker_concurrency = sum(limits.values())
    process.open_process(app, settings(), role="desk", node=node, slots={"desk": slots}, store=store)


@worker_ready.connect
def _serve(**_: Any) -> None:
    process.current().upkeep.start()


@worker_shutdown.connect
def _leave(**_: Any) -> None:
    process.current().upkeep.stop()
