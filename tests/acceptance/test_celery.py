"""The farm seen with Celery's own eyes: Flower, a bare app, signals."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from support import free_port, wait_until
from toy.build import build
from workshop import ROOT, Workshop, heard_tokens, opened, planned_tokens

from broker.app import queue
from broker.hints import voice_queue
from chorus.keys import JobKeys
from chorus.states import State

SAMPLE = (ROOT / "docs" / "sample.md").read_bytes()


@pytest.fixture
def slow_workshop(redis_url: str, tmp_path: Path) -> Iterator[Workshop]:
    with opened(Workshop(redis_url, tmp_path, model=build(tmp_path / "slow.onnx", work=1500))) as workshop:
        yield workshop


class Flower:
    """Flower's own API."""

    def __init__(self, workshop: Workshop, *options: str) -> None:
        self.port = free_port()
        # Its API wants a login unless told otherwise; here it listens on loopback, for this test.
        workshop.spawn(
            f"flower-{self.port}",
            "-A",
            "broker",
            "flower",
            "--address=127.0.0.1",
            f"--port={self.port}",
            *options,
            FLOWER_UNAUTHENTICATED_API="true",
        )
        wait_until(self.answers, description="Flower answers")

    def answers(self) -> bool:
        try:
            self.get("/api/workers")
        except OSError:
            return False
        return True

    def page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def get(self, path: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.page(path))
        return told

    def columns(self) -> list[str]:
        return re.findall(r'<th data-column="(\w+)"', self.page("/tasks"))

    def queues(self) -> list[str]:
        return re.findall(r'<tr id="([^"]+)"', self.page("/broker"))

    def tasks(self) -> list[dict[str, Any]]:
        return list(self.get("/api/tasks?limit=1000").values())

    def results(self, name: str) -> list[str]:
        return [str(task["result"]) for task in self.tasks() if task["name"] == name and task["state"] == "SUCCESS"]

    def failures(self, name: str) -> list[str]:
        return [str(task["exception"]) for task in self.tasks() if task["name"] == name and task["state"] == "FAILURE"]


def bare_app(workshop: Workshop) -> Celery:
    """What an application has that knows nothing of us."""
    return Celery(broker=workshop.url, set_as_current=False)


def test_flower_shows_workers_tasks_and_results_that_mean_something(slow_workshop: Workshop) -> None:
    flower = Flower(slow_workshop)
    slow_workshop.start("desk", "voice")
    client = slow_workshop.client
    wait_until(
        lambda: {"desk@test", "voice@test"} <= flower.get("/api/workers?refresh=1").keys(),
        description="Flower knows both workers",
    )
    sound = slow_workshop.worker("voice").sound  # type: ignore[union-attr]

    client.submit(SAMPLE, name="sample.md", job="book", format="wav")
    wait_until(lambda: client.job("book").segments_done > 0, description="a segment is spoken")
    # A late copy of a hint that was served long ago.
    bare_app(slow_workshop).send_task(
        "chorus.synthesize", ("book", "segment:0"), queue=queue(voice_queue("bulk", sound))
    )
    assert slow_workshop.finished("book").state is State.DONE

    # Named in the text: a voice that is named for the whole job is refused by its plan.
    client.submit("[voice:af_nobody]Nobody has this voice.", job="mute", format="wav")
    assert slow_workshop.finished("mute").state is State.FAILED

    wait_until(lambda: len(flower.failures("chorus.synthesize")) == 1, description="Flower knows the failure")
    wait_until(lambda: flower.results("chorus.bind"), description="Flower knows the bind")
    assert "segment 0" in flower.failures("chorus.synthesize")[0]
    assert "af_nobody" in flower.failures("chorus.synthesize")[0]
    spoken = flower.results("chorus.synthesize")
    assert any("segment 1: " in said and " s of audio in " in said for said in spoken), spoken
    assert any("segment 0: duplicate" in said for said in spoken), spoken
    assert any("The Keeper: " in said and " segments" in said for said in flower.results("chorus.plan"))
    assert any("part 0: " in said and " s stored" in said for said in flower.results("chorus.part"))
    assert any("bind: " in said and "2 chapters" in said for said in flower.results("chorus.bind"))
    shown = {(task["args"], task["kwargs"]) for task in flower.tasks()}
    assert shown >= {
        ('"The Lighthouse Choir" segment 7', "job=book"),
        ('"The Lighthouse Choir" part 0', "job=book"),
        ('"The Lighthouse Choir" bind', "job=book"),
    }


@pytest.mark.keyless
def test_flower_shows_name_title_step_and_result_unless_it_is_told_otherwise(workshop: Workshop) -> None:
    assert Flower(workshop).columns()[:4] == ["name", "args", "state", "result"]
    assert Flower(workshop, "--tasks-columns=uuid,kwargs").columns() == ["uuid", "kwargs"]


@pytest.mark.keyless
def test_flowers_broker_page_lists_the_queues_of_workers_that_came_after_it(workshop: Workshop) -> None:
    flower = Flower(workshop)
    assert flower.queues() == ["chorus.desk", "chorus.desk.live"]
    workshop.start("desk", "voice")
    sound = workshop.worker("voice").sound  # type: ignore[union-attr]
    store = workshop.worker("desk").store  # type: ignore[union-attr]
    expected = {
        "chorus.desk",
        "chorus.desk.live",
        f"chorus.live.{sound}",
        f"chorus.bulk.{sound}",
        f"chorus.store.{store}",
    }
    assert set(flower.queues()) == expected


def test_a_bare_celery_app_submits_by_name_alone(workshop: Workshop, tmp_path: Path) -> None:
    workshop.start("desk", "voice")
    text = "Hello from an app that has only Celery."
    bare_app(workshop).send_task("chorus.submit", [text], {"job": "greeting", "format": "wav"}, queue="chorus.desk")
    wait_until(lambda: [job.job for job in workshop.client.jobs()] == ["greeting"], description="the job is there")
    assert workshop.finished("greeting").state is State.DONE
    saved = workshop.client.save("greeting", tmp_path / "greeting.wav")
    assert heard_tokens(saved) == planned_tokens(text.encode(), "text.txt")


def test_a_worker_that_is_asked_to_go_finishes_its_segment_first(slow_workshop: Workshop) -> None:
    slow_workshop.start("desk", "voice")
    slow_workshop.client.submit(SAMPLE, name="sample.md", job="book", format="wav")
    keys = JobKeys("book")
    with redis.Redis.from_url(slow_workshop.url) as connection:

        def speaking() -> list[bytes]:
            steps = connection.hgetall(keys.steps).items()
            return [step for step, state in steps if state == b"r" and step.startswith(b"segment")]

        wait_until(speaking, description="a segment is being spoken")
        leaver = slow_workshop.leave("voice")
        assert leaver.wait(timeout=30) == 0
        assert speaking() == []
        assert slow_workshop.client.workers()[0].role == "desk"
        slow_workshop.start("voice2")
        assert slow_workshop.finished("book").state is State.DONE
        assert slow_workshop.client.job("book").segments_done == slow_workshop.client.job("book").segments_planned
