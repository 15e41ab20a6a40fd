"""Measures this process's memory, and the memory there is for it. Decides nothing.

What the system does not report is None, never 0.
"""

import ctypes
import gc
import resource
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import psutil

MEMINFO: Final = Path("/proc/meminfo")
CGROUP: Final = Path("/sys/fs/cgroup")
_LIMIT_FILES = ("memory.max", "memory/memory.limit_in_bytes")
_USED_FILES = ("memory.current", "memory/memory.usage_in_bytes")
_STAT_FILES = ("memory.stat", "memory/memory.stat")
# <malloc.h>: from this size on a block is a mapping of its own, which returns to the system when it is freed.
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 128 * 1024
# cgroup v1 writes "no limit" as the largest multiple of a page.
_UNLIMITED_BYTES = 2**60


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """The memory there is for this process and its neighbours: the machine's, or its container's limit."""

    total_bytes: int
    available_bytes: int
    """Free, or taken by caches that the system drops when memory is needed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryReading:
    """This process at one moment."""

    rss_bytes: int
    """Resident memory."""
    in_use_bytes: int | None
    """What the allocator has handed out. The rest of the resident memory is code, files, or kept for reuse."""
    room: Room
    under_way: int = 0
    """Segments being spoken at this moment; the caller fills it in."""


def read() -> MemoryReading:
    """This process now."""
    return MemoryReading(rss_bytes=int(psutil.Process().memory_info().rss), in_use_bytes=in_use_bytes(), room=room())


def room(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> Room:
    """The smaller of what the machine has and what the control group allows."""
    machine = _machine(meminfo)
    limit, used = _number(cgroup, _LIMIT_FILES), _number(cgroup, _USED_FILES)
    if limit is None or used is None or limit >= min(machine.total_bytes, _UNLIMITED_BYTES):
        return machine
    # Cached files count as used, although the system drops them when memory is needed.
    spare = max(0, limit - used + _inactive_files(cgroup))
    return Room(total_bytes=limit, available_bytes=min(spare, machine.available_bytes))


def _machine(meminfo: Path) -> Room:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text("ascii").splitlines())
        total, available = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, KeyError):
        whole = psutil.virtual_memory()
        return Room(total_bytes=int(whole.total), available_bytes=int(whole.available))
    return Room(total_bytes=total, available_bytes=available)


def _number(folder: Path, names: tuple[str, ...]) -> int | None:
    """The number in the first of these files that exists; None if it holds none, such as `max`."""
    for name in names:
        try:
            return int((folder / name).read_text("ascii"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return None
    return None


def _inactive_files(cgroup: Path) -> int:
    for name in _STAT_FILES:
        try:
            lines = (cgroup / name).read_text("ascii").splitlines()
        except OSError:
            continue
        return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    return 0


class _Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`: ten numbers of pointer size."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


@cache
def _libc() -> Any:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def in_use_bytes() -> int | None:
    """What malloc has handed out and not got back, large blocks included; None without glibc 2.33 or newer."""
    ask = getattr(_libc(), "mallinfo2", None)
    if ask is None:
        return None
    ask.restype = _Mallinfo2
    info = ask()
    return int(info.uordblks) + int(info.hblkhd)


def settle() -> None:
    """Return every large block to the system when it is freed; call it before any is allocated.

    glibc starts out like this, but after the first large blocks it keeps the next ones in its heaps, one for each
    thread, where a worker's audio then leaves a hundred megabytes of holes (docs/log.md).
    """
    choose = getattr(_libc(), "mallopt", None)
    if choose is not None:
        choose(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def trim() -> None:
    """Collect garbage, and return free memory to the system as far as the allocator can."""
    gc.collect()
    give_back = getattr(_libc(), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


def fresh_pages() -> int:
    """Minor page faults since the start: how often the process touched memory that it did not have yet."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
