"""For a process that has no business without the one that started it: it ends when that one does.

Knows nothing of what either of them does.
"""

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """On Linux the kernel sees to it, whatever the parent dies of."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def end_with_input() -> None:
    """A parent that dies closes our standard input, on every system; nobody else may want to read it from now on."""
    threading.Thread(target=_watch_input, daemon=True).start()


def _watch_input() -> None:
    sys.stdin.read()
    os._exit(1)
