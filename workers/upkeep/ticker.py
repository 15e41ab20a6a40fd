"""The thread that calls a worker's maintenance once a second, while the worker serves.

Knows nothing of what it calls. A duty that fails is logged and called again in the next turn.
"""

import logging
import threading
from collections.abc import Callable

TURN_S = 1.0

log = logging.getLogger(__name__)


class Ticker:
    """Start it once the worker can serve; stop it when the worker leaves."""

    def __init__(self, *duties: Callable[[], object], turn_s: float = TURN_S) -> None:
        self._duties = duties
        self._turn_s = turn_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chorus-maintenance", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further turn. The one under way is not waited for: it may itself wait for slots."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._turn_s):
            for duty in self._duties:
                self._do(duty)

    def _do(self, duty: Callable[[], object]) -> None:
        try:
            duty()
        except Exception:
            # If the thread ended here, the worker would grow or its sessions cool down, and nobody would know.
            log.exception("%s goes on after an unexpected error.", threading.current_thread().name)
