"""Compares onnxruntime's execution providers on this machine, each in a separate process, with the same utterances.

    .venv/bin/python benchmarks/make_kokoro_shaped.py /tmp/kokoro-shaped.onnx
    .venv/bin/python benchmarks/providers.py /tmp/kokoro-shaped.onnx        # about two minutes on two cores

A provider that this machine does not have is `unavailable`; one that crashes, hangs or fails is listed with the reason.
The seconds are those of the fastest run of each length. Only one provider runs at a time.
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
    """One provider and its settings."""

    name: str
    provider: Provider
    threads: int


def arms(folder: Path) -> Iterator[Arm]:
    """The CPU with the threads of both lanes, CoreML with all settings, and other providers that users ask about."""
    cores = available_cores()
    yield Arm(name="CPU, 1 thread", provider=CPU, threads=1)
    if cores > 1:
        yield Arm(name=f"CPU, {cores} threads", provider=CPU, threads=cores)
    for units in ("CPUAndNeuralEngine", "CPUAndGPU", "ALL"):
        for form in ("MLProgram", "NeuralNetwork"):
            options = CoreML(compute_units=units, model_format=form, cache_folder=folder / units / form).options()
            provider = Provider(name=COREML_PROVIDER, options=options)
            yield Arm(name=f"CoreML {units}, {form}", provider=provider, threads=cores)
    # onnxruntime has no provider for MPS on any system; it is listed so that the table says so.
    yield Arm(name="MPS", provider=Provider(name="MPSExecutionProvider"), threads=cores)
    yield Arm(name="CUDA", provider=Provider(name="CUDAExecutionProvider"), threads=cores)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds that one provider may take (default 180)")
    given = parser.parse_args()
    model = resolve(FarmSettings(model=given.model.absolute(), voices=given.voices.absolute()))
    lengths = " / ".join(map(str, LENGTHS))
    print(f"{machine()}, utterances of {lengths} tokens, best of 3 runs each")
    print(f"{'':<38}{'load s':>8}{'seconds':>22}{'x real time':>13}{'peak MB':>9}  nodes")
    with tempfile.TemporaryDirectory(prefix="chorus-providers-") as folder:
        for arm in arms(Path(folder)):
            print(f"{arm.name:<38}{row(arm, run(arm, model, given.limit))}", flush=True)


def run(arm: Arm, model: Model, limit_s: float) -> ProbeResult:
    """Run the model in a child process, unless the provider is unavailable."""
    if arm.provider.name not in detect().providers:
        return ProbeResult(fault=f"unavailable: this onnxruntime has no {arm.provider.name} here")
    return attempt(model, arm.provider, threads=arm.threads, lengths=LENGTHS, limit_s=limit_s)


def row(arm: Arm, trial: ProbeResult) -> str:
    """The figures of a provider, or why there are none, as text."""
    if trial.fault:
        return f"  {trial.fault}"
    seconds = " / ".join(f"{each:.2f}" for each in trial.seconds)
    speed = sum(audio.size for audio in trial.audio) / RATE_HZ / sum(trial.seconds)
    placed = f"{trial.nodes.get(arm.provider.name, 0)} of {sum(trial.nodes.values())}"
    return f"{trial.load_s:8.2f}{seconds:>22}{speed:13.2f}{trial.peak_bytes / 1e6:9.0f}  {placed}"


if __name__ == "__main__":
    main()
