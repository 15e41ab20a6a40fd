"""What the system is told of a thread: behind everything else, for somebody who waits, or on one core alone."""

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

# The lowest there is: at 19 a listener pays about 4 % on a machine full of books, at 10 about 18 %.
NICEST = 19
# Apple's <sys/qos.h>. One class below UTILITY, BACKGROUND, would pin books to the efficiency cores of an idle Mac; the
# one above USER_INITIATED is for what draws the screen.
QOS_UTILITY, QOS_USER_INITIATED = 0x11, 0x19

log = logging.getLogger(__name__)


def lower_priority(platform: str = sys.platform, libc: Any = None) -> None:
    """Put the calling thread behind everything else on this machine, as far as the system allows it."""
    lower = {"linux": _be_nice, "darwin": lambda: _enter_class(QOS_UTILITY, libc)}.get(platform)
    if lower is None:
        log.warning("No way to lower a thread's priority on %s is known: books and listeners share alike.", platform)
    else:
        _try(lower)


def favour(platform: str = sys.platform, libc: Any = None) -> None:
    """Tell the system that somebody waits for the calling thread. Only a Mac asks no privilege for it."""
    if platform == "darwin":
        _try(lambda: _enter_class(QOS_USER_INITIATED, libc))


def own_cores() -> tuple[int, ...]:
    """The cores this process may run on, by number; none where the system does not tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def keep_to(core: int) -> None:
    """Have the calling thread run on this core alone, where the system has a way to say so."""
    if hasattr(os, "sched_setaffinity"):
        _try(lambda: os.sched_setaffinity(0, {core}))


def _try(change: Callable[[], None]) -> None:
    try:
        change()
    except OSError as error:
        log.warning("This thread keeps its priority, books and listeners share alike: %s", error)


def _be_nice() -> None:
    # On Linux a "process" of this call is a thread.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)


def _enter_class(qos: int, libc: Any) -> None:
    """Of the calling thread alone; `libc` stands in for the system's own library in tests."""
    failure = (libc or ctypes.CDLL(None)).pthread_set_qos_class_self_np(qos, 0)
    if failure:
        raise OSError(failure, os.strerror(failure))
