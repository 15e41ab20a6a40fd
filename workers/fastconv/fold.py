"""Fewer passes over the signal between two convolutions, without changing what they compute.

Kokoro's vocoder goes from one convolution to the next through two steps:

- AdaIN, h = (1+γ)·norm(x) + β: a normalisation whose own scale w and shift b could carry the style's γ and β. It does
  here: scale w(1+γ), shift b(1+γ)+β, and a multiplication and an addition over the whole signal are gone.
- Snake, s = h + sin²(αh)/α: with z = αh in place of h, α·s = z + sin²(z). So α goes into the same scale and shift, 1/α
  into the next convolution's weights, and two more multiplications are gone.

Both are equalities; only the rounding differs. Where some |α| is so small that 1/α would overflow or nearly so, Snake
keeps its form and AdaIN alone is folded. Does not know why a model has such nodes: it looks for their pattern.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from workers.fastconv.editable_graph import Workbench

SMALLEST_ALPHA = 1e-4
"""Below it, weights divided by α could leave the range in which float32 keeps its digits."""


@dataclass(frozen=True, kw_only=True)
class Folds:
    """How many were folded, and what kept its form."""

    adain: int = 0
    snake: int = 0
    guarded: tuple[str, ...] = ()
    """Snakes with an α too near zero, by the convolution after them."""

    @property
    def any(self) -> bool:
        """Whether there was anything to fold."""
        return bool(self.adain or self.snake)

    def __str__(self) -> str:
        """As a clause."""
        kept = f" ({len(self.guarded)} with α near zero kept)" if self.guarded else ""
        return f"{self.adain} AdaIN and {self.snake} Snake are folded{kept}"


@dataclass(frozen=True, kw_only=True)
class _AdaIN:
    """h = scale·norm(signal) + shift."""

    add: onnx.NodeProto
    norm: onnx.NodeProto
    scale: str
    shift: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class _Snake:
    """s = h + sin²(αh)/α, read by one convolution alone."""

    add: onnx.NodeProto
    sine: onnx.NodeProto
    power: onnx.NodeProto
    alpha: NDArray[np.float32]
    conv: onnx.NodeProto
    weights: NDArray[np.float32]


def fold(bench: Workbench) -> Folds:
    """Fold whatever has the pattern."""
    adain = snake = 0
    guarded = []
    for add in list(bench.nodes("Add")):
        style = _adain(bench, add)
        if style is None:
            continue
        adain += 1
        wave = _snake(bench, add)
        if wave is not None and np.abs(wave.alpha).min() < SMALLEST_ALPHA:
            guarded.append(wave.conv.name)
            wave = None
        if wave is None:
            _fold_style(bench, style, None)
        else:
            snake += 1
            _fold_style(bench, style, wave.alpha)
            _fold_wave(bench, style, wave)
    return Folds(adain=adain, snake=snake, guarded=tuple(guarded))


def _adain(bench: Workbench, add: onnx.NodeProto) -> _AdaIN | None:
    for product, shift in (add.input, tuple(add.input)[::-1]):
        multiply = bench.maker(product, "Mul")
        if multiply is None or not bench.is_read_only_by(product, 1):
            continue
        for scale, normed in (multiply.input, tuple(multiply.input)[::-1]):
            norm = bench.maker(normed, "InstanceNormalization")
            if norm is None or not bench.is_read_only_by(normed, 1) or not _is_style(bench, scale, shift):
                continue
            weight, bias = bench.constant(norm.input[1]), bench.constant(norm.input[2])
            if weight is not None and bias is not None and weight.dtype == bias.dtype == np.float32:
                return _AdaIN(add=add, norm=norm, scale=scale, shift=shift, weight=weight, bias=bias)
    return None


def _is_style(bench: Workbench, scale: str, shift: str) -> bool:
    """Whether both are cut from a vector that a style was mapped to, so that neither changes in time."""
    one_more = bench.maker(scale, "Add")
    if one_more is None:
        return False
    halves = [bench.maker(name, "Slice") for name in (*one_more.input, shift)]
    sources = [bench.maker(half.input[0], "Reshape") for half in halves if half is not None]
    return len(sources) == 2 and all(_is_vector(bench, source) for source in sources)  # noqa: PLR2004 - scale and shift


def _is_vector(bench: Workbench, reshape: onnx.NodeProto | None) -> bool:
    shape = bench.constant(reshape.input[1]) if reshape is not None else None
    return shape is not None and len(shape) == 3 and shape[0] == shape[2] == 1  # noqa: PLR2004 - batch, channels, time


def _snake(bench: Workbench, style: onnx.NodeProto) -> _Snake | None:
    (signal,) = style.output
    add = next((one for one in bench.readers(signal) if one.op_type == "Add"), None)
    if add is None or not bench.is_read_only_by(signal, 2):
        return None
    wave = next((name for name in add.input if name != signal), "")
    found = _sine_squared(bench, wave, signal)
    conv = _only_convolution(bench, add.output[0])
    weights = bench.constant(conv.input[1]) if conv is not None else None
    if found is None or conv is None or weights is None or weights.dtype != np.float32:
        return None
    power, sine, alpha = found
    if alpha.shape != (1, weights.shape[1], 1):  # one for each channel, none that changes in time
        return None
    return _Snake(add=add, sine=sine, power=power, alpha=alpha.reshape(-1), conv=conv, weights=weights)


def _sine_squared(bench: Workbench, wave: str, signal: str) -> tuple[onnx.NodeProto, onnx.NodeProto, Any] | None:
    """The square, the sine and α of sin²(α·signal)/α."""
    divided = bench.maker(wave, "Mul")
    for inverse, square in (divided.input, tuple(divided.input)[::-1]) if divided is not None else ():
        power = bench.maker(square, "Pow")
        sine = bench.maker(power.input[0], "Sin") if power is not None else None
        scaled = bench.maker(sine.input[0], "Mul") if sine is not None else None
        if power is None or sine is None or scaled is None or signal not in scaled.input:
            continue
        alpha_name = next((name for name in scaled.input if name != signal), "")
        alpha, exponent = bench.constant(alpha_name), bench.constant(power.input[1])
        if alpha is not None and exponent is not None and exponent == 2 and _inverts(bench, inverse, alpha_name, alpha):  # noqa: PLR2004
            return power, sine, alpha
    return None


def _inverts(bench: Workbench, inverse: str, alpha_name: str, alpha: NDArray[Any]) -> bool:
    reciprocal, value = bench.maker(inverse, "Reciprocal"), bench.constant(inverse)
    if reciprocal is not None:
        return bool(reciprocal.input[0] == alpha_name)
    return value is not None and bool(np.allclose(value * alpha, 1, rtol=1e-6, atol=0))


def _only_convolution(bench: Workbench, name: str) -> onnx.NodeProto | None:
    reads = bench.readers(name)
    single = bench.is_read_only_by(name, 1) and reads[0].op_type == "Conv" and reads[0].input[0] == name
    ungrouped = single and all(one.name != "group" or one.i == 1 for one in reads[0].attribute)
    return reads[0] if ungrouped else None


def _fold_style(bench: Workbench, style: _AdaIN, alpha: NDArray[np.float32] | None) -> None:
    """The normalisation makes what AdaIN's addition made, times α if there is one."""
    made, channels = style.add.output[0], len(style.weight)
    gain = np.ones(channels, np.float32) if alpha is None else alpha
    nodes: list[onnx.NodeProto] = []

    def op(kind: str, *inputs: str) -> str:
        result = f"{made}/folded/{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [result], name=f"{result}/{kind}"))
        return result

    def constant(which: str, values: NDArray[Any]) -> str:
        return bench.keep(f"{made}/folded/{which}", values)

    # Of a fixed length: a style that is no vector of channels fails loudly here instead of changing the sound.
    length = bench.keep(f"folded/{channels}", np.array([channels], np.int64))
    vector, shift = op("Reshape", style.scale, length), op("Reshape", style.shift, length)
    scale = op("Mul", vector, constant("scale", style.weight * gain))
    moved = shift if alpha is None else op("Mul", shift, constant("gain", gain))
    if style.bias.any():
        moved = op("Add", moved, op("Mul", vector, constant("bias", style.bias * gain)))
    norm = onnx.NodeProto()
    norm.CopyFrom(style.norm)
    norm.input[1:] = [scale, moved]
    norm.output[:] = [made]
    bench.replace(style.add, [*nodes, norm])


def _fold_wave(bench: Workbench, style: _AdaIN, wave: _Snake) -> None:
    (signal,) = style.add.output
    sine, power, add, conv = (onnx.NodeProto() for _ in range(4))
    for new, old in ((sine, wave.sine), (power, wave.power), (add, wave.add), (conv, wave.conv)):
        new.CopyFrom(old)
    sine.input[:] = [signal]
    add.input[:] = [signal, power.output[0]]
    divided = wave.weights / wave.alpha.reshape(1, -1, *[1] * (wave.weights.ndim - 2))
    conv.input[1] = bench.keep(f"{conv.input[1]}/divided/{add.output[0]}", divided)
    for old, new in ((wave.sine, sine), (wave.add, add), (wave.conv, conv)):
        bench.replace(old, [new])
