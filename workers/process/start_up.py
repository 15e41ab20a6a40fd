"""How long each stage of this process's start took. Knows nothing of what the stages do.

A process that replaces itself (`lifecycle.py`) passes the time of that to the new one by an option of the interpreter,
because the system's own record of a process's start stays the same.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "chorus_recycled"
"""`-X chorus_recycled=2@1700000000.0`: the second replacement under this process id, made at that time."""
# In /proc/PID/stat, the field after the name that holds the clock ticks from the boot to the start.
_STARTED = 19


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """When this process started or last replaced itself, and how often it has."""

    began_s: float
    """Wall-clock time."""
    recycles: int = 0

    @classmethod
    def of(cls, marks: Mapping[str, str | bool], created_s: float) -> "Origin":
        """From the interpreter's options and the process's creation time."""
        count, _, began = str(marks.get(MARK, "")).partition("@")
        if not count.isdecimal() or not began:
            return cls(began_s=created_s)
        return cls(began_s=float(began), recycles=int(count))

    def successor(self, now_s: float) -> str:
        """The mark for the process that replaces it at this time."""
        return f"{MARK}={self.recycles + 1}@{now_s:.3f}"


@dataclass(kw_only=True)
class Startup:
    """Stages one after the other, each timed from the end of the one before."""

    began_s: float
    """Wall-clock time, because the start lies before this program's first line."""
    clock_s: Callable[[], float] = time.time
    _stages: dict[str, float] = field(default_factory=dict)
    _reached_s: float = 0.0

    def __post_init__(self) -> None:
        """Nothing is reached yet."""
        self._reached_s = self.began_s

    def reached(self, stage: str) -> None:
        """This stage ends now. A stage that is reached again adds to its time."""
        now_s = self.clock_s()
        # A clock that was set back must not make a stage negative.
        self._stages[stage] = self._stages.get(stage, 0.0) + max(0.0, now_s - self._reached_s)
        self._reached_s = now_s

    def seconds(self) -> dict[str, float]:
        """What each stage took, in order, and as `ready` the time from the start to the end of the last stage."""
        spans = {stage: round(taken_s, 3) for stage, taken_s in self._stages.items()}
        return {**spans, "ready": round(max(0.0, self._reached_s - self.began_s), 3)}


def created_s(stat: Path = Path("/proc/self/stat")) -> float:
    """When the system created this process, in wall-clock time."""
    try:
        ticks = int(stat.read_text("utf-8").rpartition(")")[2].split()[_STARTED])
    except OSError:
        return float(psutil.Process().create_time())
    # psutil takes the time of the boot from Linux, which gives it in whole seconds: often wrong by half a second.
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age_s


origin = Origin.of(sys._xoptions, created_s())  # noqa: SLF001 - documented under this name
startup = Startup(began_s=origin.began_s)
