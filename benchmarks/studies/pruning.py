"""Study: the decoder's smallest weights set to zero, for several shares of them.

    .venv/bin/python benchmarks/studies/pruning.py KOKORO-SHAPED.onnx

Whole output channels are tried as well, since only removing those would make a dense convolution faster.
"""

import sys
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks.studies import common
from workers.optimise.int8 import blocks
from workers.optimise.observing import opened, snr_db

SHARES = (0.1, 0.2, 0.3, 0.5)
CHANNEL_SHARES = (0.02, 0.05, 0.1)
Mask = Callable[[NDArray[np.float32], float], NDArray[np.bool_]]


def main() -> None:
    """Print the noise that each share adds."""
    subject = common.subject(__doc__).with_fixed_source()
    reference, _ = common.spoken(opened(subject.model), subject.feeds[0])
    names = [name for members in blocks(subject.model).values() for name in members]
    for what, shares, smallest in (("weights", SHARES, weights), ("channels", CHANNEL_SHARES, channels)):
        for share in shares:
            pruned = without(subject.model, names, share, smallest)
            audio, _ = common.spoken(opened(pruned), subject.feeds[0])
            print(f"{share:.0%} of the {what} at zero: {snr_db(reference, audio):.1f} dB", flush=True)


def without(model: onnx.ModelProto, names: Collection[str], share: float, smallest: Mask) -> onnx.ModelProto:
    """A copy in which this share of each convolution's weights is zero."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    pruned = {node.input[1] for node in copy.graph.node if node.name in names}
    for tensor in copy.graph.initializer:
        if tensor.name in pruned:
            values = numpy_helper.to_array(tensor).copy()
            values[smallest(values, share)] = 0
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return copy


def weights(values: NDArray[np.float32], share: float) -> NDArray[np.bool_]:
    """A mask of the smallest weights, wherever they are."""
    return np.abs(values) < np.quantile(np.abs(values), share)


def channels(values: NDArray[np.float32], share: float) -> NDArray[np.bool_]:
    """A mask of the output channels with the smallest sums, at least one channel."""
    sums = np.abs(values).sum(axis=tuple(range(1, values.ndim)))
    least = np.argsort(sums)[: max(1, round(share * len(sums)))]
    chosen = np.zeros(values.shape, np.bool_)
    chosen[least] = True
    return chosen


if __name__ == "__main__":
    main()
