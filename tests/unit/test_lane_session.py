"""A session on its lane: on which threads its runs happen, with which options, and how it is replaced."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from support import wait_until
from toy.build import MODEL, VOICES
from toy.decode import decode

from broker.settings import FarmSettings
from chorus.errors import FarmError, ModelError
from chorus.vocabulary import VOCABULARY
from tasks.engine import Speech, Utterance
from workers.inference import lane_session
from workers.inference.lane_session import LaneSession
from workers.inference.lanes import Lane
from workers.inference.providers import COREML_PROVIDER, CPU, Provider
from workers.inference.sessions import Form, open_session
from workers.models import voicebank
from workers.models.resolving import Model, resolve

SAID = Utterance(phonemes="hˈɛlO", voice="af_heart")
STYLE = voicebank.load(VOICES)["af_heart"]


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane("one", slots=1, lowered=False)
    yield lane
    lane.close()


def toy(folder: Path, path: Path = MODEL) -> Model:
    return resolve(FarmSettings(home=folder, model=path, voices=VOICES))


def tokens_in(speech: Speech) -> list[int]:
    return decode((speech.audio * 32767).round().astype(np.int16))


def test_every_run_happens_on_the_lane_and_is_timed_there(
    tmp_path: Path, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    really = ort.InferenceSession.run

    def noting(self: ort.InferenceSession, *given: Any) -> Any:
        ran.append(threading.current_thread().name)
        return really(self, *given)

    monkeypatch.setattr(ort.InferenceSession, "run", noting)
    session = LaneSession(lane, toy(tmp_path), threads=1)
    speech = session.speak(SAID, STYLE)
    session.speak(SAID, STYLE, counted=False)
    assert ran == ["lane-one_0"] * 2
    assert tokens_in(speech) == [VOCABULARY[symbol] for symbol in SAID.phonemes]
    assert lane.health().served == 1, "the second was not to be counted"
    assert speech.seconds == lane.health().busy_s


def test_a_run_returns_the_arenas_memory_by_default(
    tmp_path: Path, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = ort.RunOptions()
    elsewhere.add_run_config_entry("memory.enable_memory_arena_shrinkage", "no-such-device:0")
    monkeypatch.setattr(lane_session, "shrinking", lambda: elsewhere)
    session = LaneSession(lane, toy(tmp_path), threads=1)
    # Refused by onnxruntime itself: so the option does reach the run.
    with pytest.raises(FarmError, match="no-such-device"):
        session.speak(SAID, STYLE)
    session.speak(SAID, STYLE, options=ort.RunOptions())


def test_a_run_uses_the_prediction_that_was_made_for_it(tmp_path: Path, lane: Lane) -> None:
    session = LaneSession(lane, toy(tmp_path), threads=1)
    promise = lane.promise(len(SAID.phonemes))
    session.speak(SAID, STYLE, promise=promise)
    assert promise.began_s is not None


class Opener:
    """Opens the toy voice whatever it is asked for, writes down what that was, and can hold a session's runs."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, str, Form]] = []
        self.ran: list[int] = []
        self.held: dict[int, threading.Event] = {}
        self.refuses = False

    def __call__(
        self, path: Path, *, threads: int, provider: Provider = CPU, form: Form = "as it is"
    ) -> ort.InferenceSession:
        if self.refuses:
            raise ModelError("There is no session to be had.")
        number = len(self.asked)
        self.asked.append((path, provider.name, form))
        session = open_session(MODEL, threads=threads)
        really = session.run

        def run(*given: Any) -> Any:
            self.ran.append(number)
            if number in self.held:
                assert self.held[number].wait(10)
            return really(*given)

        session.run = run
        return session


def test_a_run_ends_on_the_session_it_began_on_even_if_that_is_replaced(tmp_path: Path, lane: Lane) -> None:
    opener = Opener()
    session = LaneSession(lane, toy(tmp_path), threads=1, opened=opener)
    opener.held[0] = threading.Event()
    with ThreadPoolExecutor(1) as caller:
        under_way = caller.submit(session.speak, SAID, STYLE)
        wait_until(lambda: opener.ran == [0], description="the first session runs")
        session.reopen()
        opener.held[0].set()
        assert tokens_in(under_way.result(10)) == [VOCABULARY[symbol] for symbol in SAID.phonemes]
    session.speak(SAID, STYLE)
    assert opener.ran == [0, 1]


def test_a_session_that_cannot_be_opened_again_stays(tmp_path: Path, lane: Lane) -> None:
    opener = Opener()
    session = LaneSession(lane, toy(tmp_path), threads=1, opened=opener)
    opener.refuses = True
    with pytest.raises(ModelError):
        session.reopen()
    session.speak(SAID, STYLE)
    assert opener.ran == [0]


@pytest.mark.parametrize(
    ("prepared", "provider", "file", "form"),
    [
        (False, CPU, "model", "as it is"),
        (False, Provider(name=COREML_PROVIDER), "model", "as it is"),
        (True, CPU, "prepared", "optimised"),
        (True, Provider(name=COREML_PROVIDER), "model", "steady"),
    ],
)
def test_the_cpu_gets_the_prepared_graph_and_an_accelerator_the_file_with_constant_noise(
    tmp_path: Path, lane: Lane, prepared: bool, provider: Provider, file: str, form: Form
) -> None:
    files = {"model": MODEL, "prepared": tmp_path / "graph.onnx"}
    model = replace(toy(tmp_path), optimised=prepared, graph=files["prepared"] if prepared else MODEL)
    opener = Opener()
    LaneSession(lane, model, threads=1, provider=provider, opened=opener)
    assert opener.asked == [(files[file], provider.name, form)]
