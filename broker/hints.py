"""Hints become Celery messages here. Losing or doubling one is harmless: the ledger's deadlines find it."""

import logging
from collections.abc import Iterable

from celery import Celery
from kombu.exceptions import OperationalError

from broker.app import DESK, DESK_LIVE, queue
from broker.deliveries import STEPS
from broker.job_titles import JobTitles
from broker.ledger import Hint, Outcome
from chorus.records import Worker

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


def queues_of(workers: Iterable[Worker]) -> set[str]:
    """The queues of a farm of these workers; those of its desks are there even if no desk is."""
    names = {DESK, DESK_LIVE}
    for one in workers:
        names |= {voice_queue(lane, one.sound) for lane in ("live", "bulk") if one.sound}
        names |= {store_queue(one.store)} if one.store else set()
    return names


def send(app: Celery, outcome: Outcome, titles: JobTitles) -> None:
    """Send what an outcome asks for. A server that refuses now is asked again by the reaper.

    `argsrepr` is what Flower shows. `kwargsrepr` tells apart two jobs of one title: the gate counts by both.
    """
    for hint in outcome.hints:
        try:
            app.send_task(
                STEPS[hint.step.partition(":")[0]],
                args=(outcome.job, hint.step),
                argsrepr=f"{titles.of(outcome.job)} {hint.step.replace(':', ' ')}",
                kwargsrepr=f"job={outcome.job}",
                queue=queue(queue_name(hint, outcome)),
            )
        except OperationalError as error:
            log.warning("Could not send %s of job %s (%s): it will be sent again.", hint.step, outcome.job, error)
            return
