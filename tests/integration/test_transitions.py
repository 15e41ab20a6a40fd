"""The ledger follows the table of transitions on a real server, and nothing else changes a job's state."""

from collections.abc import Iterator
from itertools import chain, combinations

import pytest
import redis

from broker.ledger import Claim, Ledger, Pins
from broker.scripts import LAST_RESEND_MS, declarations, resend_after_ms
from broker.settings import FarmSettings
from chorus import Client
from chorus.errors import ConflictError
from chorus.keys import UNFINISHED_S, JobKeys
from chorus.states import EVENTS, WANTS, Condition, Event, State, next_state

CONDITIONS: tuple[Condition, ...] = ("begun", "missing", "unheard")
SUBSETS = tuple(chain.from_iterable(combinations(CONDITIONS, size) for size in range(len(CONDITIONS) + 1)))
KEYS = JobKeys("book")
FIELDS = {"begun": "started_ms", "missing": "segments_failed", "unheard": "unheard"}
FAR_MS = 2**52
PINS = Pins(sound="0123456789ab")
RESULT = {"path": "/x", "store": "here", "host": "h", "bytes": 1, "frames": 1, "format": "wav"}
BIND = Claim(status="ok", job="book", step="bind", token="a#1", epoch=1)  # noqa: S106 - it opens nothing


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    with redis.Redis.from_url(redis_url) as connection:
        yield Ledger(connection, FarmSettings())


def stand(ledger: Ledger, client: Client, state: State, conditions: tuple[Condition, ...]) -> None:
    """A job without a file that stands so; a listener was there just now."""
    ledger.redis.flushdb()
    client.submit("Once.", job="book")
    fields = {"state": state, "listened_ms": FAR_MS, **{FIELDS[one]: 1 for one in conditions}}
    ledger.redis.hset(KEYS.record, mapping=fields)
    ledger.redis.hset(KEYS.steps, "bind", "r")
    ledger.redis.expire(KEYS.steps, UNFINISHED_S)


def happen(ledger: Ledger, event: Event) -> None:
    """Let the farm, or somebody who asks, do what this event is."""
    if event in (*WANTS, "fresh"):
        ledger.redis.hset(KEYS.record, "want", event)
    if event == "complete":
        ledger.commit_bind(BIND, RESULT)
    elif event == "fail":
        ledger.fail(BIND, "It broke.", final=True, stop=True)
    elif event == "refuse":
        ledger.pause(BIND, "The disk is full.")
    elif event == "unheard":
        ledger.redis.hset(KEYS.record, "listened_ms", 1)
    elif event == "heard":
        ledger.redis.hset(KEYS.readers, "me", f'{{"segment":0,"deadline_ms":{FAR_MS}}}')
    ledger.advance("book", PINS if event == "begin" else Pins())


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", State)
def test_every_event_leads_to_the_state_in_the_table(
    ledger: Ledger, client: Client, state: State, event: Event
) -> None:
    for conditions in SUBSETS:
        stand(ledger, client, state, conditions)
        happen(ledger, event)
        wanted = next_state(state, event, conditions) or state
        assert client.job("book").state == wanted, conditions


@pytest.mark.parametrize("want", WANTS)
@pytest.mark.parametrize("state", State)
def test_a_client_refuses_exactly_what_the_table_refuses(
    ledger: Ledger, client: Client, state: State, want: str
) -> None:
    for conditions in SUBSETS:
        stand(ledger, client, state, conditions)
        if next_state(state, want, conditions) is None:
            with pytest.raises(ConflictError, match=rf"Job book is {state}.*: it cannot be "):
                client.want("book", want)
            assert client.job("book").want == ""
        else:
            assert client.want("book", want).want == want


def test_the_running_time_is_counted_for_every_transition(ledger: Ledger, client: Client) -> None:
    stand(ledger, client, State.RUNNING, ("begun",))
    ledger.redis.hset(KEYS.record, "running_since_ms", 1)
    happen(ledger, "paused")
    counted_ms = client.job("book").active_ms
    assert counted_ms > 1_000_000_000_000
    happen(ledger, "paused")
    assert client.job("book").active_ms == counted_ms, "a job that stays as it is has not run"


def test_lua_and_python_have_the_same_resend_intervals(ledger: Ledger, client: Client) -> None:
    client.submit("Once.", job="book")
    for sends in range(1, 8):
        ledger.redis.hset(KEYS.record, mapping={"state": "running", "listened_ms": FAR_MS, "sound": PINS.sound})
        ledger.redis.delete(KEYS.steps, KEYS.desk_leases)
        ledger.redis.hset(KEYS.sends, "plan:0", sends - 1)
        ledger.advance("book", PINS)
        seconds, micros = ledger.redis.time()
        waits_ms = ledger.redis.zscore(KEYS.desk_leases, "plan:0") - (seconds * 1000 + micros / 1000)
        assert resend_after_ms(sends) - 1000 < waits_ms <= resend_after_ms(sends)
    assert resend_after_ms(1000) == LAST_RESEND_MS


def test_the_scripts_and_python_use_the_same_names_for_keys() -> None:
    lines = declarations().splitlines()
    names = JobKeys.attributes()
    assert lines[: len(names)] == [f"local {name} = KEYS[{place}]" for place, name in enumerate(names, 1)]
    assert tuple(getattr(KEYS, name) for name in names) == KEYS.all
