"""What an onnxruntime session runs on, by provider and options: the CPU, or CoreML as the lanes need it.

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
"""The onnxruntime release whose options these are; it refuses any other name."""
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
"""Every CoreML option of that release and the values it takes; None: any."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """What a session is asked to run on; nodes that it cannot run are the CPU's."""

    name: str = CPU_PROVIDER
    options: Mapping[str, str] = field(default_factory=dict)


CPU = Provider()


@dataclass(frozen=True, kw_only=True)
class CoreML:
    """CoreML's options, typed. The defaults fit a model whose inputs vary in length."""

    compute_units: ComputeUnits
    """Which units of the chip it may use. Never ALL for a lane: two lanes must not share a unit."""
    model_format: Literal["NeuralNetwork", "MLProgram"] = "MLProgram"
    """MLProgram, the newer one, has more of Kokoro's operators."""
    specialization: Literal["Default", "FastPrediction"] = "FastPrediction"
    """FastPrediction compiles longer and runs faster: a lane lives as long as its worker."""
    static_shapes: bool = False
    """Take only nodes of fixed shapes. Kokoro has hardly any: its lengths vary, and padding changes its sound."""
    subgraphs: bool = False
    """Look inside loops and branches as well."""
    low_precision_accumulation: bool = False
    """Let the GPU accumulate in fp16."""
    profile_plan: bool = False
    """Log which unit runs each operator."""
    cache_folder: Path | None = None
    """Where compiled models are kept: one folder for each model file, because CoreML does not notice a changed file."""

    def options(self) -> dict[str, str]:
        """As onnxruntime takes them."""
        options = {
            "ModelFormat": self.model_format,
            "MLComputeUnits": self.compute_units,
            "SpecializationStrategy": self.specialization,
            STATIC_SHAPES: _switch(self.static_shapes),
            "EnableOnSubgraphs": _switch(self.subgraphs),
            "AllowLowPrecisionAccumulationOnGPU": _switch(self.low_precision_accumulation),
            "ProfileComputePlan": _switch(self.profile_plan),
        }
        return options | ({"ModelCacheDirectory": str(self.cache_folder)} if self.cache_folder else {})


UNITS: Mapping[Accelerator, ComputeUnits] = MappingProxyType({"ane": "CPUAndNeuralEngine", "gpu": "CPUAndGPU"})
"""The lanes on accelerators, and the units that each uses."""


def accelerator(lane: Accelerator, *, cache_folder: Path, wishes: str = "") -> Provider:
    """The provider of this lane's session; `wishes` is CHORUS_COREML."""
    options = CoreML(compute_units=UNITS[lane], cache_folder=cache_folder).options() | wished(wishes)
    check(options)
    return Provider(name=COREML_PROVIDER, options=options)


def wished(text: str) -> dict[str, str]:
    """`Name=value,…` as checked options; SettingError says what is wrong with CHORUS_COREML."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    options = {name.strip(): value.strip() for name, _, value in pairs}
    check(options)
    if "MLComputeUnits" in options:
        raise SettingError("CHORUS_COREML sets MLComputeUnits, which each lane sets itself: choose with CHORUS_LANES.")
    if options.get(STATIC_SHAPES) == "1":
        log.warning(
            "With %s nearly all of Kokoro runs on the CPU, because its lengths vary. Padding to a fixed length would "
            "change how it sounds, so nothing is padded: docs/log.md has the numbers.",
            STATIC_SHAPES,
        )
    return options


def check(options: Mapping[str, str]) -> None:
    """Refuse what CoreML would refuse: onnxruntime does so only when it loads the model, and only on a Mac."""
    for name, value in options.items():
        if name not in COREML_OPTIONS:
            near = difflib.get_close_matches(name, COREML_OPTIONS, n=1, cutoff=0.4)
            remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(COREML_OPTIONS)}."
            raise SettingError(f"CoreML in onnxruntime {RUNTIME} has no option {name!r} (CHORUS_COREML): {remedy}")
        values = COREML_OPTIONS[name]
        if not value or (values is not None and value not in values):
            known = ", ".join(sorted(values)) if values else "a folder"
            raise SettingError(f"{name}={value} (CHORUS_COREML) is none of its values: choose {known}.")


def _switch(value: bool) -> str:
    return "1" if value else "0"
