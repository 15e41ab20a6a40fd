"""Identifies the processor and the onnxruntime that an optimised graph was built for; for others it is built again.

Knows nothing of models, and does not import onnxruntime to learn its version.
"""

import hashlib
import importlib.metadata
import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def key() -> str:
    """Such as `3f1c09ab-1.31.1`. An optimised graph may be loaded wherever the key is the same as where it was made."""
    parts = (platform.system(), platform.machine(), *instructions())
    digest = hashlib.sha256(" ".join(parts).encode()).hexdigest()
    return f"{digest[:8]}-{importlib.metadata.version('onnxruntime')}"


def same_processor(one: str, other: str) -> bool:
    """Whether two keys name the same processor; their onnxruntimes may differ."""
    return one.partition("-")[0] == other.partition("-")[0]


def instructions(cpuinfo: Path = _CPUINFO) -> tuple[str, ...]:
    """The processor's instruction sets, sorted; empty where the system does not list them."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return tuple(sorted(set(next(flags, "").split())))
