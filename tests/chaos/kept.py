"""A workshop under a small supervisor: a worker that ends is started again, as `chorus up` or a service file would.

Knows nothing of books. Its workers may have a trapdoor (chaos/traps.py) and another way to the server (a proxy).
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
"""How long anything may take to come right; a canary waits less for what never comes."""
LOOK_S = 0.02


@dataclass
class Hand:
    """One worker that is kept running."""

    start: Callable[[], "subprocess.Popen[bytes]"]
    ends: list[int] = field(default_factory=list)
    """How its processes ended: the negative number of a signal, or an exit status."""


class KeptWorkshop(Workshop):
    """A workshop whose workers are started again when they die."""

    def __init__(self, url: str, folder: Path, *, model: Path, voices: Path = VOICES) -> None:
        super().__init__(url, folder, model=model, voices=voices)
        self.way = url
        """How the workers reach the server: a proxy, in some cases."""
        self._hands: dict[str, Hand] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment() | {"CHORUS_URL": self.way, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"} | more

    def hire(self, *names: str, trap: str = "", wait: bool = True) -> None:
        """Start workers by name, `voice…` or `desk…`, and keep them running. `trap`: see chaos/traps.py."""
        for name in names:
            role = "voice" if name.startswith("voice") else "desk"
            module = "chaos.traps" if trap else f"workers.{role}"
            laid = {"TRAP": trap, "TRAP_ROLE": role, "TRAP_FILE": str(self._trap(name))} if trap else {}

            def start(name: str = name, module: str = module, laid: dict[str, str] = laid) -> "subprocess.Popen[bytes]":
                return self.spawn(name, "-A", module, "worker", "-l", "INFO", "-n", f"{name}@test", **laid)

            with self._lock:
                start()
                self._hands[name] = Hand(start)
        if wait:
            self.until(lambda: all(self.worker(name) for name in names), f"{', '.join(names)} registered")

    def ends(self, name: str) -> list[int]:
        """How this worker's processes ended so far."""
        return list(self._hands[name].ends)

    def pid(self, name: str) -> int:
        with self._lock:
            return super().pid(name)

    def kill(self, *names: str) -> None:
        """No time to say goodbye. The keeper starts another in its place."""
        with self._lock:
            for name in names:
                self.strike(name, signal.SIGKILL)
            for name in names:
                self._bury(name)

    def strike(self, name: str, number: signal.Signals) -> None:
        with self._lock:
            os.killpg(self.pid(name), number)

    def said(self, name: str) -> str:
        """What this worker has logged."""
        return self.log(name).read_text("utf-8", "replace")

    def trapped(self, name: str) -> str:
        """Wait until this worker stands in its trap; the step it holds. Its process lives and keeps its leases."""
        self.until(self._trap(name).exists, f"{name} walks into its trap")
        pid, _, step = self._trap(name).read_text("utf-8").partition(" ")
        assert int(pid) == self.pid(name)
        return step

    def release(self, name: str) -> None:
        self._trap(name).with_suffix(".go").touch()

    def take_back(self, name: str) -> None:
        """Undo a release."""
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
        """Nobody here needs a goodbye."""
        self._over.set()
        self._keeper.join()
        for name, process in self._processes.items():
            if process.poll() is None:
                self.strike(name, signal.SIGKILL)
        super().close()

    def _trap(self, name: str) -> Path:
        return self.folder / f"{name}.trap"

    def _keep(self) -> None:
        while not self._over.wait(LOOK_S):
            with self._lock:
                for name in self._hands:
                    if self._processes[name].poll() is not None:
                        self._bury(name)

    def _bury(self, name: str) -> None:
        hand = self._hands[name]
        hand.ends.append(self._processes[name].wait())
        hand.start()
