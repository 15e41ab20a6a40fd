"""The client's commands as a user types them: within this process, or as a process of their own."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

Type = Callable[..., int]
"""Types a command and returns its exit status."""
ROOT = Path(__file__).resolve().parent.parent
CHORUS = (sys.executable, "-c", "from chorus.commands import main; main()")


def run_chorus(
    *words: str, url: str, text: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """What a command of its own process said."""
    command = [*CHORUS, *words, "--url", url]
    return subprocess.run(command, input=text, env=env, capture_output=True, check=False, timeout=60, cwd=ROOT)
