"""What a lane has done: completed inferences, and what they add up to for whoever looks at it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One completed inference, on the monotonic clock."""

    asked_s: float
    """When a caller handed it over."""
    began_s: float
    """When a thread of the lane took it."""
    ended_s: float
    failed: bool = False
    expected_s: float | None = None
    """What it was expected to take on the lane's thread; None where nobody said how large it is."""

    @property
    def wait_s(self) -> float:
        """Seconds in line."""
        return self.began_s - self.asked_s

    @property
    def busy_s(self) -> float:
        """Seconds on the lane's thread."""
        return self.ended_s - self.began_s


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneHealth:
    """A lane's life so far, derived from completed spans alone."""

    name: str
    slots: int
    served: int = 0
    """Inferences that returned."""
    failures: int = 0
    """Inferences that raised."""
    busy_s: float = 0.0
    """Summed over all slots."""
    wait_s: float = 0.0
    """Summed seconds in line; divided by served and failures, the mean wait."""
    peak: int = 0
    """The most at once, among the last few hundred."""
    foretold_s: float = 0.0
    """Of the busy seconds, those that somebody had expected some number of."""
    astray_s: float = 0.0
    """By how much those expectations were off, each taken as positive; divided by foretold, the router's error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneReport(LaneHealth):
    """A lane as a worker shows it to people: its life so far, and what it runs on."""

    state: Literal["serving", "spare", "retired", "unavailable"] = "serving"
    """`spare`: only what fails elsewhere comes here. `retired`: it failed too often. `unavailable`: never opened."""
    reason: str = ""
    """Why it is not what was asked for, as a sentence."""
    provider: str = ""
    """onnxruntime's name for what it runs on."""
    nodes: int = 0
    """Nodes of the model's graph that run there."""
    nodes_total: int = 0
    """All of them: the rest runs on the CPU."""
    age_s: float = 0.0
    """Since it was opened."""

    @property
    def utilisation(self) -> float:
        """The share of its slots' time that was spent on work; 0 before there was any."""
        return self.busy_s / (self.slots * self.age_s) if self.slots and self.age_s else 0.0


def add(totals: LaneHealth, span: Span) -> LaneHealth:
    """The totals with one more."""
    foretold = span.expected_s is not None and not span.failed
    return replace(
        totals,
        served=totals.served + (not span.failed),
        failures=totals.failures + span.failed,
        busy_s=totals.busy_s + span.busy_s,
        wait_s=totals.wait_s + span.wait_s,
        foretold_s=totals.foretold_s + (span.busy_s if foretold else 0.0),
        astray_s=totals.astray_s + (abs(span.busy_s - (span.expected_s or 0.0)) if foretold else 0.0),
    )


def most_at_once(spans: Iterable[Span]) -> int:
    """The largest number of spans that overlap; one that ends as another begins does not."""
    edges = sorted(edge for span in spans for edge in ((span.began_s, 1), (span.ended_s, -1)))
    running = peak = 0
    for _, step in edges:
        running += step
        peak = max(peak, running)
    return peak
