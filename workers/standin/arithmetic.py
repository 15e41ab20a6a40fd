"""Builds ONNX graphs from arithmetic expressions: `a * b + 1` adds the nodes that compute it.

Knows nothing of sound.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
END = 2**31 - 1
"""An end index beyond any length, for slices up to the end."""
_TYPES = {"float": TensorProto.FLOAT, "int64": TensorProto.INT64, "double": TensorProto.DOUBLE}

TensorTypes = dict[str, tuple[str, list[str | int]]]
"""Inputs or outputs of a graph: type and shape by name. A length that is a name may differ from run to run."""


def _described(side: TensorTypes) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, _TYPES[kind], shape) for name, (kind, shape) in side.items()]


class Graph:
    """Collects nodes and constants; the same constant is stored once."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._named: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def constant(self, values: ArrayLike, dtype: type[np.generic] = np.float32) -> "Tensor":
        """A constant tensor."""
        array: NDArray[Any] = np.asarray(values, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        name = self._named.setdefault(key, f"c{len(self._named)}")
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(array, name)
        return Tensor(self, name)

    def stored(self, name: str, values: NDArray[Any]) -> "Tensor":
        """A constant with a fixed name, so that it can be read back from the finished model."""
        self._constants[name] = numpy_helper.from_array(values, name)
        return Tensor(self, name)

    def integers(self, *values: int) -> "Tensor":
        """A list of integers, as required for shapes, axes and pads."""
        return self.constant(values, np.int64)

    def index(self, value: int) -> "Tensor":
        """A scalar integer, as required for axes of sums and ends of ranges."""
        return self.constant(value, np.int64)

    def op(self, kind: str, *inputs: "Tensor | float", output: str = "", **attributes: Any) -> "Tensor":
        """Add a node and return its output; plain numbers become float constants."""
        names = [one.name if isinstance(one, Tensor) else self.constant(one).name for one in inputs]
        output = output or f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, names, [output], **attributes))
        return Tensor(self, output)

    def model(self, name: str, inputs: TensorTypes, outputs: TensorTypes) -> onnx.ModelProto:
        """The finished model, after ONNX's own check."""
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, name, _described(inputs), _described(outputs), constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets, producer_name="chorus")
        onnx.checker.check_model(model, full_check=True)
        return model


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph, identified by its name."""

    graph: Graph
    name: str

    def __add__(self, other: "Tensor | float") -> "Tensor":
        return self.graph.op("Add", self, other)

    def __sub__(self, other: "Tensor | float") -> "Tensor":
        return self.graph.op("Sub", self, other)

    def __mul__(self, other: "Tensor | float") -> "Tensor":
        return self.graph.op("Mul", self, other)

    def __truediv__(self, other: "Tensor | float") -> "Tensor":
        return self.graph.op("Div", self, other)

    def __matmul__(self, other: "Tensor") -> "Tensor":
        return self.graph.op("MatMul", self, other)

    def to(self, kind: str) -> "Tensor":
        """The same values in another type."""
        return self.graph.op("Cast", self, to=_TYPES[kind])

    def shaped(self, *shape: int) -> "Tensor":
        """The same values in another shape; one dimension of -1 is inferred."""
        return self.graph.op("Reshape", self, self.graph.integers(*shape))

    def cut(self, start: int, end: int, axis: int = 0) -> "Tensor":
        """The slice from `start` up to, not including, `end` along an axis."""
        whole = self.graph.integers
        return self.graph.op("Slice", self, whole(start), whole(end), whole(axis))

    def at(self, indices: "Tensor", axis: int = 0) -> "Tensor":
        """The values at these indices along an axis."""
        return self.graph.op("Gather", self, indices, axis=axis)

    def clipped(self, low: float, high: float) -> "Tensor":
        """The values, limited to this range."""
        return self.graph.op("Clip", self, low, high)


@dataclass(frozen=True)
class Spectrum:
    """A complex tensor: its real and imaginary parts."""

    re: Tensor
    im: Tensor

    def __mul__(self, other: "Spectrum") -> "Spectrum":
        return Spectrum(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)

    def __add__(self, other: "Spectrum") -> "Spectrum":
        return Spectrum(self.re + other.re, self.im + other.im)

    def scaled(self, gain: "Tensor | float") -> "Spectrum":
        """The product with a real tensor or number."""
        return Spectrum(self.re * gain, self.im * gain)

    def over(self, other: "Spectrum") -> "Spectrum":
        """The quotient."""
        power = other.re * other.re + other.im * other.im
        conjugate = Spectrum(other.re, other.im * -1.0)
        return (self * conjugate).scaled(self.re.graph.op("Reciprocal", power))
