"""The life of a worker process inside Celery: opened before the consumer starts, signed in when it is ready, closed.

Knows neither voice nor desk.
"""

import sys
from collections.abc import Callable
from typing import Any

from celery.bootsteps import StartStopStep
from celery.signals import celeryd_init, worker_ready, worker_shutdown

from broker import process
from broker.app import app, queue
from broker.gate import Gate
from chorus.errors import ChorusError

TURN_S = 1.0

Open = Callable[[str, Any], None]
"""Given the node's name and Celery's configuration: load what is needed, set the queues, fill the process's slot."""


class LoopStamp(StartStopStep):  # type: ignore[misc] # Celery ships no types
    """Tells the watchdog, from within Celery's loop, that the loop turns."""

    # Among the last to start and the first to stop: without a connection there is no loop, and none hangs.
    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        super().__init__(consumer)
        self._turns: Any = None

    def start(self, consumer: Any) -> None:
        """The loop is about to turn."""
        watchdog = process.current().watchdog
        watchdog.loop_turned()
        self._turns = consumer.timer.call_repeatedly(TURN_S, watchdog.loop_turned)

    def stop(self, _consumer: Any) -> None:
        """The loop has ended: for good, or until the server is found again."""
        if self._turns is not None:
            self._turns.cancel()
        process.current().watchdog.loop_left()

    close = shutdown = stop


def listen(conf: Any, limits: dict[str, int]) -> None:
    """Consume these queues, the most urgent first, holding at most so many tasks of each."""
    Gate.configure(limits)
    conf.task_queues = [queue(name) for name in limits]
    conf.worker_concurrency = sum(limits.values())


def connect(role: str, opened: Open, closed: Callable[[], None] = lambda: None) -> None:
    """Tie a worker's own opening and closing to Celery's signals."""
    app.steps["consumer"].add(LoopStamp)

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
        process.current().watchdog.start()

    @worker_shutdown.connect(weak=False)
    def _leave(**_: Any) -> None:
        process.current().watchdog.stop()
        process.current().upkeep.stop()
        closed()
