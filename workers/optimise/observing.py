"""Observes a graph while it runs: the ranges of its tensors, the value of one tensor, and a copy with a fixed source.

Knows nothing of quantisation or voices: it takes inputs of a graph and returns numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from workers.inference.sessions import in_memory
from workers.optimise.int8 import Range

Feed = Mapping[str, Any]

_FIRST_READERS = "noise_convs"


def opened(model: onnx.ModelProto, threads: int = 1) -> ort.InferenceSession:
    """A session for a graph in memory."""
    return in_memory(model.SerializeToString(), threads)


def ranges(model: onnx.ModelProto, tensors: Sequence[str], feeds: Iterable[Feed]) -> dict[str, Range]:
    """The smallest and the largest value of each of these tensors, over all feeds."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    del observed.graph.output[:]
    for tensor in tensors:
        for reduce in ("ReduceMin", "ReduceMax"):
            observed.graph.node.append(helper.make_node(reduce, [tensor], [f"{tensor}/{reduce}"], keepdims=0))
            observed.graph.output.append(helper.make_tensor_value_info(f"{tensor}/{reduce}", TensorProto.FLOAT, []))
    session, found = opened(observed), dict[str, Range]()
    for feed in feeds:
        values = iter(session.run(None, dict(feed)))
        for tensor in tensors:
            now = Range(low=float(next(values)), high=float(next(values)))
            found[tensor] = found[tensor].union(now) if tensor in found else now
    return found


def harmonic_source(model: onnx.ModelProto) -> str | None:
    """The tensor with Kokoro's harmonic source, which its `noise_convs` read; None in a graph without these."""
    readers = [node for node in model.graph.node if node.op_type == "Conv" and _FIRST_READERS in node.name]
    return readers[0].input[0] if readers else None


def tensor_value(model: onnx.ModelProto, tensor: str, feed: Feed) -> NDArray[np.float32]:
    """The value of this tensor in a run of the model."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    del observed.graph.output[:]
    observed.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    return np.asarray(opened(observed).run(None, dict(feed))[0])


def with_input(model: onnx.ModelProto, tensor: str) -> onnx.ModelProto:
    """A copy that takes this tensor as an input.

    If two graphs get the same harmonic source, their samples can be compared.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        for place, name in enumerate(node.output):
            if name == tensor:
                node.output[place] = f"{tensor}/unused"
    copy.graph.input.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, [1, None, None]))
    return copy


def snr_db(reference: NDArray[np.floating], rendering: NDArray[np.floating]) -> float:
    """The signal-to-noise ratio of a rendering; meaningful only if both had the same harmonic source."""
    noise = float(np.sum((np.asarray(rendering, np.float64) - reference) ** 2))
    return float(10 * np.log10(float(np.sum(np.asarray(reference, np.float64) ** 2)) / max(noise, 1e-30)))
