"""What Flower shows of a farm by default: columns that name the job and the step, and every queue.

Flower's own default columns show each task's UUID, and its broker page only the queues of those workers that answered
when it last asked. `apply` changes both where Flower is loaded, which it is in every `celery` command. An option given
to Flower overrides this. Knows no job.
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
    """Change Flower's defaults in this process. Does nothing if Flower is not loaded, or is a version without them."""
    options: Any = getattr(sys.modules.get("flower.options"), "options", None)
    if hasattr(options, "tasks_columns"):
        options.tasks_columns = COLUMNS
    handler: Any = getattr(sys.modules.get("flower.views"), "BaseHandler", None)
    flowers_own = getattr(handler, "get_active_queue_names", None)
    if flowers_own is not None:
        handler.get_active_queue_names = lambda page: sorted({*flowers_own(page), *_queues(page.capp)})


def queue_names(connection: "redis.Redis") -> set[str]:
    """The queues that registered workers serve, and any other that holds messages."""
    served = hints.queues_of(registry.read(connection).workers)
    members = cast("set[bytes]", connection.smembers(_BOUND))
    bound = {member.decode("utf-8", "replace").rpartition(_SEPARATOR)[2] for member in members}
    return served | {name for name in bound - served if connection.llen(name)}


def _queues(app: Celery) -> set[str]:
    """The same for Flower's app. If the server is away there are none, and Flower itself reports the server."""
    try:
        with reach.client(app.conf.broker_url) as connection:
            return queue_names(connection)
    except (redis.RedisError, ChorusError):
        return set()
