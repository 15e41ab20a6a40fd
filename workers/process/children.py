"""Processes of our own modules: how they are started, where they answer, and that they end with whoever started them.

Knows nothing of what any of them does.
"""

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1


def command(module: str) -> list[str]:
    """What runs this module of ours."""
    # -P: a file of the user's in the current folder must not shadow a module of ours.
    return [sys.executable, "-P", "-m", module]


def environment() -> dict[str, str]:
    """Ours, in which this checkout's modules are found."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path}


def answers() -> int:
    """For the child: what was its standard output. Whatever a library prints goes to standard error from now on."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return kept


def end_with(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """For the child, also before it becomes its program: on Linux the kernel ends it, whatever the parent dies of."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def end_with_input() -> None:
    """A parent that dies closes our standard input, on every system; nobody else may want to read it from now on."""
    threading.Thread(target=_watch_input, daemon=True).start()


def _watch_input() -> None:
    sys.stdin.read()
    os._exit(1)
