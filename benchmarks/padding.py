"""Measures the effect of padding a segment to a fixed length on Kokoro's durations, audio and speed.

    .venv/bin/python benchmarks/make_kokoro_shaped.py /tmp/kokoro-shaped.onnx
    .venv/bin/python benchmarks/padding.py /tmp/kokoro-shaped.onnx          # a minute on two cores

An accelerator may require a graph with fixed shapes, and then every segment has to be padded to the graph's length. The
same tokens are spoken without padding, with pad tokens behind them, and by a graph whose length is fixed to theirs. The
model computes the durations before it uses random numbers, so that differences in durations are due to padding alone.
"""

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.tools.onnx_model_utils import make_dim_param_fixed, make_input_shape_fixed

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks.first_sound import machine
from chorus.vocabulary import VOCABULARY
from workers import standin
from workers.inference.sessions import open_session, ort
from workers.models import voicebank

TOKENS, BUCKET = 50, 64
PHONEMES = "həlˈoʊ wˈɜːld"


def main() -> None:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
    parser.add_argument("-n", type=int, default=3, help="runs, of which the fastest counts (default 3)")
    given = parser.parse_args()
    style = next(iter(voicebank.load(given.voices).values()))[TOKENS - 1]
    tokens = [VOCABULARY[symbol] for symbol in itertools.islice(itertools.cycle(PHONEMES), TOKENS)]
    plain = open_session(given.model, threads=1)
    print(f"{machine()}, {TOKENS} tokens, best of {given.n} runs, one thread")
    durations, seconds = run(plain, tokens, style, given.n)
    print(f"without padding: {seconds:.2f} s")
    padded = tokens + [0] * (BUCKET - TOKENS)
    longer, seconds = run(plain, padded, style, given.n)
    ours = longer[: TOKENS + 1]
    moved = int((ours != durations[: TOKENS + 1]).sum())
    print(
        f"padded to {BUCKET}: {seconds:.2f} s; {moved} of {TOKENS} tokens last longer or shorter, "
        f"by {int(np.abs(ours - durations[: TOKENS + 1]).sum())} frames of {int(durations.sum())}; "
        f"{int(longer.sum() - durations.sum())} frames of sound are added"
    )
    with tempfile.TemporaryDirectory(prefix="chorus-padding-") as folder:
        path = Path(folder) / "fixed.onnx"
        fix(given.model, path, TOKENS + 2)
        fixed = open_session(path, threads=1)
        fixed_durations, seconds = run(fixed, tokens, style, given.n)
        compared = "the same" if np.array_equal(fixed_durations, durations) else "different"
        print(f"graph with this fixed length: {seconds:.2f} s; durations {compared}")


def run(session: ort.InferenceSession, tokens: list[int], style: np.ndarray, runs: int) -> tuple[np.ndarray, float]:
    """The durations of the tokens, and the seconds of the fastest run."""
    feed = {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style, "speed": np.ones(1, np.float32)}
    durations, seconds = np.zeros(0), []
    for _ in range(runs):
        began_s = time.perf_counter()
        durations = np.asarray(session.run(None, feed)[1]).ravel()
        seconds.append(time.perf_counter() - began_s)
    return durations, min(seconds)


def fix(source: Path, target: Path, length: int) -> None:
    """Write the same graph with a fixed number of tokens."""
    model = onnx.load(source)
    tokens = next(value for value in model.graph.input if value.name == "tokens")
    dimension = tokens.type.tensor_type.shape.dim[1]
    if dimension.dim_param:
        make_dim_param_fixed(model.graph, dimension.dim_param, length)
    else:
        make_input_shape_fixed(model.graph, "tokens", [1, length])
    onnx.save(model, target)


if __name__ == "__main__":
    main()
