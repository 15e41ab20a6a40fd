"""What Flower shows of a farm by default: columns that name the job and the step, and every queue there is.

Flower's own default is each task's UUID, and only the queues of workers that answered when it last asked them. Applied
where Flower is loaded, which it is in every `celery` command; options given to Flower go before these. Knows no job.
"""

import sys
from typing import Any, cast

import redis
from celery import Celery

from broker import hints, reach, registry
from chorus.errors import ChorusError

COLUMNS = "name,args,state,result,received,runtime,worker"
"""`args` holds the job's title and the step in words: broker/hints.py writes them."""
# Where kombu keeps the queues bound to our exchange, each as `key SEPARATOR pattern SEPARATOR queue`.
_BOUND, _SEPARATOR = "_kombu.binding.chorus", "\x06\x16"


def apply() -> None:
    """Make these Flower's defaults in this process; nothing happens where Flower is not loaded, or lacks them."""
    options: Any = getattr(sys.modules.get("flower.options"), "options", None)
    if hasattr(options, "tasks_columns"):
        options.tasks_columns = COLUMNS
    handler: Any = getattr(sys.modules.get("flower.views"), "BaseHandler", None)
    flowers_own = getattr(handler, "get_active_queue_names", None)
    if flowers_own is not None:
        handler.get_active_queue_names = lambda page: sorted({*flowers_own(page), *_queues(page.capp)})


def queue_names(connection: "redis.Redis") -> set[str]:
    """The queues that registered workers serve, and those that hold messages though nobody serves them."""
    served = hints.queues_of(registry.read(connection).workers)
    members = cast("set[bytes]", connection.smembers(_BOUND))
    bound = {member.decode().rpartition(_SEPARATOR)[2] for member in members}
    return served | {name for name in bound - served if connection.llen(name)}


def _queues(app: Celery) -> set[str]:
    """A server that is away shows as it does on the rest of the page, not as an error of this one."""
    try:
        with reach.client(app.conf.broker_url) as connection:
            return queue_names(connection)
    except (redis.RedisError, ChorusError):
        return set()
