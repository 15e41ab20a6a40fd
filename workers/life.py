"""The life of a worker process inside Celery: opened before the consumer starts, signed in when it is ready, closed.

Knows neither voice nor desk.
"""

import sys
from collections.abc import Callable
from typing import Any

from celery.signals import celeryd_init, worker_ready, worker_shutdown

from broker import process
from broker.app import queue
from broker.gate import Gate
from chorus.errors import ChorusError

Open = Callable[[str, Any], None]
"""Given the node's name and Celery's configuration: load what is needed, set the queues, fill the process's slot."""


def listen(conf: Any, limits: dict[str, int]) -> None:
    """Consume these queues, the most urgent first, holding at most so many tasks of each."""
    Gate.configure(limits)
    conf.task_queues = [queue(name) for name in limits]
    conf.worker_concurrency = sum(limits.values())


def connect(role: str, opened: Open, closed: Callable[[], None] = lambda: None) -> None:
    """Tie a worker's own opening and closing to Celery's signals."""

    # Celery keeps its receivers weakly, and these are local.
    @celeryd_init.connect(weak=False)
    def _open(instance: Any, conf: Any, **_: Any) -> None:
        try:
            opened(process.name_node(instance, role), conf)
        except ChorusError as error:
            # Celery logs what a receiver raises and goes on; a worker that cannot serve must not.
            sys.exit(f"chorus: {error}")

    @worker_ready.connect(weak=False)
    def _serve(**_: Any) -> None:
        process.current().upkeep.start()

    @worker_shutdown.connect(weak=False)
    def _leave(**_: Any) -> None:
        process.current().upkeep.stop()
        closed()
