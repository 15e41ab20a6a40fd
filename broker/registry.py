"""Who is there: every worker writes itself down once a second, and everybody reads who serves what.

A record outlives its worker by ten seconds; nothing here is truth about jobs.
"""

import socket
from collections import Counter
from dataclasses import dataclass, replace
from typing import cast

import redis

from broker.ledger import Pins
from chorus import keys
from chorus.records import Worker

BULK = "bulk"
MEMORY_SHARE = 0.7


@dataclass(frozen=True, kw_only=True, slots=True)
class Farm:
    """All workers seen in the last ten seconds."""

    workers: tuple[Worker, ...]

    def slots(self) -> dict[str, int]:
        """How many segments of each sound are spoken at once; the live lanes, kept for listeners, do not count."""
        total: Counter[str] = Counter()
        for worker in self.workers:
            if worker.sound:
                total[worker.sound] += worker.slots.get(BULK, 0)
        return dict(total)

    def voices(self) -> dict[str, dict[str, str]]:
        """What a job's record tells of the sound it is spoken with."""
        return {
            one.sound: {
                "model": one.model,
                "model_digest": one.model_digest,
                "variant": f"{one.variant} ({one.variant_why})" if one.variant_why else one.variant,
                "voices": one.voices_digest,
            }
            for one in self.workers
            if one.sound
        }

    def voice(self) -> Worker | None:
        """One that speaks as a job without a choice is spoken: a real voice before a stand-in, then the most slots."""
        voices = [worker for worker in self.workers if worker.sound]
        slots = self.slots()
        return max(voices, key=lambda one: (not one.stand_in, slots[one.sound], one.sound), default=None)

    def pins(self) -> Pins:
        """What a job without a choice gets: that voice, and the oldest store."""
        voice = self.voice()
        desks = [worker for worker in self.workers if worker.store]
        desk = min(desks, key=lambda one: (one.started_ms, one.store), default=None)
        return Pins(sound=voice.sound if voice else "", store=desk.store if desk else "")


def sign_in(connection: "redis.Redis", worker: Worker) -> None:
    """Write a worker down, for ten seconds."""
    seconds, micros = connection.time()
    now_ms = seconds * 1000 + micros // 1000
    with connection.pipeline() as batch:
        batch.set(keys.worker(worker.id), replace(worker, seen_ms=now_ms).to_json(), ex=keys.WORKER_S)
        batch.zadd(keys.WORKERS, {worker.id: now_ms})
        batch.expire(keys.WORKERS, keys.GLOBAL_S)
        batch.execute()


def sign_out(connection: "redis.Redis", worker: Worker) -> None:
    """A worker that leaves says so, and the windows shrink at once."""
    connection.delete(keys.worker(worker.id))
    connection.zrem(keys.WORKERS, worker.id)


def read(connection: "redis.Redis") -> Farm:
    """Everyone who is there; names whose record has expired are struck off."""
    names = [name.decode() for name in cast("list[bytes]", connection.zrange(keys.WORKERS, 0, -1))]
    records = connection.mget([keys.worker(name) for name in names]) if names else []
    gone = [name for name, record in zip(names, records, strict=True) if record is None]
    if gone:
        connection.zrem(keys.WORKERS, *gone)
    return Farm(workers=tuple(Worker.from_json(record) for record in records if record is not None))


def memory_tight(connection: "redis.Redis") -> bool:
    """Whether the server has come near its maxmemory: then no job may put more into it."""
    told = cast("dict[str, int]", connection.info("memory"))
    most = told.get("maxmemory", 0)
    return most > 0 and told["used_memory"] > MEMORY_SHARE * most


def host() -> str:
    """This machine's name."""
    return socket.gethostname()
