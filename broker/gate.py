"""The gate: decides from which queues a worker fetches its next task, so that no book takes a slot a listener needs.

kombu asks it before every BRPOP. It counts Celery's own reserved requests, so it has no counter that could go wrong.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar

from celery.worker import state

NAME = "broker.gate:Gate"
# Seconds that a BRPOP waits at most. A slot that becomes free meanwhile stays empty until the next one.
POLL_S = 0.1
# Tasks that a process fetches beyond its slots, so that the next task is already here when a slot becomes free.
HOLD = 2


class Gate:
    """kombu's queue cycle. It offers the queues of which this process may hold more tasks, the most urgent first."""

    _limits: ClassVar[dict[str, int]] = {}

    @classmethod
    def configure(cls, limits: dict[str, int]) -> None:
        """Set this process's queues, most urgent first, with the number of tasks of each that it may hold."""
        cls._limits = dict(limits)

    def __init__(self) -> None:
        self._active: frozenset[str] = frozenset()

    def update(self, queues: Iterable[str]) -> None:
        """For kombu: set the queues that this channel consumes."""
        self._active = frozenset(queues)

    def consume(self, _count: int) -> list[str]:
        """For kombu: the queues for the next BRPOP. Redis serves the first of them that is not empty."""
        held = Counter(queue for queue, *_ in set(_held()))
        offered = [name for name, limit in self._limits.items() if name in self._active and held[name] < limit]
        # Celery's remote control has queues of its own, which have no limit.
        return offered + sorted(self._active - self._limits.keys())

    def rotate(self, _last_used: str) -> None:
        """For kombu, after a queue was served. The order stays: it is by urgency, not by turns."""


def _held() -> list[tuple[str, ...]]:
    """For each task that this process holds: its queue, and what it was sent with. Copies of one task are equal.

    The caller counts copies once. A copy ends as soon as its claim is refused, and must not take another task's place.
    """
    # The pool's threads remove requests meanwhile. Copying the set is atomic, iterating over it is not.
    references: set[Any] = state.reserved_requests.data.copy()
    requests = [reference() for reference in references]
    return [
        (str(request.delivery_info.get("routing_key")), request.name, request.argsrepr, request.kwargsrepr)
        for request in requests
        if request is not None
    ]
