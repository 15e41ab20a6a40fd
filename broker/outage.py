"""Says in the log what keeps this process from its server: each sentence once, until all is well again.

Several parts of a worker talk to the server and fail in turn. Knows nothing of what they do.
"""

import logging
import threading

from chorus import server_errors

log = logging.getLogger(__name__)


class Outage:
    """What was said, and who still waits."""

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def tell(self, who: str, error: BaseException, where: str) -> None:
        """This part of the worker waits, because of this error of the server at this address."""
        sentence = server_errors.sentence(error, where)
        with self._lock:
            self._waiting.add(who)
            if sentence in self._said:
                return
            self._said.add(sentence)
        log.error("%s This worker waits for it.", sentence)

    def over(self, who: str) -> None:
        """This part of the worker goes on."""
        with self._lock:
            if who not in self._waiting:
                return
            self._waiting.remove(who)
            if self._waiting:
                return
            self._said.clear()
        log.warning("The server serves again.")


outage = Outage()
"""This process's."""
