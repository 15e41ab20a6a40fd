"""The weights of the older int8 release of Kokoro as floats, (q − zero point) × scale, by name and by node.

Knows how onnxruntime writes dynamic quantisation, and nothing of the graph that takes the weights. Nothing is run.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from chorus.errors import ModelError

Array = NDArray[Any]
Site = tuple[str, str]
"""An operator's kind in the float graph, and the node's name."""

_ROLES = {"Conv": "wb", "ConvTranspose": "wb", "MatMul": "w"}
"""Float operators that carry weights of their own, by the roles of their inputs from the second on."""


@dataclass(kw_only=True)
class FloatWeights:
    """What a quantised graph's weights are as floats."""

    by_name: dict[str, Array] = field(default_factory=dict)
    """Tensors that the release holds as floats, and quantised ones under their name before that."""
    by_node: dict[Site, dict[str, Array]] = field(default_factory=dict)
    """Each node's own: `w`, `r` (recurrent), `b`."""


class _Reader:
    """Looks from an integer operator to the scales and biases around it."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.maker = {output: node for node in graph.node for output in node.output if output}
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self.readers[name].append(node)

    def value(self, name: str) -> Array:
        if name not in self.stored:
            raise ModelError(
                f"The int8 release has no tensor {name!r} and is not the file that was expected: pull again."
            )
        return numpy_helper.to_array(self.stored[name])

    def next_of(self, node: onnx.NodeProto, kind: str) -> onnx.NodeProto:
        """The one node that reads this one's output."""
        (reader,) = self.readers[node.output[0]]
        if reader.op_type != kind:
            raise ModelError(f"{node.name} of the int8 release leads to {reader.op_type}, not to {kind}: pull again.")
        return reader

    def scale_behind(self, node: onnx.NodeProto) -> Array:
        """Of an integer product: Cast, then Mul with (scale of the input × scale of the weights)."""
        cast = self.next_of(node, "Cast")
        multiply = self.next_of(cast, "Mul")
        scales = self.maker[next(name for name in multiply.input if name != cast.output[0])]
        return self.value(next((name for name in scales.input if name in self.stored), f"{node.name} scale"))

    def bias_behind(self, node: onnx.NodeProto) -> tuple[onnx.NodeProto, Array | None]:
        """An integer convolution adds its bias divided by the scale, as integers; the sum and the float bias."""
        (reader,) = self.readers[node.output[0]]
        if reader.op_type != "Add":
            return node, None
        reshape = self.maker[next(name for name in reader.input if name != node.output[0])]
        divide = self.maker[self.maker[self.maker[reshape.input[0]].input[0]].input[0]]
        return reader, self.value(divide.input[0])


def restored(stored: Array, zero: Array, scale: Array, axis: int) -> Array:
    """The floats; zero point and scale are one number, or one for each place along the axis."""

    def shaped(numbers: Array) -> Array:
        if numbers.size == 1:
            return numbers.reshape(())
        shape = [1] * stored.ndim
        shape[axis] = numbers.size
        return numbers.reshape(shape)

    whole = stored.astype(np.int32) - shaped(zero).astype(np.int32)
    return np.asarray(whole.astype(np.float32) * shaped(scale))


def float_weights(model: onnx.ModelProto) -> FloatWeights:
    """All of them, or ModelError where the graph is not written as expected."""
    read, found = _Reader(model.graph), FloatWeights()
    makers = {
        "MatMulInteger": _product,
        "ConvInteger": _convolution,
        "DynamicQuantizeLSTM": _lstm,
        "DequantizeLinear": _lookup,
    }
    for name, tensor in read.stored.items():
        if tensor.data_type == onnx.TensorProto.FLOAT:
            found.by_name[name] = numpy_helper.to_array(tensor)
    for node in model.graph.node:
        if node.op_type in makers:
            makers[node.op_type](read, node, found)
        elif node.op_type in _ROLES:
            own = dict(zip(_ROLES[node.op_type], node.input[1:], strict=False))
            given = {role: read.value(name) for role, name in own.items() if name in read.stored}
            if given:
                found.by_node[node.op_type, node.name] = given
    return found


def _bare(name: str) -> str:
    return name.removesuffix("_quant").removesuffix("_quantized")


def _keep(found: FloatWeights, site: Site, named: str, weights: Mapping[str, Array]) -> None:
    found.by_node[site] = dict(weights)
    found.by_name[_bare(named)] = weights["w"]


def _product(read: _Reader, node: onnx.NodeProto, found: FloatWeights) -> None:
    stored, zero = read.value(node.input[1]), read.value(node.input[3])
    weights = restored(stored, zero, read.scale_behind(node), axis=-1)
    _keep(found, ("MatMul", _bare(node.name)), node.input[1], {"w": weights})


def _convolution(read: _Reader, node: onnx.NodeProto, found: FloatWeights) -> None:
    summed, bias = read.bias_behind(node)
    stored, zero = read.value(node.input[1]), read.value(node.input[3])
    weights = {"w": restored(stored, zero, read.scale_behind(summed), axis=0)}
    _keep(found, ("Conv", _bare(node.name)), node.input[1], weights if bias is None else {**weights, "b": bias})


def _lstm(read: _Reader, node: onnx.NodeProto, found: FloatWeights) -> None:
    """Stored as [direction, input, 4 × hidden], a scale for each direction; an LSTM wants the last two exchanged."""
    weights = {"b": read.value(node.input[3])}
    for role, at in (("w", 0), ("r", 1)):
        stored, scale, zero = (read.value(node.input[place]) for place in (1 + at, 8 + 2 * at, 9 + 2 * at))
        shape = (-1, 1, 1) if scale.ndim == 1 else (scale.shape[0], 1, -1)
        floats = restored(stored, np.zeros(1, np.int32), np.ones(1, np.float32), axis=0)
        floats = (floats - zero.reshape(shape).astype(np.float32)) * scale.reshape(shape)
        weights[role] = np.ascontiguousarray(floats.transpose(0, 2, 1))
    found.by_node["LSTM", _bare(node.name)] = weights


def _lookup(read: _Reader, node: onnx.NodeProto, found: FloatWeights) -> None:
    """An embedding is looked up first and made float then."""
    gather = read.maker[node.input[0]]
    weights = restored(read.value(gather.input[0]), read.value(node.input[2]), read.value(node.input[1]), axis=-1)
    _keep(found, ("Gather", _bare(gather.name)), gather.input[0], {"w": weights})
