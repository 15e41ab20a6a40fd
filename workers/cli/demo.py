"""`chorus demo`: renders a text twice, the second time with a worker killed while it speaks, and compares the files.

Runs a stack of its own in a temporary home, with two voice workers of one slot each. What it prints was observed: which
segment the worker was speaking when it was killed, and when another worker claimed that segment.
"""

import hashlib
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import redis

from broker.settings import FarmSettings
from broker.worker_process import connect
from chorus.client import Client
from chorus.errors import FarmError
from chorus.job_view import clock
from chorus.keys import JobKeys
from chorus.records import JobRecord
from chorus.states import State
from chorus.wire import RATE_HZ
from workers.process.children import ROOT
from workers.stack.run_folder import StackSpec, voice_program
from workers.stack.stack import ensure

NAMES = ("voice-1", "voice-2")
TEXT = ROOT / "docs" / "sample.md"
LEASE_S = 3.0
LOOK_S = 0.01
PATIENCE_S = 60.0

Tell = Callable[[str], None]


def demo(settings: FarmSettings, tell: Tell) -> None:
    """Render the text undisturbed, then with a kill; FarmError if the two files differ."""
    with tempfile.TemporaryDirectory(prefix="chorus-demo-") as home:
        # Without the cache: with it nothing would be spoken the second time.
        demo_settings = {"url": "", "home": Path(home), "store": None, "slots": 1, "lease_s": LEASE_S, "cache_mb": 0}
        own = settings.model_copy(update=demo_settings)
        spec = StackSpec(voice=False, others=tuple(voice_program(name) for name in NAMES))
        with ensure(own, spec) as stack, Client(stack.url) as client, connect(stack.url) as server:
            _Demonstration(client, server, Path(home), tell).play()


class _Demonstration:
    """The two renders, on a running stack."""

    def __init__(self, client: Client, server: "redis.Redis", folder: Path, tell: Tell) -> None:
        self._client, self._server, self._folder = client, server, folder
        self._began_s = time.monotonic()
        self._tell = tell

    def play(self) -> None:
        self._await(lambda: self._pids().keys() >= set(NAMES), "both voice workers are registered")
        self._say(f"two voice workers are registered: {', '.join(NAMES)}")
        calm = self._rendered("undisturbed", lambda: None)
        disturbed = self._rendered("disturbed", self._kill_one)
        if calm != disturbed:
            raise FarmError("The two files differ: that must not happen; please report it.")
        self._say("both files are identical: no segment is missing, and none is spoken twice")

    def _rendered(self, job: str, disturb: Callable[[], None]) -> str:
        """Render the text as a WAV file; the digest of that file."""
        self._say(f"{job} run: started")
        self._client.submit(TEXT, job=job, format="wav", fresh=True)
        disturb()
        record = self._client.wait(job, timeout_s=PATIENCE_S)
        if record.state is not State.DONE:
            raise FarmError(
                f"The {job} run is {record.state} after {PATIENCE_S:.0f} s, run the demo again: {record.error}"
            )
        digest = hashlib.sha256(self._client.save(job, self._folder / f"{job}.wav").read_bytes()).hexdigest()
        self._say(f"{job} run: {self._summary(record)}, sha256 {digest[:16]}…")
        return digest

    def _kill_one(self) -> None:
        """Stop a worker while it speaks a segment, and kill it."""
        victim = NAMES[1]
        pid = self._pids()[victim]
        step = self._caught(pid, victim)
        os.kill(pid, signal.SIGKILL)
        killed_s = time.monotonic()
        self._say(f"{victim} is killed while it speaks {step.replace(':', ' ')} (kill -9, pid {pid})")
        attempts = JobKeys("disturbed").attempts
        self._await(lambda: int(self._server.hget(attempts, step) or 2) > 1, "another worker claims the segment")
        waited_s = time.monotonic() - killed_s
        self._say(
            f"another worker claims {step.replace(':', ' ')} {waited_s:.1f} s later (the lease lasts {LEASE_S:.0f} s)"
        )

    def _caught(self, pid: int, name: str) -> str:
        """The segment that this process is speaking; when this returns, the process is stopped in the middle of it."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            os.kill(pid, signal.SIGSTOP)
            owners = cast("dict[bytes, bytes]", self._server.hgetall(JobKeys("disturbed").owners))
            for step, token in owners.items():
                if token.decode().startswith(f"{name}@") and step.startswith(b"segment"):
                    return step.decode()
            os.kill(pid, signal.SIGCONT)
            time.sleep(LOOK_S)
        raise FarmError(f"{name} was not seen speaking a segment within {PATIENCE_S:.0f} s: run the demo again.")

    def _pids(self) -> dict[str, int]:
        return {worker.id.partition("@")[0]: worker.pid for worker in self._client.workers() if worker.role == "voice"}

    def _summary(self, record: JobRecord) -> str:
        return (
            f"{record.segments_done} of {record.segments_planned} segments, {clock(record.frames / RATE_HZ)} of audio"
        )

    def _await(self, true: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not true():
            if time.monotonic() > deadline_s:
                raise FarmError(f"This did not happen within {PATIENCE_S:.0f} s, run the demo again: {what}.")
            time.sleep(LOOK_S)

    def _say(self, sentence: str) -> None:
        self._tell(f"{time.monotonic() - self._began_s:5.1f} s  {sentence}")
