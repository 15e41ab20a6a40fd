"""Writes one convolution over time as tiles, with standard ONNX operators. Knows nothing of the graph around it.

There are three steps, and any runtime executes each of them efficiently:

1. *Inputs.* Applying Bᵀ is itself a convolution: every window of N inputs, at a distance of m, gives n numbers. A
   convolution with one input channel and stride m pads, cuts into tiles and transforms in one step. Its n channels are
   the outermost dimension of the result, so no transposition is needed.
2. *Products.* For each of the n points, a matrix product over channels: one grouped convolution of kernel 1. It takes
   n/m multiplications per output where the plain convolution took k.
3. *Outputs.* Aᵀ is one matrix product, whose rows are in the order of time. The surplus of the last tile is cut off.

With dilation d, a signal consists of d interleaved signals. Written as rows of d samples, each of them is a column, so
the tiles run down the rows: the same convolution in the other direction, and a transposed convolution of stride m for
the outputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from workers.fastconv.algorithms import Algorithm, algorithm, floats
from workers.fastconv.editable_graph import EditableGraph

Weights = NDArray[np.float32]
_TIME_AXIS = 2


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A convolution over time with one group and stride one; `weights` is outputs × inputs × taps."""

    name: str
    signal: str
    """The tensor it reads: 1 × channels × time."""
    result: str
    """The tensor it computes."""
    weights: Weights
    weights_name: str
    bias: Weights | None
    dilation: int
    before: int
    """Zeros padded in front of the signal."""
    after: int
    """Zeros padded behind it."""

    @property
    def reach(self) -> int:
        """By how many samples the result is shorter than the padded signal."""
        return self.dilation * (int(self.weights.shape[2]) - 1)


def transformed(weights: Weights, tables: Algorithm) -> Weights:
    """The transformed taps, products·outputs × inputs × 1; computed in double precision."""
    taps: Weights = np.einsum("pk,oik->poi", floats(tables.g), weights.astype(np.float64)).astype(np.float32)
    return taps.reshape(-1, weights.shape[1], 1)


class Tiles:
    """Creates the nodes for one convolution and adds their constants to the graph."""

    def __init__(self, graph: EditableGraph, conv: Convolution, outputs: int) -> None:
        """Use tiles of `outputs` outputs."""
        self._graph = graph
        self._conv = conv
        self._tables = algorithm(conv.weights.shape[2], outputs)
        self._nodes: list[onnx.NodeProto] = []

    @property
    def products(self) -> int:
        """Multiplications per tile and pair of channels."""
        return self._tables.products

    def nodes(self) -> list[onnx.NodeProto]:
        """The nodes in order; the last one computes the convolution's result."""
        dilated = self._conv.dilation > 1
        points = self._products(self._dilated_inputs() if dilated else self._inputs())
        self._trim(self._dilated_outputs(points) if dilated else self._outputs(points))
        return self._nodes

    def _inputs(self) -> str:
        tables, conv = self._tables, self._conv
        signal = self._op("Unsqueeze", conv.signal, self._integers(1))
        # The last tile begins at the last output at the latest, so it reads at most this far beyond the padded signal.
        return self._op(
            "Conv", signal, self._table(tables.bt, "bt", 1, 1, tables.window),
            kernel_shape=[1, tables.window], strides=[1, tables.outputs],
            pads=[0, conv.before, 0, conv.after + tables.outputs - 1],
        )  # fmt: skip

    def _dilated_inputs(self) -> str:
        tables, conv = self._tables, self._conv
        rows = self._op("Reshape", self._extended(), self._integers(1, 1, -1, conv.dilation))
        # A window that runs over into the next channel affects only outputs that are cut off.
        return self._op(
            "Conv", rows, self._table(tables.bt, "bt", 1, tables.window, 1),
            kernel_shape=[tables.window, 1], strides=[tables.outputs, 1],
            pads=[0, 0, tables.window - tables.outputs, 0],
        )  # fmt: skip

    def _extended(self) -> str:
        """The padded signal, extended to a whole number of tiles for each of the interleaved signals."""
        conv = self._conv
        beyond = self._op("Sub", self._integers(-conv.before - conv.after), self._length())
        lacking = self._op("Mod", beyond, self._integers(self._tables.outputs * conv.dilation))
        after = self._op("Add", lacking, self._integers(conv.after))
        pads = self._op("Concat", self._integers(0, 0, conv.before, 0, 0), after, axis=0)
        return self._op("Pad", conv.signal, pads)

    def _products(self, tiles: str) -> str:
        tables, weights = self._tables, self._conv.weights
        by_point = self._op("Reshape", tiles, self._integers(0, tables.products * weights.shape[1], -1))
        name = f"{self._conv.weights_name}/tiles_of_{tables.outputs}"
        taps = [self._graph.add_constant(name, transformed(weights, tables))]
        return self._op("Conv", by_point, *taps, *self._bias(), kernel_shape=[1], group=tables.products)

    def _bias(self) -> Iterator[str]:
        """The bias, added to the one product that is added to every output with factor one."""
        bias, tables = self._conv.bias, self._tables
        if bias is None:
            return
        values = np.zeros((tables.products, len(bias)), np.float32)
        values[tables.constant] = bias
        yield self._graph.add_constant(f"{self._conv.name}/bias_of_tiles", values.reshape(-1))

    def _outputs(self, points: str) -> str:
        rows = self._op("Reshape", self._without_batch(points), self._integers(self._tables.products, -1))
        table = self._table(tuple(zip(*self._tables.at, strict=True)), "a", self._tables.outputs)
        return self._op("Gemm", rows, table, transA=1)

    def _dilated_outputs(self, points: str) -> str:
        tables, conv = self._tables, self._conv
        rows = self._op("Reshape", self._without_batch(points), self._integers(1, tables.products, -1, conv.dilation))
        table = self._table(tuple(zip(*tables.at, strict=True)), "a", 1, tables.outputs, 1)
        return self._op("ConvTranspose", rows, table, kernel_shape=[tables.outputs, 1], strides=[tables.outputs, 1])

    def _without_batch(self, tensor: str) -> str:
        """Remove the batch dimension; raises an error for a larger batch, which reshaping would silently mix up."""
        return self._op("Squeeze", tensor, self._integers(0))

    def _trim(self, samples: str) -> None:
        conv = self._conv
        lines = self._op("Reshape", samples, self._integers(1, conv.weights.shape[0], -1))
        longer = conv.before + conv.after - conv.reach
        end = self._op("Add", self._length(), self._integers(longer)) if longer else self._length()
        self._op("Slice", lines, self._integers(0), end, self._integers(_TIME_AXIS), result=conv.result)

    def _length(self) -> str:
        return self._op("Gather", self._op("Shape", self._conv.signal), self._integers(_TIME_AXIS))

    def _table(self, matrix: Any, which: str, *shape: int) -> str:
        """One of the constant tables; convolutions with the same kernel and tile size share it."""
        values = floats(matrix).astype(np.float32)
        values = values.reshape(len(matrix), *shape)
        size = "x".join(map(str, values.shape))
        return self._graph.add_constant(f"tiles/{which}/{self._tables.kernel}/{size}", values)

    def _integers(self, *values: int) -> str:
        return self._graph.add_constant(f"tiles/{'_'.join(map(str, values))}", np.array(values, np.int64))

    def _op(self, kind: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        name = f"{self._conv.name}/tiles/{len(self._nodes)}/{kind}"
        made = result or f"{self._conv.result}/tiles/{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [made], name=name, **attributes))
        return made
