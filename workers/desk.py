"""The desk worker: `celery -A workers.desk worker`. Texts and files: plan, part, bind. No model."""

from typing import Any

from broker import worker_process
from broker.app import DESK, DESK_LIVE, app
from broker.gate import HOLD
from broker.hints import store_queue
from broker.settings import settings
from broker.store import LocalStore
from tasks import desk_tasks
from tasks.phonemes import phonemize, tagger_choice
from workers.process.lifecycle import connect, listen, refuse_alone
from workers.upkeep import store_upkeep


def _open(node: str, conf: Any) -> None:
    store = LocalStore(settings().store_folder())
    slots = settings().desk_slots
    listen(conf, dict.fromkeys((DESK_LIVE, store_queue(store.id), DESK), slots + HOLD))
    here = worker_process.open_process(app, settings(), role="desk", node=node, slots={"desk": slots}, store=store)
    store_upkeep.look_after(here, store)
    here.count(_counters)
    here.tagger = tagger_choice.expected


def _counters() -> dict[str, dict[str, float]]:
    """What was made of texts so far: sentences remembered and not, words by what spoke them, time."""
    told = phonemize.counters()
    words = {f"words_{backend}": float(count) for backend, count in sorted(told.words.items())}
    names = ("hits", "misses", "size", "limit", "fallbacks", "lost", "g2p_ms")
    return {"phonemes": {**{name: getattr(told, name) for name in names}, **words}}


desk_tasks.register(app)
connect("desk", _open, ready=store_upkeep.begin, closed=store_upkeep.leave)

if __name__ == "__main__":
    refuse_alone("workers.desk")
