"""What lanes depend on of this machine: system, chip, cores, memory, and the providers onnxruntime can use here.

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
    """One machine. A measurement made on it is valid until its `key` changes."""

    system: str
    """`Darwin 15.1`, `Linux 6.8.0`."""
    architecture: str
    chip: str
    """`Apple M3 Pro`; `unknown` where the system does not say."""
    cores: int
    """Those this process may use."""
    memory_bytes: int
    providers: tuple[str, ...]
    """Those of the installed onnxruntime that work here."""
    onnxruntime: str

    @property
    def apple_silicon(self) -> bool:
        """A Mac with a Neural Engine. A process under Rosetta says x86_64 and cannot use it."""
        return self.system.startswith("Darwin") and self.architecture == "arm64"

    @property
    def has_coreml(self) -> bool:
        """Whether lanes on an accelerator are possible at all."""
        return COREML_PROVIDER in self.providers

    @property
    def key(self) -> str:
        """What a measurement made here is valid for, as one line."""
        return " | ".join((self.system, self.architecture, self.chip, f"onnxruntime {self.onnxruntime}"))


def detect() -> Machine:
    """The machine of this process."""
    return Machine(
        system=system_name(),
        architecture=platform.machine(),
        chip=chip_name(),
        cores=available_cores(),
        memory_bytes=psutil.virtual_memory().total,
        # The ones that load here, of those onnxruntime knows: get_all_providers names CoreML on Linux too.
        providers=tuple(ort.get_available_providers()),
        onnxruntime=ort.__version__,
    )


def system_name(system: str = "", mac_release: str = "", kernel: str = "") -> str:
    """With macOS's release on a Mac, which people know better than the kernel's; elsewhere with the kernel's."""
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
    """A value of a Mac's `sysctl`; empty if there is none."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of the system, by its whole path
            ["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
