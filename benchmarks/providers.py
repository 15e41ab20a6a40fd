"""Compares what onnxruntime can run on here, each in a process of its own, with the same utterances.

    .venv/bin/python benchmarks/make_kokoro_shaped.py /tmp/kokoro-shaped.onnx
    .venv/bin/python benchmarks/providers.py /tmp/kokoro-shaped.onnx        # about two minutes on two cores

An arm that is not here is `unavailable`; what crashes, hangs or fails is told with its reason.
Seconds are those of the fastest run of each length, in turn with nothing else: two arms never run at once.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks.first_sound import machine
from broker.settings import FarmSettings, available_cores
from workers import standin
from workers.accelerators.calibration import LENGTHS
from workers.accelerators.hardware import detect
from workers.accelerators.probe import ProbeResult, attempt
from workers.inference.providers import COREML_PROVIDER, CPU, CoreML, Provider
from workers.models.resolving import Model, resolve

LIMIT_S = 180.0
RATE_HZ = 24_000


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to run the model."""

    name: str
    provider: Provider
    threads: int


def arms(folder: Path) -> Iterator[Arm]:
    """The CPU in both of the lanes' ways, CoreML in all of its own, and what people ask for besides."""
    cores = available_cores()
    yield Arm(name="CPU, 1 thread", provider=CPU, threads=1)
    if cores > 1:
        yield Arm(name=f"CPU, {cores} threads", provider=CPU, threads=cores)
    for units in ("CPUAndNeuralEngine", "CPUAndGPU", "ALL"):
        for form in ("MLProgram", "NeuralNetwork"):
            options = CoreML(compute_units=units, model_format=form, cache_folder=folder / units / form).options()
            provider = Provider(name=COREML_PROVIDER, options=options)
            yield Arm(name=f"CoreML {units}, {form}", provider=provider, threads=cores)
    # onnxruntime has no provider of this name on any system: its arm says so wherever it is asked.
    yield Arm(name="MPS", provider=Provider(name="MPSExecutionProvider"), threads=cores)
    yield Arm(name="CUDA", provider=Provider(name="CUDAExecutionProvider"), threads=cores)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=standin.VOICES)
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds an arm may take (default 180)")
    given = parser.parse_args()
    model = resolve(FarmSettings(model=given.model.absolute(), voices=given.voices.absolute()))
    lengths = " / ".join(map(str, LENGTHS))
    print(f"{machine()}, utterances of {lengths} tokens, best of 3 runs each")
    print(f"{'':<38}{'load s':>8}{'seconds':>22}{'x real time':>13}{'peak MB':>9}  nodes")
    with tempfile.TemporaryDirectory(prefix="chorus-providers-") as folder:
        for arm in arms(Path(folder)):
            print(f"{arm.name:<38}{row(arm, run(arm, model, given.limit))}", flush=True)


def run(arm: Arm, model: Model, limit_s: float) -> ProbeResult:
    """In a child, unless there is nothing to run on."""
    if arm.provider.name not in detect().providers:
        return ProbeResult(fault=f"unavailable: this onnxruntime has no {arm.provider.name} here")
    return attempt(model, arm.provider, threads=arm.threads, lengths=LENGTHS, limit_s=limit_s)


def row(arm: Arm, trial: ProbeResult) -> str:
    """The arm's figures, or why there are none."""
    if trial.fault:
        return f"  {trial.fault}"
    seconds = " / ".join(f"{each:.2f}" for each in trial.seconds)
    speed = sum(audio.size for audio in trial.audio) / RATE_HZ / sum(trial.seconds)
    placed = f"{trial.nodes.get(arm.provider.name, 0)} of {sum(trial.nodes.values())}"
    return f"{trial.load_s:8.2f}{seconds:>22}{speed:13.2f}{trial.peak_bytes / 1e6:9.0f}  {placed}"


if __name__ == "__main__":
    main()
