"""Entries that no release of Chorus writes, one for each way in which a key can be wrong, and how to plant them.

An integration test plants them one by one, the chaos suite all at once beside books that are being spoken.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import redis

from broker.ledger import Ledger, Pins
from broker.settings import FarmSettings
from broker.specs import ChapterPlan, DocumentFacts, SegmentSpec
from chorus import Client, keys
from chorus.keys import JobKeys

LIFE_S = 3600
SOUND = "0123456789ab"
FIRST_MS = 1
"""Before every other job in the lists: what stops at the first entry never comes to the second."""

Plant = Callable[["redis.Redis", Client, str], None]
"""Plants an entry; the last argument is the id of the job that it may spoil."""


@dataclass(frozen=True, kw_only=True)
class Hostile:
    name: str
    plant: Plant
    spoils: bool = False
    """Whether it concerns one job, which has the id that was given."""
    works: bool = False
    """Whether that job can be spoken all the same."""
    newer: bool = False
    """Whether a newer release might have written it: it is left alone."""


def listed(server: "redis.Redis", entry: bytes | str, *indexes: str) -> None:
    """Name it in lists of jobs, at their heads."""
    for index in indexes or (keys.ACTIVE, keys.JOBS, keys.INBOX):
        if index == keys.INBOX:
            server.lpush(index, entry)
        else:
            server.zadd(index, {entry: FIRST_MS})
        server.expire(index, LIFE_S)


WRONG_TYPES: dict[str, Callable[["redis.Redis", str], object]] = {
    "string": lambda server, key: server.set(key, "x", ex=LIFE_S),
    "list": lambda server, key: server.rpush(key, "x"),
    "set": lambda server, key: server.sadd(key, "x"),
    "zset": lambda server, key: server.zadd(key, {"x": 1}),
    "hash": lambda server, key: server.hset(key, "x", "y"),
    "stream": lambda server, key: server.xadd(key, {"x": "y"}),
}


def of_type(server: "redis.Redis", key: str, kind: str) -> None:
    """Put a key of this Redis type in the place of whatever is there."""
    server.delete(key)
    WRONG_TYPES[kind](server, key)
    server.expire(key, LIFE_S)


BAD_IDS: dict[str, bytes] = {
    "no UTF-8": b"\xff\xfe\x80",
    "10 KB": b"x" * 10_240,
    "a path": b"../../x",
    "dots": b"..",
    "control characters": b"\x1b]0;x\x07\x1b[2J\x00",
    "empty": b"",
    "a newline": b"a\nb",
    "a blank": b"a b",
    "braces": b"a}:record{b",
    "another script": "größe".encode(),
}


def _bad_id(entry: bytes, index: str) -> Plant:
    return lambda server, _client, _job: listed(server, entry, index)


def _record(**fields: bytes | str | int | None) -> Plant:
    """A submitted job with these fields of its record changed; None removes one."""

    def plant(server: "redis.Redis", client: Client, job: str) -> None:
        client.submit("Once.", job=job, format="wav")
        record = JobKeys(job).record
        for name, value in fields.items():
            if value is None:
                server.hdel(record, name)
            else:
                server.hset(record, name, value)
        listed(server, job)

    return plant


def _record_of_type(kind: str) -> Plant:
    def plant(server: "redis.Redis", _client: Client, job: str) -> None:
        of_type(server, JobKeys(job).record, kind)
        listed(server, job)

    return plant


def running(server: "redis.Redis", client: Client, job: str, *, slots: int = 1) -> None:
    """A job with four planned segments in two parts, of which some are sent."""
    ledger = Ledger(server, FarmSettings())
    ledger.note_farm({SOUND: slots}, {})
    client.submit("Once.", job=job, format="wav")
    ledger.advance(job, Pins(sound=SOUND, store="here"))
    claim = ledger.claim(job, "plan:0", "t")
    spec = SegmentSpec(
        chapter=0, start=0, end=5, text="Once.", phonemes="a", pause_ms=0, characters=5, frames=40 * 24_000
    )
    about = DocumentFacts(title="Spoilt", chapters=1, characters=20)
    ledger.extend(claim, [spec] * 4, first_index=0, document=about)
    ledger.commit_plan(claim, ChapterPlan(title="One", characters=20, segments=4))


def _running(spoil: Callable[["redis.Redis", JobKeys], object]) -> Plant:
    def plant(server: "redis.Redis", client: Client, job: str) -> None:
        running(server, client, job)
        spoil(server, JobKeys(job))
        for key in JobKeys(job).all:
            server.expire(key, LIFE_S)
        listed(server, job)

    return plant


def _worker(text: bytes | str | None = None, **fields: object) -> Plant:
    """A registered worker whose registration is this text, or a good one with these fields changed."""

    def plant(server: "redis.Redis", _client: Client, _job: str) -> None:
        good = {"id": "bad@here#1", "host": "here", "pid": 1, "role": "voice", "sound": SOUND, "slots": {"bulk": 1}}
        server.set(keys.worker("bad@here#1"), json.dumps(good | fields) if text is None else text, ex=LIFE_S)
        server.zadd(keys.WORKERS, {"bad@here#1": FIRST_MS})
        server.expire(keys.WORKERS, LIFE_S)

    return plant


def _worker_name(name: bytes) -> Plant:
    def plant(server: "redis.Redis", _client: Client, _job: str) -> None:
        server.set(keys.worker("").encode() + name, "{}", ex=LIFE_S)
        server.zadd(keys.WORKERS, {name: FIRST_MS})
        server.expire(keys.WORKERS, LIFE_S)

    return plant


def _global(key: str, kind: str) -> Plant:
    return lambda server, _client, _job: of_type(server, key, kind)


RECORDS: dict[str, Plant] = {
    "without a state": _record(state=None),
    "in an unknown state": _record(state="zombie"),
    "in a state that is no UTF-8": _record(state=b"\xff"),
    "without a request": _record(request=None),
    "with a request cut short": _record(request='{"name": "a.txt", "vo'),
    "with a request that is a list": _record(request="[]"),
    "with a request that is a figure": _record(request="5"),
    "with an empty request": _record(request=""),
    "with a request nested a hundred thousand times": _record(request="[" * 100_000),
    "with a request that is no UTF-8": _record(request=b"\xff\xfe{"),
    "with an epoch of words": _record(epoch="first"),
    "with an endless time": _record(created_ms="9" * 5000),
    "with a time beyond all figures": _record(created_ms="1e400"),
    "with frames that are no number": _record(frames="NaN"),
    "with a version of words": _record(version="latest"),
    "with more segments than can be": _record(segments_planned="9" * 30),
    "with a share of words": _record(**{"spoken_by:x": "many"}),
}
"""Jobs that nobody can read."""

ODD_RECORDS: dict[str, Plant] = {
    "with a request of wrong types": _record(request='{"speed": "fast", "format": 5, "voice": [], "name": null}'),
    "with a request of nothing": _record(request="{}"),
    "with a document that is a list": _record(document="[]"),
    "with a result cut short": _record(result="{"),
    "with a wish that nobody has": _record(want="fly"),
    "with a sound of 10 KB": _record(sound="s" * 10_240),
    "with a store that is a path": _record(store="../../x"),
    "with an unknown priority": _record(priority="\x1b[2J"),
    "with a megabyte in a field": _record(error="x" * 2**20),
    "with a field that no release has": _record(colour="blue"),
    "with a lone surrogate in its title": _record(request='{"name": "a.txt", "title": "\\ud800"}'),
    "with parts of a document that are figures": _record(document='{"title": 5, "author": []}'),
}
"""Jobs of which enough can be read."""

RUNNING: dict[str, Callable[["redis.Redis", JobKeys], object]] = {
    "whose parts were evicted": lambda server, job: server.delete(job.parts),
    "whose specs were evicted": lambda server, job: server.delete(job.specs),
    "whose steps were evicted": lambda server, job: server.delete(job.steps),
    "whose chapters were evicted": lambda server, job: server.delete(job.chapters),
    "with a part cut short": lambda server, job: server.hset(job.parts, "0", '{"chapter": 0, "fir'),
    "with a part that is a figure": lambda server, job: server.hset(job.parts, "0", "5"),
    "with a part without bounds": lambda server, job: server.hset(job.parts, "0", "{}"),
    "with a part that never ends": lambda server, job: server.hset(
        job.parts, "0", '{"chapter":0,"first":0,"last":1e15,"left":0,"closed":true}'
    ),
    "with a spec cut short": lambda server, job: server.hset(job.specs, "2", '{"chapter": 0, "te'),
    "with a spec without a part": lambda server, job: server.hset(job.specs, "2", '{"chapter": 0}'),
    **{
        f"whose {name} are of another type": (
            lambda server, job, name=name: of_type(
                server, getattr(job, name), "list" if keys.kind_of(getattr(job, name)) != "list" else "string"
            )
        )
        for name in JobKeys.attributes()
        if name
        not in ("chapters", "record", "source", "cover", "owners", "attempts", "sends", "stream", "entries", "readers")
    },
}
"""Jobs that were running and cannot go on."""

ODD_RUNNING: dict[str, Callable[["redis.Redis", JobKeys], object]] = {
    "with leases of unknown steps": lambda server, job: server.zadd(job.desk_leases, {"dance:1": 1, b"\xff": 1, "": 1}),
    "with a lease that never ends": lambda server, job: server.zadd(job.segment_leases, {"segment:1": "+inf"}),
    "with a lease of a segment that is none": lambda server, job: server.zadd(job.segment_leases, {"segment:99999": 1}),
    "with readers that are none": lambda server, job: server.hset(
        job.readers, mapping={"a": "{", "b": "[]", "c": "5", b"\xff": '{"segment": "x"}'}
    ),
    "with chapters of another type": lambda server, job: of_type(server, job.chapters, "list"),
    "with owners of another type": lambda server, job: of_type(server, job.owners, "list"),
    "with a stream of another type": lambda server, job: of_type(server, job.stream, "list"),
}
"""Jobs that were running, and of which it may take a while until anybody minds."""

WORKERS: dict[str, Plant] = {
    "cut short": _worker('{"id": "bad@he'),
    "that is a list": _worker("[]"),
    "that is no UTF-8": _worker(b"\xff\xfe"),
    "that is empty": _worker(""),
    "without an id": _worker("{}"),
    "of another name": _worker(id="other"),
    "with slots of words": _worker(slots="many"),
    "with slots by words": _worker(slots={"bulk": "many"}),
    "with fewer slots than none": _worker(slots={"bulk": -1}),
    "with absurd slots": _worker(slots={"bulk": 10**12}),
    "with half a slot": _worker(slots={"bulk": 0.5}),
    "with a sound with a blank": _worker(sound="a b"),
    "with a sound of 10 KB": _worker(sound="s" * 10_240),
    "with a sound that is a lone surrogate": _worker(sound="\ud800"),
    "with a model that is a lone surrogate": _worker(model="\ud800"),
    "with voices that are a figure": _worker(voices=5),
    "with voices of figures": _worker(voices=[1, 2]),
    "with counters of words": _worker(counters={"cache": {"hits": "many"}}),
    "with counters without a name": _worker(counters={"a b": {"": 1}}),
    "with a process of words": _worker(pid="me"),
    "with a store that is a path": _worker(store="../../x"),
    "with a stand-in of words": _worker(stand_in="no"),
    "with a time beyond all figures": _worker(started_ms=10**400),
    "nested a hundred thousand times": _worker("[" * 100_000),
}


def entries() -> list[Hostile]:
    """All of them."""
    found = [
        Hostile(name=f"an id, {what}, in {index}", plant=_bad_id(entry, index))
        for index in (keys.ACTIVE, keys.INBOX, keys.JOBS)
        for what, entry in BAD_IDS.items()
    ]
    found += [
        Hostile(name=f"a record that is a {kind}", plant=_record_of_type(kind), spoils=True)
        for kind in WRONG_TYPES
        if kind != "hash"
    ]
    found += [Hostile(name=f"a job {what}", plant=plant, spoils=True) for what, plant in RECORDS.items()]
    found += [
        Hostile(name=f"a job {what}", plant=plant, spoils=True, works=True) for what, plant in ODD_RECORDS.items()
    ]
    found += [
        Hostile(name=f"a running job {what}", plant=_running(spoil), spoils=True)
        for what, spoil in (RUNNING | ODD_RUNNING).items()
    ]
    found += [
        Hostile(name="a job of a newer version", plant=_record(version=2), spoils=True, newer=True),
        Hostile(name="a job of a much newer version", plant=_record(version=99, state="s"), spoils=True, newer=True),
        Hostile(name="a newer worker", plant=_worker(version=2, slots=[]), newer=True),
    ]
    found += [Hostile(name=f"a worker {what}", plant=plant) for what, plant in WORKERS.items()]
    found += [Hostile(name=f"a worker's name, {what}", plant=_worker_name(entry)) for what, entry in BAD_IDS.items()]
    found += [
        Hostile(name=f"{key} as a {wrong}", plant=_global(key, wrong))
        for key, kind in keys.GLOBAL_KINDS.items()
        for wrong in ("string", "hash", "list")
        if wrong != kind
    ]
    return [*found, Hostile(name="a mutex without an end", plant=lambda server, *_: server.set(keys.REAPER, "x"))]
