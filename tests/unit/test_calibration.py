"""Whether an accelerator is used: decided by probes, measured once and stored for this machine and model."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from broker.settings import FarmSettings
from workers.accelerators.calibration import LENGTHS, Calibration, judge
from workers.accelerators.hardware import Machine
from workers.accelerators.lane_choice import LaneVerdict
from workers.accelerators.probe import ProbeResult
from workers.accelerators.verdicts import is_pending
from workers.inference.providers import CPU_PROVIDER, Provider, accelerator
from workers.models.resolving import Model, resolve

CAP = 1 << 30
RATE_HZ = 24_000
MAC = Machine(
    system="Darwin 15.1", architecture="arm64", chip="Apple M3 Pro", cores=12, memory_bytes=36 << 30,
    providers=("CoreMLExecutionProvider", "CPUExecutionProvider"), onnxruntime="1.31.1",
)  # fmt: skip


def hum(seconds: float, *, pitch_hz: float = 140.0, breath: float = 0.0, seed: int = 0) -> NDArray[np.float32]:
    """Something like a voice: harmonics, and noise that is new with each seed."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    voiced = sum(np.sin(2 * np.pi * pitch_hz * n * time_s) / n for n in range(1, 20))
    noise = np.random.default_rng(seed).standard_normal(time_s.size)
    return (0.1 * (voiced + breath * noise)).astype(np.float32)


def trial(speedup: float = 1.0, breath: float = 0.02, **about: Any) -> ProbeResult:
    lengths_s = (0.2, 0.4, 0.8)
    told: dict[str, Any] = {
        "seconds": tuple(length_s / speedup for length_s in lengths_s),
        "audio": tuple(hum(length_s, breath=breath, seed=1) for length_s in lengths_s),
        "again": tuple(hum(length_s, breath=breath, seed=2) for length_s in lengths_s),
        "peak_bytes": CAP // 2,
    }
    return ProbeResult(**(told | about))


def changed(change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> tuple[NDArray[np.float32], ...]:
    """What a lane says whose last utterance is not what it should be."""
    *well, last = trial().audio
    return (*well, change(last))


def test_a_lane_that_gives_the_same_speech_faster_is_accepted_with_its_speed() -> None:
    verdict = judge(trial(), trial(speedup=3.0), memory_cap=CAP)
    assert verdict.fault == ""
    assert verdict.speedup == pytest.approx(3.0)


def test_random_noise_of_each_run_is_not_counted_as_a_difference() -> None:
    breathy = trial(breath=0.5)
    other_breath = replace(breathy, audio=tuple(hum(length_s, breath=0.5, seed=9) for length_s in (0.2, 0.4, 0.8)))
    assert judge(breathy, other_breath, memory_cap=CAP) == LaneVerdict(speedup=1.0)


@pytest.mark.parametrize(
    ("lane", "fault"),
    [
        (ProbeResult(fault="it killed its process (SIGABRT)"), r"on trial it killed its process \(SIGABRT\)"),
        (trial(9.0, audio=changed(lambda sound: sound * np.nan)), "samples that are not numbers"),
        (trial(9.0, audio=changed(lambda sound: sound[: sound.size // 2])), "9600 samples where the CPU spoke 19200"),
        (trial(9.0, audio=changed(lambda _sound: hum(0.8, pitch_hz=190.0))), r"dB away from the CPU's; at most \d"),
        (trial(9.0, audio=changed(lambda _sound: hum(0.8, breath=50.0))), "away from the CPU's"),
        (trial(9.0, peak_bytes=2 * CAP), r"took 2\.1 GB of memory; at most 1\.1 are allowed"),
    ],
)  # fmt: skip
def test_a_lane_that_differs_from_the_cpu_is_not_used_however_fast_it_is(lane: ProbeResult, fault: str) -> None:
    verdict = judge(trial(), lane, memory_cap=CAP)
    assert not verdict.pays
    with pytest.raises(ValueError, match=fault):
        raise ValueError(verdict.fault)


def test_without_the_cpu_nothing_is_compared() -> None:
    verdict = judge(ProbeResult(fault="it was not done after 180 s"), trial(), memory_cap=CAP)
    assert verdict.fault == "there is nothing to compare with: on the CPU, it was not done after 180 s"


class Trials:
    """In the place of children: what each provider's trial comes to, and which were made."""

    def __init__(self, **lanes: ProbeResult) -> None:
        self.lanes = lanes
        self.made: list[str] = []

    def __call__(self, _model: Model, provider: Provider, *, threads: int, lengths: tuple[int, ...]) -> ProbeResult:
        assert (threads, lengths) == (MAC.cores, LENGTHS)
        name = "cpu" if provider.name == CPU_PROVIDER else provider.options["MLComputeUnits"]
        self.made.append(name)
        return self.lanes[name]


@pytest.fixture
def settings(tmp_path: Path) -> FarmSettings:
    return FarmSettings(home=tmp_path)


def verdicts(settings: FarmSettings, trials: Trials, machine: Machine = MAC, wishes: str = "") -> list[LaneVerdict]:
    """Those of a start, of both lanes."""
    here = Calibration(resolve(settings), settings, machine, trials)
    folder = settings.home_folder() / "coreml"
    return [here.verdict(lane, accelerator(lane, cache_folder=folder, wishes=wishes)) for lane in ("ane", "gpu")]


def test_the_cpu_is_measured_once_for_both_and_nothing_at_the_next_start(settings: FarmSettings) -> None:
    trials = Trials(
        cpu=trial(), CPUAndNeuralEngine=trial(2.0), CPUAndGPU=ProbeResult(fault="it killed its process (SIGSEGV)")
    )
    first = verdicts(settings, trials)
    assert trials.made == ["cpu", "CPUAndNeuralEngine", "CPUAndGPU"]
    assert first[0].speedup == pytest.approx(2.0)
    assert first[1].fault == "on trial it killed its process (SIGSEGV)"
    assert verdicts(settings, trials) == first
    assert len(trials.made) == 3


@pytest.mark.parametrize(
    ("machine", "wishes"),
    [(replace(MAC, chip="Apple M4"), ""), (replace(MAC, onnxruntime="1.32.0"), ""), (MAC, "ModelFormat=NeuralNetwork")],
)
def test_another_chip_runtime_or_option_is_measured_again(
    settings: FarmSettings, machine: Machine, wishes: str
) -> None:
    trials = Trials(cpu=trial(), CPUAndNeuralEngine=trial(2.0), CPUAndGPU=trial(0.5))
    verdicts(settings, trials)
    verdicts(settings, trials, machine, wishes)
    assert len(trials.made) == 6


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"x": 1}'])
def test_a_damaged_file_of_verdicts_is_ignored(settings: FarmSettings, content: str) -> None:
    (settings.home_folder() / "lanes.json").write_text(content)
    trials = Trials(cpu=trial(), CPUAndNeuralEngine=trial(2.0), CPUAndGPU=trial(0.5))
    assert verdicts(settings, trials)[0].pays
    assert len(trials.made) == 3


def test_if_verdicts_cannot_be_written_each_start_measures_again(settings: FarmSettings) -> None:
    (settings.home_folder() / "lanes.json").mkdir()
    trials = Trials(cpu=trial(), CPUAndNeuralEngine=trial(2.0), CPUAndGPU=trial(0.5))
    assert verdicts(settings, trials) == verdicts(settings, trials)
    assert len(trials.made) == 6


def test_two_workers_that_start_at_once_measure_once(settings: FarmSettings) -> None:
    trials = Trials(cpu=trial(), CPUAndNeuralEngine=trial(2.0), CPUAndGPU=trial(0.5))
    with ThreadPoolExecutor(2) as starts:
        one, other = starts.map(lambda _: verdicts(settings, trials), range(2))
    assert one == other
    # Each may have needed the CPU once, for the lane that it measured; no lane was measured twice.
    assert sorted(name for name in trials.made if name != "cpu") == ["CPUAndGPU", "CPUAndNeuralEngine"]


@pytest.mark.parametrize(
    ("system", "chip", "lanes", "waits"),
    [
        ("darwin", "arm64", "auto", True),
        ("darwin", "arm64", "ane", True),
        ("darwin", "arm64", "both", False),
        ("darwin", "x86_64", "auto", False),
        ("linux", "aarch64", "auto", False),
    ],
)
def test_a_user_who_waits_for_a_worker_learns_that_it_measures_first(
    settings: FarmSettings, system: str, chip: str, lanes: str, *, waits: bool
) -> None:
    asked = settings.model_copy(update={"lanes": lanes})
    model = resolve(asked)
    assert is_pending(asked, model, system=system, chip=chip) is waits
    verdicts(settings, Trials(cpu=trial(), CPUAndNeuralEngine=trial(2.0), CPUAndGPU=trial(0.5)))
    assert not is_pending(asked, model, system=system, chip=chip)


def test_no_accelerator_is_tried_with_a_lossy_variant(settings: FarmSettings) -> None:
    lossy = replace(resolve(settings), digest="0" * 64)
    assert not is_pending(settings, lossy, system="darwin", chip="arm64")
