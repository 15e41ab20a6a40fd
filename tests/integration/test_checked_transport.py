"""The door before Celery, with a real server: rubbish on a queue is refused, and what lies behind it arrives."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from kombu import Connection, Consumer, Exchange, Queue
from rubbish import DESK, KNOWN, RUBBISH, message, raw

from broker import checked_transport
from broker.app import queue
from broker.checked_transport import CheckedTransport, Door

HOUR_S = 3600


class CheckedConnection(Connection):  # type: ignore[misc] # kombu has no types here
    def get_transport_cls(self) -> type[CheckedTransport]:
        return CheckedTransport


@pytest.fixture(autouse=True)
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    door = Door()
    door.opens_for(lambda: KNOWN)
    monkeypatch.setattr(checked_transport, "door", door)
    return door


@pytest.fixture
def connection(redis_url: str) -> Iterator[Connection]:
    options = {"priority_steps": [0], "socket_timeout": 5}
    with CheckedConnection(redis_url, transport_options=options) as connection:
        yield connection


def received(connection: Connection, until: int, taken: Any = None) -> list[Any]:
    """The payloads of so many messages, in the order in which they came."""
    found: list[Any] = []

    def take(sent: Any) -> None:
        found.append(sent.payload)
        if taken:
            taken(sent)
        sent.ack()

    with connection.channel() as channel, Consumer(channel, [queue(DESK)], on_message=take, accept=["json"]):
        deadline_s = time.monotonic() + 30
        while len(found) < until and time.monotonic() < deadline_s:
            with suppress(socket.timeout):
                connection.drain_events(timeout=0.2)
    return found


def put(server: redis.Redis, *messages: bytes) -> None:
    server.lpush(DESK, *messages)
    server.expire(DESK, 60)


def step_of(payload: Any) -> str:
    return str(payload[0][1])


@pytest.mark.keyless
def test_all_rubbish_there_is_keeps_no_message_from_arriving(
    connection: Connection, server: redis.Redis, door: Door
) -> None:
    heard: list[tuple[str, bytes, str]] = []
    door.hears.append(lambda *told: heard.append(told))
    steps = [f"plan:{number}" for number in range(len(RUBBISH))]
    for step, (rubbish, _) in zip(steps, RUBBISH.values(), strict=True):
        put(server, rubbish, raw(message(arguments=["a1", step])))
    assert [step_of(payload) for payload in received(connection, len(steps))] == steps
    assert door.refused == len(RUBBISH)
    assert [queue for queue, *_ in heard] == [DESK] * len(RUBBISH)
    for (_, found, said), (rubbish, reason) in zip(heard, RUBBISH.values(), strict=True):
        assert found == rubbish
        assert said.startswith(reason)
    assert not server.exists(DESK, "unacked", "unacked_index")


@pytest.mark.keyless
def test_a_flood_of_rubbish_is_no_flood_of_log_lines(
    connection: Connection, server: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    put(server, *([b"rubbish"] * 250), raw(message()))
    assert len(received(connection, 1)) == 1
    said = [record for record in caplog.records if record.name == checked_transport.__name__]
    assert len(said) == checked_transport.SAID + 2
    assert said[0].getMessage() == "A message on chorus.desk is refused, the 1th: it is no JSON (JSONDecodeError)."
    assert said[0].levelno == logging.WARNING


@pytest.mark.keyless
def test_what_celery_cannot_take_is_not_delivered_again(
    connection: Connection, server: redis.Redis, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(sent: Any) -> None:
        if step_of(sent.payload) == "plan:0":
            raise KeyError("task")

    put(server, raw(message()), raw(message(arguments=["a1", "plan:1"])))
    found = received(connection, 2, stumble)
    assert [step_of(payload) for payload in found] == ["plan:0", "plan:1"]
    assert door.refused == 1
    assert "A message on chorus.desk could not be taken." in caplog.text
    assert not server.exists(DESK, "unacked", "unacked_index")


@pytest.mark.keyless
@pytest.mark.parametrize("held", [b"rubbish", b"[1]", b"{}", b"7", b"[[], 1, 2]", b"\xff"], ids=repr)
def test_what_a_dead_worker_seems_to_hold_is_restored_or_dropped(
    connection: Connection, server: redis.Redis, held: bytes
) -> None:
    right = json.dumps([message(), "chorus", DESK])
    server.hset("unacked", mapping={"bad": held, "good": right})
    server.zadd("unacked_index", {"bad": time.time() - 2 * HOUR_S, "good": time.time() - 2 * HOUR_S})
    with connection.channel() as channel, Consumer(channel, [queue(DESK)]):
        channel.qos.restore_visible(num=None)
    assert len(received(connection, 1)) == 1
    assert not server.exists("unacked", "unacked_index")


@pytest.mark.keyless
@pytest.mark.parametrize(
    "key", [DESK, "unacked", "unacked_index", "_kombu.binding.chorus", "_kombu.binding_permanent.chorus"]
)
def test_a_key_of_another_type_is_removed_before_a_worker_begins(
    connection: Connection, server: redis.Redis, door: Door, key: str
) -> None:
    server.set(key, "rubbish")
    with connection.channel() as channel, Consumer(channel, [queue(DESK)]):
        put(server, raw(message()))
    assert len(received(connection, 1)) == 1
    assert door.refused == 1


@pytest.mark.keyless
def test_a_binding_that_is_none_does_not_stop_a_sender(connection: Connection, server: redis.Redis) -> None:
    server.sadd("_kombu.binding.chorus", "rubbish", b"\x06\x16", "a\x06\x16b\x06\x16c\x06\x16d")
    with connection.Producer() as producer:
        producer.publish([["a1", "plan:0"], {}, {}], exchange="chorus", routing_key=DESK, declare=[queue(DESK)])
    assert server.llen(DESK) == 1


@pytest.mark.keyless
@pytest.mark.parametrize(
    "rubbish",
    [b"rubbish", b"[" * 100_000, b"[]", b"{}", b'{"properties": {}}', b"\xff", raw(message() | {"body": "%%%"})],
    ids=lambda value: repr(value)[:20],
)
def test_rubbish_among_broadcasts_stops_nobody(
    connection: Connection, server: redis.Redis, door: Door, caplog: pytest.LogCaptureFixture, rubbish: bytes
) -> None:
    heard: list[Any] = []
    everybody = Queue("ear", Exchange("told", type="fanout"), auto_delete=True)
    with connection.channel() as channel, Consumer(channel, [everybody], on_message=heard.append, no_ack=True):
        with suppress(socket.timeout):
            connection.drain_events(timeout=0.1)
        server.publish("/0.told", rubbish)
        server.publish("/0.told", raw(message()))
        deadline_s = time.monotonic() + 30
        while not heard and time.monotonic() < deadline_s:
            with suppress(socket.timeout):
                connection.drain_events(timeout=0.2)
    assert [one.headers["task"] for one in heard] == ["chorus.plan"]
    assert door.refused == 1
    assert "Traceback" not in caplog.text
