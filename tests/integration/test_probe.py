"""Probing a session in a child process: what it reports, and what is reported if it crashes."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from kokoro_onnx.config import DEFAULT_VOCAB
from toy.build import MODEL, VOICES, Fault, build

from benchmarks import providers
from broker.settings import FarmSettings
from chorus.vocabulary import VOCABULARY
from workers.accelerators.probe import ProbeResult, attempt, peak_bytes, phonemes_of
from workers.inference.providers import COREML_PROVIDER, CPU, Provider
from workers.models.resolving import Model, resolve

POISON = VOCABULARY["l"]


def tried(folder: Path, path: Path = MODEL, provider: Provider = CPU, limit_s: float = 60.0) -> ProbeResult:
    return attempt(model(folder, path), provider, threads=1, lengths=(5, 20), limit_s=limit_s)


def model(folder: Path, path: Path) -> Model:
    return resolve(FarmSettings(home=folder, model=path, voices=VOICES))


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path))


def test_a_probe_reports_its_times_memory_and_audio(tmp_path: Path) -> None:
    trial = tried(tmp_path)
    assert trial.fault == ""
    assert [audio.size for audio in trial.audio] == [7 * 2 * 600, 22 * 2 * 600], "two frames a token, pads included"
    assert all(np.array_equal(last, before) for last, before in zip(trial.audio, trial.again, strict=True))
    assert all(0 < seconds < trial.load_s + 60 for seconds in trial.seconds)
    assert len(trial.seconds) == 2
    assert trial.peak_bytes > 30e6
    assert set(trial.nodes) == {"CPUExecutionProvider"}
    assert trial.nodes["CPUExecutionProvider"] > 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("hang", "it was not done after 6 s"),
        ("raise", "The model failed on .*Reshape"),
    ],
)
def test_a_session_that_fails_or_hangs_is_reported(tmp_path: Path, fault: Fault, told: str) -> None:
    path = build(tmp_path / "faulty.onnx", fault=fault, token=POISON)
    trial = tried(tmp_path, path, limit_s=6.0 if fault == "hang" else 60.0)
    with pytest.raises(ValueError, match=told):
        raise ValueError(trial.fault)
    assert trial.seconds == ()


@pytest.mark.parametrize(
    ("last_act", "told"),
    [
        ("kill -ABRT $$", "it killed its process (SIGABRT)"),
        ("kill -SEGV $$", "it killed its process (SIGSEGV)"),
        ("exit 3", "it ended its process with status 3"),
        ("echo nonsense", "it ended its process with status 0"),
    ],
)
def test_a_session_that_crashes_its_process_leaves_the_parent_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_act: str, told: str
) -> None:
    # No model at hand crashes onnxruntime; the child itself does, as a driver would make it.
    child = tmp_path / "child"
    child.write_text(f"#!/bin/sh\ncat >/dev/null\n{last_act}\n")
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    assert tried(tmp_path) == ProbeResult(fault=told)


@pytest.mark.skipif(COREML_PROVIDER in ort.get_available_providers(), reason="this machine has CoreML")
def test_a_missing_provider_is_not_silently_replaced_by_the_cpu(tmp_path: Path) -> None:
    trial = tried(tmp_path, provider=Provider(name=COREML_PROVIDER))
    assert trial.fault.endswith(f"without {COREML_PROVIDER}, which it was asked for: choose other lanes")


def test_the_comparison_of_providers_measures_available_ones_and_lists_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["providers.py", str(MODEL), "--voices", str(VOICES)])
    providers.main()
    _machine, _titles, *rows = capsys.readouterr().out.splitlines()
    arms = list(providers.arms(Path()))
    assert arms[-2].name == "MPS"
    for arm, row in zip(arms, rows, strict=True):
        assert row.startswith(arm.name)
        if arm.provider.name == CPU.name:
            (placed,) = re.findall(r" [0-9.]+ +[0-9.]+ / [0-9.]+ / [0-9.]+ +[0-9.]+ +[0-9]+  (\d+) of (\d+)$", row)
            assert 1 < int(placed[0]) == int(placed[1])
        elif arm.provider.name not in ort.get_available_providers():
            assert row.endswith(f" unavailable: this onnxruntime has no {arm.provider.name} here")


def test_a_provider_in_the_comparison_is_ended_at_its_time_limit(tmp_path: Path) -> None:
    hanging = model(tmp_path, build(tmp_path / "hanging.onnx", fault="hang"))
    (arm, *_) = providers.arms(tmp_path)
    assert providers.run(arm, hanging, 3.0) == ProbeResult(fault="it was not done after 3 s")


@pytest.mark.parametrize("tokens", [1, 5, 8, 20, 200, 510])
def test_a_probe_speaks_the_requested_number_of_tokens(tokens: int) -> None:
    said = phonemes_of(tokens, frozenset(DEFAULT_VOCAB))
    assert len(said) == tokens
    assert said == said.strip()


def test_the_reported_memory_is_that_of_the_probing_process() -> None:
    before = peak_bytes()
    held = os.urandom(50 << 20)
    assert peak_bytes() >= before
    assert len(held) == 50 << 20
