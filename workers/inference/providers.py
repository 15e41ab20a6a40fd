"""What an onnxruntime session can run on, by name and options: the CPU, and CoreML in the ways that lanes ask for it.

Pure: opens nothing and asks the machine nothing.
"""

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from chorus.errors import SettingError

CPU_PROVIDER = "CPUExecutionProvider"
COREML_PROVIDER = "CoreMLExecutionProvider"

Accelerator = Literal["ane", "gpu"]
ComputeUnits = Literal["ALL", "CPUAndNeuralEngine", "CPUAndGPU", "CPUOnly"]

STATIC_SHAPES = "RequireStaticInputShapes"
_SWITCH = frozenset({"0", "1"})
RUNTIME = "1.31"
"""The onnxruntime whose options these are; it refuses a name that it does not know."""
COREML_OPTIONS: Mapping[str, frozenset[str] | None] = MappingProxyType({
    "ModelFormat": frozenset({"NeuralNetwork", "MLProgram"}),
    "MLComputeUnits": frozenset({"ALL", "CPUAndNeuralEngine", "CPUAndGPU", "CPUOnly"}),
    STATIC_SHAPES: _SWITCH,
    "EnableOnSubgraphs": _SWITCH,
    "SpecializationStrategy": frozenset({"Default", "FastPrediction"}),
    "ProfileComputePlan": _SWITCH,
    "AllowLowPrecisionAccumulationOnGPU": _SWITCH,
    "ModelCacheDirectory": None,
})  # fmt: skip
"""Every option of that release's CoreML and the values it takes; None: any."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """What a session is asked to run on; the CPU takes what it leaves."""

    name: str = CPU_PROVIDER
    options: Mapping[str, str] = field(default_factory=dict)


CPU = Provider()


@dataclass(frozen=True, kw_only=True)
class CoreML:
    """CoreML's options with a type each; as they stand here they fit a model whose lengths vary."""

    compute_units: ComputeUnits
    """Which of the chip's units may work. Never ALL for a lane: two lanes must not share one."""
    model_format: Literal["NeuralNetwork", "MLProgram"] = "MLProgram"
    """The newer of the two knows more of Kokoro's operators."""
    specialization: Literal["Default", "FastPrediction"] = "FastPrediction"
    """Compile longer, run faster: a lane lives as long as its worker."""
    static_shapes: bool = False
    """Take only nodes whose shapes are fixed. Kokoro has hardly any: lengths vary, and padding changes its sound."""
    subgraphs: bool = False
    """Look inside loops and branches as well."""
    low_precision_accumulation: bool = False
    """Let the GPU add up in fp16."""
    profile_plan: bool = False
    """Log which unit each operator was given to."""
    cache_folder: Path | None = None
    """Where compiled models lie; one folder for each model file, for CoreML does not notice that it changed."""

    def options(self) -> dict[str, str]:
        """As onnxruntime takes them."""
        told = {
            "ModelFormat": self.model_format,
            "MLComputeUnits": self.compute_units,
            "SpecializationStrategy": self.specialization,
            STATIC_SHAPES: _switch(self.static_shapes),
            "EnableOnSubgraphs": _switch(self.subgraphs),
            "AllowLowPrecisionAccumulationOnGPU": _switch(self.low_precision_accumulation),
            "ProfileComputePlan": _switch(self.profile_plan),
        }
        return told | ({"ModelCacheDirectory": str(self.cache_folder)} if self.cache_folder else {})


UNITS: Mapping[Accelerator, ComputeUnits] = MappingProxyType({"ane": "CPUAndNeuralEngine", "gpu": "CPUAndGPU"})
"""The lanes on accelerators, and what each runs on."""


def accelerator(lane: Accelerator, *, cache_folder: Path, wishes: str = "") -> Provider:
    """What this lane's session runs on; `wishes` is CHORUS_COREML."""
    options = CoreML(compute_units=UNITS[lane], cache_folder=cache_folder).options() | wished(wishes)
    check(options)
    return Provider(name=COREML_PROVIDER, options=options)


def wished(text: str) -> dict[str, str]:
    """`Name=value,…` taken apart and checked; SettingError names what is wrong with CHORUS_COREML."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    options = {name.strip(): value.strip() for name, _, value in pairs}
    check(options)
    if "MLComputeUnits" in options:
        raise SettingError("CHORUS_COREML sets MLComputeUnits, which each lane sets itself: choose with CHORUS_LANES.")
    if options.get(STATIC_SHAPES) == "1":
        log.warning(
            "%s leaves nearly all of Kokoro to the CPU, whose lengths vary. Padded to a fixed one it sounds otherwise, "
            "so nothing is padded: docs/log.md has the numbers.",
            STATIC_SHAPES,
        )
    return options


def check(options: Mapping[str, str]) -> None:
    """Refuse what CoreML would: onnxruntime says it only once the model is loaded, and on a Mac alone."""
    for name, value in options.items():
        if name not in COREML_OPTIONS:
            near = difflib.get_close_matches(name, COREML_OPTIONS, n=1, cutoff=0.4)
            remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(COREML_OPTIONS)}."
            raise SettingError(f"CoreML in onnxruntime {RUNTIME} has no option {name!r} (CHORUS_COREML): {remedy}")
        values = COREML_OPTIONS[name]
        if not value or (values is not None and value not in values):
            known = ", ".join(sorted(values)) if values else "a folder"
            raise SettingError(f"{name}={value} (CHORUS_COREML) is none of its values: {known}.")


def _switch(value: bool) -> str:
    return "1" if value else "0"
