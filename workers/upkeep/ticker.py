"""The small thread of a voice worker that looks after its sessions and its memory while it serves.

Knows nothing of what it calls: each is called once a turn, and one that fails is logged and called again.
"""

import logging
import threading
from collections.abc import Callable

TURN_S = 1.0

log = logging.getLogger(__name__)


class Tending:
    """Start it once the worker can serve; stop it when the worker leaves."""

    def __init__(self, *duties: Callable[[], object], turn_s: float = TURN_S) -> None:
        self._duties = duties
        self._turn_s = turn_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chorus-tending", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No further turn begins. One that is under way may be waiting for slots, which nobody need wait for."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._turn_s):
            for duty in self._duties:
                self._do(duty)

    def _do(self, duty: Callable[[], object]) -> None:
        try:
            duty()
        except Exception:
            # A thread that ended here would leave a worker that grows, or cools down, and tells nobody.
            log.exception("%s goes on after an error nobody foresaw.", threading.current_thread().name)
