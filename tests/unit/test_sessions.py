"""The options of a session, as onnxruntime reports them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from chorus.errors import ModelError
from workers.inference.providers import COREML_PROVIDER, Provider
from workers.inference.sessions import keeping, open_session, placement, reason, shrinking

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "toy" / "toy.onnx"
FEED = {
    "tokens": np.array([[0, 43, 44, 0]], np.int64),
    "style": np.zeros((1, 256), np.float32),
    "speed": np.ones(1, np.float32),
}


@pytest.mark.parametrize("threads", [1, 3])
def test_a_session_has_the_options_that_were_measured_best(threads: int) -> None:
    session = open_session(TOY, threads=threads)
    options = session.get_session_options()
    assert options.intra_op_num_threads == threads
    assert options.inter_op_num_threads == 1
    assert options.enable_mem_pattern is False
    assert options.enable_mem_reuse is False
    assert options.enable_cpu_mem_arena is True
    assert options.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.get_session_config_entry("session.inter_op.allow_spinning") == "0"
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_onnxruntime_reports_where_every_node_is_placed() -> None:
    session = open_session(TOY, threads=1)
    assert session.get_session_options().get_session_config_entry("session.record_ep_graph_assignment_info") == "1"
    placed = placement(session)
    assert set(placed) == {"CPUExecutionProvider"}
    # Fewer than in the file: onnxruntime folds constants and fuses before it hands out.
    assert 1 < placed["CPUExecutionProvider"] <= len(onnx.load(TOY).graph.node)


@pytest.mark.skipif(COREML_PROVIDER in ort.get_available_providers(), reason="this machine has CoreML")
def test_a_missing_provider_never_falls_back_to_the_cpu_silently() -> None:
    with (
        pytest.warns(UserWarning, match=COREML_PROVIDER),
        pytest.raises(ModelError, match=f"without {COREML_PROVIDER}, which it was asked for"),
    ):
        open_session(TOY, threads=1, provider=Provider(name=COREML_PROVIDER))


def test_a_run_may_keep_its_memory_or_free_it() -> None:
    shrinks = "memory.enable_memory_arena_shrinkage"
    assert shrinking().get_run_config_entry(shrinks) == "cpu:0"
    with pytest.raises(RuntimeError, match="does not have configuration"):
        keeping().get_run_config_entry(shrinks)


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04" + bytes(100), TOY.read_bytes()[:1000]])
def test_a_file_that_is_no_model_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        open_session(path, threads=1)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} cannot be loaded as a model (")
    assert "ONNXRuntimeError" not in sentence
    assert "\n" not in sentence


def test_a_missing_model_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.onnx cannot be loaded"):
        open_session(tmp_path / "absent.onnx", threads=1)


def test_nothing_is_printed_while_a_session_opens(capfd: pytest.CaptureFixture[str]) -> None:
    open_session(TOY, threads=1).run(None, FEED)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load failed: no graph.", "Load failed: no graph"),
        ("plain", "plain"),
        ("", "RuntimeError"),
        ("first line\nsecond", "first line"),
    ],
)
def test_an_onnxruntime_error_is_shown_without_its_codes(message: str, said: str) -> None:
    assert reason(RuntimeError(message)) == said


SPEAK = f"""
from pathlib import Path
import psutil
from workers.inference.sessions import open_session
import numpy as np

feed = dict(tokens=np.array([[0, 43, 0]]), style=np.zeros((1, 256), np.float32), speed=np.ones(1, np.float32))
open_session(Path({str(TOY)!r}), threads=1).run(None, feed)
print(*(file.path for file in psutil.Process().open_files() if "telemetry" in file.path or file.path.endswith("db")))
"""


def test_onnxruntimes_telemetry_is_off_and_leaves_no_file(tmp_path: Path) -> None:
    """It would: since 1.29 it reports every session to its maker, from a database in the user's cache."""
    kept = ("PATH", "PYTHONPATH", "LANG")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SPEAK], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")
    assert list(tmp_path.rglob("*")) == []
