"""Checks that a rewritten model computes the same speech as its original.

Kokoro's vocoder is driven by a harmonic source: sines and noise, as magnitude and phase of a short-time Fourier
transform. A phase near ±π flips with the last bit of rounding, and the noise is random in each run, so even two runs of
the same file differ as waveforms. If both models get the same source, their samples can be compared: two correct builds
agree to 120 dB. So this module runs the original once, records its source, and feeds that source to the rewritten
model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from workers.fastconv.editable_graph import EditableGraph
from workers.inference.sessions import in_memory

ENOUGH_DB = 90.0
"""The least signal-to-noise ratio of a correct model. Such a difference is inaudible (16 bits resolve 96 dB), and a
wrong table would give a far lower ratio."""
# From Kokoro's arctangent to the Concat with the magnitude; an arctangent further away belongs to another kind of
# model.
_MOST_STEPS = 16
_ANY_SHAPE = None


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The comparison of a rewritten model with its original, on the same inputs."""

    snr_db: float
    """Signal-to-noise ratio of the first output, with the same harmonic source; infinite if all samples are equal."""
    same_shapes: bool
    """Whether all outputs have the same shapes."""
    same_durations: bool
    """Whether all further outputs, which are the durations of tokens, are equal."""
    samples: int
    """The number of samples in the original's first output."""

    def seconds(self, rate_hz: int) -> float:
        """The length of the compared speech."""
        return self.samples / rate_hz

    def holds(self, least_db: float = ENOUGH_DB) -> bool:
        """Whether the rewritten model may replace the original."""
        return self.same_shapes and self.same_durations and self.snr_db >= least_db


def prove(original: onnx.ModelProto, fast: onnx.ModelProto, feeds: Mapping[str, Any]) -> Proof:
    """Run both models once and compare their outputs."""
    source = harmonic_source(original)
    first, shown = _run(original, feeds, source)
    fed = fast if source is None else with_input(fast, source)
    second, _ = _run(fed, feeds if source is None else {**feeds, source: shown}, None)
    same_shapes = [one.shape for one in first] == [one.shape for one in second]
    return Proof(
        snr_db=_snr_db(first[0], second[0]) if same_shapes else -math.inf,
        same_shapes=same_shapes,
        samples=first[0].size,
        same_durations=all(np.array_equal(one, other) for one, other in zip(first[1:], second[1:], strict=True)),
    )


def snr_db(original: onnx.ModelProto, fast: onnx.ModelProto, feeds: Mapping[str, Any]) -> float:
    """The signal-to-noise ratio of the rewritten model's speech, with the original's speech as the signal."""
    return prove(original, fast, feeds).snr_db


def harmonic_source(model: onnx.ModelProto) -> str | None:
    """The tensor that holds magnitude and phase of the harmonic source; None if the model has no such tensor."""
    graph = EditableGraph(model)
    for phase in graph.nodes("Atan"):
        made = list(phase.output)
        for _ in range(_MOST_STEPS):
            readers = [node for name in made for node in graph.readers(name)]
            joined = next((node for node in readers if node.op_type == "Concat"), None)
            if joined is not None and _is_convolved(graph, joined.output[0]):
                return str(joined.output[0])
            made = [name for node in readers for name in node.output]
    return None


def _is_convolved(graph: EditableGraph, name: str) -> bool:
    return any(node.op_type == "Conv" for node in graph.readers(name))


def with_output(model: onnx.ModelProto, source: str) -> onnx.ModelProto:
    """A copy of the model with this tensor as an additional last output."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.append(helper.make_tensor_value_info(source, TensorProto.FLOAT, _ANY_SHAPE))
    return shown


def with_input(model: onnx.ModelProto, source: str) -> onnx.ModelProto:
    """A copy of the model in which this tensor is an input instead of a computed value."""
    graph = EditableGraph(model)
    graph.remove_producer(source)
    fed = graph.to_model()
    fed.graph.input.append(helper.make_tensor_value_info(source, TensorProto.FLOAT, _ANY_SHAPE))
    return fed


def _run(model: onnx.ModelProto, feeds: Mapping[str, Any], source: str | None) -> tuple[list[NDArray[Any]], Any]:
    """All outputs, and the value of the source if one is named."""
    session = in_memory((model if source is None else with_output(model, source)).SerializeToString())
    known = {value.name for value in session.get_inputs()}
    outputs = session.run(None, {name: value for name, value in feeds.items() if name in known})
    return (outputs, None) if source is None else (outputs[:-1], outputs[-1])


def _snr_db(signal: NDArray[Any], other: NDArray[Any]) -> float:
    wanted = signal.astype(np.float64)
    power, error = np.square(wanted).sum(), np.square(wanted - other).sum()
    return math.inf if error == 0 else float(10 * np.log10(power / error)) if power else -math.inf
