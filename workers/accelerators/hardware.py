"""What this machine is, as far as lanes depend on it: system, chip, cores, memory, and what onnxruntime can use here.

Asks the system and onnxruntime; opens no session.
"""

import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort
import psutil

from broker.settings import available_cores
from workers.inference.providers import COREML_PROVIDER

UNKNOWN = "unknown"
_ANSWER_S = 5.0

Ask = Callable[[str], str]
"""The answer of `sysctl -n NAME`; empty where there is none."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine. What is measured on it holds until one of these changes."""

    system: str
    """`Darwin 15.1`, `Linux 6.8.0`."""
    architecture: str
    chip: str
    """`Apple M3 Pro`; `unknown` where the system does not tell."""
    cores: int
    """Those this process may use."""
    memory_bytes: int
    providers: tuple[str, ...]
    """What the installed onnxruntime can run on here."""
    onnxruntime: str

    @property
    def apple_silicon(self) -> bool:
        """A Mac with a Neural Engine; one under Rosetta says x86_64 and has none of use."""
        return self.system.startswith("Darwin") and self.architecture == "arm64"

    @property
    def has_coreml(self) -> bool:
        """Whether lanes on an accelerator are possible at all."""
        return COREML_PROVIDER in self.providers

    @property
    def key(self) -> str:
        """What a measurement made here holds for, as one line."""
        return " | ".join((self.system, self.architecture, self.chip, f"onnxruntime {self.onnxruntime}"))


def detect() -> Machine:
    """This one."""
    return Machine(
        system=system_name(),
        architecture=platform.machine(),
        chip=chip_name(),
        cores=available_cores(),
        memory_bytes=psutil.virtual_memory().total,
        # Of those it was built for, those that really load: get_all_providers names CoreML on Linux too.
        providers=tuple(ort.get_available_providers()),
        onnxruntime=ort.__version__,
    )


def system_name(system: str = "", mac_release: str = "", kernel: str = "") -> str:
    """A Mac's own release, for its kernel's number means nothing to anybody; elsewhere the kernel's."""
    system = system or platform.system()
    release = (mac_release or platform.mac_ver()[0]) if system == "Darwin" else ""
    return f"{system} {release or kernel or platform.release()}"


def chip_name(system: str = sys.platform, ask: Ask | None = None, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name for people."""
    if system == "darwin":
        return (ask or sysctl)("machdep.cpu.brand_string") or UNKNOWN
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return UNKNOWN
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or UNKNOWN


def sysctl(name: str) -> str:
    """What a Mac's kernel says of itself."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of the system, by its whole path
            ["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
