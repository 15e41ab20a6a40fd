"""The gate counts the tasks that this process holds, by queue, and counts a duplicated hint once."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from celery.worker import state

from broker.gate import Gate

BULK, LIVE = "chorus.bulk.x", "chorus.live.x"


@dataclass(eq=False)
class Held:
    """What Celery keeps of a message that it has received."""

    queue: str
    argsrepr: str
    name: str = "chorus.synthesize"
    kwargsrepr: str = "{}"

    @property
    def delivery_info(self) -> dict[str, str]:
        return {"routing_key": self.queue}


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Of a process that may hold three of a listener's and two of a book's."""
    Gate.configure({LIVE: 3, BULK: 2})
    gate = Gate()
    gate.update([BULK, LIVE, "control"])
    yield gate
    Gate.configure({})


def hold(monkeypatch: pytest.MonkeyPatch, *held: Held) -> None:
    monkeypatch.setattr(state, "reserved_requests", type(state.reserved_requests)(held))


def test_listeners_are_served_first_and_remote_control_always(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(monkeypatch)
    assert gate.consume(3) == [LIVE, BULK, "control"]


def test_a_queue_is_not_read_while_enough_of_its_tasks_are_held(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    held = [Held(BULK, "job=a step=segment:1"), Held(BULK, "job=a step=segment:2")]
    hold(monkeypatch, *held)
    assert gate.consume(3) == [LIVE, "control"]
    held.pop()
    hold(monkeypatch, *held)
    assert gate.consume(3) == [LIVE, BULK, "control"]


def test_a_hint_that_was_sent_twice_counts_once(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [Held(BULK, "job=a step=segment:1") for _ in range(2)]
    hold(monkeypatch, *twice)
    assert gate.consume(3) == [LIVE, BULK, "control"]
    other = Held(BULK, "job=b step=segment:1")
    hold(monkeypatch, *twice, other)
    assert gate.consume(3) == [LIVE, "control"]
