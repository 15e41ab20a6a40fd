"""When a session is to be opened again: after several failures in a row. Counts only; knows no session."""

import threading

LIMIT = 3
"""One failure may be the segment's own fault, and so may its second attempt; a third in a row is the session's."""


class FailureStreak:
    """Failures in a row, counted by many threads."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Nothing has failed yet."""
        self._limit = limit
        self._lock = threading.Lock()
        self._in_a_row = 0

    def passed(self) -> None:
        """An utterance came out as speech: the failures before it were not the session's fault."""
        with self._lock:
            self._in_a_row = 0

    def failed(self) -> bool:
        """An utterance did not; whether the session is to be opened again now.

        True once in a streak. If the new session fails as well, the fault lies elsewhere, and opening another would
        only make others wait.
        """
        with self._lock:
            self._in_a_row += 1
            return self._in_a_row == self._limit
