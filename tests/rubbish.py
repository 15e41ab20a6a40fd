"""Messages that nobody should send to a worker's queue, by what is wrong with them, and the one that is right."""

import base64
import json
import pickle
import zlib
from collections.abc import Callable
from typing import Any, Final

DESK: Final = "chorus.desk"
KNOWN: Final = ("chorus.plan", "chorus.part", "chorus.bind", "chorus.submit")

Message = dict[str, Any]


def message(
    task: str = "chorus.plan", arguments: Any = ("a1", "plan:0"), keywords: Any = None, **headers: Any
) -> Message:
    """A message as Celery sends it."""
    body = [arguments, keywords or {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    return {
        "body": encoded(json.dumps(body)),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py", "task": task, "id": "0b1c", "shadow": None, "eta": None, "expires": None, "group": None,
            "group_index": None, "retries": 0, "timelimit": [None, None], "root_id": "0b1c", "parent_id": None,
            "argsrepr": "Book plan 0", "kwargsrepr": "job=a1", "origin": "gen1@here", "ignore_result": False,
            "replaced_task_nesting": 0, "stamped_headers": None, "stamps": {}, **headers,
        },
        "properties": {
            "correlation_id": "0b1c", "reply_to": "9f", "delivery_mode": 2,
            "delivery_info": {"exchange": "chorus", "routing_key": DESK}, "priority": 0, "body_encoding": "base64",
            "delivery_tag": "6d7f",
        },
    }  # fmt: skip


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def raw(found: Message) -> bytes:
    """As it lies on a queue."""
    return json.dumps(found).encode()


def changed(**changes: Any) -> bytes:
    """The right message with these top fields changed; None removes one."""
    fields = message() | {name.replace("_", "-"): value for name, value in changes.items()}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def _edited(edit: Callable[[Message], Any]) -> bytes:
    found = message()
    edit(found)
    return raw(found)


def _content(content: Any) -> bytes:
    return changed(body=encoded(json.dumps(content)))


def _sent(*arguments: Any, **headers: Any) -> bytes:
    return json.dumps(message(*arguments, **headers)).encode()


RUBBISH: Final[dict[str, tuple[bytes, str]]] = {
    "nothing": (b"", "it is no JSON"),
    "no JSON": (b"rubbish", "it is no JSON"),
    "no text": (b"\xff\xfe\x00", "it is no JSON"),
    "half a message": (json.dumps(message()).encode()[:100], "it is no JSON"),
    "a pickle": (pickle.dumps({"task": "chorus.plan"}), "it is no JSON"),
    "a thousand lists": (b"[" * 100_000, "it is no JSON"),
    "a figure of many digits": (b"1" * 100_000, "it is no JSON"),
    "a date that is none": (b'{"__type__": "datetime", "__value__": 7}', "it is no JSON"),
    "an amount that is none": (b'{"__type__": "decimal", "__value__": "x"}', "it is no JSON"),
    "a list": (b"[]", "it is no object"),
    "a word": (b'"chorus.plan"', "it is no object"),
    "a figure": (b"7", "it is no object"),
    "null": (b"null", "it is no object"),
    "an empty object": (b"{}", "it has no properties"),
    "no properties": (changed(properties=None), "it has no properties"),
    "properties in a list": (changed(properties=[1]), "it has no properties"),
    "no headers": (changed(headers=None), "it names no task"),
    "headers in a word": (changed(headers="task"), "its headers are no object"),
    "headers without a task": (changed(headers={"id": "0b1c"}), "it names no task"),
    "a task that is a list": (_sent(["chorus.plan"]), "it names no task"),
    "a task that is a figure": (_sent(7), "it names no task"),
    "an unknown task": (_sent("os.system"), "no task 'os.system' is known here"),
    "a task of Celery's own": (_sent("celery.map"), "no task 'celery.map' is known here"),
    "a task of another worker": (_sent("chorus.synthesize", ["a1", "segment:0"]), "no task 'chorus.synthesize'"),
    "a task with terminal escapes": (_sent("\x1b[2J"), "no task '\\x1b[2J' is known here"),
    "no id": (_sent(id=None), "its task has no id"),
    "an id that is a list": (_sent(id=["0b1c"]), "its task has no id"),
    "an id of ten thousand letters": (_sent(id="a" * 10_000), "its task has no id"),
    "an id on two lines": (_sent(id="a\nb"), "its task has no id"),
    "no body": (changed(body=None), "it has no body"),
    "an empty body": (changed(body=""), "it has no body"),
    "a body that is a list": (changed(body=[["a1", "plan:0"], {}, {}]), "it has no body"),
    "a body that is no base64": (changed(body="%%%"), "its body is no base64 of text"),
    "a body with half a base64": (changed(body="abc"), "its body is no base64 of text"),
    "a body that is no text": (changed(body=encoded(b"\xff\xfe")), "its body is no base64 of text"),
    "a body that is no JSON": (changed(body=encoded("rubbish")), "its body is no JSON"),
    "a body of a thousand lists": (changed(body=encoded("[" * 100_000)), "its body is no JSON"),
    "a body of ten megabytes": (_content([["a" * 10_000_000], {}, {}]), "chorus.plan takes a job and a step"),
    "a body that is a figure": (_content(7), "its arguments are no list and no keywords"),
    "a body that is null": (_content(None), "its arguments are no list and no keywords"),
    "a body that is an object": (_content({"args": []}), "its arguments are no list and no keywords"),
    "two arguments and no more": (_content([["a1", "plan:0"], {}]), "its arguments are no list and no keywords"),
    "arguments in an object": (_content([{"job": "a1"}, {}, {}]), "its arguments are no list and no keywords"),
    "keywords in a list": (_content([["a1", "plan:0"], [], {}]), "its arguments are no list and no keywords"),
    "no arguments": (_content([[], {}, {}]), "chorus.plan takes a job and a step, and nothing else"),
    "one argument": (_content([["a1"], {}, {}]), "chorus.plan takes a job and a step, and nothing else"),
    "three arguments": (_content([["a1", "plan:0", 1], {}, {}]), "chorus.plan takes a job and a step, and nothing"),
    "keywords": (_content([["a1", "plan:0"], {"x": 1}, {}]), "chorus.plan takes a job and a step, and nothing else"),
    "figures for words": (_content([[1, 2], {}, {}]), "chorus.plan takes a job and a step, and nothing else"),
    "a step of another task": (_content([["a1", "bind"], {}, {}]), "its step is no step of chorus.plan"),
    "a step without a number": (_content([["a1", "plan:"], {}, {}]), "its step is no step of chorus.plan"),
    "a step of less than nothing": (_content([["a1", "plan:-1"], {}, {}]), "its step is no step of chorus.plan"),
    "a step of many digits": (_content([["a1", "plan:" + "9" * 5000], {}, {}]), "its step is no step of chorus.plan"),
    "a step in other digits": (_content([["a1", "plan:\u0663"], {}, {}]), "its step is no step of chorus.plan"),
    "an unknown step": (_content([["a1", "sing:0"], {}, {}]), "its step is no step of chorus.plan"),
    "a job that climbs": (_content([["../../x", "plan:0"], {}, {}]), "its job is no id of a job"),
    "a job of ten thousand letters": (_content([["a" * 10_000, "plan:0"], {}, {}]), "its job is no id of a job"),
    "a job of half a letter": (_content([["\ud800", "plan:0"], {}, {}]), "its job is no id of a job"),
    "a task that follows": (_content([["a1", "plan:0"], {}, {"chain": [{"task": "os.system"}]}]), "chorus.plan takes"),
    "what follows in a word": (_content([["a1", "plan:0"], {}, {"callbacks": "x"}]), "what is to follow its task"),
    "a chord": (_content([["a1", "plan:0"], {}, {"chord": {"task": "x"}}]), "what is to follow its task"),
    "pickled content": (changed(content_type="application/x-python-serialize"), "its content is 'application/x-py"),
    "YAML": (changed(content_type="application/x-yaml"), "its content is 'application/x-yaml', and not"),
    "msgpack": (changed(content_type="application/x-msgpack"), "its content is 'application/x-msgpack', and not"),
    "no type": (changed(content_type=None), "its content is None, and not application/json"),
    "a type in a list": (changed(content_type=["application/json"]), "its content is ['application/json'], and not"),
    "no encoding": (changed(content_encoding=None), "its content is in None, and not in utf-8"),
    "an unknown encoding": (changed(content_encoding="klingon"), "its content is in 'klingon', and not in utf-8"),
    "binary": (changed(content_encoding="binary"), "its content is in 'binary', and not in utf-8"),
    "an unknown way of writing a body": (
        _edited(lambda one: one["properties"].update(body_encoding="rot13")), "its body is in 'rot13', and not"
    ),
    "a way of writing a body in a list": (
        _edited(lambda one: one["properties"].update(body_encoding=[])), "its body is in [], and not in base64"
    ),
    "compressed": (
        changed(headers=message(compression="application/x-gzip")["headers"], body=encoded(zlib.compress(b"0" * 100))),
        "it is compressed",
    ),
    "compressed in an unknown way": (_sent(compression="klingon"), "it is compressed"),
    "a time in the year 9999": (_sent(eta="9999-12-31T23:59:59"), "its eta is more than an hour away"),
    "the last of all times": (_sent(eta="9999-12-31T23:59:59.999999-23:59"), "its eta is no time"),
    "a time that is none": (_sent(eta="tomorrow"), "its eta is no time"),
    "a time that is a figure": (_sent(eta=7), "its eta is no time"),
    "a time in a list": (_sent(eta=["2020-01-01"]), "its eta is no time"),
    "an end that is no time": (_sent(expires={"at": 1}), "its expires is no time"),
}  # fmt: skip
"""By what is wrong: the message as it lies on the queue of a desk, and the beginning of what is said of it."""
