"""What a lane has done, as a voice worker reports it. Data alone: what adds up to it is the worker's business."""

from dataclasses import dataclass
from typing import Literal


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
