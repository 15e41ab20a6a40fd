"""A farm in which a test causes a fault while a book renders, and the conditions that must hold afterwards.

chaos.supervise("desk", "voice")       # real workers, started again when they end
chaos.begin()                          # the book is submitted, and a recorder reads its stream
held = chaos.catch("voice")            # frozen while it speaks a segment, so that the fault surely hits one
with chaos.fault("kill -9", held):
    chaos.kill("voice")
chaos.check()                          # the book is finished, bit-exact, and nothing was published twice
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from chaos.book import BOOK, JOB, NAME, digest, planned_segments, slow_toy, undisturbed
from chaos.recorder import Recorder
from chaos.supervised import SupervisedWorkshop
from support import ValkeyServer, wait_until
from workshop import opened

from chorus.keys import JobKeys
from chorus.records import JobRecord
from chorus.states import State

WAV_HEADER_BYTES = 44


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """One row of the table at the end of a run."""

    case: str
    fault: str
    took_s: float


RECOVERIES: list[Recovery] = []


class Chaos(SupervisedWorkshop):
    """Supervised workers, one book, and the faults that tests cause."""

    def __init__(self, server: ValkeyServer, folder: Path, case: str) -> None:
        super().__init__(server.url, folder, model=slow_toy(folder.parent))
        self.server = server
        self.case = case
        self.keys = JobKeys(JOB)
        self.redis = redis.Redis.from_url(server.url, socket_timeout=2, socket_connect_timeout=1)
        self.recorder = Recorder(server.url, JOB)

    def close(self) -> None:
        super().close()
        self.redis.close()

    # The book.

    def submit(self, **wishes: Any) -> None:
        self.client.submit(BOOK, name=NAME, job=JOB, format="wav", **wishes)

    def begin(self, *, segments: int = 2, **wishes: Any) -> None:
        """Submit the book, and wait until so many segments are spoken."""
        self.submit(**wishes)
        self.until(lambda: self.record().segments_done >= segments, f"{segments} segments are spoken")

    def record(self) -> JobRecord:
        return self.client.job(JOB)

    def steps(self, state: str, kind: str = "") -> set[str]:
        """The steps in this state: w waiting, s sent, r running, d done or f failed."""
        told = self.redis.hgetall(self.keys.steps).items()
        return {step.decode() for step, letter in told if letter == state.encode() and step.startswith(kind.encode())}

    def finished_steps(self) -> set[str]:
        """The steps that are done. A segment whose part is stored has no entry any more; later ones have."""
        named = [int(step.partition(b":")[2]) for step in self.redis.hkeys(self.keys.steps) if b"segment" in step]
        first = min(named, default=self.record().segments_planned)
        return self.steps("d") | {f"segment:{number}" for number in range(first)}

    def attempts(self, step: str) -> int:
        return int(self.redis.hget(self.keys.attempts, step) or 0)

    def queued(self) -> dict[str, int]:
        """How many messages lie in each of Celery's queues."""
        return {name.decode(): self.redis.llen(name) for name in self.redis.scan_iter("chorus.*", _type="list")}

    def catch(self, name: str) -> set[str]:
        """Freeze the only voice worker while it has claimed a segment, and return the segments it holds."""
        held: set[str] = set()

        def caught() -> bool:
            self.freeze(name)
            held.update(self.steps("r", "segment"))
            if not held:
                self.thaw(name)
            return bool(held)

        self.until(caught, f"{name} holds a segment")
        return held

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Freeze these workers during the block, so that the state can be looked at before they repair it."""
        for name in names:
            self.freeze(name)
        try:
            yield
        finally:
            for name in names:
                self.thaw(name)

    # The fault, and what must hold.

    @contextmanager
    def fault(self, name: str, lost: Collection[str] = ()) -> Iterator[None]:
        """The block is the fault. Afterwards the steps in `lost`, or else any new step, must be claimed again."""
        assert not self.record().finished, "the book was finished before the fault"
        before = {step: self.attempts(step) for step in lost}
        yield
        ended_s = time.monotonic()
        stood = self._patiently(self._begun)

        def recovered() -> bool:
            if self.record().finished:
                return True
            if before:
                return all(
                    self.attempts(step) > count or step in self.finished_steps() for step, count in before.items()
                )
            return bool(self._begun() - stood)

        self.until(recovered, f"the book goes on after: {name}")
        RECOVERIES.append(Recovery(case=self.case, fault=name, took_s=time.monotonic() - ended_s))

    def check(self, *, published: bool = True) -> JobRecord:
        """The book is finished and complete, equals an undisturbed run's bit for bit, and nothing was published twice.

        `published`: the run that the recorder saw published all of it, so the recorded audio is the file's.
        """
        self.until(lambda: self.record().finished, "the book is finished")
        record: JobRecord = self._patiently(self.record)
        assert record.state is State.DONE, record.error
        assert record.segments_done == record.segments_planned == planned_segments()
        assert (record.segments_failed, record.parts_done) == (0, record.parts_total)
        saved = self.client.save(JOB, self.folder / "book.wav").read_bytes()
        assert digest(saved) == digest(self.undisturbed())
        self.until(self.recorder.ended, "the recorder has read to the end")
        assert self.recorder.twice() == []
        assert not published or digest(self.recorder.pcm()) == digest(saved[WAV_HEADER_BYTES:])
        return record

    def undisturbed(self) -> bytes:
        """The file that a farm makes without faults."""
        return undisturbed(self.folder.parent).read_bytes()

    def _begun(self) -> set[tuple[int, str]]:
        """Every step that was ever claimed, with its run. Steps claimed before the fault's end are no recovery."""
        epoch = self.record().epoch
        return {(epoch, step) for step in self.steps("r") | self.finished_steps()}

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        told: list[Any] = []
        self.until(lambda: told.append(ask()) or True, "the server answers")
        return told[0]

    # The server.

    def server_pid(self) -> int:
        return int(self.redis.info("server")["process_id"])

    def run_id(self) -> str:
        """The server's id of its present start."""
        return str(self.redis.info("server")["run_id"])

    def stop_server(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send this signal to the server's process and wait for its end. Its data stay."""
        os.kill(self.server_pid(), number)
        wait_until(lambda: not self.server.answers(), description="the server is gone")
        self.server.stop()

    def start_server(self) -> None:
        self.server.start()

    def log_of_the_server(self) -> Path:
        """The append-only file, from which the server restores its data when it starts."""
        return max((self.server.folder / "appendonlydir").glob("*.incr.aof"))

    def counted(self, name: str) -> int:
        """How often the server returned this error since it started."""
        return int(self.redis.info("errorstats").get(f"errorstat_{name}", {}).get("count", 0))


def lasting(seconds: float) -> None:
    """Wait, because the fault lasts so long."""
    threading.Event().wait(seconds)


@contextmanager
def broken_farm(server: ValkeyServer, folder: Path, case: str) -> Iterator[Chaos]:
    undisturbed(folder.parent)
    chaos = Chaos(server, folder, case)
    with opened(chaos), chaos.recorder:
        yield chaos


def table(recoveries: list[Recovery]) -> str:
    """The recoveries as a table, for the end of a run."""
    width = max(len(row.case) for row in recoveries)
    return "\n".join(f"{row.case:<{width}}  {row.took_s:6.2f} s  {row.fault}" for row in recoveries)
