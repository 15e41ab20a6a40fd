"""A whole farm for a test: its own Valkey, voice and desk workers as plain Celery starts them, the toy voice."""

import os
import sys
from pathlib import Path
from typing import Self

from support import Guarded, ValkeyServer, wait_until

from chorus.client import Client

ROOT = Path(__file__).resolve().parent.parent
TOY = ROOT / "tests" / "toy"
ROLES = ("voice", "desk")


class RealFarm:
    """Started by `with`; workers may be added, and found by their process ids in `Client.workers()`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.valkey = ValkeyServer(folder)
        self._settings = settings
        self._workers: list[Guarded] = []

    @property
    def url(self) -> str:
        return self.valkey.url

    def start_worker(self, role: str) -> None:
        """One more worker, with a name of its own; its log lies in the farm's folder."""
        name = f"{role}{len(self._workers)}"
        command = [sys.executable, "-m", "celery", "-A", f"workers.{role}", "worker", "-n", f"{name}@test"]
        self._workers.append(Guarded(command, self.folder / f"{name}.log", self._environment()))

    def _environment(self) -> dict[str, str]:
        """A worker's: the toy voice, and a home and store of the test's own."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CHORUS_URL": self.url,
            "CHORUS_HOME": str(self.folder / "home"),
            "CHORUS_MODEL": str(TOY / "toy.onnx"),
            "CHORUS_VOICES": str(TOY / "toy-voices.bin"),
            "CHORUS_OFFLINE": "1",
            **self._settings,
        }

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _start(self) -> None:
        self.valkey.start()
        for role in ROLES:
            self.start_worker(role)
        with Client(self.url) as client:
            wait_until(
                lambda: {worker.role for worker in client.workers()} == set(ROLES),
                description=f"a voice and a desk are registered (logs in {self.folder})",
                timeout_s=60,
            )

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()
        self.valkey.stop()
