"""Audio that cannot be stored or delivered is not synthesized: Redis holds a limited window of a book in all cases."""

import json
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
import redis
from chaos.supervised import SupervisedWorkshop
from support import wait_until
from toy.build import MODEL
from typed import Type
from workshop import Workshop, opened

from broker.registry import MEMORY_SHARE
from chorus.commands import run
from chorus.keys import JobKeys
from chorus.records import Worker
from chorus.states import State
from chorus.wire import RATE_HZ, SAMPLE_BYTES
from workers.commands import app

# As lib.lua has them, for a farm of a few slots.
PARTS_AHEAD = 3
WINDOW_PER_SLOT = 2

SENTENCE = "The tide came in and the tide went out, and nobody on the long pier thought to count how often it did. "
LONG = SENTENCE * 150
"""Seven minutes, seven parts: more than the window holds."""
SHORT = SENTENCE * 3
Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def typed(farm: Workshop, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types an operator's command against the farm."""
    monkeypatch.setenv("CHORUS_URL", farm.url)
    monkeypatch.setenv("CHORUS_HOME", str(farm.folder / "home"))
    return lambda *words: run(app, [str(word) for word in words])


@dataclass
class Sample:
    """What Redis held of one job at one moment."""

    segment_leases: int
    """Segments sent or being spoken."""
    parts: set[int]
    """Parts of which audio is there, or on its way."""
    frames: int
    """Samples of audio in the stream."""


class Scales:
    """Weighs a job: all of it in one transaction, so that no sample shows what never was."""

    def __init__(self, url: str, job: str) -> None:
        self.redis = redis.Redis.from_url(url)
        self.keys = JobKeys(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.redis.close()

    def weigh(self) -> Sample:
        with self.redis.pipeline() as batch:
            batch.zrange(self.keys.segment_leases, 0, -1)
            batch.hkeys(self.keys.entries)
            batch.hgetall(self.keys.specs)
            batch.hget(self.keys.record, "frames_held")
            segment_leases, published, specs, frames = batch.execute()
        under_way = {step.rpartition(b":")[2] for step in segment_leases}
        parts = {json.loads(specs[number])["part"] for number in under_way | set(published) if number in specs}
        return Sample(segment_leases=len(segment_leases), parts=parts, frames=int(frames or 0))

    def stream_bytes(self) -> int:
        return sum(len(fields[b"d"]) for _, fields in self.redis.xrange(self.keys.stream))

    def held_back(self) -> bool:
        """Whether nothing is under way though something is left to be spoken."""
        planned, done, sent = (
            int(value or 0)
            for value in self.redis.hmget(self.keys.record, ["segments_planned", "segments_done", "next"])
        )
        return 0 < done == sent < planned and self.weigh().segment_leases == 0

    def held_by(self, worker: str) -> list[bytes]:
        """The steps that this worker, or any, is at."""
        owners = self.redis.hgetall(self.keys.owners).items()
        running = [step for step, owner in owners if owner.startswith(worker.encode())]
        return [step for step in running if self.redis.hget(self.keys.steps, step) == b"r"]

    def assert_within_the_window(self) -> None:
        sample = self.weigh()
        assert 0 < len(sample.parts) <= PARTS_AHEAD
        assert max(sample.parts) - min(sample.parts) < PARTS_AHEAD
        assert sample.frames * SAMPLE_BYTES == self.stream_bytes()


def submit(farm: Workshop, text: str, **wishes: Any) -> str:
    return farm.client.submit(text, **wishes).job


@contextmanager
def stopped(farm: Workshop, name: str) -> Iterator[None]:
    farm.freeze(name)
    try:
        yield
    finally:
        farm.thaw(name)


def spoken(farm: Workshop, job: str) -> int:
    return farm.client.job(job).segments_done


def held_back(farm: Workshop, scales: Scales, why: str) -> int:
    """How much was spoken until the window was full."""
    wait_until(scales.held_back, description=f"the speaking is held back: {why}", timeout_s=90)
    return spoken(farm, scales.keys.job)


def settled(farm: Workshop, job: str) -> None:
    """Nothing is left of a job that a test is done with."""
    if not farm.client.job(job).finished:
        farm.client.want(job, "cancelled")
    farm.finished(job)


# --- listeners


class Stalled:
    """A listener that is connected and says so, as chorus/listen.py would, but takes nothing out of its hand."""

    def __init__(self, scales: Scales) -> None:
        self._scales = scales

    def say(self, segment: int, *, for_s: float = 600) -> None:
        seconds, _ = self._scales.redis.time()
        cursor = {"segment": segment, "deadline_ms": int((seconds + for_s) * 1000)}
        self._scales.redis.hset(self._scales.keys.readers, "stalled", json.dumps(cursor))
        self._scales.redis.expire(self._scales.keys.readers, 3600)


def test_a_stalled_listener_stalls_only_its_own_job(farm: Workshop) -> None:
    job = submit(farm, LONG, live=True)
    with Scales(farm.url, job) as scales:
        listener = Stalled(scales)
        listener.say(0)
        spoken_by_then = held_back(farm, scales, "nobody takes what is spoken")
        scales.assert_within_the_window()
        assert 0 in scales.weigh().parts, "what the listener has not heard is kept for it"

        book, other = submit(farm, SHORT, format="wav"), submit(farm, SHORT, live=True)
        heard = sum(len(chunk.pcm) for chunk in farm.client.listen(other))
        assert heard == SAMPLE_BYTES * farm.finished(other).frames > 0
        assert farm.finished(book).state is State.DONE
        assert spoken(farm, job) == spoken_by_then
        assert farm.client.job(job).state is State.RUNNING

        listener.say(spoken_by_then)
        wait_until(lambda: spoken(farm, job) > spoken_by_then, description="the listener goes on, and so does its job")
        listener.say(10**6)
        assert farm.finished(job).state is State.DONE


def test_of_two_listeners_the_slower_one_counts(farm: Workshop) -> None:
    job = submit(farm, LONG, live=True)
    with Scales(farm.url, job) as scales:
        Stalled(scales).say(0)
        quick = threading.Thread(target=lambda: list(farm.client.listen(job)), daemon=True)
        quick.start()
        held_back(farm, scales, "one of two listeners takes nothing")
        scales.assert_within_the_window()
        Stalled(scales).say(10**6)
        assert farm.finished(job).state is State.DONE
        quick.join(timeout=30)
        assert not quick.is_alive()


def test_the_status_shows_which_listener_is_behind_and_by_how_much(farm: Workshop, typed: Type, capsys: Capsys) -> None:
    job = submit(farm, LONG, live=True)
    with Scales(farm.url, job) as scales:
        Stalled(scales).say(0)
        done = held_back(farm, scales, "nobody takes what is spoken")
        capsys.readouterr()
        assert typed("status") == 0
        shown = capsys.readouterr().out
        held_s = scales.stream_bytes() / SAMPLE_BYTES / RATE_HZ
        assert f"\njob {job}: running · {done}/" in shown
        assert f" · {held_s:.1f} s of audio in Redis\n" in shown
        assert f"  listener stalled: {done} segments behind, last seen " in shown
        assert typed("status", "--json") == 0
        traffic = json.loads(capsys.readouterr().out)["traffic"]
        (told,) = [one for one in traffic["jobs"] if one["job"] == job]
        assert (told["under_way"], told["held_s"]) == (0, held_s)
        assert [one["behind_segments"] for one in told["readers"]] == [done]
        assert {name.partition("@")[0] for name in traffic["silent_s"]} == {"voice", "desk"}
        settled(farm, job)


# --- the store


def test_a_store_that_hangs_stops_synthesis_and_redis_stays_small(farm: Workshop) -> None:
    job = submit(farm, LONG, format="flac")
    with Scales(farm.url, job) as scales:
        wait_until(lambda: farm.client.job(job).planned, description="the book is planned", timeout_s=60)
        with stopped(farm, "desk"):
            held_back(farm, scales, "nobody stores what is spoken")
            scales.assert_within_the_window()
        assert farm.finished(job).state is State.DONE
        assert scales.weigh() == Sample(segment_leases=0, parts=set(), frames=0)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the files of a running process")
def test_a_store_that_is_full_pauses_a_long_book_and_redis_stays_small(farm: Workshop) -> None:
    desk = farm.pid("desk")
    before = resource.prlimit(desk, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        job = submit(farm, LONG, format="wav")
        wait_until(lambda: farm.client.job(job).state is State.PAUSED, description="the job is paused", timeout_s=60)
    finally:
        resource.prlimit(desk, resource.RLIMIT_FSIZE, before)
    assert "is full" in farm.client.job(job).waiting
    with Scales(farm.url, job) as scales:
        # What was being spoken is finished; what was sent to be, nobody takes.
        wait_until(lambda: not scales.held_by(""), description="nobody speaks any more")
        done = spoken(farm, job)
        scales.assert_within_the_window()
        other = submit(farm, SHORT, live=True)
        assert farm.finished(other).state is State.DONE
        assert spoken(farm, job) == done < farm.client.job(job).segments_planned
        farm.client.want(job, "running")
        assert farm.finished(job).state is State.DONE


# --- the server


def test_at_70_percent_of_the_servers_memory_synthesis_stops_and_the_status_says_why(
    farm: Workshop, typed: Type, capsys: Capsys
) -> None:
    job = submit(farm, LONG, format="flac")
    with Scales(farm.url, job) as scales:
        wait_until(lambda: spoken(farm, job) > 0, description="the book is being spoken")
        # So much that the rest would hold more than a window of audio: the server never comes to its end.
        scales.redis.setrange("ballast", 100 * 2**20, b"x")
        used = scales.redis.info("memory")["used_memory"]
        try:
            scales.redis.config_set("maxmemory", int(used / (MEMORY_SHARE + 0.1)))
            everyone_looked(farm)
            done = held_back(farm, scales, "the server's memory is short")
            wait_until(lambda: farm.client.job(job).waiting, description="the job says why it waits")
            capsys.readouterr()
            assert typed("status") == 0
            shown = capsys.readouterr().out
            assert f"\njob {job}: running · {done}/" in shown
            assert "\n  waiting: the server has used 70 % of its memory: finish or cancel jobs, or raise its " in shown
            assert spoken(farm, job) == done
        finally:
            scales.redis.config_set("maxmemory", 0)
            scales.redis.delete("ballast")
        assert farm.finished(job).state is State.DONE
        assert farm.client.job(job).waiting == ""


def everyone_looked(farm: Workshop) -> None:
    """Every worker has looked at the server's memory since; it does so after each sign of life."""
    for _ in range(2):
        seen = {worker.id: worker.seen_ms for worker in farm.client.workers()}
        wait_until(
            lambda seen=seen: all(worker.seen_ms > seen[worker.id] for worker in farm.client.workers()),
            description="every worker has given a sign of life",
        )


# --- faults


@dataclass
class Watch:
    """Weighs a job again and again until it is told to stop, and keeps the most it ever saw."""

    scales: Scales
    samples: int = 0
    segment_leases: int = 0
    parts: int = 0
    slots: int = 1
    """The most that the registered workers offered at one time: a dead one counts until its registration lapses."""
    broken: list[Sample] = field(default_factory=list)

    def look(self) -> None:
        sample = self.scales.weigh()
        self.slots = max(self.slots, self._registered())
        self.samples += 1
        self.segment_leases = max(self.segment_leases, sample.segment_leases)
        self.parts = max(self.parts, max(sample.parts) - min(sample.parts) + 1 if sample.parts else 0)
        if sample.segment_leases > WINDOW_PER_SLOT * self.slots:
            self.broken.append(sample)

    def _registered(self) -> int:
        records = self.scales.redis.mget(self.scales.redis.keys("chorus:worker:*") or ["none"])
        return sum(Worker.from_json(record).slots.get("bulk", 0) for record in records if record)


def test_both_windows_hold_while_workers_are_killed(redis_url: str, tmp_path: Path) -> None:
    with opened(SupervisedWorkshop(redis_url, tmp_path, model=MODEL)) as farm, Scales(redis_url, "book") as scales:
        farm.supervise("desk", "voice")
        watch, victims = Watch(scales), ["voice", "desk", "voice"]
        farm.client.submit(LONG, job="book", format="wav")

        def over() -> bool:
            watch.look()
            if victims and scales.held_by(f"{victims[0]}@test#{farm.pid(victims[0])}"):
                farm.kill(victims.pop(0))
            return farm.client.job("book").finished

        farm.until(over, "the book is finished")
        record = farm.client.job("book")
        assert record.state is State.DONE, record.error
        assert victims == [], "every blow struck a worker that held something"
        assert watch.broken == []
        assert watch.segment_leases > 0
        assert 0 < watch.parts <= PARTS_AHEAD
        assert record.frames_held == 0
