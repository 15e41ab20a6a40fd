"""Removes passes over the signal between two convolutions, without changing what they compute.

Between two convolutions, Kokoro's vocoder has two steps:

- AdaIN, h = (1+γ)·norm(x) + β. The normalisation has a scale w and a shift b of its own, which can take over the
  style's γ and β: scale w(1+γ), shift b(1+γ)+β. This removes a multiplication and an addition over the whole signal.
- Snake, s = h + sin²(αh)/α. With z = αh in place of h, α·s = z + sin²(z). So α is multiplied into the same scale and
  shift, and 1/α into the next convolution's weights. This removes two more multiplications.

Both are equalities; only the rounding differs. Where some |α| is so small that 1/α would overflow or nearly overflow,
only AdaIN is folded and Snake keeps its form. The module recognises patterns of nodes and does not know a model's
purpose.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from workers.fastconv.editable_graph import EditableGraph

SMALLEST_ALPHA = 1e-4
"""With a smaller |α|, weights divided by α could leave float32's range of full precision."""


@dataclass(frozen=True, kw_only=True)
class Folds:
    """The numbers of folded AdaIN and Snake patterns, and the Snakes that were not folded."""

    adain: int = 0
    snake: int = 0
    guarded: tuple[str, ...] = ()
    """The Snakes whose α is too near zero, by the name of the convolution after each."""

    @property
    def any(self) -> bool:
        """Whether anything was folded."""
        return bool(self.adain or self.snake)

    def __str__(self) -> str:
        """A clause for users."""
        kept = f" ({len(self.guarded)} with α near zero kept)" if self.guarded else ""
        return f"{self.adain} AdaIN and {self.snake} Snake are folded{kept}"


@dataclass(frozen=True, kw_only=True)
class _AdaIN:
    """The nodes of h = scale·norm(signal) + shift."""

    add: onnx.NodeProto
    norm: onnx.NodeProto
    scale: str
    shift: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class _Snake:
    """The nodes of s = h + sin²(αh)/α, where one convolution is the only reader of s."""

    add: onnx.NodeProto
    sine: onnx.NodeProto
    power: onnx.NodeProto
    alpha: NDArray[np.float32]
    conv: onnx.NodeProto
    weights: NDArray[np.float32]


def fold(graph: EditableGraph) -> Folds:
    """Fold every AdaIN and Snake of the graph."""
    adain = snake = 0
    guarded = []
    for add in list(graph.nodes("Add")):
        style = _adain(graph, add)
        if style is None:
            continue
        adain += 1
        wave = _snake(graph, add)
        if wave is not None and np.abs(wave.alpha).min() < SMALLEST_ALPHA:
            guarded.append(wave.conv.name)
            wave = None
        if wave is None:
            _fold_style(graph, style, None)
        else:
            snake += 1
            _fold_style(graph, style, wave.alpha)
            _fold_wave(graph, style, wave)
    return Folds(adain=adain, snake=snake, guarded=tuple(guarded))


def _adain(graph: EditableGraph, add: onnx.NodeProto) -> _AdaIN | None:
    for product, shift in (add.input, tuple(add.input)[::-1]):
        multiply = graph.producer(product, "Mul")
        if multiply is None or not graph.is_read_only_by(product, 1):
            continue
        for scale, normed in (multiply.input, tuple(multiply.input)[::-1]):
            norm = graph.producer(normed, "InstanceNormalization")
            if norm is None or not graph.is_read_only_by(normed, 1) or not _is_style(graph, scale, shift):
                continue
            weight, bias = graph.constant(norm.input[1]), graph.constant(norm.input[2])
            if weight is not None and bias is not None and weight.dtype == bias.dtype == np.float32:
                return _AdaIN(add=add, norm=norm, scale=scale, shift=shift, weight=weight, bias=bias)
    return None


def _is_style(graph: EditableGraph, scale: str, shift: str) -> bool:
    """Whether scale and shift are slices of one vector computed from the style, so that both are constant in time."""
    one_more = graph.producer(scale, "Add")
    if one_more is None:
        return False
    halves = [graph.producer(name, "Slice") for name in (*one_more.input, shift)]
    sources = [graph.producer(half.input[0], "Reshape") for half in halves if half is not None]
    return len(sources) == 2 and all(_is_vector(graph, source) for source in sources)  # noqa: PLR2004 - scale and shift


def _is_vector(graph: EditableGraph, reshape: onnx.NodeProto | None) -> bool:
    shape = graph.constant(reshape.input[1]) if reshape is not None else None
    return shape is not None and len(shape) == 3 and shape[0] == shape[2] == 1  # noqa: PLR2004 - batch, channels, time


def _snake(graph: EditableGraph, style: onnx.NodeProto) -> _Snake | None:
    (signal,) = style.output
    add = next((one for one in graph.readers(signal) if one.op_type == "Add"), None)
    if add is None or not graph.is_read_only_by(signal, 2):
        return None
    wave = next((name for name in add.input if name != signal), "")
    found = _sine_squared(graph, wave, signal)
    conv = _only_convolution(graph, add.output[0])
    weights = graph.constant(conv.input[1]) if conv is not None else None
    if found is None or conv is None or weights is None or weights.dtype != np.float32:
        return None
    power, sine, alpha = found
    if alpha.shape != (1, weights.shape[1], 1):  # one per channel, constant in time
        return None
    return _Snake(add=add, sine=sine, power=power, alpha=alpha.reshape(-1), conv=conv, weights=weights)


def _sine_squared(graph: EditableGraph, wave: str, signal: str) -> tuple[onnx.NodeProto, onnx.NodeProto, Any] | None:
    """The square node, the sine node and α, if `wave` is sin²(α·signal)/α."""
    divided = graph.producer(wave, "Mul")
    for inverse, square in (divided.input, tuple(divided.input)[::-1]) if divided is not None else ():
        power = graph.producer(square, "Pow")
        sine = graph.producer(power.input[0], "Sin") if power is not None else None
        scaled = graph.producer(sine.input[0], "Mul") if sine is not None else None
        if power is None or sine is None or scaled is None or signal not in scaled.input:
            continue
        alpha_name = next((name for name in scaled.input if name != signal), "")
        alpha, exponent = graph.constant(alpha_name), graph.constant(power.input[1])
        if alpha is not None and exponent is not None and exponent == 2 and _inverts(graph, inverse, alpha_name, alpha):  # noqa: PLR2004
            return power, sine, alpha
    return None


def _inverts(graph: EditableGraph, inverse: str, alpha_name: str, alpha: NDArray[Any]) -> bool:
    reciprocal, value = graph.producer(inverse, "Reciprocal"), graph.constant(inverse)
    if reciprocal is not None:
        return bool(reciprocal.input[0] == alpha_name)
    return value is not None and bool(np.allclose(value * alpha, 1, rtol=1e-6, atol=0))


def _only_convolution(graph: EditableGraph, name: str) -> onnx.NodeProto | None:
    found = graph.readers(name)
    single = graph.is_read_only_by(name, 1) and found[0].op_type == "Conv" and found[0].input[0] == name
    ungrouped = single and all(one.name != "group" or one.i == 1 for one in found[0].attribute)
    return found[0] if ungrouped else None


def _fold_style(graph: EditableGraph, style: _AdaIN, alpha: NDArray[np.float32] | None) -> None:
    """Let the normalisation compute the result of AdaIN's addition, multiplied by α if there is one."""
    made, channels = style.add.output[0], len(style.weight)
    gain = np.ones(channels, np.float32) if alpha is None else alpha
    nodes: list[onnx.NodeProto] = []

    def op(kind: str, *inputs: str) -> str:
        result = f"{made}/folded/{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [result], name=f"{result}/{kind}"))
        return result

    def constant(which: str, values: NDArray[Any]) -> str:
        return graph.add_constant(f"{made}/folded/{which}", values)

    # Reshaping to a fixed length raises an error if the style is not a vector of channels, instead of changing the
    # sound.
    length = graph.add_constant(f"folded/{channels}", np.array([channels], np.int64))
    vector, shift = op("Reshape", style.scale, length), op("Reshape", style.shift, length)
    scale = op("Mul", vector, constant("scale", style.weight * gain))
    moved = shift if alpha is None else op("Mul", shift, constant("gain", gain))
    if style.bias.any():
        moved = op("Add", moved, op("Mul", vector, constant("bias", style.bias * gain)))
    norm = onnx.NodeProto()
    norm.CopyFrom(style.norm)
    norm.input[1:] = [scale, moved]
    norm.output[:] = [made]
    graph.replace(style.add, [*nodes, norm])


def _fold_wave(graph: EditableGraph, style: _AdaIN, wave: _Snake) -> None:
    (signal,) = style.add.output
    sine, power, add, conv = (onnx.NodeProto() for _ in range(4))
    for new, old in ((sine, wave.sine), (power, wave.power), (add, wave.add), (conv, wave.conv)):
        new.CopyFrom(old)
    sine.input[:] = [signal]
    add.input[:] = [signal, power.output[0]]
    divided = wave.weights / wave.alpha.reshape(1, -1, *[1] * (wave.weights.ndim - 2))
    conv.input[1] = graph.add_constant(f"{conv.input[1]}/divided/{add.output[0]}", divided)
    for old, new in ((wave.sine, sine), (wave.add, add), (wave.conv, conv)):
        graph.replace(old, [new])
