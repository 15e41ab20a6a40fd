"""How busy this machine's processor, GPU and Neural Engine are. What cannot be known is None with a reason, never 0.

The processor by psutil; the others by a Mac's powermetrics, which tells only root. Knows nothing of lanes.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import psutil

SAMPLE_MS = 200
_ANSWER_S = 5.0

_COMMAND = ("--samplers", "gpu_power,ane_power", "-n", "1", "-i", str(SAMPLE_MS))
# `GPU HW active residency:  12.34% (389 MHz: 1.2% …)`: on older systems without `HW`.
_RESIDENCY = re.compile(r"^GPU (?:HW )?active residency:\s*([\d.]+)%", re.MULTILINE)
_POWER = re.compile(r"^(GPU|ANE) Power:\s*([\d.]+) mW", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """One look at the machine."""

    cpu: float
    """Share of all cores that was busy, with whatever."""
    gpu: float | None = None
    """Share of the time that the GPU was active."""
    gpu_w: float | None = None
    """What the GPU drew, in watts."""
    ane_w: float | None = None
    """The same of the Neural Engine, which tells no share."""
    unavailable: str = ""
    """Why some of these are not known."""

    def __str__(self) -> str:
        """For people."""
        gpu = [f"{self.gpu:.0%}"] if self.gpu is not None else []
        gpu += [f"{self.gpu_w:.1f} W"] if self.gpu_w is not None else []
        ane = f"{self.ane_w:.1f} W" if self.ane_w is not None else "unavailable"
        told = f"CPU {self.cpu:.0%}, GPU {', '.join(gpu) or 'unavailable'}, Neural Engine {ane}"
        return told + (f" ({self.unavailable})" if self.unavailable else "")


def look(ask: Callable[[], str] | None = None) -> Usage:
    """As it is in these moments."""
    cpu = psutil.cpu_percent(interval=SAMPLE_MS / 1000) / 100
    try:
        told = (ask or powermetrics)()
    except OSError as error:
        return Usage(cpu=cpu, unavailable=str(error))
    return read(told, cpu=cpu)


def read(told: str, *, cpu: float) -> Usage:
    """What powermetrics printed, as far as it says anything."""
    residency, watts = _RESIDENCY.search(told), {unit: float(mw) / 1000 for unit, mw in _POWER.findall(told)}
    gpu = float(residency[1]) / 100 if residency else None
    missing = [
        name
        for name, value in (("the GPU", gpu if gpu is not None else watts.get("GPU")), ("the ANE", watts.get("ANE")))
        if value is None
    ]
    return Usage(
        cpu=cpu,
        gpu=gpu,
        gpu_w=watts.get("GPU"),
        ane_w=watts.get("ANE"),
        unavailable=f"powermetrics says nothing of {' and '.join(missing)}" if missing else "",
    )


def powermetrics(program: str | None = None, user: int | None = None) -> str:
    """One sample of it, or OSError with the reason why there is none."""
    program = program or shutil.which("powermetrics")
    if program is None:
        raise OSError("no powermetrics here: it is a Mac's")
    if (os.geteuid() if user is None else user) != 0:
        raise OSError("powermetrics tells only root")
    try:
        done = subprocess.run(  # noqa: S603 - the program that was found, with words of our own
            [program, *_COMMAND], capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"powermetrics did not answer within {_ANSWER_S:.0f} s") from error
    if done.returncode:
        raise OSError(f"powermetrics ended with status {done.returncode}: {done.stderr.strip()[:80]}")
    return done.stdout
