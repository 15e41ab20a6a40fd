"""The worker registry: every worker renews its registration once a second, and every process can read all of them.

A registration expires ten seconds after its worker stopped. Nothing here says anything about jobs.
"""

import socket
from collections import Counter
from dataclasses import dataclass, replace
from typing import cast

import redis

from broker.ledger import Pins
from chorus import keys
from chorus.checks import Damage
from chorus.record_access import read_workers
from chorus.records import Worker
from chorus.set_aside import put_aside

BULK = "bulk"
MEMORY_SHARE = 0.7


@dataclass(frozen=True, kw_only=True, slots=True)
class Farm:
    """All registered workers: those that renewed their registration within the last ten seconds."""

    workers: tuple[Worker, ...]

    def slots(self) -> dict[str, int]:
        """By sound, how many segments are spoken at once. The slots for listeners do not count."""
        total: Counter[str] = Counter()
        for worker in self.workers:
            if worker.sound:
                total[worker.sound] += worker.slots.get(BULK, 0)
        return dict(total)

    def voices(self) -> dict[str, dict[str, str]]:
        """By sound, what a job's record says about the voice it is spoken with."""
        return {
            one.sound: {
                "model": one.model,
                "model_digest": one.model_digest,
                "variant": graph_of(one),
                "voices": one.voices_digest,
                "model_source": one.model_source,
            }
            for one in self.workers
            if one.sound
        }

    def voice(self) -> Worker | None:
        """A worker with the sound that a job gets if it asks for none: no stand-in if possible, then most slots."""
        voices = [worker for worker in self.workers if worker.sound]
        slots = self.slots()
        return max(voices, key=lambda one: (not one.stand_in, slots[one.sound], one.sound), default=None)

    def pins(self) -> Pins:
        """What a job gets that asks for no sound or no store: that worker's sound, and the longest registered store."""
        voice = self.voice()
        desks = [worker for worker in self.workers if worker.store]
        desk = min(desks, key=lambda one: (one.started_ms, one.store), default=None)
        return Pins(sound=voice.sound if voice else "", store=desk.store if desk else "")


def sign_in(connection: "redis.Redis", worker: Worker) -> None:
    """Register a worker for ten seconds."""
    seconds, micros = connection.time()
    now_ms = seconds * 1000 + micros // 1000
    with connection.pipeline() as batch:
        batch.set(keys.worker(worker.id), replace(worker, seen_ms=now_ms).to_json(), ex=keys.WORKER_S)
        batch.zadd(keys.WORKERS, {worker.id: now_ms})
        batch.expire(keys.WORKERS, keys.GLOBAL_S)
        batch.execute()


def graph_of(worker: Worker) -> str:
    """Its variant and why it has that one, as a job's record and report have them."""
    return f"{worker.variant} ({worker.variant_why})" if worker.variant_why else worker.variant


def sign_out(connection: "redis.Redis", worker: Worker) -> None:
    """Remove the registration of a worker that ends, so that it is no longer counted from this moment."""
    connection.delete(keys.worker(worker.id))
    connection.zrem(keys.WORKERS, worker.id)


def read(connection: "redis.Redis") -> Farm:
    """All registered workers. Removes the names of those whose registration has expired, or cannot be read."""
    found = read_workers(connection)
    gone = [name for name, one in found.items() if one is None]
    if gone:
        connection.zrem(keys.WORKERS, *gone)
    for name, one in found.items():
        if isinstance(one, Damage):
            put_aside(connection, keys.WORKERS, name, str(one))
    return Farm(workers=tuple(one for one in found.values() if isinstance(one, Worker)))


def memory_tight(connection: "redis.Redis") -> bool:
    """Whether the server uses more than 70 % of its maxmemory. Then no further segments are spoken."""
    told = cast("dict[str, int]", connection.info("memory"))
    most = told.get("maxmemory", 0)
    return most > 0 and told["used_memory"] > MEMORY_SHARE * most


def host() -> str:
    """This machine's name."""
    return socket.gethostname()
