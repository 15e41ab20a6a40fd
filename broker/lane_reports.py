"""What a lane has done, as a voice worker reports it. Data alone: the worker adds it up."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Self

LEAST_PREDICTIONS: Final = 10
"""With fewer, the first segments of a fresh worker are all that a mean error shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneHealth:
    """A lane's totals since it was opened, of completed inferences alone."""

    name: str
    slots: int
    served: int = 0
    """Inferences that returned."""
    failures: int = 0
    """Inferences that raised."""
    busy_s: float = 0.0
    """Summed over all slots."""
    wait_s: float = 0.0
    """Summed seconds in the lane's queue; divided by `served + failures`, the mean wait."""
    peak: int = 0
    """The most at once, among the last few hundred."""
    predictions: int = 0
    """Inferences whose time the router had predicted."""
    predicted_s: float = 0.0
    """The part of the busy seconds that the router had predicted."""
    error_s: float = 0.0
    """The sum of the absolute errors of those predictions; divided by `predicted_s`, the router's relative error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneReport(LaneHealth):
    """A lane as a worker shows it to people: its totals, and what it runs on."""

    state: Literal["serving", "spare", "retired", "unavailable"] = "serving"
    """`spare`: it speaks what failed on other lanes. `retired`: it failed too often. `unavailable`: never opened."""
    reason: str = ""
    """Why it is retired or unavailable, as a sentence."""
    provider: str = ""
    """onnxruntime's name for what it runs on."""
    nodes: int = 0
    """Nodes of the model's graph that run there."""
    nodes_total: int = 0
    """All of them: the rest runs on the CPU."""
    age_s: float = 0.0
    """Since it was opened."""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """From a worker's answer; what only another release's workers tell is left out."""
        return cls(**{field.name: told[field.name] for field in fields(cls) if field.name in told})

    @property
    def prediction_error(self) -> float | None:
        """How far the router's predictions were off, as a share of the time they were for; None: too few to tell."""
        return self.error_s / self.predicted_s if self.predictions >= LEAST_PREDICTIONS and self.predicted_s else None

    @property
    def utilisation(self) -> float:
        """The share of its slots' time that was spent on work; 0 before there was any."""
        return self.busy_s / (self.slots * self.age_s) if self.slots and self.age_s else 0.0
