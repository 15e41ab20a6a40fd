"""Whether a rewritten model says the same as its original, measured where that means something.

Kokoro's vocoder is driven by a harmonic source: sines and noise, as magnitude and phase of a short Fourier transform.
A phase near ±π flips with the last bit of rounding, and the noise is drawn anew in each run, so two runs of one and the
same file differ as waveforms. With the source held fixed the comparison is well conditioned: two correct builds agree
to 120 dB. Here the original runs once and shows its source; the rewritten model is fed that one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from workers.fastconv.editable_graph import Workbench
from workers.inference.sessions import in_memory

ENOUGH_DB = 90.0
"""Far below what 16 bits can hold (96 dB) or an ear can hear, far above what a wrong table would give."""
# Kokoro's source is one branch: phase, joined with magnitude. Further away it is another model's arctangent.
_MOST_STEPS = 16
_ANY_SHAPE = None


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A rewritten model against its original, on the same inputs."""

    snr_db: float
    """Of the first output, with the same harmonic source; infinite where every sample is the same."""
    same_shapes: bool
    """Whether all outputs are as long as they were."""
    same_durations: bool
    """Whether all further outputs, which are a model's durations, are the same numbers."""
    samples: int
    """Of the original's first output."""

    def seconds(self, rate_hz: int) -> float:
        """Of speech compared."""
        return self.samples / rate_hz

    def holds(self, least_db: float = ENOUGH_DB) -> bool:
        """Whether it may speak in the original's place."""
        return self.same_shapes and self.same_durations and self.snr_db >= least_db


def prove(original: onnx.ModelProto, fast: onnx.ModelProto, feeds: Mapping[str, Any]) -> Proof:
    """Run both once."""
    source = harmonic_source(original)
    first, shown = _run(original, feeds, source)
    fed = fast if source is None else fed_with(fast, source)
    second, _ = _run(fed, feeds if source is None else {**feeds, source: shown}, None)
    same_shapes = [one.shape for one in first] == [one.shape for one in second]
    return Proof(
        snr_db=_snr_db(first[0], second[0]) if same_shapes else -math.inf,
        same_shapes=same_shapes,
        samples=first[0].size,
        same_durations=all(np.array_equal(one, other) for one, other in zip(first[1:], second[1:], strict=True)),
    )


def snr_db(original: onnx.ModelProto, fast: onnx.ModelProto, feeds: Mapping[str, Any]) -> float:
    """How far the difference lies below the original's sound."""
    return prove(original, fast, feeds).snr_db


def harmonic_source(model: onnx.ModelProto) -> str | None:
    """The tensor with which magnitude and phase of the harmonics enter the decoder, or None where there is no such."""
    bench = Workbench(model)
    for phase in bench.nodes("Atan"):
        made = list(phase.output)
        for _ in range(_MOST_STEPS):
            reads = [node for name in made for node in bench.readers(name)]
            joined = next((node for node in reads if node.op_type == "Concat"), None)
            if joined is not None and _is_convolved(bench, joined.output[0]):
                return str(joined.output[0])
            made = [name for node in reads for name in node.output]
    return None


def _is_convolved(bench: Workbench, name: str) -> bool:
    return any(node.op_type == "Conv" for node in bench.readers(name))


def shown_with(model: onnx.ModelProto, source: str) -> onnx.ModelProto:
    """The model with this tensor as one more output, the last."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.append(helper.make_tensor_value_info(source, TensorProto.FLOAT, _ANY_SHAPE))
    return shown


def fed_with(model: onnx.ModelProto, source: str) -> onnx.ModelProto:
    """The model with this tensor as one more input instead of what made it."""
    bench = Workbench(model)
    bench.drop(source)
    fed = bench.finish()
    fed.graph.input.append(helper.make_tensor_value_info(source, TensorProto.FLOAT, _ANY_SHAPE))
    return fed


def _run(model: onnx.ModelProto, feeds: Mapping[str, Any], source: str | None) -> tuple[list[NDArray[Any]], Any]:
    """All outputs, and the source if one is named."""
    session = in_memory((model if source is None else shown_with(model, source)).SerializeToString())
    known = {value.name for value in session.get_inputs()}
    outputs = session.run(None, {name: value for name, value in feeds.items() if name in known})
    return (outputs, None) if source is None else (outputs[:-1], outputs[-1])


def _snr_db(signal: NDArray[Any], other: NDArray[Any]) -> float:
    wanted = signal.astype(np.float64)
    power, error = np.square(wanted).sum(), np.square(wanted - other).sum()
    return math.inf if error == 0 else float(10 * np.log10(power / error)) if power else -math.inf
