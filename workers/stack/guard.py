"""A small process that outlives a killed supervisor just long enough to end what it left behind.

It reads process ids from a pipe; when the pipe closes, whoever is still there is ended. Knows nothing of what they do.
"""

import sys
from collections.abc import Iterable
from contextlib import suppress

import psutil

GRACE_S = 5.0


def main(grace_s: float = GRACE_S) -> None:
    """Watch until the supervisor is gone, then end its children."""
    watched: list[psutil.Process] = []
    for line in sys.stdin:
        # Looked at once, while the supervisor still holds it: psutil remembers the start time with the id, so that
        # a stranger who gets the same id later is never signalled.
        with suppress(psutil.NoSuchProcess, ValueError):
            watched.append(psutil.Process(int(line)))
    end(watched, grace_s)


def end(processes: Iterable[psutil.Process], grace_s: float) -> None:
    """SIGTERM to those who are still themselves, SIGKILL to those who stay."""
    alive = [process for process in processes if process.is_running()]
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(alive, timeout=grace_s)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    main()
