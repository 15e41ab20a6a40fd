"""A worker that hangs ends itself, and its steps go to another worker; with real processes."""

from pathlib import Path

import pytest
import redis
from celery import Celery
from support import wait_until
from toy.build import build
from workshop import Workshop, opened

from broker.watchdog import HUNG
from chorus.keys import JobKeys
from chorus.vocabulary import VOCABULARY

TOKEN = VOCABULARY["ʒ"]
# A voice worker with a remote command that never returns, and so never gives Celery's loop back.
HANGING = """
import threading
from celery.worker.control import control_command
from workers.voice import app

@control_command()
def hang(state):
    threading.Event().wait()
"""


def test_a_hanging_segment_ends_its_process_and_is_returned_at_once(redis_url: str, tmp_path: Path) -> None:
    model = build(tmp_path / "hanging.onnx", fault="hang", token=TOKEN)
    with opened(Workshop(redis_url, tmp_path, model=model)) as workshop, redis.Redis.from_url(redis_url) as connection:
        # With leases longer than the test only a step that is given back comes to a second attempt.
        workshop.start("desk", "voice1", "voice2", CHORUS_DEADLINE_S="5", CHORUS_LEASE_S="60")
        first, second = workshop.pid("voice1"), workshop.pid("voice2")
        workshop.client.submit("Measure.", job="book", speed=2.0)
        ended: list[int] = []

        def taken_again() -> bool:
            ended.extend(workshop.revive())
            return connection.hget(JobKeys("book").attempts, "segment:0") == b"2"

        wait_until(taken_again, description="the other worker takes the segment")
        assert ended == [HUNG]
        assert {first, second} & {workshop.pid("voice1"), workshop.pid("voice2")}, "only one of them ended"
        logs = "".join(workshop.log(name).read_text() for name in ("voice1", "voice2"))
        assert "segment 0 of job book has taken more than 5 s: this process ends" in logs
        workshop.client.want("book", "cancelled")
        workshop.kill("voice1")
        workshop.kill("voice2")


@pytest.mark.keyless
def test_a_worker_whose_loop_hangs_ends_itself(workshop: Workshop) -> None:
    (workshop.folder / "hanging.py").write_text(HANGING)
    voice = workshop.spawn("voice", "-A", "hanging", "worker", "-n", "voice@test")
    wait_until(lambda: workshop.worker("voice"), description="the worker is registered")
    control = Celery(broker=workshop.url, set_as_current=False).control
    wait_until(lambda: control.ping(timeout=0.5), description="the worker hears remote commands")
    control.broadcast("hang")
    assert voice.wait(timeout=60) == HUNG
    assert "Celery's loop has stood still for more than 20 s" in workshop.log("voice").read_text()
