"""Which lane takes the next piece of work: a cost fitted to each, and the least expected finish.

Pure: knows nothing of threads, sessions or clocks. All times are seconds, those of a load from now on.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

# Kokoro on one core of a server. Only what a lane expects before its first work, so that its size is all that counts.
UNSEEN_S_PER_TOKEN = 0.05
# Each new measurement takes 2 % off the weight of all before: a lane follows a machine that got busy within a minute.
_KEPT = 0.98
# Nothing costs nothing: without it a lane that saw one length only could not tell a second one's cost.
_ORIGIN_WEIGHT = 0.01


class Cost:
    """Seconds a lane takes for work of some size: a straight line by least squares, the latest work counting most."""

    def __init__(self) -> None:
        self._weight = self._x = self._y = self._xx = self._xy = 0.0

    def learn(self, size: float, seconds: float) -> None:
        """Work of this size took so long."""
        self._weight = _KEPT * self._weight + 1
        self._x = _KEPT * self._x + size
        self._y = _KEPT * self._y + seconds
        self._xx = _KEPT * self._xx + size * size
        self._xy = _KEPT * self._xy + size * seconds

    def expected_s(self, size: float) -> float:
        """How long work of this size will take."""
        if not self._xx:
            return UNSEEN_S_PER_TOKEN * size
        weight = self._weight + _ORIGIN_WEIGHT
        slope = (weight * self._xy - self._x * self._y) / (weight * self._xx - self._x * self._x)
        if slope <= 0:
            return self._y / self._weight
        return max(0.0, (self._y - slope * self._x) / weight + slope * size)


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """A lane as a newcomer finds it."""

    free_in_s: tuple[float, ...]
    """For each slot, when it will be done with what it has in hand."""
    before_s: tuple[float, ...] = ()
    """What those who stand in line before the newcomer will take, in their order."""
    cost_s: float
    """What the newcomer itself will take here."""


def finish_s(load: Load) -> float:
    """When a newcomer would be done."""
    free = list(load.free_in_s)
    heapq.heapify(free)
    for cost_s in load.before_s:
        heapq.heapreplace(free, free[0] + cost_s)
    return free[0] + load.cost_s


def least(loads: Mapping[str, Load]) -> str:
    """The lane on which it would be done first; among equals the one named first."""
    return min(loads, key=lambda name: finish_s(loads[name]))
