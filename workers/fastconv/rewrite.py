"""Finds the convolutions that can be tiled, and puts tiles in their place. Does not know which of them pay."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from workers.fastconv.editable_graph import Workbench, attributes
from workers.fastconv.tiles import Convolution, Tiles, Weights

# The first whose Unsqueeze and Squeeze take their axes as an input, as ours do.
LOWEST_OPSET = 13
_TIMELY_RANK = 3


@dataclass(frozen=True, kw_only=True, order=True)
class ConvolutionKind:
    """Convolutions of one kind cost the same for each sample."""

    inputs: int
    """Channels it reads."""
    outputs: int
    """Channels it makes."""
    kernel: int
    dilation: int

    @property
    def multiplications(self) -> int:
        """For each sample of all its channels, done plainly."""
        return self.inputs * self.outputs * self.kernel

    def __str__(self) -> str:
        """As tables show it."""
        return f"{self.inputs}→{self.outputs} k{self.kernel} d{self.dilation}"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One convolution that is now tiles."""

    name: str
    kind: ConvolutionKind
    products: int
    """Multiplications in a tile, for each pair of channels."""
    tile: int
    """Outputs in a tile; directly they would cost tile · kernel multiplications."""


def kind_of(conv: Convolution) -> ConvolutionKind:
    """What its cost depends on."""
    outputs, inputs, kernel = conv.weights.shape
    return ConvolutionKind(inputs=inputs, outputs=outputs, kernel=kernel, dilation=conv.dilation)


def convolutions(bench: Workbench) -> Iterator[tuple[onnx.NodeProto, Convolution]]:
    """All that could be tiled: in time, of one group, stride one and known weights, on a batch of one."""
    if bench.opset < LOWEST_OPSET or not bench.takes_one_at_a_time():
        return
    for node in bench.nodes("Conv"):
        found = _read(bench, node)
        if found is not None:
            yield node, found


def _read(bench: Workbench, node: onnx.NodeProto) -> Convolution | None:
    weights = _floats(bench, node.input[1])
    set_on = attributes(node)
    if weights is None or weights.ndim != _TIMELY_RANK or weights.shape[2] == 1 or not _is_plain(set_on):
        return None
    bias = _floats(bench, node.input[2]) if _has_bias(node) else None
    before, after = set_on.get("pads", (0, 0))
    if min(before, after) < 0 or (_has_bias(node) and bias is None):
        return None
    return Convolution(
        name=node.name or node.output[0],
        signal=node.input[0],
        result=node.output[0],
        weights=weights,
        weights_name=node.input[1],
        bias=None if bias is None or _only_normalised(bench, node.output[0]) else bias,
        dilation=set_on.get("dilations", (1,))[0],
        before=before,
        after=after,
    )


def _is_plain(set_on: Mapping[str, Any]) -> bool:
    strides, padding = set_on.get("strides", (1,)), set_on.get("auto_pad", b"NOTSET")
    return set_on.get("group", 1) == 1 and tuple(strides) == (1,) and padding == b"NOTSET"


def _has_bias(node: onnx.NodeProto) -> bool:
    return len(node.input) == 3 and bool(node.input[2])  # noqa: PLR2004 - signal, weights, bias


def _floats(bench: Workbench, name: str) -> Weights | None:
    values = bench.constant(name)
    return values if values is not None and values.dtype == np.float32 else None


def _only_normalised(bench: Workbench, name: str) -> bool:
    """Where each channel's mean is taken away next, a bias is taken away with it."""
    reads = bench.readers(name)
    return bench.is_read_only_by(name, 1) and reads[0].op_type == "InstanceNormalization" and reads[0].input[0] == name


def rewrite(bench: Workbench, tile_for: Callable[[ConvolutionKind], int]) -> tuple[Layer, ...]:
    """Tile each convolution for whose kind a size is given; 0 leaves it as it is."""
    layers = []
    for node, conv in list(convolutions(bench)):
        kind = kind_of(conv)
        tile = tile_for(kind)
        if tile:
            tiles = Tiles(bench, conv, tile)
            bench.replace(node, tiles.nodes())
            layers.append(Layer(name=conv.name, kind=kind, products=tiles.products, tile=tile))
    return tuple(layers)
