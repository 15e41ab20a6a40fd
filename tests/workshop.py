"""A real farm for tests: Celery workers in their own processes on the test run's server, with the toy voice.

Each process leads its own group and ends with the farm; a test may kill any of them.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import numpy as np
from support import wait_until
from toy.build import MODEL, VOICES
from toy.decode import decode

from chorus.client import Client
from chorus.records import JobRecord, Worker
from chorus.vocabulary import VOCABULARY
from tasks import documents
from tasks.documents.model import select
from tasks.segmenting.segments import segments

ROOT = Path(__file__).resolve().parent.parent
READY_S = 60.0


class Workshop:
    """Voice and desk workers; `start`, `freeze` and `kill` them by name."""

    def __init__(self, url: str, folder: Path, *, model: Path = MODEL, voices: Path = VOICES, slots: int = 1) -> None:
        self.url = url
        self.folder = folder
        self.client = Client(url)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._orders: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {}
        self._model = model
        self._voices = voices
        self._slots = slots

    def environment(self, **more: str) -> dict[str, str]:
        """What every process of this farm is given."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHORUS_", "CELERY_"))}
        return kept | {
            "CHORUS_URL": self.url,
            "CHORUS_HOME": str(self.folder / "home"),
            "CHORUS_MODEL": str(self._model),
            "CHORUS_VOICES": str(self._voices),
            "CHORUS_SLOTS": str(self._slots),
            # What a test counts is work that was really done.
            "CHORUS_CACHE_MB": "0",
            "PYTHONPATH": str(ROOT),
            **more,
        }

    def spawn(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a Celery command of any kind; its output goes to `<name>.log`."""
        self._orders[name] = arguments, environment
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", "celery", *arguments],
                cwd=self.folder,
                env=self.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._processes[name]

    def start(self, *names: str, **environment: str) -> Self:
        """Start workers by name, `voice…` or `desk…`, and wait until each is registered."""
        for name in names:
            module = "workers.voice" if name.startswith("voice") else "workers.desk"
            self.spawn(name, "-A", module, "worker", "-n", f"{name}@test", **environment)
        wait_until(
            lambda: all(self.worker(name) for name in names),
            description=f"{', '.join(names)} registered (see {self.folder})",
            timeout_s=READY_S,
        )
        return self

    def revive(self) -> list[int]:
        """Start again what ended by itself, as a supervisor would; the exit status of each."""
        ended = {name: one.returncode for name, one in self._processes.items() if one.poll() is not None}
        for name in ended:
            arguments, environment = self._orders[name]
            self.spawn(name, *arguments, **environment)
        return list(ended.values())

    def worker(self, name: str) -> Worker | None:
        """The registration of one of our processes."""
        wanted = f"{name}@test#{self.pid(name)}"
        return next((worker for worker in self.client.workers() if worker.id == wanted), None)

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """No time to say goodbye."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def leave(self, name: str) -> subprocess.Popen[bytes]:
        """Ask it to go, as a supervisor would; it may finish what it holds."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process

    def freeze(self, name: str) -> None:
        """As if the machine slept; `thaw` wakes it."""
        os.killpg(self.pid(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        os.killpg(self.pid(name), signal.SIGCONT)

    def close(self) -> None:
        """End everything, kindly and then not."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._processes.clear()
        self.client.close()

    def finished(self, job: str, *, timeout_s: float = 90) -> JobRecord:
        """The job, once it is over."""
        record = self.client.wait(job, timeout_s=timeout_s)
        assert record.finished, f"job {job} is {record.state} after {timeout_s} s: {record}"
        return record


@contextmanager
def opened(workshop: Workshop) -> Iterator[Workshop]:
    try:
        yield workshop
    finally:
        workshop.close()


def planned_tokens(
    source: bytes, name: str, *, language: str = "en-us", chapters: str = "", first: int | None = None
) -> list[int]:
    """The tokens a document must be spoken with, cut by the product's own planner in this process.

    `first`: about so many in the first segment, as a live job has it.
    """
    document = select(documents.read(source, name), chapters)
    return [
        VOCABULARY[symbol]
        for number, chapter in enumerate(document.chapters)
        for segment in segments(chapter, language, first=None if number else first)
        for symbol in segment.phonemes
    ]


def heard_tokens(path: Path) -> list[int]:
    """The tokens in a finished file, whatever its container, decoded as a player would."""
    import av  # noqa: PLC0415 - FFmpeg, only where files are heard

    with av.open(str(path)) as container:
        frames = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    return decode(np.concatenate(frames).astype(np.int16))


def report_beside(path: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads(path.with_name(f"{path.name}.report.json").read_text("utf-8"))
    return told
