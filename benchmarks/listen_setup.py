"""Installs the recogniser of benchmarks/listening.py into this checkout's environment, from its own lock.

    .venv/bin/python benchmarks/listen_setup.py

About 100 MB more; nothing of it changes a version that is there. No start and no test installs it.
"""

import argparse
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements-listen.lock"


def command() -> list[str]:
    """What is run: this environment's own pip, wheels only, every digest checked."""
    wheels_only = ("--no-deps", "--only-binary", ":all:", "--require-hashes")
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *wheels_only, "-r", str(LOCK)]


def main() -> int:
    """Install; pip's exit code."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    return subprocess.run(command(), check=False).returncode  # noqa: S603 - this environment's own pip


if __name__ == "__main__":
    sys.exit(main())
