"""Quantises convolutions of a graph to int8: unsigned activations, signed weights, one scale per output channel.

It puts QuantizeLinear and DequantizeLinear around each convolution, and onnxruntime fuses them into one integer
operator. Knows nothing of files, sessions or speech.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

BLOCKS: Mapping[str, str] = {
    "resblocks": r"(^|[/.])resblocks\.\d+/",
    "noise_res": r"(^|[/.])noise_res\.\d+/",
    "noise_convs": r"(^|[/.])noise_convs\.\d+/",
    "conv_post": r"(^|[/.])conv_post/",
    "decoder": r"decoder/(encode|decode\.\d+|asr_res)/",
}
"""Blocks of Kokoro's decoder by the names of their nodes. Its `ups` are transposed convolutions, for which there is no
integer operator."""
# A processor without VNNI adds two products in 16 bits and clips the sum: 255 · 127 · 2 is too large. With weights of 7
# bits it fits. Whether clipping or coarser weights cost more is measured on each machine.
_ACTIVATION_STEPS = 255
_WEIGHT_STEPS = {8: 127, 7: 63}
# The scale of a channel whose weights are all zero must not be zero.
_SMALLEST = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The smallest and the largest value that was observed of a tensor."""

    low: float
    high: float

    def union(self, other: "Range") -> "Range":
        """The range that covers both."""
        return Range(low=min(self.low, other.low), high=max(self.high, other.high))

    def grid(self) -> tuple[np.float32, np.uint8]:
        """Scale and zero point for 8 bits; zero is always representable, since padding is zero."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        scale = max(high - low, _SMALLEST) / _ACTIVATION_STEPS
        return np.float32(scale), np.uint8(round(-low / scale))


def blocks(model: onnx.ModelProto) -> dict[str, tuple[str, ...]]:
    """The names of the convolutions of each block; blocks that the graph does not have are left out."""
    names = [node.name for node in model.graph.node if node.op_type == "Conv"]
    found = {block: tuple(name for name in names if re.search(pattern, name)) for block, pattern in BLOCKS.items()}
    return {block: members for block, members in found.items() if members}


def convolution_tensors(model: onnx.ModelProto, names: Collection[str]) -> tuple[str, ...]:
    """The inputs and outputs of these convolutions: their ranges must be known for quantising."""
    convolutions = [node for node in model.graph.node if node.name in names]
    return tuple(dict.fromkeys(tensor for node in convolutions for tensor in (node.input[0], node.output[0])))


def quantised(
    model: onnx.ModelProto, names: Collection[str], ranges: Mapping[str, Range], *, weight_bits: int = 8
) -> onnx.ModelProto:
    """A copy in which these convolutions are int8; a convolution whose weights are not constant stays unchanged."""
    done = onnx.ModelProto()
    done.CopyFrom(model)
    quantiser = _Quantiser(done, ranges, _WEIGHT_STEPS[weight_bits])
    nodes = [new for node in done.graph.node for new in quantiser.replacement(node, chosen=node.name in names)]
    del done.graph.node[:]
    done.graph.node.extend(nodes)
    _drop_unused_weights(done.graph)
    done.graph.initializer.extend(quantiser.tensors)
    return done


class _Quantiser:
    """Quantises the nodes of one graph; holds its weights, the new constants and the tensors already quantised."""

    def __init__(self, model: onnx.ModelProto, ranges: Mapping[str, Range], steps: int) -> None:
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self._ranges = ranges
        self._steps = steps
        self._quantised: set[str] = set()
        self.tensors: list[onnx.TensorProto] = []

    def replacement(self, node: onnx.NodeProto, *, chosen: bool) -> Iterator[onnx.NodeProto]:
        """The nodes that replace this node: the node itself if it is not quantised."""
        if not chosen or any(name not in self._weights for name in node.input[1:]):
            yield node
            return
        signal, result = node.input[0], node.output[0]
        scale, _ = self._ranges[signal].grid()
        if signal not in self._quantised:
            self._quantised.add(signal)
            yield from self._quantise(signal, f"{signal}/int8", self._ranges[signal])
        weights = numpy_helper.to_array(self._weights[node.input[1]])
        scales = channel_scales(weights, self._steps)
        inputs = [f"{signal}/int8"]
        rounded = np.rint(weights / scales.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.int8)
        yield self._constant(f"{node.name}/weight", rounded, scales, inputs)
        if len(node.input) > 2:  # noqa: PLR2004 - the third is the bias, with the same scale as the products
            bias = numpy_helper.to_array(self._weights[node.input[2]])
            step = scales * scale
            yield self._constant(f"{node.name}/bias", _rounded(bias / step), step, inputs)
        raw = f"{result}/raw"
        plain = onnx.NodeProto()
        plain.CopyFrom(node)
        del plain.input[:], plain.output[:]
        plain.input.extend(inputs)
        plain.output.append(raw)
        yield plain
        yield from self._quantise(raw, result, self._ranges[result])

    def _quantise(self, name: str, result: str, values: Range) -> Iterator[onnx.NodeProto]:
        """Nodes that round a tensor to 8 bits and convert it back."""
        scale, zero = values.grid()
        grid = [self._tensor(f"{result}/scale", scale), self._tensor(f"{result}/zero", zero)]
        yield helper.make_node("QuantizeLinear", [name, *grid], [f"{result}/steps"], name=f"{result}/quantize")
        yield helper.make_node("DequantizeLinear", [f"{result}/steps", *grid], [result], name=f"{result}/dequantize")

    def _constant(
        self, name: str, steps: NDArray[np.integer], scales: NDArray[np.float32], inputs: list[str]
    ) -> onnx.NodeProto:
        parts = [self._tensor(f"{name}/steps", steps), self._tensor(f"{name}/scale", scales)]
        parts.append(self._tensor(f"{name}/zero", np.zeros(scales.shape, steps.dtype)))
        inputs.append(f"{name}/int8")
        return helper.make_node("DequantizeLinear", parts, [f"{name}/int8"], name=f"{name}/dequantize", axis=0)

    def _tensor(self, name: str, values: NDArray[np.generic] | np.generic) -> str:
        self.tensors.append(numpy_helper.from_array(np.asarray(values), name))
        return name


def channel_scales(weights: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """The value of one quantisation step of each output channel."""
    peaks = np.abs(weights).max(axis=tuple(range(1, weights.ndim)))
    return np.asarray(np.maximum(peaks, _SMALLEST) / steps, np.float32)


def _rounded(values: NDArray[np.floating]) -> NDArray[np.int32]:
    bounds = np.iinfo(np.int32)
    return np.clip(np.rint(values.astype(np.float64)), bounds.min, bounds.max).astype(np.int32)


def _drop_unused_weights(graph: onnx.GraphProto) -> None:
    used = set(_read_by(graph.node)) | {output.name for output in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    if len(kept) == len(graph.initializer):
        return
    spare = onnx.GraphProto()
    spare.initializer.extend(kept)
    del graph.initializer[:]
    graph.initializer.extend(spare.initializer)


def _read_by(nodes: Iterable[onnx.NodeProto]) -> Iterator[str]:
    """The tensors that these nodes read, also inside their branches and loops."""
    for node in nodes:
        yield from node.input
        for attribute in node.attribute:
            yield from _read_by(attribute.g.node)
            yield from (output.name for output in attribute.g.output)
