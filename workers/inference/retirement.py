"""When a lane on an accelerator is given up: after several failures among its last utterances, all spoken by the CPU.

Counts outcomes; knows nothing of sessions.
"""

import logging
import threading
from collections import deque

from workers.inference.failure_streak import LIMIT

# More than the failures in a row after which the session is reopened, or the new session would get no chance.
RETIRED_AFTER, OF_THE_LAST = LIMIT + 2, 20

log = logging.getLogger(__name__)


class Retirement:
    """One lane's record, kept by many threads. A lane that is retired stays so for as long as the process lives."""

    def __init__(self, lane: str) -> None:
        self._lane = lane
        self._lock = threading.Lock()
        self._failures = deque[bool](maxlen=OF_THE_LAST)
        self.reason = ""
        """Why it was given up, as a sentence; empty while it serves."""

    def spoke(self) -> None:
        """An utterance came out well."""
        with self._lock:
            self._failures.append(False)

    def failed(self, why: str) -> None:
        """An utterance failed here that the CPU could speak: so the fault was the lane's."""
        with self._lock:
            self._failures.append(True)
            failures, of = sum(self._failures), len(self._failures)
        if failures >= RETIRED_AFTER:
            self.retire(f"It failed {failures} of its last {of} utterances; at last: {why}")

    def retire(self, why: str) -> None:
        """Give it nothing more."""
        with self._lock:
            already, self.reason = bool(self.reason), self.reason or why
        if not already:
            log.warning("The lane %s is given up, the CPU speaks on: %s", self._lane, why)
