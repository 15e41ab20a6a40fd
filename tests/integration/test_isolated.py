"""Speaking a segment in a child process: the same samples, within limits, and no process left behind."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from support import wait_until
from toy.build import MODEL, VOICES, Fault, build

from broker.settings import FarmSettings
from chorus.errors import FarmError, OptionError
from chorus.vocabulary import VOCABULARY
from tasks.engine import Utterance
from workers.engine import isolated
from workers.engine.isolated import Limits
from workers.engine.opening import open_engine
from workers.models.resolving import Model, resolve
from workers.process import children

HELLO = Utterance(phonemes="həlˈoʊ wˈɜːld.", voice="af_bella", speed=0.8)
BAD = Utterance(phonemes="mˈɛʒɚ", voice="af_heart")
PATIENT = Limits(wall_s=60)
# Speaks in a child for as long as it is let; its argument is a model that hangs.
PARENT = """
import sys
from pathlib import Path
from broker.settings import settings
from tasks.engine import Utterance
from workers.engine import isolated
from workers.models.resolving import resolve

isolated.speak(resolve(settings()), Utterance(phonemes="mˈɛʒɚ", voice="af_heart"), isolated.Limits(wall_s=600))
"""


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path))


def model_at(path: Path) -> Model:
    return resolve(FarmSettings(home=path.parent if path != MODEL else None, model=path, voices=VOICES))


def bad_model(folder: Path, fault: Fault) -> Model:
    return model_at(build(folder / "bad.onnx", fault=fault, token=VOCABULARY["ʒ"]))


def test_a_child_process_gives_the_same_samples(tmp_path: Path) -> None:
    settings = FarmSettings(home=tmp_path, model=MODEL, voices=VOICES, slots=1)
    model = resolve(settings)
    engine = open_engine(model, settings)
    here, there = engine.speak(HELLO, "bulk"), engine.speak_isolated(HELLO, limit_s=60)
    engine.close()
    assert np.array_equal(here.audio, there.audio)
    assert here.timings == there.timings
    assert there.audio.dtype == np.float32
    assert there.seconds > 0


@pytest.mark.parametrize("fault", ["hang", "memory", "raise"])
def test_the_faulty_test_model_otherwise_speaks_like_the_toy_voice(tmp_path: Path, fault: Fault) -> None:
    told = [isolated.speak(model, HELLO, PATIENT) for model in (model_at(MODEL), bad_model(tmp_path, fault))]
    assert np.array_equal(told[0].audio, told[1].audio)


def test_a_child_that_takes_too_long_is_ended_and_the_error_names_its_time_limit(tmp_path: Path) -> None:
    before = psutil.Process().children()
    with pytest.raises(FarmError, match=r"Spoken in a child process, 'mˈɛʒɚ' took more than 5 s"):
        isolated.speak(bad_model(tmp_path, "hang"), BAD, Limits(wall_s=5))
    assert psutil.Process().children() == before


@pytest.mark.skipif(sys.platform != "linux", reason="this system's kernel holds nobody to his memory")
def test_the_kernel_enforces_a_childs_memory_limit(tmp_path: Path) -> None:
    with pytest.raises(FarmError, match=r"with 1\.0 GB of memory: .*allocate"):
        isolated.speak(bad_model(tmp_path, "memory"), BAD, Limits(wall_s=60, memory_bytes=10**9, by_kernel=True))


def test_without_the_kernels_limit_the_parent_enforces_it(tmp_path: Path) -> None:
    with pytest.raises(FarmError, match=r"took more than 0\.5 GB of memory"):
        isolated.speak(bad_model(tmp_path, "memory"), BAD, Limits(wall_s=60, memory_bytes=5 * 10**8, by_kernel=False))


def test_a_callers_error_is_reported_as_the_callers() -> None:
    with pytest.raises(OptionError, match="af_bellla"):
        isolated.speak(model_at(MODEL), replace(HELLO, voice="af_bellla"), PATIENT)


def test_a_child_refuses_a_model_file_that_was_replaced(tmp_path: Path) -> None:
    known = model_at(build(tmp_path / "mine.onnx", work=1))
    build(tmp_path / "mine.onnx", work=2)
    with pytest.raises(FarmError, match=r"mine\.onnx is no longer the file that this worker speaks with"):
        isolated.speak(known, HELLO, PATIENT)


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    model = bad_model(tmp_path, "hang")
    environment = {**os.environ, "CHORUS_MODEL": str(model.path), "CHORUS_VOICES": str(VOICES)}
    environment["PYTHONPATH"] = str(children.ROOT)
    with subprocess.Popen([sys.executable, "-c", PARENT], env=environment) as parent:
        watched = psutil.Process(parent.pid)

        def is_speaking() -> bool:
            return any(child.cpu_times().user > 1 for child in watched.children())

        wait_until(is_speaking, description="the child is in the model")
        (child,) = watched.children()
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not child.is_running(), description="the child is gone")
