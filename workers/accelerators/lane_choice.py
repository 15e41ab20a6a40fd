"""Which lanes a voice worker opens, by what was asked for, what the machine has, and what was measured on it.

Pure: opens and measures nothing.

| asked for (CHORUS_LANES)  | opened                                                                                   |
|---------------------------|------------------------------------------------------------------------------------------|
| `both`, `cpu`             | `bulk` for books, `live` for a listener, both on the CPU                                 |
| `bulk`                    | `bulk` for both, which saves memory                                                      |
| `auto`                    | accelerators found worth their memory, `bulk` beside them; if there are none, as `both`  |
| a list with `ane`, `gpu`  | those, however fast; `bulk` beside them if `cpu` is named, else only for what they fail  |

In the place of a lane that was named and cannot be opened the CPU speaks, and the report says why; with CHORUS_STRICT
the worker does not start.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from chorus.errors import FarmError
from workers.inference.providers import COREML_PROVIDER, Accelerator

ACCELERATORS: tuple[Accelerator, ...] = get_args(Accelerator)
# A smaller gain is not worth the memory of a second session and a compiled copy of the model.
PAYS_FROM = 1.2


@dataclass(frozen=True, kw_only=True)
class LaneVerdict:
    """What was measured of an accelerator with one model, compared with all cores of the CPU."""

    fault: str = ""
    """Why it cannot be used, as a clause; empty if it can."""
    speedup: float = 0.0
    """How many times as fast as the CPU it was."""

    @property
    def pays(self) -> bool:
        """Whether it is worth its memory where nobody asked for it by name."""
        return not self.fault and self.speedup >= PAYS_FROM


@dataclass(frozen=True, kw_only=True)
class ChosenLane:
    """One lane to open. Books and listeners share an accelerator, where listeners go first."""

    name: str
    live: bool
    """Whether it serves listeners."""
    bulk: bool
    """Whether it serves books. A lane that serves neither is a spare, for what fails on the others."""


@dataclass(frozen=True, kw_only=True)
class LaneChoice:
    """The lanes of a worker, and why others are not among them."""

    lanes: tuple[ChosenLane, ...]
    missing: Mapping[str, str]
    """For each lane that was asked for or possible and is not opened: by name, why."""


def choose_lanes(
    asked: str, providers: tuple[str, ...], measure: Callable[[Accelerator], LaneVerdict], *, strict: bool = False
) -> LaneChoice:
    """The lanes for CHORUS_LANES on a machine with these providers; FarmError if strict and a named one is missing.

    `measure` is called only for accelerators that are wanted and that the machine has.
    """
    if asked == "bulk":
        return LaneChoice(lanes=(ChosenLane(name="bulk", live=True, bulk=True),), missing={})
    lanes = wanted(asked, providers)
    verdicts = {lane: _verdict(lane, providers, measure) for lane in lanes}
    named = asked != "auto"
    missing: dict[str, str] = {
        lane: why for lane, verdict in verdicts.items() if (why := _why_not(verdict, named=named))
    }
    if strict and named and missing:
        lane, why = next(iter(missing.items()))
        raise FarmError(
            f"CHORUS_LANES={asked} asks for {lane} and CHORUS_STRICT is set, but {why}: choose others, or unset it."
        )
    taken = tuple(ChosenLane(name=lane, live=True, bulk=True) for lane in lanes if lane not in missing)
    if not taken:
        return LaneChoice(
            lanes=(ChosenLane(name="bulk", live=False, bulk=True), ChosenLane(name="live", live=True, bulk=False)),
            missing=missing,
        )
    beside = not named or "cpu" in asked.split(",") or bool(missing)
    return LaneChoice(lanes=(*taken, ChosenLane(name="bulk", live=False, bulk=beside)), missing=missing)


def wanted(asked: str, providers: tuple[str, ...]) -> tuple[Accelerator, ...]:
    """The accelerators that CHORUS_LANES asks for; under `auto` those that these providers make possible."""
    if asked == "auto":
        return ACCELERATORS if COREML_PROVIDER in providers else ()
    # In the order in which they were named, each once.
    return tuple(dict.fromkeys(lane for lane in asked.split(",") if lane in ACCELERATORS))


def _verdict(
    lane: Accelerator, providers: tuple[str, ...], measure: Callable[[Accelerator], LaneVerdict]
) -> LaneVerdict:
    if COREML_PROVIDER not in providers:
        return LaneVerdict(fault=f"this machine's onnxruntime has no {COREML_PROVIDER}")
    return measure(lane)


def _why_not(verdict: LaneVerdict, *, named: bool) -> str:
    """Why the lane is not opened; empty if it is. One that was named need not be fast."""
    if verdict.fault or named or verdict.pays:
        return verdict.fault
    return f"it is {verdict.speedup:.2f} times as fast as the CPU, and pays from {PAYS_FROM} times"
