"""A voice worker that meets a new model prepares it once, and then gives the same samples each time."""

import json
from collections.abc import Iterator
from pathlib import Path

import noisy
import numpy as np
import pytest
from machine import Machine, closing
from toy.build import VOICES
from workshop import Workshop, opened

from broker.settings import FarmSettings
from tasks.engine import Utterance
from workers.engine import isolated
from workers.engine.kokoro_engine import KokoroEngine
from workers.engine.opening import open_engine
from workers.models.variants import ORIGINAL, RAW
from workers.optimise.preparing import NOTE, prepare, ready

TEXT = "The boat is here, and nobody on the long pier wondered. " * 6


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FarmSettings:
    """A machine whose model has chance in it, and was prepared."""
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path))
    farm = FarmSettings(home=tmp_path, model=noisy.build(tmp_path / "noisy.onnx"), voices=VOICES, slots=2)
    prepare(farm, ready(farm.model_copy(update={"variant": "raw"}), print), print)
    return farm


@pytest.fixture
def engine(settings: FarmSettings) -> Iterator[KokoroEngine]:
    engine = open_engine(ready(settings, print), settings)
    yield engine
    engine.close()


def test_a_segment_has_the_same_samples_on_every_lane_and_in_a_child_process(
    engine: KokoroEngine, settings: FarmSettings
) -> None:
    utterance = Utterance(phonemes="həlˈoʊ ðˈɛɹ", voice="af_heart")
    said = [engine.speak(utterance, "bulk"), engine.speak(utterance, "live"), engine.speak(utterance, "bulk")]
    said.append(isolated.speak(ready(settings, print), utterance, isolated.Limits(wall_s=60)))
    assert all(np.array_equal(one.audio, said[0].audio) for one in said)
    assert engine.variant == ORIGINAL


def test_without_preparation_the_samples_differ(settings: FarmSettings) -> None:
    raw = settings.model_copy(update={"variant": "raw"})
    engine = open_engine(ready(raw, print), raw)
    utterance = Utterance(phonemes="həlˈoʊ ðˈɛɹ", voice="af_heart")
    first, second = engine.speak(utterance, "bulk"), engine.speak(utterance, "bulk")
    engine.close()
    assert not np.array_equal(first.audio, second.audio)


def test_a_prepared_graph_that_does_not_load_is_replaced_by_the_model_file(settings: FarmSettings) -> None:
    model = ready(settings, print)
    model.graph.write_bytes(bytes(model.graph.stat().st_size))
    engine = open_engine(ready(settings, print), settings)
    said = engine.speak(Utterance(phonemes="həlˈoʊ", voice="af_heart"), "bulk")
    engine.close()
    assert said.audio.size
    assert (engine.variant, engine.sound) == (RAW, model.sound)
    assert "cannot be loaded as a model" in engine.why


def test_a_user_who_waits_for_a_first_start_learns_why(tmp_path: Path) -> None:
    with closing(Machine(tmp_path, model=noisy.build(tmp_path / "noisy.onnx"))) as machine:
        (tmp_path / "a.txt").write_text(TEXT)
        first, second = (machine.chorus("render", "a.txt", "-o", name, "--fresh") for name in ("a.wav", "b.wav"))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert f"{NOTE}." in first.stdout + first.stderr
    assert NOTE not in second.stdout + second.stderr
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_two_workers_prepare_a_model_once_and_the_report_says_which_graph_spoke(redis_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "farm"
    folder.mkdir()
    model = noisy.build(tmp_path / "noisy.onnx")
    with opened(Workshop(redis_url, folder, model=model)) as farm:
        farm.start("desk", "voice1", "voice2")
        logs = [farm.log(name).read_text() for name in ("voice1", "voice2")]
        assert all(log.count(NOTE) == 1 for log in logs)
        assert sorted("already done for this model and machine" in log for log in logs) == [False, True]
        sounds = {farm.finished(farm.client.submit(TEXT, format="wav", job=f"book-{n}").job).result for n in (1, 2)}
        reports = list(folder.rglob("*report*.json"))
        worker = farm.worker("voice1")
    assert worker is not None
    assert (worker.variant, worker.variant_why) == (ORIGINAL, "no variant is faster here")
    assert len(sounds) == 2
    told = [json.loads(one.read_text()) for one in reports]
    assert len(told) == 2
    assert {one["variant"] for one in told} == {"original (no variant is faster here)"}
    assert len({one["audio_sha256"] for one in told}) == 1, "whoever of the two speaks it, it is the same"
