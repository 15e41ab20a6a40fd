"""Closing an idle engine's sessions: they are reopened for the next utterance, and never closed while in use."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from chorus.errors import ModelError
from tasks.engine import Engine, Lane, Speech, Utterance
from workers.engine.resting import RestingEngine

HELLO = Utterance(phonemes="hello", voice="af_heart")


class Speaker:
    """An engine that says nothing at all, until `may_end` lets it."""

    sound, model, model_digest, voices_digest, samples = "s", "m", "digest", "v", ""

    def __init__(self) -> None:
        self.closed = False
        self.speaking, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()

    def voices(self) -> tuple[str, ...]:
        return ("af_heart",)

    def slots(self, lane: Lane) -> int:
        return 1 if lane == "live" else 2

    def speak(self, utterance: Utterance, lane: Lane) -> Speech:  # noqa: ARG002 - the Protocol's
        assert not self.closed
        self.speaking.set()
        assert self.may_end.wait(10)
        assert not self.closed, "its sessions were taken while it spoke"
        return Speech(audio=np.ones(1, np.float32), seconds=0.0)

    def speak_isolated(self, utterance: Utterance, *, limit_s: float) -> Speech:  # noqa: ARG002 - the Protocol's
        return self.speak(utterance, "bulk")

    def close(self) -> None:
        self.closed = True


class House:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.built = [Speaker()]
        self.resting = RestingEngine(self.built[0], self._another, after_s=600, clock_s=lambda: self.now_s)

    def _another(self) -> Speaker:
        self.built.append(Speaker())
        return self.built[-1]


@pytest.fixture
def house() -> House:
    return House()


def test_sessions_are_closed_after_ten_idle_minutes_and_not_earlier(house: House) -> None:
    house.now_s = 599
    assert not house.resting.tick()
    house.resting.speak(HELLO, "bulk")
    house.now_s += 599
    assert not house.resting.tick()
    house.now_s += 1
    assert house.resting.tick()
    assert house.built[0].closed
    assert house.resting.awake() is None
    assert not house.resting.tick(), "what is gone cannot go"


def test_the_next_utterance_reopens_the_sessions_with_the_same_properties(house: House) -> None:
    resting: Engine = house.resting
    house.now_s = 600
    house.resting.tick()
    assert (resting.sound, resting.voices(), resting.slots("live"), resting.slots("bulk")) == ("s", ("af_heart",), 1, 2)
    assert resting.speak(HELLO, "live").audio.any()
    assert house.resting.awake() is house.built[1]
    assert house.resting.rests == 1


def test_many_utterances_at_once_reopen_the_sessions_once(house: House) -> None:
    house.now_s = 600
    house.resting.tick()
    with ThreadPoolExecutor(8) as callers:
        assert len(list(callers.map(lambda _: house.resting.speak(HELLO, "bulk"), range(32)))) == 32
    assert len(house.built) == 2


def test_sessions_in_use_are_not_closed(house: House) -> None:
    house.built[0].may_end.clear()
    with ThreadPoolExecutor(1) as caller:
        speaking = caller.submit(house.resting.speak, HELLO, "bulk")
        assert house.built[0].speaking.wait(10)
        house.now_s = 10_000
        assert not house.resting.tick()
        house.built[0].may_end.set()
        assert speaking.result().audio.any()
    assert not house.resting.tick(), "it was used just now"
    house.now_s += 600
    assert house.resting.tick()


def test_another_model_found_when_reopening_is_refused_and_closed(house: House) -> None:
    house.now_s = 600
    house.resting.tick()
    Speaker.model_digest, before = "another", Speaker.model_digest
    try:
        with pytest.raises(ModelError, match="was exchanged while its sessions rested"):
            house.resting.speak(HELLO, "bulk")
    finally:
        Speaker.model_digest = before
    assert house.built[1].closed
    assert house.resting.speak(HELLO, "bulk").audio.any(), "the file is back, and so are the sessions"


def test_a_closed_engine_leaves_no_session_open(house: House) -> None:
    house.resting.close()
    assert house.built[0].closed
