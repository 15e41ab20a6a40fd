"""How busy this machine's processor, GPU and Neural Engine are. What cannot be measured is None with a reason, never 0.

The processor is measured with psutil, the others with macOS's powermetrics, which needs root. Knows nothing of lanes.
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
    """The load at one moment."""

    cpu: float
    """The busy share of all cores, from 0 to 1; every program counts."""
    gpu: float | None = None
    """The share of the time that the GPU was active, from 0 to 1."""
    gpu_w: float | None = None
    """The GPU's power in watts."""
    ane_w: float | None = None
    """The Neural Engine's power in watts; powermetrics reports no share of time for it."""
    unavailable: str = ""
    """Why some of these are None."""

    def __str__(self) -> str:
        """As `chorus status` prints it."""
        gpu = [f"{self.gpu:.0%}"] if self.gpu is not None else []
        gpu += [f"{self.gpu_w:.1f} W"] if self.gpu_w is not None else []
        ane = f"{self.ane_w:.1f} W" if self.ane_w is not None else "unavailable"
        told = f"CPU {self.cpu:.0%}, GPU {', '.join(gpu) or 'unavailable'}, Neural Engine {ane}"
        return told + (f" ({self.unavailable})" if self.unavailable else "")


def look(ask: Callable[[], str] | None = None) -> Usage:
    """Measure for a fifth of a second. `ask` stands for powermetrics in tests."""
    cpu = psutil.cpu_percent(interval=SAMPLE_MS / 1000) / 100
    try:
        told = (ask or powermetrics)()
    except OSError as error:
        return Usage(cpu=cpu, unavailable=str(error))
    return read(told, cpu=cpu)


def read(told: str, *, cpu: float) -> Usage:
    """Parse what powermetrics printed."""
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
        unavailable=f"powermetrics did not report {' and '.join(missing)}" if missing else "",
    )


def powermetrics(program: str | None = None, user: int | None = None) -> str:
    """Run powermetrics for one sample; OSError with the reason if that is impossible."""
    program = program or shutil.which("powermetrics")
    if program is None:
        raise OSError("powermetrics exists only on macOS")
    if (os.geteuid() if user is None else user) != 0:
        raise OSError("powermetrics needs root")
    try:
        done = subprocess.run(  # noqa: S603 - the program that was found, with fixed arguments
            [program, *_COMMAND], capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"powermetrics did not answer within {_ANSWER_S:.0f} s") from error
    if done.returncode:
        raise OSError(f"powermetrics ended with status {done.returncode}: {done.stderr.strip()[:80]}")
    return done.stdout
