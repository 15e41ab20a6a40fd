"""Sets a thread's priority for the system, below everything else or for a waiting listener, and binds it to a core."""

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

# The lowest priority. On a busy machine a listener waits 4 % longer with books at 19, 18 % with books at 10.
NICEST = 19
# From Apple's <sys/qos.h>. BACKGROUND, the class below UTILITY, would keep books on the efficiency cores of an idle
# Mac; the class above USER_INITIATED is meant for drawing the screen.
QOS_UTILITY, QOS_USER_INITIATED = 0x11, 0x19

log = logging.getLogger(__name__)


def lower_priority(platform: str = sys.platform, libc: Any = None) -> None:
    """Give the calling thread the lowest priority on this machine that the system offers."""
    lower = {"linux": _be_nice, "darwin": lambda: _enter_class(QOS_UTILITY, libc)}.get(platform)
    if lower is None:
        log.warning("Chorus cannot lower a thread's priority on %s: books may slow listeners down.", platform)
    else:
        _try(lower)


def favour(platform: str = sys.platform, libc: Any = None) -> None:
    """Raise the calling thread's priority, because a listener waits. Only macOS allows it without a privilege."""
    if platform == "darwin":
        _try(lambda: _enter_class(QOS_USER_INITIATED, libc))


def own_cores() -> tuple[int, ...]:
    """The cores this process may run on, by number; empty where the system does not say."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def keep_to(core: int) -> None:
    """Bind the calling thread to this core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        _try(lambda: os.sched_setaffinity(0, {core}))


def _try(change: Callable[[], None]) -> None:
    try:
        change()
    except OSError as error:
        log.warning("The system did not change a thread's priority, books may slow listeners down: %s", error)


def _be_nice() -> None:
    # On Linux this call takes a thread's id as well.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)


def _enter_class(qos: int, libc: Any) -> None:
    """Of the calling thread alone; tests pass their own `libc`."""
    failure = (libc or ctypes.CDLL(None)).pthread_set_qos_class_self_np(qos, 0)
    if failure:
        raise OSError(failure, os.strerror(failure))
