"""A segment that crashes, hangs, grows or raises fails alone; other segments of the same process are spoken."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from support import wait_until
from toy.build import Fault, build
from workshop import Workshop, heard_tokens, opened, planned_tokens

from broker.ledger import ISOLATED_FROM
from chorus.keys import JobKeys
from chorus.records import JobRecord
from chorus.request import OnError
from chorus.states import State
from chorus.vocabulary import VOCABULARY

BOOK = b"""# One

The tide came in, and nobody counted it.

# Two

Measure.

# Three

The tide went out again.
"""
# As many segments as slots: both are being spoken at every death, and nothing comes between.
TWO = b"The tide came in, and the tide went out.\n\nNobody on the long pier ever counted how often."
POISON = "segment:1"
TOKEN = VOCABULARY["ʒ"]
SPEED = 2.0
# A bad segment of a few tokens then counts as hung as soon as a child can have loaded its model.
DEADLINE_S = "5"


class Farm:
    """One desk, one voice worker whose model does mischief at one token, and somebody who starts again what ends."""

    def __init__(self, workshop: Workshop, connection: "redis.Redis") -> None:
        self.workshop, self.connection = workshop, connection
        self.keys = JobKeys("book")
        self.ended: list[int] = []

    def submit(self, on_error: OnError = "silence", *, source: bytes = BOOK) -> None:
        self.workshop.client.submit(source, name="book.md", job="book", format="wav", speed=SPEED, on_error=on_error)

    def attempts(self, step: str = POISON) -> int:
        return int(self.connection.hget(self.keys.attempts, step) or 0)

    def speaks(self, step: str = POISON) -> bool:
        return self.connection.hget(self.keys.steps, step) == b"r"

    def child(self) -> psutil.Process | None:
        """The process that speaks a segment apart."""
        try:
            children = psutil.Process(self.workshop.pid("voice")).children()
        except psutil.NoSuchProcess:
            return None
        return next(iter(children), None)

    def over(self) -> bool:
        """Whether the job is; what ended meanwhile is started again."""
        self.ended += self.workshop.revive()
        return self.workshop.client.job("book").finished

    def finish(self) -> JobRecord:
        wait_until(self.over, description="the job is over", timeout_s=100)
        return self.workshop.client.job("book")

    def held_by_the_living(self, *, attempt: int) -> set[bytes]:
        """Segments being spoken for this time; what a dead worker held still has the attempt before."""
        attempts = self.connection.hgetall(self.keys.attempts)
        steps = self.connection.hgetall(self.keys.steps).items()
        running = {step for step, state in steps if state == b"r" and step.startswith(b"segment")}
        return {step for step in running if int(attempts.get(step, 0)) == attempt}

    def failure(self) -> str:
        """What the stream says of the segment that was given up."""
        told = [entry[b"t"] for _, entry in self.connection.xrange(self.keys.stream) if entry[b"k"] == b"failure"]
        return b" ".join(told).decode()

    def assert_all_but_the_poison_is_heard(self, path: Path) -> None:
        record = self.workshop.client.job("book")
        assert (record.state, record.segments_failed) == (State.DONE, 1), record.error
        assert record.segments_done == record.segments_planned - 1
        planned = planned_tokens(BOOK, "book.md")
        lost = planned_tokens(b"# Two\n\nMeasure.", "bad.md")
        at = next(n for n in range(len(planned)) if planned[n : n + len(lost)] == lost)
        assert heard_tokens(self.workshop.client.save("book", path)) == planned[:at] + planned[at + len(lost) :]


@contextmanager
def farm_with(fault: Fault, url: str, folder: Path) -> Iterator[Farm]:
    model = build(folder / f"{fault}.onnx", fault=fault, token=TOKEN)
    with opened(Workshop(url, folder, model=model)) as workshop, redis.Redis.from_url(url) as connection:
        workshop.start("desk", "voice", CHORUS_DEADLINE_S=DEADLINE_S)
        yield Farm(workshop, connection)


def test_a_segment_that_raises_an_error_is_skipped_and_the_job_goes_on(redis_url: str, tmp_path: Path) -> None:
    with farm_with("raise", redis_url, tmp_path) as farm:
        farm.submit()
        farm.finish()
        assert farm.attempts() == 2
        assert "segment 1" in farm.failure()
        assert "Reshape" in farm.failure()
        assert farm.ended == []
        farm.assert_all_but_the_poison_is_heard(tmp_path / "book.wav")


def test_with_on_error_stop_the_job_ends_and_says_which_segment_and_why(redis_url: str, tmp_path: Path) -> None:
    with farm_with("raise", redis_url, tmp_path) as farm:
        farm.submit("stop")
        record = farm.finish()
        assert record.state is State.FAILED
        assert "segment 1" in record.error
        assert "Reshape" in record.error


@pytest.mark.timeout(180)
def test_a_segment_that_hangs_ends_two_workers_and_then_only_child_processes(redis_url: str, tmp_path: Path) -> None:
    with farm_with("hang", redis_url, tmp_path) as farm:
        farm.submit()
        farm.finish()
        assert farm.ended == [70, 70]
        assert farm.attempts() == 4
        assert "segment 1: Spoken in a child process, 'tˈu. mˈɛʒəɹ.' took more than" in farm.failure()
        farm.assert_all_but_the_poison_is_heard(tmp_path / "book.wav")


@pytest.mark.timeout(180)
def test_a_segment_that_kills_two_workers_then_kills_only_child_processes(redis_url: str, tmp_path: Path) -> None:
    """The model hangs where a real one would crash, so that there is time to crash it."""
    with farm_with("hang", redis_url, tmp_path) as farm:
        farm.submit()
        struck: dict[int, int] = {}

        def crash() -> bool:
            attempt = farm.attempts()
            if attempt not in struck and farm.speaks():
                speaker = farm.workshop.pid("voice")
                if attempt >= ISOLATED_FROM:
                    child = farm.child()
                    if child is None:
                        return False
                    speaker = child.pid
                os.kill(speaker, signal.SIGSEGV)
                struck[attempt] = speaker
            return farm.over()

        wait_until(crash, description="the job is over", timeout_s=100)
        assert list(struck) == [1, 2, 3, 4]
        assert len(set(struck.values())) == 4
        assert farm.ended == [-signal.SIGSEGV, -signal.SIGSEGV]
        assert farm.workshop.pid("voice") not in struck.values()
        assert "killed its process (SIGSEGV)" in farm.failure()
        farm.assert_all_but_the_poison_is_heard(tmp_path / "book.wav")


def test_a_segment_that_takes_too_much_memory_is_limited_to_four_gigabytes(redis_url: str, tmp_path: Path) -> None:
    with farm_with("memory", redis_url, tmp_path) as farm:
        # The machine of the test shall not run out of memory twice first: who died of it is entered by hand.
        farm.workshop.freeze("voice")
        farm.submit()
        wait_until(lambda: farm.connection.hexists(farm.keys.steps, POISON), description="the segment is planned")
        farm.connection.hset(farm.keys.attempts, POISON, ISOLATED_FROM - 1)
        farm.workshop.thaw("voice")
        farm.finish()
        assert farm.attempts() == ISOLATED_FROM + 1
        assert "Spoken in a child process with 4.3 GB of memory" in farm.failure()
        assert "Failed to allocate memory" in farm.failure()
        assert farm.ended == []
        farm.assert_all_but_the_poison_is_heard(tmp_path / "book.wav")


@pytest.mark.timeout(180)
def test_other_segments_of_a_worker_that_dies_four_times_are_all_spoken(redis_url: str, tmp_path: Path) -> None:
    slow = build(tmp_path / "slow.onnx", work=4000)
    with (
        opened(Workshop(redis_url, tmp_path, model=slow, slots=2)) as workshop,
        redis.Redis.from_url(redis_url) as connection,
    ):
        workshop.start("desk", "voice")
        farm = Farm(workshop, connection)
        farm.submit(source=TWO)
        struck: list[set[bytes]] = []

        def kill() -> bool:
            held = farm.held_by_the_living(attempt=len(struck) + 1)
            if len(struck) < 4 and len(held) >= 2:
                os.kill(workshop.pid("voice"), signal.SIGKILL)
                struck.append(held)
            return farm.over()

        wait_until(kill, description="the job is over", timeout_s=150)
        assert len(struck) == 4
        assert set.intersection(*struck), "the same segments stood beside every death"
        assert farm.ended == [-signal.SIGKILL] * 4
        record = workshop.client.job("book")
        assert (record.state, record.segments_failed) == (State.DONE, 0), record.error
        assert heard_tokens(workshop.client.save("book", tmp_path / "book.wav")) == planned_tokens(TWO, "book.md")
