"""What a lane has done: completed inferences, and their totals for people."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from broker.lane_reports import LaneHealth


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneRun:
    """One completed inference, on the monotonic clock."""

    asked_s: float
    """When a caller asked for it."""
    began_s: float
    """When a thread of the lane took it."""
    ended_s: float
    failed: bool = False
    expected_s: float | None = None
    """How long it was predicted to take on the lane's thread; None if there was no prediction, or only a guess."""

    @property
    def wait_s(self) -> float:
        """Seconds in the lane's queue."""
        return self.began_s - self.asked_s

    @property
    def busy_s(self) -> float:
        """Seconds on the lane's thread."""
        return self.ended_s - self.began_s


def add(totals: LaneHealth, span: LaneRun) -> LaneHealth:
    """The totals with one more."""
    predicted = span.expected_s is not None and not span.failed
    return replace(
        totals,
        served=totals.served + (not span.failed),
        failures=totals.failures + span.failed,
        busy_s=totals.busy_s + span.busy_s,
        wait_s=totals.wait_s + span.wait_s,
        predictions=totals.predictions + predicted,
        predicted_s=totals.predicted_s + (span.busy_s if predicted else 0.0),
        error_s=totals.error_s + (abs(span.busy_s - (span.expected_s or 0.0)) if predicted else 0.0),
    )


def most_at_once(spans: Iterable[LaneRun]) -> int:
    """The largest number of spans that overlap; one that ends as another begins does not."""
    edges = sorted(edge for span in spans for edge in ((span.began_s, 1), (span.ended_s, -1)))
    running = peak = 0
    for _, step in edges:
        running += step
        peak = max(peak, running)
    return peak
