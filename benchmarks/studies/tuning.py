"""Study: one convolution with coarse weights, fine-tuned instead of only rounded. It uses only numpy.

    .venv/bin/python benchmarks/studies/tuning.py KOKORO-SHAPED.onnx

The layer's inputs are recorded while the model speaks, and rounded to 8 bits as with int8. Its weights are rounded and
then tuned by gradient descent, so that the layer's outputs are near the original ones; the gradient ignores the
rounding (straight-through estimator).
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks.studies import common
from workers.optimise.int8 import Range, blocks, channel_scales
from workers.optimise.observing import snr_db, tensor_value

BLOCK = "resblocks"
BITS = (8, 4)
ROUNDS, GRAIN = 200, 0.1
Matrix = NDArray[np.float64]


def main() -> None:
    """Print the noise before and after tuning, by bits of the weights, for a sentence that was not used for tuning."""
    subject = common.subject(__doc__)
    name = blocks(subject.model)[BLOCK][0]
    node = next(one for one in subject.model.graph.node if one.name == name)
    weights = next(numpy_helper.to_array(one) for one in subject.model.graph.initializer if one.name == node.input[1])
    tuning, other = (columns(tensor_value(subject.model, node.input[0], feed), node) for feed in subject.feeds[:2])
    for bits in BITS:
        steps = 2 ** (bits - 1) - 1
        plain, tuned = rounded(weights, steps), tuned_through(weights, steps, tuning)
        matrix = weights.reshape(len(weights), -1).astype(np.float64)
        before, after = (snr_db(matrix @ other, each @ on_grid(other)) for each in (plain, tuned))
        print(f"{name}, weights of {bits} bits: {before:.1f} dB rounded, {after:.1f} dB tuned", flush=True)


def columns(signal: NDArray[np.float32], node: onnx.NodeProto) -> Matrix:
    """A matrix with the inputs of each output sample as a column."""
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    kernel, dilation = attributes["kernel_shape"][0], attributes.get("dilations", [1])[0]
    padded = np.pad(signal[0].astype(np.float64), ((0, 0), tuple(attributes["pads"])))
    length = padded.shape[1] - dilation * (kernel - 1)
    taps = [padded[:, tap * dilation : tap * dilation + length] for tap in range(kernel)]
    return np.stack(taps, axis=1).reshape(-1, length)


def on_grid(signal: Matrix) -> Matrix:
    """The signal, rounded to 8 bits."""
    scale, zero = Range(low=float(signal.min()), high=float(signal.max())).grid()
    steps = np.clip(np.rint(signal / float(scale)) + int(zero), 0, 255)
    return (steps - int(zero)) * float(scale)


def rounded(weights: NDArray[np.float32] | Matrix, steps: int) -> Matrix:
    """The weights, rounded to so many steps on either side of zero, with a scale for each output channel."""
    matrix = weights.reshape(len(weights), -1).astype(np.float64)
    scales = channel_scales(matrix.astype(np.float32), steps).astype(np.float64)[:, None]
    return np.clip(np.rint(matrix / scales), -steps, steps) * scales


def tuned_through(weights: NDArray[np.float32], steps: int, signal: Matrix) -> Matrix:
    """Rounded weights whose outputs are near the layer's original ones: the best found by gradient descent."""
    matrix = weights.reshape(len(weights), -1).astype(np.float64)
    coarse = on_grid(signal)
    # The gradient of the squared error depends only on these two matrices, whatever the length of the sentence.
    own, crossed = coarse @ coarse.T, signal @ coarse.T
    scales = channel_scales(weights.reshape(len(weights), -1), steps).astype(np.float64)[:, None]
    free, best, least = matrix.copy(), rounded(matrix, steps), np.inf
    slope, spread = np.zeros_like(free), np.zeros_like(free)
    for turn in range(1, ROUNDS + 1):
        now = np.clip(np.rint(free / scales), -steps, steps) * scales
        error = float(np.sum((now @ own) * now) - 2 * np.sum((matrix @ crossed) * now))
        if error < least:
            best, least = now, error
        # Adam: the length of a step does not depend on the slope of the error; it is at most a tenth of a rounding
        # step.
        gradient = now @ own - matrix @ crossed
        slope, spread = 0.9 * slope + 0.1 * gradient, 0.99 * spread + 0.01 * gradient**2
        pace = (slope / (1 - 0.9**turn)) / (np.sqrt(spread / (1 - 0.99**turn)) + 1e-12)
        free -= GRAIN * (1 - turn / ROUNDS) * scales * pace
    return best


if __name__ == "__main__":
    main()
