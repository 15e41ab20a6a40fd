"""What lay in one of Chorus's lists and could not be read: taken out of the list, so that nothing behind it waits.

The latest thousand are kept with their reasons; `chorus status` shows them, `chorus reset --set-aside` removes them.
The keys of a job that is set aside stay where they are. Knows nothing of how anything is read.
"""

import json
from dataclasses import dataclass
from typing import Final, cast

import redis

from chorus.checks import shown
from chorus.keys import GLOBAL_KINDS, GLOBAL_S, SET_ASIDE, SET_ASIDE_TOTAL

MOST: Final = 1000
SHOWN: Final = 5
"""How many of them a look brings."""
_LONGEST_REASON: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAsideEntry:
    """One entry, with a name and a reason that any terminal can show."""

    index: str
    """The key of the list that it lay in, `chorus:active`; a queue of Celery's; or a key that was of another type."""
    name: str
    """The entry, clipped: a job's or a worker's id, if it was one."""
    reason: str
    """Why it cannot be read."""
    at_ms: int = 0
    """When it was found, by the server's clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAside:
    """All that is set aside."""

    total: int = 0
    """How many were ever set aside."""
    held: int = 0
    """How many of them are still listed."""
    latest: tuple[SetAsideEntry, ...] = ()
    """The latest few, the newest first."""


def put_aside(connection: "redis.Redis", index: str, entry: bytes, reason: str) -> None:
    """Note an entry that cannot be read, and take it out of its list. What is noted already is not counted again."""
    seconds, micros = connection.time()
    noted = {"index": index, "name": shown(entry), "reason": shown(reason, _LONGEST_REASON)}
    with connection.pipeline(transaction=False) as pipe:
        pipe.zadd(SET_ASIDE, {json.dumps(noted): seconds * 1000 + micros // 1000})
        pipe.zremrangebyrank(SET_ASIDE, 0, -MOST - 1)
        pipe.expire(SET_ASIDE, GLOBAL_S)
        added, *_ = pipe.execute(raise_on_error=False)
    if isinstance(added, Exception):
        return  # until a worker has moved a key of a wrong type away, the entry stays in its list
    with connection.pipeline(transaction=False) as pipe:
        if GLOBAL_KINDS.get(index) == "zset":
            pipe.zrem(index, entry)
        if added:
            pipe.incr(SET_ASIDE_TOTAL)
            pipe.expire(SET_ASIDE_TOTAL, GLOBAL_S)
        pipe.execute(raise_on_error=False)


def read(connection: "redis.Redis", most: int = SHOWN) -> SetAside:
    """What is set aside now, with the latest `most` entries."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.get(SET_ASIDE_TOTAL)
        pipe.zcard(SET_ASIDE)
        pipe.zrevrange(SET_ASIDE, 0, most - 1, withscores=True)
        total, held, found = pipe.execute(raise_on_error=False)
    held = held if isinstance(held, int) else 0
    counted = int(total) if isinstance(total, bytes) and total.isdigit() and len(total) < len(str(2**53)) else 0
    latest = () if isinstance(found, Exception) else (_entry(text, at_ms) for text, at_ms in found)
    return SetAside(total=max(counted, held), held=held, latest=tuple(latest))


def _entry(text: bytes, at_ms: float) -> SetAsideEntry:
    """An entry as it was noted; one that somebody else wrote is shown as it is."""
    try:
        noted = cast("dict[str, str]", json.loads(text))
        told = {name: shown(noted[name], _LONGEST_REASON) for name in ("index", "name", "reason")}
        return SetAsideEntry(**told, at_ms=int(at_ms))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return SetAsideEntry(index=SET_ASIDE, name=shown(text), reason="it is no note of Chorus's")
