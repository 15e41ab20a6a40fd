"""The life of a real voice worker: its start, keep-alive, closing of idle sessions, memory, and replacement."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from support import PASSED_OVER, wait_until
from toy.build import build
from workshop import ROOT, Workshop, heard_tokens, opened, planned_tokens

from broker import session_control
from broker.session_control import Sessions
from chorus.states import State

SAMPLE = (ROOT / "docs" / "sample.md").read_bytes()
HURRY = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}


@pytest.fixture
def slow(redis_url: str, tmp_path: Path) -> Iterator[Workshop]:
    """Nobody starts again what ends here."""
    model = build(tmp_path / "slow.onnx", work=1000)
    with opened(Workshop(redis_url, tmp_path, model=model)) as workshop:
        yield workshop


def start_in_a_hurry(workshop: Workshop, **environment: str) -> None:
    workshop.spawn("voice", "-A", "hasty_voice", "worker", "-n", "voice@test", "-l", "INFO", **HURRY, **environment)
    wait_until(lambda: workshop.worker("voice"), description="the voice worker is registered", timeout_s=60)


def session(workshop: Workshop) -> Sessions | None:
    """What the voice worker tells; None while it cannot be asked."""
    told = session_control.status(workshop.url)
    return told[0] if told else None


def ask(workshop: Workshop, command: str) -> None:
    """Give this order, as Celery's own command line would."""
    with Celery(broker=workshop.url, set_as_current=False) as app:
        app.control.broadcast(command)


def replaced(workshop: Workshop) -> bool:
    told = session(workshop)
    return told is not None and told.recycles > 0


def test_a_worker_replaces_itself_under_load_and_loses_nothing(slow: Workshop, tmp_path: Path) -> None:
    slow.start("desk", "voice")
    before = slow.worker("voice")
    assert before is not None
    slow.client.submit(SAMPLE, name="sample.md", job="book", format="wav")
    wait_until(lambda: slow.client.job("book").segments_done >= 2, description="two segments are spoken")
    ask(slow, "process_recycle")
    spoken_by_then = slow.client.job("book").segments_done
    record = slow.finished("book")
    assert record.state is State.DONE, record.error
    assert spoken_by_then < record.segments_done, "it was replaced while the book was spoken"
    assert sum(record.spoken_by.values()) == record.segments_planned, "nothing was spoken twice"
    assert heard_tokens(slow.client.save("book", tmp_path / "book.wav")) == planned_tokens(SAMPLE, "sample.md")
    wait_until(lambda: replaced(slow), description="the fresh process answers")
    after = slow.worker("voice")
    assert after is not None
    assert after.pid == before.pid, "to the system it is the process that it was"
    assert after.started_ms > before.started_ms
    assert slow.revive() == [], "nothing ended"


def test_a_worker_that_has_grown_too_much_is_replaced_while_a_book_is_spoken(slow: Workshop, tmp_path: Path) -> None:
    slow.start("desk")
    # Two megabytes are what a worker's first segments cost it, once: so it grows too much, and its successor as well.
    start_in_a_hurry(slow, CHORUS_GROWTH_MB="1")
    slow.client.submit(SAMPLE, name="sample.md", job="book", format="wav")
    record = slow.finished("book")
    assert record.state is State.DONE, record.error
    wait_until(lambda: replaced(slow), description="the worker was replaced", timeout_s=60)
    assert heard_tokens(slow.client.save("book", tmp_path / "book.wav")) == planned_tokens(SAMPLE, "sample.md")
    assert "with nothing under way: this process finishes what it holds" in slow.log("voice").read_text("utf-8")
    assert slow.revive() == []


@pytest.mark.keyless
def test_a_worker_whose_warm_up_fails_says_why_and_does_not_start(redis_url: str, tmp_path: Path) -> None:
    model = build(tmp_path / "broken.onnx", fault="raise")  # on the pad, which is in every utterance
    with opened(Workshop(redis_url, tmp_path, model=model)) as workshop:
        assert workshop.spawn("voice", "-A", "workers.voice", "worker").wait(60) == 1
        last_words = workshop.log("voice").read_text("utf-8").strip().splitlines()[-1]
        failed = "chorus: The bulk session failed its warm-up of 3 tokens, choose another model: The model failed"
        assert last_words.startswith(failed)
        assert workshop.client.workers() == []


@pytest.mark.keyless
def test_idle_sessions_are_kept_warm_and_the_status_counts_it(workshop: Workshop) -> None:
    start_in_a_hurry(workshop, CHORUS_KEEP_ALIVE_S="1")

    def beats() -> dict[str, int]:
        told = session(workshop)
        return {lane: counts["beats"] for lane, counts in told.beats.items()} if told else {}

    wait_until(lambda: min(beats().values(), default=0) >= 2, description="each session was kept warm twice")
    told = session(workshop)
    assert told is not None
    assert [(lane.name, lane.served, lane.failures) for lane in told.lanes] == [("bulk", 1, 0), ("live", 1, 0)], (
        "the warm-up counts as spoken, keeping warm does not"
    )


def test_without_priming_idle_sessions_are_closed_and_the_next_job_reopens_them(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.start("desk")
    start_in_a_hurry(workshop, CHORUS_PRIMING="false", CHORUS_UNLOAD_S="1", CHORUS_KEEP_ALIVE_S="1")

    def state() -> str:
        told = session(workshop)
        return told.state if told else ""

    wait_until(lambda: state() == "resting", description="the sessions are let go")
    workshop.client.submit(SAMPLE, name="sample.md", job="book", format="wav")
    record = workshop.finished("book")
    assert record.state is State.DONE, record.error
    assert heard_tokens(workshop.client.save("book", tmp_path / "book.wav")) == planned_tokens(SAMPLE, "sample.md")
    assert "The sessions are open again after" in workshop.log("voice").read_text("utf-8")
    wait_until(lambda: state() == "resting", description="they are let go again")


@pytest.mark.keyless
def test_the_status_shows_a_workers_start_its_properties_and_its_memory(workshop: Workshop) -> None:
    workshop.start("voice")
    told = session(workshop)
    assert told is not None
    stages = dict(told.startup_s)
    ready_s = stages.pop("ready")
    assert list(stages) == ["imports", "libraries", "model", "voices", "sessions", "warm_up", "celery", "sign_in"]
    assert min(stages.values()) >= 0
    assert sum(stages.values()) == pytest.approx(ready_s, abs=0.01)
    memory = told.memory
    assert 0 < memory["baseline_bytes"] < memory["room_bytes"]
    assert 0 < memory["available_bytes"] <= memory["room_bytes"]
    assert memory["in_use_bytes"] is None or 0 < memory["in_use_bytes"] < told.rss_bytes
    assert memory["mb_per_h"] is None, "nothing is said of a trend that nobody could see yet"


def test_workers_log_no_unexpected_warnings(workshop: Workshop, tmp_path: Path) -> None:
    """No library of ours warns of anything; what warns is Celery, and only whom it rightly warns."""
    logs = {role: tmp_path / f"{role}-said.log" for role in ("desk", "voice")}
    workers = []
    for role, path in logs.items():
        python = [sys.executable, "-P", "-W", "default", "-W", PASSED_OVER]
        words = [*python, "-m", "celery", "-A", f"workers.{role}", "worker"]
        with path.open("wb") as log:
            workers.append(subprocess.Popen(words, cwd=tmp_path, env=workshop.environment(), stdout=log, stderr=log))
    try:
        workshop.client.submit(SAMPLE, name="sample.md", job="book", format="m4b")
        assert workshop.finished("book").state is State.DONE
    finally:
        for worker in workers:
            worker.terminate()
        assert [worker.wait(timeout=30) for worker in workers] == [0, 0]
    for path in logs.values():
        told = path.read_text("utf-8").splitlines()
        assert [line for line in told if "Warning" in line and "superuser privileges" not in line] == []
        assert [line for line in told if "WARNING" in line or "ERROR" in line] == []
