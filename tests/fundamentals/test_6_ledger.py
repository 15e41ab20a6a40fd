"""Six, the ledger: a message is only a hint. A worker claims the step from the ledger, and the first to finish wins.

The test plays the desk and two voice workers by hand, against a real server.
"""

from collections.abc import Iterator

import pytest
import redis

from broker.ledger import Ledger, Outcome, Pins, SegmentResult
from broker.settings import FarmSettings
from broker.specs import ChapterPlan, DocumentFacts, SegmentSpec
from chorus import Client, Kind
from chorus.keys import JobKeys
from chorus.wire import cut, decode

SOUND = "0123456789ab"
SEGMENT = SegmentSpec(
    chapter=0, start=0, end=16, text="Nobody was lost.", phonemes="a", pause_ms=0, characters=16, frames=1
)
HINT = "segment:0"


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    with redis.Redis.from_url(redis_url) as connection:
        ledger = Ledger(connection, FarmSettings())
        ledger.note_farm({SOUND: 2}, {SOUND: {"model": "toy voice"}})
        yield ledger


def planned(ledger: Ledger, client: Client) -> Outcome:
    """A job of one segment, planned and not yet spoken."""
    client.submit("Nobody was lost.", job="letter")
    ledger.advance("letter", Pins(sound=SOUND))
    plan = ledger.claim("letter", "plan:0", "the desk")
    document = DocumentFacts(title="Letter", chapters=1, characters=16)
    outcome = ledger.extend(plan, [SEGMENT], first_index=0, document=document)
    ledger.commit_plan(plan, ChapterPlan(title="Letter", characters=16, segments=1))
    return outcome


def test_planning_a_chapter_gives_a_hint_for_its_first_segment(ledger: Ledger, client: Client) -> None:
    assert [hint.step for hint in planned(ledger, client).hints] == [HINT]


def test_a_segment_is_claimed_by_one_worker_and_published_once(ledger: Ledger, client: Client) -> None:
    planned(ledger, client)
    mine = ledger.claim("letter", HINT, "mine")
    assert (mine.status, mine.to_speak.phonemes) == ("ok", "a")
    assert ledger.claim("letter", HINT, "yours").status == "busy", "the hint came twice; one worker has it"

    told = SegmentResult(frames=2, wall_ms=1, audible=True, worker="me")
    assert ledger.commit_segment(mine, cut(0, b"\1\0\2\0"), told).status == "ok"
    assert ledger.commit_segment(mine, cut(0, b"\1\0\2\0"), told).status == "gone", "the job is over"
    entries = [decode(fields) for _, fields in ledger.redis.xrange(JobKeys("letter").stream)]
    assert [entry.kind for entry in entries] == [Kind.AUDIO, Kind.END]
    assert client.job("letter").finished
