"""Submits from an app that has only Celery, received by a real desk worker: an error is never lost."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import Celery
from celery.result import AsyncResult
from support import ValkeyServer
from workshop import Workshop, opened

from chorus.client import Client
from chorus.commands import program, run
from chorus.errors import ConflictError, JobFailedError
from chorus.keys import JobKeys
from chorus.records import JobRecord
from chorus.states import State
from tasks.submit_message import RESULT_S


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A desk worker alone: it takes submits in, and nobody speaks them."""
    folder = tmp_path_factory.mktemp("desk")
    with ValkeyServer(folder) as server, opened(Workshop(server.url, folder)) as workshop:
        yield workshop.start("desk")


@pytest.fixture
def app(desk: Workshop) -> Iterator[Celery]:
    """What an application has that knows nothing of us, with a result backend."""
    with Celery(broker=desk.url, backend=desk.url, set_as_current=False) as app:
        yield app


def send(app: Celery, *arguments: Any, **keywords: Any) -> AsyncResult:
    return app.send_task("chorus.submit", arguments, keywords, queue="chorus.desk")


def refusal(sent: AsyncResult) -> str:
    """The sentence that the sender gets."""
    with pytest.raises(Exception, match=r"^Job .* was refused: ") as told:
        sent.get(timeout=30)
    return str(told.value)


def job_of(sentence: str) -> str:
    return sentence.split()[1]


def check_failed(client: Client, job: str, sentence: str) -> JobRecord:
    """The record says so, and so does the stream, to whoever listens."""
    record = client.job(job)
    assert (record.state, record.finished, record.error) == (State.FAILED, True, sentence)
    with pytest.raises(JobFailedError, match="ended without its audio"), client.listen(job) as listener:
        list(listener)
    assert job in [one.job for one in client.jobs()]
    return record


def test_a_correct_submit_returns_its_result_to_the_sender(app: Celery, desk: Workshop) -> None:
    assert send(app, "Hello.", job="right", voice="af_sky", priority="high").get(timeout=30) == "job right: submitted"
    assert desk.client.job("right").request.voice == "af_sky"


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"voise": "af_sky"}, "There is no wish 'voise': did you mean voice?"),
        ({"speed": 9}, "Speed 9 is out of range: choose 0.25 to 4.0."),
        ({"speed": "fast", "voice": "af_sky"}, "speed is 'fast': give a number."),
        ({"priority": "urgent"}, "priority is 'urgent': choose low, normal or high."),
        ({"language": "tlh", "voice": "af_sky"}, "Language 'tlh' is unknown: choose one of en-gb"),
    ],
)
def test_a_wrong_keyword_leaves_a_failed_job_whose_record_stream_and_result_say_why(
    app: Celery, desk: Workshop, keywords: dict[str, Any], sentence: str
) -> None:
    job = f"wrong-{next(iter(keywords))}"
    told = refusal(send(app, "Hello.", job=job, **keywords))
    assert told.startswith(f"Job {job} was refused: {sentence}")
    record = check_failed(desk.client, job, told.partition(" was refused: ")[2])
    assert record.request.voice == keywords.get("voice", "af_heart")


@pytest.mark.parametrize(
    ("arguments", "keywords", "sentence"),
    [
        ((), {}, "chorus.submit takes one argument, the text to speak"),
        ((7,), {}, "chorus.submit takes one argument, the text to speak"),
        (("Hello.", "af_sky"), {}, "chorus.submit takes one argument, the text to speak"),
        (("",), {}, "text.txt is empty: give one that holds something."),
        (("Hello.",), {"job": "a b"}, "Job id 'a b' cannot be used"),
        (("Hello.",), {"job": 7}, "job is 7: give a string, or leave it out."),
    ],
)
def test_a_submit_without_a_usable_id_is_a_failed_job_under_another(
    app: Celery, desk: Workshop, arguments: tuple[Any, ...], keywords: dict[str, Any], sentence: str
) -> None:
    told = refusal(send(app, *arguments, **keywords))
    assert sentence in told
    check_failed(desk.client, job_of(told), told.partition(" was refused: ")[2])


def test_a_refused_submit_is_corrected_under_the_same_id(app: Celery, desk: Workshop) -> None:
    refusal(send(app, "Hello.", job="again", speed=9))
    with pytest.raises(ConflictError, match=r"Job again was refused: Speed 9 is out of range.* submit it again"):
        desk.client.want("again", "retry")
    assert send(app, "Hello.", job="again", speed=2).get(timeout=30) == "job again: submitted"
    record = desk.client.job("again")
    assert (record.state in (State.QUEUED, State.RUNNING), record.error, record.request.speed) == (True, "", 2)
    with redis.Redis.from_url(desk.url) as connection:
        assert not connection.exists(JobKeys("again").stream)


def test_a_refused_submit_leaves_another_job_of_its_id_alone(app: Celery, desk: Workshop) -> None:
    desk.client.submit("Hello.", job="mine")
    assert "Speed 9 is out of range" in refusal(send(app, "Goodbye.", job="mine", speed=9))
    assert "was submitted with another request" in refusal(send(app, "Goodbye.", job="mine"))
    assert desk.client.job("mine").state in (State.QUEUED, State.RUNNING)


def test_following_a_refused_job_says_what_to_do(
    app: Celery, desk: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal(send(app, "Hello.", job="followed", speed=9))
    assert run(program(), ["follow", "followed", "--url", desk.url]) == 1
    said = capsys.readouterr().err
    assert "Job followed was refused: Speed 9 is out of range" in said
    assert said.endswith("Correct that, and submit it again.\n")


def test_only_submits_leave_a_result_and_it_expires_soon(app: Celery, desk: Workshop) -> None:
    with redis.Redis.from_url(desk.url) as connection:
        before = set(connection.keys("celery-task-meta-*"))
        app.send_task("chorus.plan", ("ghost", "plan:0"), queue="chorus.desk")
        for number in range(3):
            assert send(app, "Hello.", job=f"kept-{number}").get(timeout=30)
        left = set(connection.keys("celery-task-meta-*")) - before
        assert len(left) == 3
        assert all(0 < connection.ttl(key) <= RESULT_S for key in left)
