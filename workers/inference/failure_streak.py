"""When a session is to be built anew: after several renderings in a row that were no speech. Pure; knows no session."""

import threading

LIMIT = 3
"""One bad rendering may be the segment's own fault, and its second attempt as well; a third in a row is another's."""


class FailureStreak:
    """Failures in a row, counted by many threads."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Nothing has failed yet."""
        self._limit = limit
        self._lock = threading.Lock()
        self._in_a_row = 0

    def passed(self) -> None:
        """Something was speech: whatever failed before was not the session's fault."""
        with self._lock:
            self._in_a_row = 0

    def failed(self) -> bool:
        """Something was not; whether this is the one too many.

        It is said once. If a new session fails as well, the fault lies elsewhere, and building it again would only
        keep others waiting; not before something passed is it said again.
        """
        with self._lock:
            self._in_a_row += 1
            return self._in_a_row == self._limit
