"""The gate: which queues a worker asks Redis for, so that no book can take the slot a listener needs.

kombu asks it before every BRPOP. It counts from Celery's own reserved requests, so there is no counter that could leak.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar

from celery.worker import state

NAME = "broker.gate:Gate"
# How long a BRPOP that is already waiting may miss a slot that became free.
POLL_S = 0.1
# Tasks a process holds beyond its free slots, so that a slot that frees finds its next task already here.
HOLD = 2


class Gate:
    """kombu's queue cycle: each queue, most urgent first, while this process holds fewer of its tasks than allowed."""

    _limits: ClassVar[dict[str, int]] = {}

    @classmethod
    def configure(cls, limits: dict[str, int]) -> None:
        """Name this process's queues in order of urgency, with how many of each one's tasks it may hold."""
        cls._limits = dict(limits)

    def __init__(self) -> None:
        self._active: frozenset[str] = frozenset()

    def update(self, queues: Iterable[str]) -> None:
        """kombu: the queues this channel consumes."""
        self._active = frozenset(queues)

    def consume(self, _count: int) -> list[str]:
        """kombu: the queues for the next BRPOP, the first ones served first."""
        held = Counter(queue for queue, *_ in set(_held()))
        offered = [name for name, limit in self._limits.items() if name in self._active and held[name] < limit]
        # Celery's remote control has queues of its own, which are never held back.
        return offered + sorted(self._active - self._limits.keys())

    def rotate(self, _last_used: str) -> None:
        """kombu: what was just served; order here is urgency, not fairness."""


def _held() -> list[tuple[str, ...]]:
    """The queue of each task that is held, and what tells it from others: one that was sent twice is there once.

    Its double goes as soon as it is looked at, and must not keep the place of one that is work.
    """
    # The pool's threads remove requests meanwhile; a copy of the set itself is atomic, iterating over it is not.
    references: set[Any] = state.reserved_requests.data.copy()
    requests = [reference() for reference in references]
    return [
        (str(request.delivery_info.get("routing_key")), request.name, request.argsrepr, request.kwargsrepr)
        for request in requests
        if request is not None
    ]
