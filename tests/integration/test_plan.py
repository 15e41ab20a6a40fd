"""Planning in this process, on a real server: a document is read once, and cutting continues where it stopped."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from broker import registry, worker_process
from broker.ledger import Claim, Pins
from broker.settings import FarmSettings
from broker.store import LocalStore
from chorus.client import Client
from chorus.errors import OptionError
from chorus.keys import JobKeys
from chorus.records import Worker
from tasks import documents, plan
from tasks.plan import Planner
from tasks.segmenting.segments import Segment, segments

PINS = Pins(sound="0123456789ab", store="here")
LIBRARY = "\n\n".join(f"Nobody has taken out book {number} for a long time." for number in range(1500)).encode()
"""Each line is long enough for a segment of its own."""


@pytest.fixture
def desk(redis_url: str, tmp_path: Path) -> Iterator[worker_process.Process]:
    """This process as a desk, without Celery's loop and without upkeep: the test sends and tends."""
    app = Celery(broker=redis_url)
    store = LocalStore(tmp_path / "store")
    yield worker_process.open_process(
        app, FarmSettings(home=tmp_path), role="desk", node="desk", slots={"desk": 1}, store=store
    )
    worker_process._slot.clear()


def submitted(desk: worker_process.Process, client: Client, source: bytes, name: str) -> None:
    client.submit(source, name=name, job="book", format="wav")
    desk.ledger.advance("book", PINS)


def planned(desk: worker_process.Process, planner: Planner, step: str) -> str:
    claim: Claim = desk.claim("book", step)
    assert claim.status == "ok"
    outcome, _ = planner.plan(claim)
    return outcome.status


def send_all(desk: worker_process.Process) -> None:
    """As if voices had been busy: every planned segment is on its way."""
    desk.redis.hset(JobKeys("book").record, "next", desk.redis.hget(JobKeys("book").record, "segments_planned"))
    desk.ledger.advance("book", PINS)


def spans(desk: worker_process.Process, count: int) -> list[tuple[int, int]]:
    told = desk.redis.hmget(JobKeys("book").specs, [str(number) for number in range(count)])
    return [(one["start"], one["end"]) for one in map(json.loads, told)]


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[None]:
    """Grows with every call of this function, which works as ever."""
    calls: list[None] = []
    original: Callable[..., Any] = getattr(owner, name)

    def counting(*arguments: Any, **options: Any) -> Any:
        calls.append(None)
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, counting)
    return calls


def test_a_document_is_read_once_for_all_its_chapters(
    desk: worker_process.Process, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner = Planner()
    reads = counted(monkeypatch, documents, "read")
    submitted(desk, client, b"# One\n\nOnce.\n\n# Two\n\nTwice.\n\n# Three\n\nThrice.", "book.md")
    assert [planned(desk, planner, f"plan:{k}") for k in range(3)] == ["ok"] * 3
    assert client.job("book").planned
    assert len(reads) == 1


def test_the_first_segment_is_sent_before_the_second_is_cut(
    desk: worker_process.Process, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[bytes | None] = []

    def watched(*given: Any, **options: Any) -> Iterator[Segment]:
        for segment in segments(*given, **options):
            found.append(desk.redis.hget(JobKeys("book").steps, "segment:0"))
            yield segment

    monkeypatch.setattr(plan, "segments", watched)
    desk.ledger.note_farm({PINS.sound: 1}, {})
    submitted(desk, client, LIBRARY, "library.txt")
    planned(desk, Planner(), "plan:0")
    assert found[:2] == [None, b"s"]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["by this desk", "by another desk"])
def test_a_chapter_that_was_put_off_is_planned_to_its_end_later(
    desk: worker_process.Process, client: Client, monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    planner = Planner()
    cuttings = counted(monkeypatch, plan, "segments")
    submitted(desk, client, LIBRARY, "library.txt")
    assert planned(desk, planner, "plan:0") == "enough"
    assert 900 < client.job("book").segments_planned < 1100
    send_all(desk)
    if elsewhere:
        planner = Planner()
    assert planned(desk, planner, "plan:0") == "ok"
    assert len(cuttings) == 1 + elsewhere
    chapter = documents.read(LIBRARY, "library.txt").chapters[0]
    wanted = [(segment.start, segment.end) for segment in segments(chapter, "en-us")]
    assert client.job("book").planned
    assert spans(desk, client.job("book").segments_planned) == wanted


def test_only_a_few_chapters_are_kept_that_were_put_off(desk: worker_process.Process, client: Client) -> None:
    planner = Planner()
    for number in range(plan.KEPT_JOBS + 1):
        client.submit(LIBRARY, name="library.txt", job=f"book-{number}", format="wav")
        desk.ledger.advance(f"book-{number}", PINS)
        planner.plan(desk.claim(f"book-{number}", "plan:0"))
    assert len(planner._half_cut._kept) == plan.KEPT_JOBS


@pytest.mark.parametrize(
    ("voice", "remedy"), [("zz", "did you mean zf_xiaobei?"), ("af_hart+zz", "did you mean af_heart?")]
)
def test_an_unknown_voice_is_refused_before_its_first_letter_is_taken_for_a_language(
    desk: worker_process.Process, client: Client, voice: str, remedy: str
) -> None:
    registry.sign_in(desk.redis, voice_worker(PINS.sound, "zf_xiaobei", "af_heart"))
    registry.sign_in(desk.redis, voice_worker("another sound", "zz"))
    client.submit(b"Hello.", name="a.txt", job="book", voice=voice, live=True)
    desk.ledger.advance("book", PINS)
    with pytest.raises(OptionError, match=rf"is unknown: {re.escape(remedy)}"):
        planned(desk, Planner(), "plan:0")


def voice_worker(sound: str, *voices: str) -> Worker:
    return Worker(id=f"voice-{sound}", host="h", pid=1, role="voice", sound=sound, voices=voices)
