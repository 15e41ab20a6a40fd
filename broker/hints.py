"""Hints become Celery messages here. Losing or doubling one is harmless: the ledger's deadlines find it."""

import logging

from celery import Celery
from kombu.exceptions import OperationalError

from broker.app import DESK, DESK_LIVE, queue
from broker.ledger import Hint, Outcome

TASKS = {"plan": "chorus.plan", "segment": "chorus.synthesize", "part": "chorus.part", "bind": "chorus.bind"}

log = logging.getLogger(__name__)


def queue_name(hint: Hint, outcome: Outcome) -> str:
    """The queue this hint travels on."""
    return {
        "live": voice_queue("live", outcome.sound),
        "bulk": voice_queue("bulk", outcome.sound),
        "desk.live": DESK_LIVE,
        "desk": DESK,
        "store": store_queue(outcome.store),
    }[hint.queue]


def voice_queue(lane: str, sound: str) -> str:
    """Segments of one sound: a worker hears only of what it has loaded."""
    return f"chorus.{lane}.{sound}"


def store_queue(store: str) -> str:
    """Steps that need this store: only desks that can open it listen."""
    return f"chorus.store.{store}"


def send(app: Celery, outcome: Outcome) -> None:
    """Send what an outcome asks for. A server that refuses now is asked again by the reaper."""
    for hint in outcome.hints:
        try:
            app.send_task(
                TASKS[hint.step.partition(":")[0]],
                args=(outcome.job, hint.step),
                argsrepr=f"job={outcome.job} step={hint.step}",
                queue=queue(queue_name(hint, outcome)),
            )
        except OperationalError as error:
            log.warning("Could not send %s of job %s (%s): it will be sent again.", hint.step, outcome.job, error)
            return
