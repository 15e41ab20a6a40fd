"""How long each stage of this process's start took, for whoever waits for it. Knows nothing of what the stages do.

A process that replaces itself (`lifecycle.py`) hands the time of that to the next one by an option of the interpreter:
the system's own record of a process's start does not change when it is replaced.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "chorus_recycled"
"""`-X chorus_recycled=2@1700000000.0`: the second successor in this process, replaced at that time."""
# Of what follows the name in /proc/PID/stat: ticks from the boot to the start.
_STARTED = 19


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """When this process began to be what it is, and how often it was replaced before."""

    began_s: float
    """By the clock on the wall."""
    recycles: int = 0

    @classmethod
    def of(cls, marks: Mapping[str, str | bool], created_s: float) -> "Origin":
        """From the interpreter's options and the system's record of the process."""
        count, _, began = str(marks.get(MARK, "")).partition("@")
        if not count.isdecimal() or not began:
            return cls(began_s=created_s)
        return cls(began_s=float(began), recycles=int(count))

    def successor(self, now_s: float) -> str:
        """The mark for the process that is about to take its place."""
        return f"{MARK}={self.recycles + 1}@{now_s:.3f}"


@dataclass(kw_only=True)
class Startup:
    """Stages one after the other, each from the end of the one before it."""

    began_s: float
    """By the clock on the wall, which alone goes further back than this program."""
    clock_s: Callable[[], float] = time.time
    _stages: dict[str, float] = field(default_factory=dict)
    _reached_s: float = 0.0

    def __post_init__(self) -> None:
        """Nothing is reached yet."""
        self._reached_s = self.began_s

    def reached(self, stage: str) -> None:
        """This stage ends now; reached again, it adds to what it took before."""
        now_s = self.clock_s()
        # A clock that was set back must not make a stage shorter than nothing.
        self._stages[stage] = self._stages.get(stage, 0.0) + max(0.0, now_s - self._reached_s)
        self._reached_s = now_s

    def seconds(self) -> dict[str, float]:
        """What each stage took, in order, and `ready`, from the beginning until the last of them ended."""
        spans = {stage: round(taken_s, 3) for stage, taken_s in self._stages.items()}
        return {**spans, "ready": round(max(0.0, self._reached_s - self.began_s), 3)}


def created_s(stat: Path = Path("/proc/self/stat")) -> float:
    """When the system made this process, by the clock on the wall."""
    try:
        ticks = int(stat.read_text("utf-8").rpartition(")")[2].split()[_STARTED])
    except OSError:
        return float(psutil.Process().create_time())
    # psutil counts from the boot as Linux tells it, in whole seconds: half a second wrong is usual.
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age_s


origin = Origin.of(sys._xoptions, created_s())  # noqa: SLF001 - documented under that name
startup = Startup(began_s=origin.began_s)
