"""Study: noise and speed of one int8 convolution with weights of 8 and 7 bits, on a processor that may clip sums.

    .venv/bin/python benchmarks/studies/clipping.py

Without VNNI, two products of unsigned and signed bytes are added in 16 bits, and the sum is clipped. With weights of 7
bits it fits. Alternatively, onnxruntime can convert the weights to unsigned ones and add in 32 bits
(`session.x64quantprecision`).
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks.studies.half import SHAPES, convolution
from workers.inference.sessions import session_options
from workers.optimise.int8 import convolution_tensors, quantised
from workers.optimise.observing import opened, ranges, snr_db

ROUNDS = 9
LAYER = "layer"


def main() -> None:
    """Print noise and speed of each kind of weights."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    for channels, kernel, samples in SHAPES:
        model = convolution("float32", channels, kernel)
        model.graph.node[1].name = LAYER
        feed = {"x": np.random.default_rng(1).standard_normal((1, channels, samples)).astype(np.float32)}
        seen = ranges(model, convolution_tensors(model, [LAYER]), [feed])
        whole, narrow = (quantised(model, [LAYER], seen, weight_bits=bits) for bits in (8, 7))
        exact = session_options(threads=1)
        exact.add_session_config_entry("session.x64quantprecision", "1")
        sessions = {
            "fp32": opened(model),
            "8 bits": opened(whole),
            "7 bits": opened(narrow),
            "8 bits unsigned": ort.InferenceSession(
                whole.SerializeToString(), exact, providers=["CPUExecutionProvider"]
            ),
        }
        print(f"{channels} channels, kernel {kernel}: {', '.join(compared(sessions, feed))}")


def compared(sessions: dict[str, ort.InferenceSession], feed: dict[str, NDArray[np.float32]]) -> list[str]:
    """The speed and noise of each session relative to fp32, as text."""
    best, results = dict.fromkeys(sessions, float("inf")), dict[str, NDArray[np.float32]]()
    for _ in range(ROUNDS):
        for name, session in sessions.items():
            began_s = time.thread_time()
            results[name] = session.run(None, feed)[0]
            best[name] = min(best[name], time.thread_time() - began_s)
    return [
        f"{name} {best['fp32'] / best[name]:.2f} × at {snr_db(results['fp32'], results[name]):.1f} dB"
        for name in sessions
        if name != "fp32"
    ]


if __name__ == "__main__":
    main()
