"""A workshop with a small supervisor: a worker that ends is started again, as `chorus up` or systemd would.

Knows nothing of books. Its workers may have a trap (chaos/traps.py), or reach the server through a proxy.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import redis
from support import wait_until
from toy.build import VOICES
from workshop import ROOT, Workshop

from chorus.errors import ServerError

PATIENCE_S = float(os.environ.get("CHAOS_PATIENCE_S", "60"))
"""How long a condition may take to come true. Canaries set less, since there it never does."""
LOOK_S = 0.02


@dataclass
class SupervisedWorker:
    """One worker that is started again whenever it ends."""

    start: Callable[[], "subprocess.Popen[bytes]"]
    ends: list[int] = field(default_factory=list)
    """How its processes ended: exit statuses, where a signal is its negative number."""


class SupervisedWorkshop(Workshop):
    """A workshop whose workers are started again when they die."""

    def __init__(self, url: str, folder: Path, *, model: Path, voices: Path = VOICES) -> None:
        super().__init__(url, folder, model=model, voices=voices)
        self.worker_url = url
        """The address at which the workers reach the server: a proxy's, in some cases."""
        self._supervised: dict[str, SupervisedWorker] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._supervisor = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._supervisor.start()

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment() | {"CHORUS_URL": self.worker_url, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"} | more

    def supervise(self, *names: str, trap: str = "", wait: bool = True) -> None:
        """Start workers by name, `voice…` or `desk…`, and start each again when it ends. `trap`: see chaos/traps.py."""
        for name in names:
            role = "voice" if name.startswith("voice") else "desk"
            module = "chaos.traps" if trap else f"workers.{role}"
            laid = {"TRAP": trap, "TRAP_ROLE": role, "TRAP_FILE": str(self._trap(name))} if trap else {}

            def start(name: str = name, module: str = module, laid: dict[str, str] = laid) -> "subprocess.Popen[bytes]":
                return self.spawn(name, "-A", module, "worker", "-l", "INFO", "-n", f"{name}@test", **laid)

            with self._lock:
                start()
                self._supervised[name] = SupervisedWorker(start)
        if wait:
            self.until(lambda: all(self.worker(name) for name in names), f"{', '.join(names)} registered")

    def ends(self, name: str) -> list[int]:
        """How this worker's processes ended so far."""
        return list(self._supervised[name].ends)

    def pid(self, name: str) -> int:
        with self._lock:
            return super().pid(name)

    def kill(self, *names: str) -> None:
        """Kill these workers. The supervisor starts others in their place."""
        with self._lock:
            for name in names:
                self.send_signal(name, signal.SIGKILL)
            for name in names:
                self._restart(name)

    def send_signal(self, name: str, number: signal.Signals) -> None:
        with self._lock:
            os.killpg(self.pid(name), number)

    def logged(self, name: str) -> str:
        """What this worker has logged."""
        return self.log(name).read_text("utf-8", "replace")

    def trapped(self, name: str) -> str:
        """Wait until this worker is held by its trap; the step it has. Its process lives and renews its leases."""
        self.until(self._trap(name).exists, f"{name} is held by its trap")
        pid, _, step = self._trap(name).read_text("utf-8").partition(" ")
        assert int(pid) == self.pid(name)
        return step

    def release(self, name: str) -> None:
        self._trap(name).with_suffix(".go").touch()

    def revoke_release(self, name: str) -> None:
        """Undo a release: the trap of a jumping clock can be set again."""
        self._trap(name).with_suffix(".go").unlink()

    def until(self, predicate: Callable[[], object], description: str) -> None:
        """Wait for a condition; while the server is away, it does not hold."""

        def holds() -> object:
            try:
                return predicate()
            except (redis.ConnectionError, redis.TimeoutError, ServerError):
                return False

        wait_until(holds, description=f"{description} (see {self.folder})", timeout_s=PATIENCE_S)

    def close(self) -> None:
        """Kill all workers at once: nothing here depends on an orderly end."""
        self._over.set()
        self._supervisor.join()
        for name, process in self._processes.items():
            if process.poll() is None:
                self.send_signal(name, signal.SIGKILL)
        super().close()

    def _trap(self, name: str) -> Path:
        return self.folder / f"{name}.trap"

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            with self._lock:
                for name in self._supervised:
                    if self._processes[name].poll() is not None:
                        self._restart(name)

    def _restart(self, name: str) -> None:
        worker = self._supervised[name]
        worker.ends.append(self._processes[name].wait())
        worker.start()
