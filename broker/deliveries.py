"""Checks what lies on a worker's queue before Celery sees it. Pure: knows neither Redis nor a connection.

Whoever can write to the server can put anything there, and Celery and kombu end a worker for some of it, or take a
message again for ever. So a message is written anew from the few parts that were understood, and all else is refused.
"""

import base64
import re
import time
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kombu.utils.json import dumps, loads

from chorus.checks import MISREAD
from chorus.errors import CallerError
from chorus.keys import check_job_id

SUBMIT: Final = "chorus.submit"
STEPS: Final = {"plan": "chorus.plan", "segment": "chorus.synthesize", "part": "chorus.part", "bind": "chorus.bind"}
"""The task for each kind of step."""
LONGEST_BYTES: Final = 64 << 20
"""Of one message: a text of eight megabytes of any letters fits."""
LONGEST_WORD: Final = 255
LONGEST_REPR: Final = 1024
LATEST_S: Final = 3600.0
"""How far ahead a message may name its time: kombu delivers again what is held for longer."""
MOST_RETRIES: Final = 1000
_STEP: Final = re.compile(r"(?:plan|segment|part):[0-9]{1,9}|bind")

Message = dict[str, Any]


class RefusedMessageError(CallerError):
    """A message on a queue is none that Chorus takes; it names what is wrong with it."""

    code = "message"


def task_message(raw: bytes, queue: str, known: Collection[str]) -> Message:
    """A message for one of the `known` tasks of this worker, or RefusedMessageError. `queue`: where it lay."""
    if len(raw) > LONGEST_BYTES:
        raise RefusedMessageError(f"it has {len(raw)} bytes, and {LONGEST_BYTES} are the most")
    envelope = _envelope(parsed(raw, "it"))
    headers, text = envelope["headers"], envelope["body"]
    content = parsed(text, "its body")
    if "task" not in headers and isinstance(content, dict):
        # Protocol 1 has everything in the body.
        headers = content
        content = [content.get("args", []), content.get("kwargs", {}), {}]
        text = dumps(content)
    task, identity = headers.get("task"), headers.get("id")
    if not isinstance(task, str):
        raise RefusedMessageError("it names no task")
    if task not in known:
        raise RefusedMessageError(f"no task {task!r} is known here")
    if not _is_word(identity):
        raise RefusedMessageError("its task has no id")
    arguments, keywords, embedded = _arguments(content)
    if task != SUBMIT:
        _check_step(task, arguments, keywords, embedded)
    envelope["headers"] = _headers(headers, task, identity)
    envelope["body"] = text
    envelope["properties"]["delivery_info"] = {"exchange": queue.partition(".")[0], "routing_key": queue}
    return envelope


def broadcast(message: Any) -> Message:
    """A message of Celery's remote control or of its events, or RefusedMessageError."""
    envelope = _envelope(message)
    headers = envelope["headers"]
    told = {name: value for name, value in headers.items() if isinstance(value, str | int | float | None)}
    envelope["headers"] = told
    envelope["properties"]["delivery_info"] = _delivery_info(message)
    return envelope


def _envelope(message: Any) -> Message:
    """The message with its body decoded, of the parts that every message has."""
    if not isinstance(message, dict):
        raise RefusedMessageError("it is no object")
    properties, headers = message.get("properties"), message.get("headers") or {}
    if not isinstance(properties, dict):
        raise RefusedMessageError("it has no properties")
    if not isinstance(headers, dict):
        raise RefusedMessageError("its headers are no object")
    if str(message.get("content-type")) != "application/json":
        raise RefusedMessageError(f"its content is {message.get('content-type')!r}, and not application/json")
    if str(message.get("content-encoding")).lower() != "utf-8":
        raise RefusedMessageError(f"its content is in {message.get('content-encoding')!r}, and not in utf-8")
    if headers.get("compression"):
        raise RefusedMessageError("it is compressed")
    words = {name: properties.get(name) for name in ("correlation_id", "reply_to") if _is_word(properties.get(name))}
    return {
        "body": _body(message.get("body"), properties.get("body_encoding")),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": headers,
        # The tag is the worker's own business: two messages with one tag would be taken for one.
        "properties": {**words, "priority": 0, "delivery_tag": str(uuid.uuid4())},
    }


def _body(body: Any, encoding: Any) -> str:
    if not isinstance(body, str) or not body:
        raise RefusedMessageError("it has no body")
    if encoding in (None, "", "utf-8"):
        return body
    if encoding != "base64":
        raise RefusedMessageError(f"its body is in {encoding!r}, and not in base64")
    try:
        return base64.b64decode(body, validate=True).decode()
    except ValueError as error:
        raise RefusedMessageError("its body is no base64 of text") from error


def parsed(text: bytes | str, what: str) -> Any:
    """What JSON says, in Celery's dialect."""
    try:
        return loads(text)
    except MISREAD as error:
        raise RefusedMessageError(f"{what} is no JSON ({type(error).__name__})") from error


def _arguments(content: Any) -> tuple[list[Any], Mapping[str, Any], Mapping[str, Any]]:
    match content:
        case [list() as arguments, dict() as keywords, dict() | None as embedded]:
            embedded = embedded or {}
            lists = (embedded.get(name) for name in ("callbacks", "errbacks", "chain"))
            if all(one is None or isinstance(one, list) for one in lists) and not embedded.get("chord"):
                return arguments, keywords, embedded
            raise RefusedMessageError("what is to follow its task cannot be read")
    raise RefusedMessageError("its arguments are no list and no keywords")


def _check_step(task: str, arguments: list[Any], keywords: Mapping[str, Any], embedded: Mapping[str, Any]) -> None:
    """A hint is a job and a step of this task's kind, and nothing else."""
    match arguments:
        case [str() as job, str() as step] if not keywords and not any(embedded.values()):
            if not _STEP.fullmatch(step) or STEPS[step.partition(":")[0]] != task:
                raise RefusedMessageError(f"its step is no step of {task}")
            try:
                check_job_id(job)
            except CallerError as error:
                raise RefusedMessageError("its job is no id of a job") from error
            return
    raise RefusedMessageError(f"{task} takes a job and a step, and nothing else")


def _headers(headers: Mapping[str, Any], task: str, identity: str) -> Message:
    return {
        "lang": "py",
        "task": task,
        "id": identity,
        "root_id": _word_or_none(headers.get("root_id")),
        "parent_id": _word_or_none(headers.get("parent_id")),
        "group": None,
        "retries": _count(headers.get("retries")),
        "eta": _moment(headers.get("eta"), "eta", latest_s=time.time() + LATEST_S),
        "expires": _moment(headers.get("expires"), "expires", latest_s=None),
        "timelimit": [None, None],
        "argsrepr": _clipped(headers.get("argsrepr")),
        "kwargsrepr": _clipped(headers.get("kwargsrepr")),
        "origin": _clipped(headers.get("origin")),
    }


def _delivery_info(message: Mapping[str, Any]) -> Message:
    info = message["properties"].get("delivery_info")
    told = info if isinstance(info, dict) else {}
    return {name: str(told.get(name, ""))[:LONGEST_WORD] for name in ("exchange", "routing_key")}


def _moment(value: Any, name: str, *, latest_s: float | None) -> str | None:
    """A time as Celery writes it; one without a zone is UTC."""
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        at_s = moment.timestamp()
    except (*MISREAD, OSError) as error:
        raise RefusedMessageError(f"its {name} is no time") from error
    if latest_s is not None and at_s > latest_s:
        raise RefusedMessageError(f"its {name} is more than an hour away")
    return moment.isoformat()


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= MOST_RETRIES else 0


def _clipped(value: Any) -> str:
    return value[:LONGEST_REPR] if isinstance(value, str) else ""


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_WORD and value.isprintable()


def _word_or_none(value: Any) -> str | None:
    return value if _is_word(value) else None
