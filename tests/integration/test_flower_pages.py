"""What Flower shows by default: the queues, and the name of each message's job."""

import json
from collections.abc import Iterator

import pytest
import redis
from celery import Celery

from broker import flower_pages, hints, registry
from broker.app import queue
from broker.job_titles import MOST_LETTERS, JobTitles
from broker.ledger import Hint, Outcome
from chorus.client import Client
from chorus.keys import JobKeys
from chorus.records import Worker

VOICE = Worker(id="voice@here#1", host="here", pid=1, role="voice", sound="s1")
DESK = Worker(id="desk@here#2", host="here", pid=2, role="desk", store="d1")


@pytest.fixture
def app(redis_url: str) -> Iterator[Celery]:
    with Celery(broker=redis_url, set_as_current=False) as app:
        yield app


def outcome(*steps: str, job: str = "book") -> Outcome:
    hints = tuple(Hint(queue="bulk", step=step) for step in steps)
    return Outcome(job=job, status="ok", sound="old", store="", hints=hints, extra=())


def test_every_queue_that_is_served_or_holds_messages_is_shown(app: Celery, server: redis.Redis) -> None:
    for worker in (VOICE, DESK):
        registry.sign_in(server, worker)
    # Of a sound that nobody serves any more: one queue that is empty, and one in which messages wait.
    app.send_task("chorus.synthesize", queue=queue("chorus.live.old"))
    server.delete("chorus.live.old")
    hints.send(app, outcome("segment:0"), JobTitles(server))
    assert flower_pages.queue_names(server) == {
        "chorus.bulk.old",
        "chorus.bulk.s1",
        "chorus.desk",
        "chorus.desk.live",
        "chorus.live.s1",
        "chorus.store.d1",
    }


@pytest.mark.keyless
def test_the_desks_queues_are_shown_even_without_a_desk(server: redis.Redis) -> None:
    assert flower_pages.queue_names(server) == {"chorus.desk", "chorus.desk.live"}


def test_a_job_is_shown_by_its_title_as_soon_as_it_is_known(client: Client, server: redis.Redis) -> None:
    titles = JobTitles(server)
    client.submit(b"# One\n\nHello.", name="talk.md", job="talk")
    assert titles.of("talk") == '"talk.md"'
    server.hset(JobKeys("talk").record, "document", '{"title": "A   Long\\nTalk", "chapters": 1}')
    assert titles.of("talk") == '"A Long Talk"'
    client.submit(b"# One\n\nHello.", name="talk.md", title="x" * 100, job="mine")
    assert titles.of("mine") == '"' + "x" * (MOST_LETTERS - 1) + '…"'


def test_a_nameless_text_and_an_expired_job_are_shown_by_their_ids(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="said")
    server.hset(JobKeys("said").record, "document", '{"title": "text", "chapters": 1}')
    assert JobTitles(server).of("said") == "job said"
    assert JobTitles(server).of("gone") == "job gone"


def test_two_jobs_with_the_same_title_are_distinguished(app: Celery, client: Client, server: redis.Redis) -> None:
    """The gate would take the second for a copy of the first, and fetch one task too many."""
    for job in ("first", "second"):
        client.submit(b"# One\n\nHello.", name="talk.md", title="Talk", job=job)
        hints.send(app, outcome("segment:12", job=job), JobTitles(server))
    sent = [json.loads(message)["headers"] for message in server.lrange("chorus.bulk.old", 0, -1)]
    assert {headers["argsrepr"] for headers in sent} == {'"Talk" segment 12'}
    assert {headers["kwargsrepr"] for headers in sent} == {"job=first", "job=second"}


@pytest.mark.keyless
def test_without_a_server_only_the_title_is_missing() -> None:
    with redis.Redis(port=1) as away:
        assert JobTitles(away).of("book") == "job book"


def test_the_most_recent_titles_are_cached(
    client: Client, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.job_titles.MOST_JOBS", 2)
    titles = JobTitles(server)
    for job in ("one", "two", "three"):
        client.submit(b"# One\n\nHello.", name="talk.md", job=job)
        server.hset(JobKeys(job).record, "document", '{"title": "As it was", "chapters": 1}')
        assert titles.of(job) == '"As it was"'
        server.hset(JobKeys(job).record, "document", '{"title": "Another", "chapters": 1}')
        assert titles.of(job) == '"As it was"'
    # More than two are not remembered: the first is read anew.
    assert titles.of("one") == '"Another"'
