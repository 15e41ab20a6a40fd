"""The synthesize step, from its claim to its commit, with an engine that returns what the test needs."""

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import redis
from test_ledger import SOUND, VOICES, Farm

from broker import worker_process
from broker.ledger import Ledger
from broker.settings import FarmSettings
from chorus import Client
from chorus.records import Worker
from tasks import engine
from tasks.audio.encoder import Encoded
from tasks.bind import _report
from tasks.engine import Lane, Speech, Utterance
from tasks.parts import segment_cache
from tasks.parts.coverage import CoverageProof
from tasks.synthesize import speak

QUIET, LOUD = np.zeros(2400, np.float32), np.full(2400, 0.1, np.float32)


class PresetEngine:
    """Returns these utterances, one after another, whatever it is asked to say."""

    sound, voices_digest = SOUND, "d2"

    def __init__(self) -> None:
        self.next = iter((QUIET, LOUD))

    def speak(self, _utterance: Utterance, _lane: Lane) -> Speech:
        return Speech(audio=next(self.next), seconds=0.1)


@pytest.fixture
def farm(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Farm]:
    with closing(redis.Redis.from_url(redis_url)) as connection, Client(redis_url) as client:
        ledger = Ledger(connection, FarmSettings())
        ledger.note_farm({SOUND: 2}, VOICES)
        me = Worker(id="voice@here#1", host="here", pid=1, role="voice")
        here = SimpleNamespace(ledger=ledger, worker=me, settings=FarmSettings(), spoken=0)
        monkeypatch.setattr(worker_process, "_slot", [here])
        monkeypatch.setattr(engine, "_slot", [PresetEngine()])
        monkeypatch.setattr(segment_cache, "_slot", [])
        yield Farm(ledger=ledger, client=client, connection=connection)


def test_a_silent_segment_does_not_count_as_first_sound(farm: Farm) -> None:
    def reported() -> tuple[object, object]:
        made = Encoded(frames=2400, bytes=4800, sha256_pcm="")
        report = _report(farm.client.job("book"), (), made, CoverageProof(chapters={}))
        return report["first_audio_s"], report["first_audio_from"]

    farm.submit()
    farm.plan(2)
    speak(farm.take("segment:0"), "bulk")
    assert farm.client.job("book").first_chunk_ms is not None
    assert reported() == (None, "")
    speak(farm.take("segment:1"), "bulk")
    assert cast("float", reported()[0]) > 0
    assert reported()[1] == "warm"
