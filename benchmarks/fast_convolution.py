"""Measures the gain of fast convolution on this machine, for each kind of convolution and for a whole model.

    .venv/bin/python benchmarks/make_kokoro_shaped.py kokoro-shaped.onnx
    .venv/bin/python benchmarks/fast_convolution.py kokoro-shaped.onnx

takes about three minutes. `--layers` stops after the first table, `--choice FILE` saves the choice of layers for the
next run, `--quick` speaks only one short utterance, and `--sizes` compares sizes of tiles instead.

The original and the rewritten model alternate. Rows with `one thread` are processor time, which does not depend on
other processes; the others are wall time. For the signal-to-noise ratio both get the same harmonic source, see
docs/fast-convolution.md.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks.first_sound import machine
from workers.fastconv import Accelerated, ConvolutionKind, TileChoice, accelerate
from workers.fastconv.proof import prove
from workers.fastconv.selection import times_s
from workers.fastconv.uses import usual_length
from workers.inference.sessions import session_options

ROUNDS = 3
TOKENS = (20, 50, 100)
USUAL_TOKENS = 50
AT_ONCE = 2
RATE_HZ = 24_000
TILES = {3: (4, 6, 8, 12, 16), 7: (8, 12, 16, 24, 32), 11: (8, 16, 24, 30, 32)}
_SYMBOLS = range(1, 170)
_STYLE, _STYLE_DEVIATION = 256, 0.15

Feeds = Mapping[str, Any]


def feeds(tokens: int) -> Feeds:
    """The inputs for an utterance of so many tokens, always the same ones."""
    chance = np.random.default_rng(tokens)
    spoken = chance.integers(_SYMBOLS.start, _SYMBOLS.stop, tokens)
    return {
        "tokens": np.array([[0, *spoken, 0]], np.int64),
        "style": chance.normal(0, _STYLE_DEVIATION, (1, _STYLE)).astype(np.float32),
        "speed": np.ones(1, np.float32),
    }


class Pair:
    """The files of the original and the rewritten model."""

    def __init__(self, original: Path, fast: Path) -> None:
        """Take the paths; sessions are opened later."""
        self._paths = {"original": original, "fast": fast}

    def open(self, threads: int) -> dict[str, Any]:
        """Open a session of each with so many threads."""
        return {name: opened(path, threads) for name, path in self._paths.items()}

    def loads_s(self) -> dict[str, float]:
        """Seconds that loading each takes, with the files in the system's cache."""
        return {name: timed(lambda path=path: opened(path, 1), time.perf_counter) for name, path in self._paths.items()}  # type: ignore[misc]

    def sizes_mb(self) -> dict[str, float]:
        """The sizes of the files."""
        return {name: path.stat().st_size / 1e6 for name, path in self._paths.items()}


def opened(path: Path, threads: int) -> Any:
    """A session as a voice worker opens it."""
    return ort.InferenceSession(str(path), session_options(threads), providers=["CPUExecutionProvider"])


def timed(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    """The seconds that a call takes, measured by this clock."""
    began_s = clock()
    work()
    return clock() - began_s


def in_turn(sessions: Mapping[str, Any], work: Callable[[Any], Any], clock: Callable[[], float]) -> dict[str, float]:
    """The median seconds of each session, after one round of warm-up; the sessions take turns."""
    taken: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(ROUNDS + 1):
        for name, session in sessions.items():
            seconds = timed(lambda one=session: work(one), clock)  # type: ignore[misc]
            if turn:
                taken[name].append(seconds)
    return {name: statistics.median(times) for name, times in taken.items()}


def at_once(session: Any, feed: Feeds) -> None:
    """Run several Python threads on one session, as a voice worker speaks books."""
    threads = [threading.Thread(target=session.run, args=(None, feed)) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def layers(done: Accelerated) -> None:
    """Print the gain of each kind of convolution, and the tiles that were chosen for it."""
    counts = {one.kind: sum(layer.kind == one.kind for layer in done.layers) for one in done.choice.chosen}
    products = {layer.kind: layer.products for layer in done.layers}
    print(f"{'kind':<22}{'gain':>6}   {'layers':>6}  tile")
    for one in sorted(done.choice.chosen, key=lambda one: -one.ratio):
        taken = f"{products[one.kind]} products for {one.tile} outputs" if counts[one.kind] else "not tiled"
        print(f"{one.kind!s:<22}{one.ratio:>6.2f}   {counts[one.kind] or '':>6}  {taken}")
    print(done)


def sizes() -> None:
    """Print the gain of the vocoder's layers without dilation, for many tile sizes."""
    for kernel, tiles in TILES.items():
        for channels in (256, 128):
            kind = ConvolutionKind(inputs=channels, outputs=channels, kernel=kernel, dilation=1)
            taken_s = times_s(kind, usual_length(kind), tiles)
            each = ", ".join(f"{tile}: {taken_s[0] / taken_s[tile]:.2f}" for tile in tiles)
            print(f"{kind!s:<22}gain by size of tile {each}", flush=True)


def whole(pair: Pair, seconds: Mapping[int, float], *, quick: bool) -> None:
    """Print the times of the whole model, for utterances of these tokens and seconds."""
    print(f"{'':<38}{'original':>10}{'fast':>10}{'ratio':>7}")
    single = pair.open(1)
    for tokens in seconds:
        row(
            f"{tokens} tokens, {seconds[tokens]:.1f} s: one thread, ms",
            in_turn(single, speak(tokens), time.thread_time),
        )
    if quick:
        return
    double = pair.open(AT_ONCE)
    for tokens in seconds:
        row(f"{tokens} tokens: two threads, ms", in_turn(double, speak(tokens), time.perf_counter))
    together = in_turn(single, lambda session: at_once(session, feeds(USUAL_TOKENS)), time.perf_counter)
    row(f"{AT_ONCE} × {USUAL_TOKENS} tokens on one session, ms", together)
    row("load, ms", pair.loads_s(), gain=False)
    row("file, MB", {name: size / 1000 for name, size in pair.sizes_mb().items()}, gain=False)


def saved_choice(path: Path | None) -> TileChoice | None:
    """The choice that was saved in this file, if there is one."""
    return TileChoice.from_record(json.loads(path.read_text())) if path and path.exists() else None


def speak(tokens: int) -> Callable[[Any], Any]:
    """A function that speaks one utterance with a session."""
    feed = feeds(tokens)
    return lambda session: session.run(None, feed)


def row(name: str, values: Mapping[str, float], *, gain: bool = True) -> None:
    """Print one line; values are shown in thousandths."""
    ratio = f"{values['original'] / values['fast']:>7.2f}" if gain else ""
    print(f"{name:<38}{values['original'] * 1000:>10.0f}{values['fast'] * 1000:>10.0f}{ratio}", flush=True)


def main() -> int:
    """Measure, and print both tables; the exit status is 1 if the rewritten model computes other speech."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--layers", action="store_true", help="print only the table of layers")
    parser.add_argument("--quick", action="store_true", help="speak only the shortest utterance, on one thread")
    parser.add_argument(
        "--choice", type=Path, help="file for the choice of layers: it is read if it exists, else written"
    )
    parser.add_argument("--sizes", action="store_true", help="compare tile sizes instead")
    given = parser.parse_args()
    print(f"{given.model.name} on {machine()}, onnxruntime {ort.__version__}", flush=True)
    if given.sizes:
        sizes()
        return 0
    model = onnx.load(given.model)
    began_s = time.thread_time()
    done = accelerate(model, saved_choice(given.choice), feeds(USUAL_TOKENS))
    if given.choice:
        given.choice.write_text(json.dumps(done.choice.record()))
    layers(done)
    print(f"measured and rewritten in {time.thread_time() - began_s:.0f} s", flush=True)
    if given.layers or not done.changed:
        return 0
    proofs = {tokens: prove(model, done.model, feeds(tokens)) for tokens in TOKENS[: 1 if given.quick else None]}
    for tokens, proof in proofs.items():
        durations = "the same" if proof.same_durations and proof.same_shapes else "DIFFERENT"
        print(f"{tokens} tokens: speech {proof.snr_db:.1f} dB above the difference, durations {durations}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        fast = Path(folder) / "fast.onnx"
        onnx.save(done.model, fast)
        del model, done
        seconds = {tokens: proof.seconds(RATE_HZ) for tokens, proof in proofs.items()}
        whole(Pair(given.model, fast), seconds, quick=given.quick)
    return 0 if all(proof.holds() for proof in proofs.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
