"""Fills Kokoro's weightless graph with weights: each of its tensors is found by its name, or by the node that reads it.

Knows the names of both exports' modules; where the weights come from is `int8_release.py`'s business. Nothing is run.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from chorus.errors import ModelError
from workers.models.int8_release import FloatWeights

Array = NDArray[Any]

# Where a module of our graph stands in the release: by the tensor's name, and by the node's.
_TENSORS = (("m.decoder.", "decoder.decoder."), ("m.", "encoder."))
_NODES = (
    ("/decoder/", "/decoder/decoder/"),
    ("/text_encoder/lstms.", "/encoder/predictor/text_encoder/lstms."),
    ("/lstm/", "/encoder/predictor/lstm/"),
    ("/shared/", "/encoder/shared/"),
    ("/duration_proj/", "/encoder/predictor/duration_proj/"),
    ("/", "/encoder/"),
)
_ROLES = {"Conv": " wb", "ConvTranspose": " wb", "MatMul": " w", "Gemm": " wb", "LSTM": " wrb", "Gather": "w"}
"""The roles of an operator's inputs, by place."""
_COMPUTED = "m.decoder.generator.stft."
"""Kernels of the Fourier transform: computed and not learned."""
_LEARNED = ("m.", "onnx::MatMul", "onnx::Conv", "onnx::LSTM")
_LARGEST_CONSTANT = 9


def fill(skeleton: onnx.ModelProto, weights: FloatWeights) -> onnx.ModelProto:
    """The graph with all its weights, in place; ModelError names the tensors that nothing was found for."""
    graph = skeleton.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    aliases = {
        node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity" and node.input[0] in stored
    }
    readers = _readers(graph, (*stored, *aliases))
    found: dict[str, Array] = {}
    lost: list[str] = []
    for name in (*stored, *aliases):
        tensor = stored[aliases.get(name, name)]
        if tensor.data_type != onnx.TensorProto.FLOAT or name.startswith(_COMPUTED):
            continue
        value = _value_for(name, tensor, readers[name], weights)
        if value is not None:
            found[name] = value
        elif name.startswith(_LEARNED) or int(np.prod(tensor.dims)) > _LARGEST_CONSTANT:
            lost.append(name)
    if lost:
        raise ModelError(f"The weights lack {len(lost)} tensors of the graph ({', '.join(lost[:3])}): pull again.")
    _check_biases(graph, found, weights)
    _put(graph, found, aliases)
    return skeleton


def _readers(graph: onnx.GraphProto, names: Iterable[str]) -> Mapping[str, list[tuple[onnx.NodeProto, int]]]:
    """Which nodes read each of these, and at which input."""
    wanted, readers = set(names), defaultdict[str, list[tuple[onnx.NodeProto, int]]](list)
    for node in graph.node:
        if node.op_type != "Identity":
            for place, name in enumerate(node.input):
                if name in wanted:
                    readers[name].append((node, place))
    return readers


def _value_for(
    name: str, tensor: onnx.TensorProto, readers: list[tuple[onnx.NodeProto, int]], weights: FloatWeights
) -> Array | None:
    shape = tuple(tensor.dims)
    if (
        name.startswith("m.")
        and ".norm." in name
        and all(node.op_type == "InstanceNormalization" for node, _ in readers)
    ):
        # Its scale and shift are the style's: the release has none, and our graph needs 1 and 0.
        return np.full(shape, 1 if name.endswith("weight") else 0, np.float32)
    value = weights.by_name.get(_renamed(name, _TENSORS)) if name.startswith("m.") else None
    if value is None:
        value = _by_node(name, readers, weights)
    if value is None:
        return None
    if value.shape != shape and value.T.shape == shape:
        value = value.T  # a Gemm with transB against a MatMul
    if value.shape != shape:
        raise ModelError(f"{name} is {shape} in our graph and {value.shape} in the weights: pull again.")
    return np.ascontiguousarray(value, np.float32)


def _by_node(name: str, readers: list[tuple[onnx.NodeProto, int]], weights: FloatWeights) -> Array | None:
    """What the nodes of the same modules have; where several share it, all must have the same."""
    values = [value for node, place in readers if (value := _own(node, place, weights)) is not None]
    if values and not all(np.array_equal(values[0], other) for other in values[1:]):
        raise ModelError(f"{name} is shared by modules whose weights differ: pull again.")
    return values[0] if values else None


def _own(node: onnx.NodeProto, place: int, weights: FloatWeights) -> Array | None:
    roles = _ROLES.get(node.op_type, "")
    if place >= len(roles):
        return None
    kind = "MatMul" if node.op_type == "Gemm" else node.op_type
    return weights.by_node.get((kind, _renamed(node.name, _NODES)), {}).get(roles[place])


def _renamed(name: str, table: tuple[tuple[str, str], ...]) -> str:
    for ours, theirs in table:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def _check_biases(graph: onnx.GraphProto, found: Mapping[str, Array], weights: FloatWeights) -> None:
    """A convolution's bias is known by its name and by its node: both must agree, or the tables above are wrong."""
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose") and len(node.input) > 2 and node.input[2] in found:  # noqa: PLR2004 - x, w, b
            by_node = _own(node, 2, weights)
            if by_node is None or not np.array_equal(by_node, found[node.input[2]]):
                raise ModelError(f"The bias of {node.name} is another one by its name than by its module: pull again.")


def _put(graph: onnx.GraphProto, found: Mapping[str, Array], aliases: Mapping[str, str]) -> None:
    """The exporter merged tensors that were equal before training: those that differ now get storage of their own."""
    for tensor in graph.initializer:
        if tensor.name in found:
            tensor.CopyFrom(numpy_helper.from_array(found[tensor.name], tensor.name))
    apart = [
        name
        for name, root in aliases.items()
        if name in found and not (root in found and np.array_equal(found[name], found[root]))
    ]
    nodes = [node for node in graph.node if node.op_type != "Identity" or node.output[0] not in apart]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(found[name], name) for name in apart)
