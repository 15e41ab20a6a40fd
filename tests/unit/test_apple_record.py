"""The page that a run of the Apple tests writes, from figures made up here."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import yaml
from apple.record import Record, write

from workers.accelerators.hardware import Machine
from workers.accelerators.lane_choice import LaneVerdict
from workers.accelerators.probe import ProbeResult
from workers.inference.providers import COREML_PROVIDER, CPU, CPU_PROVIDER, accelerator

MAC = Machine(
    system="Darwin 15.1", architecture="arm64", chip="Apple M3 Pro", cores=12, memory_bytes=36 << 30,
    providers=(COREML_PROVIDER, CPU_PROVIDER), onnxruntime="1.31.1",
)  # fmt: skip
ROOT = Path(__file__).parents[2]
TONE = (0.1 * np.sin(np.arange(24_000) / 10)).astype(np.float32)


def trial(seconds: float, **nodes: int) -> ProbeResult:
    return ProbeResult(
        load_s=0.5, seconds=(seconds, 2 * seconds, 3 * seconds), audio=(TONE,) * 3, again=(TONE,) * 3,
        peak_bytes=900_000_000, nodes=nodes,
    )  # fmt: skip


def test_the_record_names_the_machine_the_lanes_and_the_verdicts(tmp_path: Path) -> None:
    folder = tmp_path / "coreml"
    record = Record(day=date(2026, 11, 28), machine=MAC, model="kokoro-v1.0", notes=["It was warm."])
    record.trials = {
        "cpu": (CPU, trial(1.0, **{CPU_PROVIDER: 2478})),
        "ane": (
            accelerator("ane", cache_folder=folder),
            trial(0.5, **{COREML_PROVIDER: 1051, CPU_PROVIDER: 1427}),
        ),
        "gpu": (accelerator("gpu", cache_folder=folder), ProbeResult(fault="it killed its process (SIGABRT)")),
    }
    record.verdicts = {
        "ane": LaneVerdict(speedup=2.0),
        "gpu": LaneVerdict(fault="on trial it killed its process (SIGABRT)"),
    }
    path = write(record, tmp_path / "records")
    assert path.name == "2026-11-28-apple-m3-pro.md"
    told = path.read_text("utf-8")
    assert told.startswith("# CoreML lanes on Apple M3 Pro, 2026-11-28\n")
    assert "Darwin 15.1, 12 cores, 36 GB, onnxruntime 1.31.1, kokoro-v1.0." in told
    rows = [line for line in told.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "| cpu | 2478 of 2478 | 0.5 | 1.000 / 2.000 / 3.000 |  |  | 900 |  |",
        "| ane | 1051 of 2478 | 0.5 | 0.500 / 1.000 / 1.500 | 2.00 | 0.00 | 900 | pays |",
        "| gpu |  |  |  |  |  |  | it killed its process (SIGABRT) |",
    ]
    assert "- `ane`: CoreMLExecutionProvider ModelFormat=MLProgram, MLComputeUnits=CPUAndNeuralEngine" in told
    assert str(folder) not in told, "nobody's folders"
    assert "- It was warm." in told


@pytest.mark.skipif(COREML_PROVIDER in ort.get_available_providers(), reason="this machine has CoreML: it can run them")
def test_on_other_machines_the_apple_tests_are_reported_as_not_run(tmp_path: Path) -> None:
    named = tmp_path / "not-run"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "not_run", "--not-run-file", str(named), "tests/apple"]
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, check=False, timeout=60
    )
    assert ran.returncode == 5, "as for a folder in which nothing is"
    assert named.read_text().startswith("apple/test_coreml_lanes.py: CoreML lanes run on a Mac alone, and this is ")


def test_the_workflow_says_that_it_never_ran_and_runs_words_that_exist() -> None:
    text = (ROOT / ".github" / "workflows" / "apple.yml").read_text("utf-8")
    assert "has never been run" in text
    typed = [step["run"] for step in yaml.safe_load(text)["jobs"]["apple"]["steps"] if "run" in step]
    words = [command.removeprefix("./bin/test ") for command in typed]
    assert words == ["fundamentals", "apple"]
    assert all((ROOT / "tests" / word).is_dir() for word in words)
