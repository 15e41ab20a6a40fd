"""Finds the convolutions that can be rewritten as tiles, and rewrites them. Does not know which of them get faster."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from workers.fastconv.editable_graph import EditableGraph, attributes
from workers.fastconv.tiles import Convolution, Tiles, Weights

# From this version on, Unsqueeze and Squeeze take their axes as an input, as the nodes of tiles.py do.
LOWEST_OPSET = 13
_RANK = 3


@dataclass(frozen=True, kw_only=True, order=True)
class ConvolutionKind:
    """The properties that a convolution's cost per sample depends on."""

    inputs: int
    """Input channels."""
    outputs: int
    """Output channels."""
    kernel: int
    dilation: int

    @property
    def multiplications(self) -> int:
        """Multiplications per sample over all channels, without tiles."""
        return self.inputs * self.outputs * self.kernel

    def __str__(self) -> str:
        """A short form for tables."""
        return f"{self.inputs}→{self.outputs} k{self.kernel} d{self.dilation}"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution that was rewritten as tiles."""

    name: str
    kind: ConvolutionKind
    products: int
    """Multiplications per tile and pair of channels."""
    tile: int
    """Outputs per tile; without tiles they would take tile · kernel multiplications."""


def kind_of(conv: Convolution) -> ConvolutionKind:
    """The kind of this convolution."""
    outputs, inputs, kernel = conv.weights.shape
    return ConvolutionKind(inputs=inputs, outputs=outputs, kernel=kernel, dilation=conv.dilation)


def convolutions(graph: EditableGraph) -> Iterator[tuple[onnx.NodeProto, Convolution]]:
    """The convolutions that can be tiled: over time, one group, stride one, constant weights, and a batch of one."""
    if graph.opset < LOWEST_OPSET or not graph.has_batch_of_one():
        return
    for node in graph.nodes("Conv"):
        found = _read(graph, node)
        if found is not None:
            yield node, found


def _read(graph: EditableGraph, node: onnx.NodeProto) -> Convolution | None:
    weights = _floats(graph, node.input[1])
    settings = attributes(node)
    if weights is None or weights.ndim != _RANK or weights.shape[2] == 1 or not _is_plain(settings):
        return None
    bias = _floats(graph, node.input[2]) if _has_bias(node) else None
    before, after = settings.get("pads", (0, 0))
    if min(before, after) < 0 or (_has_bias(node) and bias is None):
        return None
    return Convolution(
        name=node.name or node.output[0],
        signal=node.input[0],
        result=node.output[0],
        weights=weights,
        weights_name=node.input[1],
        bias=None if bias is None or _only_normalised(graph, node.output[0]) else bias,
        dilation=settings.get("dilations", (1,))[0],
        before=before,
        after=after,
    )


def _is_plain(settings: Mapping[str, Any]) -> bool:
    strides, padding = settings.get("strides", (1,)), settings.get("auto_pad", b"NOTSET")
    return settings.get("group", 1) == 1 and tuple(strides) == (1,) and padding == b"NOTSET"


def _has_bias(node: onnx.NodeProto) -> bool:
    return len(node.input) == 3 and bool(node.input[2])  # noqa: PLR2004 - signal, weights, bias


def _floats(graph: EditableGraph, name: str) -> Weights | None:
    values = graph.constant(name)
    return values if values is not None and values.dtype == np.float32 else None


def _only_normalised(graph: EditableGraph, name: str) -> bool:
    """Whether only a normalisation reads this tensor: it subtracts each channel's mean, and with it any bias."""
    found = graph.readers(name)
    return graph.is_read_only_by(name, 1) and found[0].op_type == "InstanceNormalization" and found[0].input[0] == name


def rewrite(graph: EditableGraph, tile_for: Callable[[ConvolutionKind], int]) -> tuple[Layer, ...]:
    """Rewrite the convolutions with the tile size that `tile_for` gives for their kind; size 0 leaves one unchanged."""
    layers = []
    for node, conv in list(convolutions(graph)):
        kind = kind_of(conv)
        tile = tile_for(kind)
        if tile:
            tiles = Tiles(graph, conv, tile)
            graph.replace(node, tiles.nodes())
            layers.append(Layer(name=conv.name, kind=kind, products=tiles.products, tile=tile))
    return tuple(layers)
