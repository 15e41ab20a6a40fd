"""Showing a voice worker's sessions, and reopening them while a book is spoken."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime as ort
import pytest
import redis
from support import wait_until
from toy.build import build
from workshop import ROOT, Workshop, heard_tokens, opened, planned_tokens

from broker import session_control
from broker.watchdog import HUNG
from chorus.keys import JobKeys
from chorus.states import State
from workers.inference.providers import COREML_PROVIDER

SAMPLE = (ROOT / "docs" / "sample.md").read_bytes()


@pytest.fixture
def slow(redis_url: str, tmp_path: Path) -> Iterator[Workshop]:
    model = build(tmp_path / "slow.onnx", work=1500)
    with opened(Workshop(redis_url, tmp_path, model=model)) as workshop:
        yield workshop


def test_a_session_reset_in_the_middle_of_a_book_loses_and_repeats_nothing(slow: Workshop, tmp_path: Path) -> None:
    slow.start("desk", "voice")
    slow.client.submit(SAMPLE, name="sample.md", job="book", format="wav")
    wait_until(lambda: slow.client.job("book").segments_done >= 2, description="two segments are spoken")
    (before,) = session_control.status(slow.url)
    (after,) = session_control.reset(slow.url, patience_s=60)
    spoken_by_then = slow.client.job("book").segments_done
    record = slow.finished("book")
    assert record.state is State.DONE, record.error
    assert spoken_by_then < record.segments_done, "the reset came while the book was spoken"
    assert (before.resets, after.resets) == (0, 1)
    assert after.started_ms > before.started_ms
    with redis.Redis.from_url(slow.url) as connection:
        told = {
            name: value for name, value in connection.hgetall(JobKeys("book").record).items() if b"spoken_by" in name
        }
    assert sum(map(int, told.values())) == record.segments_planned
    assert len(told) == 1, "one process spoke all of it"
    assert heard_tokens(slow.client.save("book", tmp_path / "book.wav")) == planned_tokens(SAMPLE, "sample.md")
    # What the new sessions have said since is theirs alone: their own warm-up, and what was left.
    lanes = {lane.name: lane for lane in session_control.status(slow.url)[0].lanes}
    assert lanes["bulk"].served <= 1 + record.segments_done - 2
    assert lanes["bulk"].served + lanes["live"].served > 2


@pytest.mark.keyless
def test_the_status_shows_lanes_model_age_and_memory(slow: Workshop) -> None:
    slow.start("voice")
    (one,) = session_control.status(slow.url)
    worker = slow.worker("voice")
    assert worker is not None
    assert (one.node, one.state, one.model, one.sound) == ("voice@test", "serving", "toy voice", worker.sound)
    assert one.started_ms == worker.started_ms
    assert one.rss_bytes > 20e6
    assert [(lane.name, lane.slots, lane.served, lane.failures) for lane in one.lanes] == [
        ("bulk", 1, 1, 0), ("live", 1, 1, 0),
    ]  # fmt: skip


@pytest.mark.keyless
@pytest.mark.skipif(COREML_PROVIDER in ort.get_available_providers(), reason="this machine has CoreML")
def test_an_unavailable_lane_is_replaced_by_the_cpu_and_strict_mode_does_not_start(slow: Workshop) -> None:
    slow.start("voice", CHORUS_LANES="ane")
    (one,) = session_control.status(slow.url)
    assert {lane.name: (lane.slots, lane.state) for lane in one.lanes} == {
        "bulk": (1, "serving"), "live": (1, "serving"), "ane": (0, "unavailable"),
    }  # fmt: skip
    reason = f"this machine's onnxruntime has no {COREML_PROVIDER}"
    assert one.lanes[-1].reason == reason
    assert [lane.nodes for lane in one.lanes[:2]] == [lane.nodes_total for lane in one.lanes[:2]]

    strict = slow.spawn("voice-strict", "-A", "workers.voice", "worker", CHORUS_LANES="ane", CHORUS_STRICT="true")
    assert strict.wait(60) == 1
    last_words = slow.log("voice-strict").read_text().strip().splitlines()[-1]
    told = f"chorus: CHORUS_LANES=ane asks for ane and CHORUS_STRICT is set, but {reason}: choose others, or unset it."
    assert last_words == told


@pytest.mark.keyless
def test_celerys_own_commands_can_show_and_reset_sessions(slow: Workshop) -> None:
    slow.start("voice")

    def celery(*words: str) -> Any:
        command = [sys.executable, "-P", "-m", "celery", "-A", "workers.voice", *words, "--json"]
        done = subprocess.run(
            command, cwd=slow.folder, env=slow.environment(), capture_output=True, check=True, timeout=60
        )
        return json.loads(done.stdout)

    assert celery("inspect", "session_status")["voice@test"]["model"] == "toy voice"
    assert celery("control", "session_reset") == [{"voice@test": {"ok": "resetting"}}]
    wait_until(lambda: session_control.status(slow.url)[0].resets == 1, description="the sessions are new")


@pytest.mark.keyless
def test_a_worker_whose_model_file_was_replaced_ends_instead_of_mixing_sounds(slow: Workshop, tmp_path: Path) -> None:
    slow.start("voice")
    build(tmp_path / "slow.onnx", work=1)
    session_control.reset(slow.url, patience_s=60)
    ended: list[int] = []
    wait_until(lambda: ended or ended.extend(slow.revive()), description="the worker ends")
    assert ended == [HUNG]
    assert "is another model by now" in slow.log("voice").read_text()


@pytest.mark.keyless
def test_a_farm_without_voices_has_no_sessions(redis_url: str) -> None:
    assert session_control.status(redis_url) == ()
    assert session_control.reset(redis_url) == ()
