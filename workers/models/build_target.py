"""What a built graph holds for: this processor's instructions and this onnxruntime. On another, it is built anew.

Knows nothing of models, and loads no onnxruntime to ask its version.
"""

import hashlib
import importlib.metadata
import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def key() -> str:
    """`3f1c09ab-1.31.1`: the same where a graph that was optimised here may be loaded."""
    parts = (platform.system(), platform.machine(), *instructions())
    digest = hashlib.sha256(" ".join(parts).encode()).hexdigest()
    return f"{digest[:8]}-{importlib.metadata.version('onnxruntime')}"


def same_processor(one: str, other: str) -> bool:
    """Whether two keys differ in their onnxruntime alone."""
    return one.partition("-")[0] == other.partition("-")[0]


def instructions(cpuinfo: Path = _CPUINFO) -> tuple[str, ...]:
    """The instruction sets of the processor, sorted; where the system does not list them, the architecture stands."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return tuple(sorted(set(next(flags, "").split())))
