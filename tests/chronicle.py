"""What the ledger did, in the one order in which the server did it: read from the server's own notifications.

A test counts here what it would otherwise have to time.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Self

import redis

from chorus.keys import JobKeys

What = Literal["planned", "begun", "over"]
_CHANNEL: Final = re.compile(r"__keyspace@\d+__:chorus:\{(?P<job>.*)\}:(?P<key>\w+)")
_JOB: Final = JobKeys("any")
_SEGMENT_LEASES: Final = _JOB.segment_leases.rpartition(":")[2]
_WATCHED: Final = tuple(
    key.rpartition(":")[2] for key in (_JOB.specs, _JOB.owners, _JOB.segment_leases, _JOB.desk_leases, _JOB.entries)
)
_LOOK_S: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened to one segment of a job."""

    job: str
    what: What
    """`planned`: the job's first segments were handed over; `begun`: one was claimed; `over`: one was spoken, or given
    up."""


class Chronicle:
    """Everything from `with` on; `read` it as often as you like."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)
        self._events: list[Event] = []
        self._owned: dict[str, bool] = {}
        self._planned: set[str] = set()

    def __enter__(self) -> Self:
        self._before = self._redis.config_get("notify-keyspace-events")
        self._redis.config_set("notify-keyspace-events", "Khz")
        self._heard = self._redis.pubsub()
        self._heard.psubscribe("chronicle:*", *(f"__keyspace@*__:chorus:{{*}}:{key}" for key in _WATCHED))
        self.read()  # whatever happens from here on is heard
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._heard.close()
        self._redis.config_set("notify-keyspace-events", self._before["notify-keyspace-events"])
        self._redis.close()

    def read(self) -> list[Event]:
        """All that happened up to now."""
        now = f"chronicle:{secrets.token_hex(8)}"
        self._redis.publish(now, "")
        while True:
            message = self._heard.get_message(timeout=_LOOK_S)
            assert message is not None, "the server is silent"
            channel = message["channel"].decode()
            if channel == now:
                return list(self._events)
            if found := _CHANNEL.fullmatch(channel):
                self._note(found["job"], found["key"], message["data"].decode())

    def _note(self, job: str, key: str, command: str) -> None:
        """A claim writes the owner and then the lease, in one script: nothing of its job comes between."""
        owned, self._owned[job] = self._owned.get(job, False), (key, command) == ("owners", "hset")
        if owned and (key, command) == (_SEGMENT_LEASES, "zadd"):
            self._events.append(Event(job=job, what="begun"))
        elif (key, command) == ("entries", "hset"):
            self._events.append(Event(job=job, what="over"))
        elif (key, command) == ("specs", "hset") and job not in self._planned:
            self._planned.add(job)
            self._events.append(Event(job=job, what="planned"))


def first(events: list[Event], job: str, what: What) -> int:
    """Where in the chronicle this happened for the first time."""
    return events.index(Event(job=job, what=what))


def tally(events: Iterable[Event], what: What) -> dict[str, int]:
    """How often this happened, by job."""
    found: dict[str, int] = {}
    for event in events:
        if event.what == what:
            found[event.job] = found.get(event.job, 0) + 1
    return found


def most_under_way(events: Iterable[Event]) -> int:
    """The most segments that were being spoken at one time."""
    now = most = 0
    for event in events:
        now += {"begun": 1, "over": -1, "planned": 0}[event.what]
        most = max(most, now)
    return most
