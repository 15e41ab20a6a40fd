"""Study: other formats of the model file, the `.ort` format and fixed shapes, compared with the one that is used.

    .venv/bin/python benchmarks/studies/formats.py KOKORO-SHAPED.onnx [--voices VOICES.bin]

Each file is built once and speaks in a separate process; the files take turns. The figures are processor time of one
thread, from the fastest round. If a file cannot be built, the reason is printed. `docs/log.md` has the results.
"""

import argparse
import importlib.metadata
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime as ort

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks.first_sound import machine
from workers import standin
from workers.inference.constant_noise import fix
from workers.inference.kokoro_graph import KokoroGraph
from workers.inference.sessions import session_options
from workers.optimise import offline, trial
from workers.optimise.phrases import phrases

ROUNDS = 2
TURNS = 2


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One format of the model."""

    name: str
    graph: Path
    optimised: bool


def main() -> None:
    """Build, time, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chorus-formats-") as folder:
        arms = [Arm(name="the file", graph=given.model, optimised=False)]
        arms += built(given.model, given.voices, Path(folder))
        print(f"{machine()}, onnxruntime {importlib.metadata.version('onnxruntime')}, {given.model.stem}")
        held: dict[str, list[trial.TrialResult]] = {arm.name: [] for arm in arms}
        for _ in range(TURNS):
            for arm in arms:
                held[arm.name].append(speak(arm, given.voices))
        report(arms, held)


def report(arms: list[Arm], held: dict[str, list[trial.TrialResult]]) -> None:
    """Print a line for each format."""
    print(f"{'':<34}{'disk MB':>9}{'load s':>8}{'loaded MB':>11}{'spoken MB':>11}{'s per s':>9}{'ratio':>7}")
    first = best(held["the file"])
    for arm in arms:
        cost = best(held[arm.name])
        load_s = min(one.load_s for one in held[arm.name])
        loaded_mb, rss_mb = (min(getattr(one, name) for one in held[arm.name]) for name in ("loaded_mb", "rss_mb"))
        figures = f"{size_mb(arm):9.0f}{load_s:8.2f}{loaded_mb:11.0f}{rss_mb:11.0f}{cost:9.3f}{first / cost:7.2f}"
        print(f"{arm.name:<34}{figures}")


def speak(arm: Arm, voices: Path) -> trial.TrialResult:
    """Run one trial of a format in a new process."""
    order = trial.TrialRequest(
        graph=str(arm.graph), optimised=arm.optimised, voices=str(voices), phrases=phrases(voices)[-1:], rounds=ROUNDS
    )
    return trial.run_trial(order)


def best(trials: list[trial.TrialResult]) -> float:
    """The least seconds of one core per second of audio."""
    return min(one.cpu_s() / one.audio_s() for one in trials)


def size_mb(arm: Arm) -> float:
    """The disk space of a format in megabytes, including its weights."""
    beside = arm.graph.with_name(f"{arm.graph.name}.data")
    return (arm.graph.stat().st_size + (beside.stat().st_size if beside.exists() else 0)) / 1e6


def built(model: Path, voices: Path, folder: Path) -> list[Arm]:
    """The formats that could be built; the reason is printed for the others."""
    ways: dict[str, Callable[[Path, Path], Arm]] = {
        "offline, weights mapped": as_prepared,
        ".ort": as_ort,
        "a fixed shape": as_fixed,
    }
    arms = []
    for name, way in ways.items():
        try:
            arm = way(model, folder / name.replace(" ", "-"))
            speak(arm, voices)
            arms.append(arm)
        except Exception as error:  # noqa: BLE001 - any error is a result of the study
            print(f"{name}: cannot be built: {str(error).splitlines()[0][:300]}")
    return arms


def as_prepared(model: Path, folder: Path) -> Arm:
    """The format that is used: optimised once, weights in a separate file, constant noise."""
    fixed = onnx.load(model)
    fix(fixed)
    offline.save(fixed, folder)
    return Arm(name="offline, weights mapped", graph=folder / offline.GRAPH, optimised=True)


def as_ort(model: Path, folder: Path) -> Arm:
    """The same optimisation in onnxruntime's own format."""
    folder.mkdir()
    target = folder / "graph.ort"
    options = session_options(threads=1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return Arm(name=".ort", graph=target, optimised=True)


def as_fixed(model: Path, folder: Path) -> Arm:
    """A graph with a fixed number of tokens, as an accelerator may require; it can speak no other length."""
    folder.mkdir()
    graph = onnx.load(model)
    session = ort.InferenceSession(str(model), session_options(threads=1), providers=["CPUExecutionProvider"])
    feed = trial.feed(KokoroGraph(session), standin.VOICES, phrases(standin.VOICES)[-1])
    for given in graph.graph.input:
        for dim, length in zip(given.type.tensor_type.shape.dim, feed[given.name].shape, strict=True):
            dim.dim_value = length
    onnx.save(graph, folder / "graph.onnx")
    return Arm(name="a fixed shape", graph=folder / "graph.onnx", optimised=False)


if __name__ == "__main__":
    main()
