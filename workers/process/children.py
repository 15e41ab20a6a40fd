"""Child processes that run a module of ours: how they start, where they answer, and that they end with their parent.

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
    """The command line that runs this module."""
    # -P: a file in the user's current folder must not be imported in the place of a module of ours.
    return [sys.executable, "-P", "-m", module]


def environment() -> dict[str, str]:
    """This process's environment, with the checkout among the folders that Python imports from."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path}


def answers() -> int:
    """For the child: a descriptor of its standard output. What libraries print goes to standard error from now on."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return kept


def end_with(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """For the child, before or after its exec: on Linux the kernel ends it when the parent dies, of whatever cause."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def end_with_input() -> None:
    """For the child, on every system: end when standard input closes, as it does when the parent dies.

    Nothing else may read standard input from now on.
    """
    threading.Thread(target=_watch_input, daemon=True).start()


def _watch_input() -> None:
    sys.stdin.read()
    os._exit(1)
