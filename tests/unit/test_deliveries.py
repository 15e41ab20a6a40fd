"""What a worker takes from its queues: a hint or a submit, and nothing that Celery or kombu would stumble over."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rubbish import DESK, KNOWN, RUBBISH, Message, encoded, message, raw

from broker.deliveries import LONGEST_BYTES, RefusedMessageError, broadcast, task_message

SOON = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()


@pytest.mark.parametrize("what", RUBBISH)
def test_what_is_no_message_of_ours_is_refused_with_a_reason(what: str) -> None:
    found, reason = RUBBISH[what]
    with pytest.raises(RefusedMessageError) as refused:
        task_message(found, DESK, KNOWN)
    assert str(refused.value).startswith(reason)
    assert str(refused.value).isprintable()


def test_a_message_that_is_too_long_is_not_even_parsed() -> None:
    with pytest.raises(
        RefusedMessageError, match=f"it has {LONGEST_BYTES + 1} bytes, and {LONGEST_BYTES} are the most"
    ):
        task_message(b"0" * (LONGEST_BYTES + 1), DESK, KNOWN)


def taken(found: Message) -> Message:
    return task_message(raw(found), DESK, KNOWN)


@pytest.mark.parametrize(
    ("task", "arguments", "keywords"),
    [
        ("chorus.plan", ["a1", "plan:12"], {}),
        ("chorus.part", ["a1", "part:0"], {}),
        ("chorus.bind", ["a1", "bind"], {}),
        ("chorus.submit", ["Hello.", 7], {"job": ["a1"], "voice": None, "__value__": 1}),
        ("chorus.submit", [], {}),
    ],
)
def test_a_right_message_arrives_as_it_was_sent(task: str, arguments: list[Any], keywords: dict[str, Any]) -> None:
    found = taken(message(task, arguments, keywords, eta=SOON, expires="2020-01-01T00:00:00", retries=2))
    assert json.loads(found["body"])[:2] == [arguments, keywords]
    headers = found["headers"]
    assert (headers["task"], headers["id"], headers["root_id"]) == (task, "0b1c", "0b1c")
    assert (headers["argsrepr"], headers["kwargsrepr"], headers["retries"]) == ("Book plan 0", "job=a1", 2)
    assert (headers["eta"], headers["expires"]) == (SOON, "2020-01-01T00:00:00+00:00")
    assert found["properties"]["reply_to"] == "9f"
    assert found["properties"]["delivery_info"] == {"exchange": "chorus", "routing_key": DESK}


def test_a_message_of_protocol_1_arrives_too() -> None:
    told = {"task": "chorus.plan", "id": "0b1c", "args": ["a1", "plan:0"], "kwargs": {}, "retries": 0, "utc": True}
    found = taken(message() | {"headers": {}, "body": encoded(json.dumps(told))})
    assert (found["headers"]["task"], found["headers"]["id"]) == ("chorus.plan", "0b1c")
    assert json.loads(found["body"]) == [["a1", "plan:0"], {}, {}]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shadow", ["unhashable"]), ("timelimit", "soon"), ("timelimit", [1]), ("retries", "many"), ("retries", -1),
        ("retries", 10**30), ("argsrepr", {"a": 1}), ("argsrepr", "a" * 1_000_000), ("kwargsrepr", 7), ("group", [1]),
        ("root_id", {}), ("parent_id", "a\nb"), ("stamped_headers", 7), ("stamps", "x"), ("ignore_result", "no"),
        ("replaced_task_nesting", "deep"), ("origin", 1.5), ("redelivered", []), ("chord", 1), ("x" * 100_000, "y"),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_what_surrounds_a_right_message_reaches_nobody(name: str, value: Any) -> None:
    headers = taken(message(**{name: value}))["headers"]
    plain = taken(message())["headers"]
    assert headers.keys() == plain.keys()
    for told in headers.values():
        assert told is None or told == [None, None] or (type(told) is int and told == 0) or len(told) <= 1024


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delivery_tag", None), ("delivery_tag", [1]), ("delivery_info", None), ("delivery_info", "chorus"),
        ("delivery_info", {"exchange": [1], "routing_key": "chorus.live.x"}), ("priority", "high"), ("reply_to", {}),
        ("correlation_id", 7),
    ],
)  # fmt: skip
def test_where_a_message_came_from_is_what_the_queue_says(name: str, value: Any) -> None:
    sent = message()
    sent["properties"][name] = value
    properties = taken(sent)["properties"]
    assert properties["delivery_info"] == {"exchange": "chorus", "routing_key": DESK}
    assert (properties["priority"], len(properties["delivery_tag"])) == (0, 36)
    assert all(isinstance(properties.get(name, ""), str) for name in ("reply_to", "correlation_id"))


def test_two_messages_never_share_a_tag() -> None:
    assert taken(message())["properties"]["delivery_tag"] != taken(message())["properties"]["delivery_tag"]


@pytest.mark.parametrize("sent", [None, 7, [], {}, {"properties": 1}, message() | {"body": "%%%"}], ids=str)
def test_a_broadcast_that_is_none_is_refused(sent: Any) -> None:
    with pytest.raises(RefusedMessageError):
        broadcast(sent)


def test_a_broadcast_keeps_its_plain_headers_and_where_it_came_from() -> None:
    found = broadcast(message(hostname="voice@here", clock=7, expires=None))
    assert (found["headers"]["hostname"], found["headers"]["clock"]) == ("voice@here", 7)
    assert "timelimit" not in found["headers"]
    assert found["properties"]["delivery_info"] == {"exchange": "chorus", "routing_key": DESK}
