"""When a worker has grown too much, and what to do about it: pure rules over readings of its memory.

Growth is counted from the memory of the warm process. Of each minute the smallest reading counts, less 400 MB for each
segment under way; a long segment takes a gigabyte, but it is over within the minute. Knows neither sessions nor
processes.

| growth        | step                                                                                           |
|---------------|------------------------------------------------------------------------------------------------|
| up to 1 ×     | none                                                                                           |
| beyond 1 ×    | `shrink`: return free memory to the system, once a minute for as long as it lasts               |
| beyond 1.5 ×  | `drop`: drop caches as well                                                                    |
| beyond 2 ×    | `recycle`: finish the tasks in hand; the memory then decides whether the process is replaced   |

of the allowance: 2 GB on a machine of more than 32 GB, 1 GB above 16 GB, 500 MB above 4 GB, else 200 MB; half of that
while less than a tenth of the machine's memory is available.
"""

from collections import deque
from dataclasses import dataclass
from statistics import linear_regression
from typing import Literal

from workers.process.memory import MemoryReading, Room

Step = Literal["none", "shrink", "drop", "recycle"]

MEGABYTE = 10**6
GIGABYTE = 10**9
_ALLOWANCES = ((32 * GIGABYTE, 2 * GIGABYTE), (16 * GIGABYTE, GIGABYTE), (4 * GIGABYTE, 500 * MEGABYTE))
_LEAST_ALLOWANCE = 200 * MEGABYTE
_TIGHT_SHARE = 0.1
_FACTORS: tuple[tuple[float, Step], ...] = ((2.0, "recycle"), (1.5, "drop"), (1.0, "shrink"))
# A step ends when growth is below this share of the allowance. Between that and the whole it goes on, or it would start
# and stop all the time in a worker at the edge.
_OVER_SHARE = 0.8
SEGMENT_BYTES = 400 * MEGABYTE
"""Kokoro takes 370 MB for a segment of 150 tokens, and frees them at its end."""
WINDOW_S = 60.0
"""A segment of 510 tokens takes half a minute on one core."""
AGAIN_S = 60.0
"""A step that stays due is repeated after this time."""
CLEARED_S = 900.0
"""A process that was idle and found small enough is not made idle again within this time."""
HISTORY_S = 3600.0
TREND_S = 1800.0
"""The least history from which a trend is computed."""
ALARM_SHARE_PER_H = 0.05


def allowance_bytes(room: Room, asked_bytes: int = 0) -> int:
    """How much a worker may grow with this memory: `asked_bytes`, or else the table above."""
    usual = next((allowed for total, allowed in _ALLOWANCES if room.total_bytes > total), _LEAST_ALLOWANCE)
    tight = room.available_bytes < _TIGHT_SHARE * room.total_bytes
    return (asked_bytes or usual) // (2 if tight else 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """The slope of a straight line through the smallest reading of each minute of the last hour."""

    mb_per_h: float
    alarming: bool
    """It is more than a twentieth of the warm process in an hour."""


class Governor:
    """Takes a reading every second or so and answers what to do. A process has one, from its warm-up on."""

    def __init__(self, *, baseline_bytes: int, asked_bytes: int = 0, window_s: float | None = None) -> None:
        self.baseline_bytes = baseline_bytes
        self._asked_bytes = asked_bytes
        self._window_s = WINDOW_S if window_s is None else window_s
        self._window: deque[tuple[float, int]] = deque()
        self._minutes: deque[tuple[float, int]] = deque()
        self._since_s: float | None = None
        self._level: Step = "none"
        self._acted_s = self._cleared_until_s = float("-inf")

    def look(self, at_s: float, reading: MemoryReading) -> Step:
        """The step to take now. It is answered once, and again after `AGAIN_S` or when a further step is due."""
        least_bytes = self._least(at_s, reading.rss_bytes - SEGMENT_BYTES * reading.under_way)
        if least_bytes is None:
            return "none"
        before, self._level = self._level, self._level_at(least_bytes, reading.room)
        risen = _rank(self._level) > _rank(before)
        if self._level == "none" or not (risen or at_s - self._acted_s >= AGAIN_S):
            return "none"
        self._acted_s = at_s
        return "drop" if self._level == "recycle" and at_s < self._cleared_until_s else self._level

    def must_go(self, at_s: float, at_rest: MemoryReading) -> bool:
        """Whether the process is too large even with nothing under way; if not, it is not asked again for a while."""
        too_large = at_rest.rss_bytes - self.baseline_bytes > allowance_bytes(at_rest.room, self._asked_bytes)
        if not too_large:
            self._cleared_until_s = at_s + CLEARED_S
        return too_large

    def trend(self) -> Trend | None:
        """None until there is half an hour of history."""
        if not self._minutes or self._minutes[-1][0] - self._minutes[0][0] < TREND_S:
            return None
        slope = linear_regression([at_s for at_s, _ in self._minutes], [size for _, size in self._minutes]).slope
        per_h = slope * 3600
        return Trend(mb_per_h=per_h / MEGABYTE, alarming=per_h > ALARM_SHARE_PER_H * self.baseline_bytes)

    def _level_at(self, least_bytes: int, room: Room) -> Step:
        share = (least_bytes - self.baseline_bytes) / allowance_bytes(room, self._asked_bytes)
        if share <= 1 and self._level != "none" and share > _OVER_SHARE:
            return "shrink"
        return next((step for factor, step in _FACTORS if share > factor), "none")

    def _least(self, at_s: float, rss_bytes: int) -> int | None:
        """The smallest reading within the window; None until there was a whole window."""
        if self._since_s is None:
            self._since_s = at_s
        self._window.append((at_s, rss_bytes))
        while at_s - self._window[0][0] > self._window_s:
            self._window.popleft()
        if at_s - self._since_s < self._window_s:
            return None
        least_bytes = min(size for _, size in self._window)
        if not self._minutes or at_s - self._minutes[-1][0] >= self._window_s:
            self._minutes.append((at_s, least_bytes))
            while at_s - self._minutes[0][0] > HISTORY_S:
                self._minutes.popleft()
        return least_bytes


def _rank(step: Step) -> int:
    return ("none", "shrink", "drop", "recycle").index(step)
