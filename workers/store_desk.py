"""A caller's own desk on a farm elsewhere: `celery -A workers.store_desk worker` stores and binds on this disk only.

It takes no text to plan, and no job of others is ever given its store: both would wait when the caller leaves.
"""

from dataclasses import replace
from typing import Any

from broker import worker_process
from broker.app import app
from broker.gate import HOLD
from broker.hints import store_queue
from broker.settings import settings
from broker.store import LocalStore
from tasks import desk_tasks
from workers.process.lifecycle import connect, listen, refuse_alone
from workers.upkeep import store_upkeep


def _open(node: str, conf: Any) -> None:
    store = LocalStore(settings().store_folder())
    slots = settings().desk_slots
    listen(conf, {store_queue(store.id): slots + HOLD})
    here = worker_process.open_process(app, settings(), role="store", node=node, slots={"desk": slots}, store=store)
    store_upkeep.look_after(here, store)
    # A job without a store of its own gets the oldest that is registered.
    here.worker = replace(here.worker, store="")


desk_tasks.register(app)
connect("store", _open, ready=store_upkeep.begin, closed=store_upkeep.leave)

if __name__ == "__main__":
    refuse_alone("workers.store_desk")
