"""The numbers of a vocoder's inverse Fourier transform: whether they are torch.istft's, and how to make them so.

The exporter that made the published files writes the transform as two transposed convolutions. It neither counts the
inner bins twice, which stand for their mirror images too, nor divides by the sum of the squared windows that overlap:
3 to 4 dB too little above 1 kHz (docs/quality.md). The right numbers are of the same shape and take their place;
nothing else of the graph changes. Knows nothing of Kokoro, and runs nothing.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Kernels = Literal["dull", "exact", "none"]
"""`dull`: as that exporter writes them; `exact`: torch.istft's; `none`: the graph has none that are known."""

TOLERANCE: Final = 1e-3
"""Half-precision files are as close as this; the two kinds differ by more than ten times as much."""


def kernels(model: onnx.ModelProto) -> Kernels:
    """Which the graph has."""
    found = {kind for _, kind, _ in _transforms(model)}
    return "dull" if "dull" in found else "exact" if found else "none"


def make_exact(model: onnx.ModelProto) -> bool:
    """Put the right numbers in, in place; whether there was anything to mend."""
    mended = False
    for tensor, kind, factors in _transforms(model):
        if kind == "dull":
            values = numpy_helper.to_array(tensor)
            right = (values.astype(np.float64) * factors).astype(values.dtype)
            tensor.CopyFrom(numpy_helper.from_array(right, tensor.name))
            mended = True
    return mended


def _transforms(model: onnx.ModelProto) -> Iterator[tuple[onnx.TensorProto, Kernels, NDArray[np.float64]]]:
    """The kernels of every inverse transform, which they are, and the factors from dull ones to exact ones."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "ConvTranspose" or node.input[1] not in stored:
            continue
        tensor = stored[node.input[1]]
        bins, channels, length = tensor.dims if len(tensor.dims) == 3 else (0, 0, 0)  # noqa: PLR2004 - in, out, taps
        if channels == 1 and length > 1 and bins == length // 2 + 1:
            hop = next(iter(_attribute(node, "strides")), 1)
            factors = _factors(length, hop)
            kind = _kind(numpy_helper.to_array(tensor)[:, 0].astype(np.float64), factors[:, 0])
            if kind != "none":
                yield tensor, kind, factors


def _kind(values: NDArray[np.float64], factors: NDArray[np.float64]) -> Kernels:
    bins, length = values.shape
    angle = 2 * np.pi * np.outer(np.arange(bins), np.arange(length)) / length
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    for wave in (np.cos(angle), np.sin(angle), -np.sin(angle)):
        dull = wave * window / length
        if np.abs(values - dull).max() < TOLERANCE:
            return "dull"
        if np.abs(values - dull * factors).max() < TOLERANCE:
            return "exact"
    return "none"


def _factors(length: int, hop: int) -> NDArray[np.float64]:
    """Twice for the inner bins, divided by the sum of squared Hann windows that overlap at this hop."""
    twice = np.full((length // 2 + 1, 1, 1), 2.0)
    twice[0] = twice[-1] = 1.0
    return twice / (3 / 8 * length / hop)


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    return next((helper.get_attribute_value(one) for one in node.attribute if one.name == name), ())
