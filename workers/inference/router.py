"""Which lane takes the next piece of work: the one expected to finish it first, by a cost fitted to each lane.

Pure: knows nothing of threads, sessions or clocks. All times are seconds; those of a load are counted from now.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

# Kokoro on one core of a server. Used until a lane has done its first work; until then only sizes matter.
UNSEEN_S_PER_TOKEN = 0.05
# Each new measurement takes 2 % off the weight of all before: a lane notices within a minute that its machine is busy.
_KEPT = 0.98
# The weight of "size 0 takes 0 s", without which measurements of one size would not give the cost of another.
_ORIGIN_WEIGHT = 0.01


class Cost:
    """Seconds a lane takes for work of some size: a straight line by least squares; the latest work counts most."""

    def __init__(self) -> None:
        self._weight = self._x = self._y = self._xx = self._xy = 0.0

    @property
    def measured(self) -> bool:
        """Whether any work was measured: before, every expectation is a guess."""
        return self._xx > 0

    def learn(self, size: float, seconds: float) -> None:
        """Work of this size took so long."""
        self._weight = _KEPT * self._weight + 1
        self._x = _KEPT * self._x + size
        self._y = _KEPT * self._y + seconds
        self._xx = _KEPT * self._xx + size * size
        self._xy = _KEPT * self._xy + size * seconds

    def expected_s(self, size: float) -> float:
        """How long work of this size will take."""
        if not self.measured:
            return UNSEEN_S_PER_TOKEN * size
        weight = self._weight + _ORIGIN_WEIGHT
        slope = (weight * self._xy - self._x * self._y) / (weight * self._xx - self._x * self._x)
        if slope <= 0:
            return self._y / self._weight
        return max(0.0, (self._y - slope * self._x) / weight + slope * size)


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What a lane has to do when new work arrives."""

    free_in_s: tuple[float, ...]
    """For each slot, when it will have finished what it does."""
    before_s: tuple[float, ...] = ()
    """How long each piece of work takes that is in the queue before the new one, in order."""
    cost_s: float
    """How long the new work will take on this lane."""


def finish_s(load: Load) -> float:
    """When the new work would be finished."""
    free = list(load.free_in_s)
    heapq.heapify(free)
    for cost_s in load.before_s:
        heapq.heapreplace(free, free[0] + cost_s)
    return free[0] + load.cost_s


def least(loads: Mapping[str, Load]) -> str:
    """The lane that would finish it first; among equals, the one named first."""
    return min(loads, key=lambda name: finish_s(loads[name]))
