"""Watches a graph speak: between which values its tensors lie, and what it says when its harmonic source is held.

Knows nothing of quantisation or of voices: feeds go in, numbers come out.
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
    """A session over a graph in memory."""
    return in_memory(model.SerializeToString(), threads)


def ranges(model: onnx.ModelProto, tensors: Sequence[str], feeds: Iterable[Feed]) -> dict[str, Range]:
    """The lowest and highest value of each of these tensors over all feeds."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    for tensor in tensors:
        for reduce in ("ReduceMin", "ReduceMax"):
            watched.graph.node.append(helper.make_node(reduce, [tensor], [f"{tensor}/{reduce}"], keepdims=0))
            watched.graph.output.append(helper.make_tensor_value_info(f"{tensor}/{reduce}", TensorProto.FLOAT, []))
    session, seen = opened(watched), dict[str, Range]()
    for feed in feeds:
        values = iter(session.run(None, dict(feed)))
        for tensor in tensors:
            now = Range(low=float(next(values)), high=float(next(values)))
            seen[tensor] = seen[tensor].joined(now) if tensor in seen else now
    return seen


def source_of(model: onnx.ModelProto) -> str | None:
    """The tensor that is Kokoro's harmonic source: what its `noise_convs` read; None where there are none."""
    readers = [node for node in model.graph.node if node.op_type == "Conv" and _FIRST_READERS in node.name]
    return readers[0].input[0] if readers else None


def listened(model: onnx.ModelProto, tensor: str, feed: Feed) -> NDArray[np.float32]:
    """What this tensor is while the model speaks."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    return np.asarray(opened(watched).run(None, dict(feed))[0])


def held(model: onnx.ModelProto, tensor: str) -> onnx.ModelProto:
    """A copy that takes this tensor as an input: then nothing in it hangs by a phase, and samples can be compared."""
    free = onnx.ModelProto()
    free.CopyFrom(model)
    for node in free.graph.node:
        for place, name in enumerate(node.output):
            if name == tensor:
                node.output[place] = f"{tensor}/unheard"
    free.graph.input.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, [1, None, None]))
    return free


def snr_db(reference: NDArray[np.floating], rendering: NDArray[np.floating]) -> float:
    """How far the difference lies below the reference; only where the source was held does it mean anything."""
    apart = float(np.sum((np.asarray(rendering, np.float64) - reference) ** 2))
    return float(10 * np.log10(float(np.sum(np.asarray(reference, np.float64) ** 2)) / max(apart, 1e-30)))
