"""A worker process within Celery: opened before the consumer starts, registered when it is ready, closed, replaced.

Knows nothing of what voice and desk workers do.
"""

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from celery.bootsteps import StartStopStep
from celery.signals import celeryd_init, worker_ready, worker_shutdown, worker_shutting_down
from celery.worker import state

from broker import worker_process
from broker.app import app, queue
from broker.gate import Gate
from broker.settings import settings
from chorus.errors import ChorusError
from workers.process import memory
from workers.process.start_up import MARK, origin, startup

TURN_S = 1.0

log = logging.getLogger(__name__)
_replacing = threading.Event()

Open = Callable[[str, Any], None]
"""Called with the node's name and Celery's configuration: loads what the worker needs and sets its queues."""


class LoopStamp(StartStopStep):  # type: ignore[misc] # Celery ships no types
    """Reports to the watchdog, from within Celery's loop, that the loop turns."""

    # So it starts among the last and stops among the first: without a connection there is no loop that could hang.
    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        super().__init__(consumer)
        self._turns: Any = None

    def start(self, consumer: Any) -> None:
        """The loop is about to turn."""
        watchdog = worker_process.current().watchdog
        watchdog.loop_turned()
        self._turns = consumer.timer.call_repeatedly(TURN_S, watchdog.loop_turned)

    def stop(self, _consumer: Any) -> None:
        """The loop has ended: for good, or until the server is found again."""
        if self._turns is not None:
            self._turns.cancel()
        worker_process.current().watchdog.loop_left()

    close = shutdown = stop


def listen(conf: Any, limits: dict[str, int]) -> None:
    """Consume these queues, the most urgent first, with at most so many tasks of each in this process."""
    Gate.configure(limits)
    conf.task_queues = [queue(name) for name in limits]
    conf.worker_concurrency = sum(limits.values())


def recycle(why: str) -> None:
    """Finish the tasks in hand, leave the registry, and become a fresh process of the same command and process id.

    So nothing has to start it again, and to a supervisor it is still the same child.
    """
    log.warning("%s: this process finishes what it holds, and a fresh one takes its place.", why)
    if not _replacing.is_set():
        _replacing.set()
        atexit.register(_replace)
    # What Celery's own handler of SIGTERM does.
    state.should_stop = os.EX_OK


def _replace() -> None:
    """Runs at exit, after everything else; the new program gets standard input and outputs, and nothing else."""
    if not _replacing.is_set():
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    command = successor(sys.orig_argv, origin.successor(time.time()))
    os.execv(sys.executable, command)  # noqa: S606 - the command of this very process


def successor(argv: list[str], mark: str) -> list[str]:
    """This process's own command line, with the mark of the process that replaces it."""
    rest = argv[1:]
    if rest[:1] == ["-X"] and rest[1].startswith(MARK):
        rest = rest[2:]
    return [sys.executable, "-X", mark, *rest]


def refuse_alone(module: str) -> NoReturn:
    """End `python -m workers.voice`: it would import the worker and start nothing."""
    try:
        settings()
    except ChorusError as error:
        sys.exit(f"chorus: {error}")
    sys.exit(f"chorus: {module} is started by Celery: run `celery -A {module} worker`.")


def connect(
    role: str, opened: Open, *, ready: Callable[[], None] = lambda: None, closed: Callable[[], None] = lambda: None
) -> None:
    """Have Celery's signals open, start and close this worker."""
    app.steps["consumer"].add(LoopStamp)

    # Celery holds its receivers by weak references, and nothing else refers to these.
    @celeryd_init.connect(weak=False)
    def _open(instance: Any, conf: Any, **_: Any) -> None:
        startup.reached("imports")
        memory.settle()
        try:
            opened(worker_process.name_node(instance, role), conf)
        except Exception as error:  # noqa: BLE001 -- Celery logs what a receiver raises and goes on without it
            from chorus.command_line import brief, told  # noqa: PLC0415 -- a worker that serves needs no command line

            # A worker that cannot serve has to end.
            sys.exit(f"chorus: {brief(told(error)[1])}")

    @worker_ready.connect(weak=False)
    def _serve(**_: Any) -> None:
        startup.reached("celery")
        worker_process.current().upkeep.start()
        worker_process.current().watchdog.start()
        startup.reached("sign_in")
        ready()

    @worker_shutting_down.connect(weak=False)
    def _told_to_end(**_: Any) -> None:
        # A signal ended it: no other process is wanted in its place.
        _replacing.clear()

    @worker_shutdown.connect(weak=False)
    def _leave(**_: Any) -> None:
        worker_process.current().watchdog.stop()
        worker_process.current().upkeep.stop()
        closed()
