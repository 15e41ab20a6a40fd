"""A small process that ends the supervisor's children if the supervisor is killed.

It reads their process ids from a pipe. When the pipe closes, the supervisor has ended, and every process that still
runs is ended too. Knows nothing of what they do.
"""

import sys
from collections.abc import Iterable
from contextlib import suppress

import psutil

GRACE_S = 5.0


def main(grace_s: float = GRACE_S) -> None:
    """Wait until the supervisor has ended, then end its children."""
    watched: list[psutil.Process] = []
    for line in sys.stdin:
        # Opened now, while the process is certainly the supervisor's child: psutil compares the start time later, so
        # that another process that is given the same id is never signalled.
        with suppress(psutil.NoSuchProcess, ValueError):
            watched.append(psutil.Process(int(line)))
    end(watched, grace_s)


def end(processes: Iterable[psutil.Process], grace_s: float) -> None:
    """Send SIGTERM to those that still run, and SIGKILL to those that do not end within the grace period."""
    alive = [process for process in processes if process.is_running()]
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(alive, timeout=grace_s)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    main()
