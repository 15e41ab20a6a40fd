"""Shows what padding a segment to a fixed length does to Kokoro: to its durations, its audio, and its speed.

    .venv/bin/python benchmarks/make_kokoro_shaped.py /tmp/kokoro-shaped.onnx
    .venv/bin/python benchmarks/padding.py /tmp/kokoro-shaped.onnx          # a minute on two cores

A graph with fixed shapes needs every segment padded to its length; an accelerator may demand that. The same tokens are
spoken as they are, with pad tokens behind them, and by a graph whose length is fixed to their own. The durations come
from the part of the model before any random number, so that they tell what padding does and nothing else.
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
SAID = "həlˈoʊ wˈɜːld"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=standin.VOICES)
    parser.add_argument("-n", type=int, default=3, help="runs, of which the fastest counts (default 3)")
    given = parser.parse_args()
    style = next(iter(voicebank.load(given.voices).values()))[TOKENS - 1]
    tokens = [VOCABULARY[symbol] for symbol in itertools.islice(itertools.cycle(SAID), TOKENS)]
    plain = open_session(given.model, threads=1)
    print(f"{machine()}, {TOKENS} tokens, best of {given.n} runs, one thread")
    durations, seconds = said(plain, tokens, style, given.n)
    print(f"as they are: {seconds:.2f} s")
    padded = tokens + [0] * (BUCKET - TOKENS)
    longer, seconds = said(plain, padded, style, given.n)
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
        same, seconds = said(fixed, tokens, style, given.n)
        told = "the same" if np.array_equal(same, durations) else "others"
        print(f"fixed to their own length: {seconds:.2f} s; durations {told}")


def said(session: ort.InferenceSession, tokens: list[int], style: np.ndarray, runs: int) -> tuple[np.ndarray, float]:
    """The durations, and the seconds of the fastest run."""
    feed = {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style, "speed": np.ones(1, np.float32)}
    durations, seconds = np.zeros(0), []
    for _ in range(runs):
        began_s = time.perf_counter()
        durations = np.asarray(session.run(None, feed)[1]).ravel()
        seconds.append(time.perf_counter() - began_s)
    return durations, min(seconds)


def fix(source: Path, target: Path, length: int) -> None:
    """The same graph for this many tokens and no other."""
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
