"""What files take on the disk, and since when. Reads a folder and changes nothing; knows no store and no cache."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chorus.files import TEMPORARY

BLOCK_BYTES = 4096
"""The usual block of a file system: a file of one byte takes one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """One file as it was when it was looked at."""

    path: Path
    disk_bytes: int
    written_s: float
    """In seconds since the epoch. A cache's entry counts as written whenever it is read."""

    @property
    def half_written(self) -> bool:
        """Whether somebody is writing it, or was killed while writing it."""
        return self.path.name.endswith(TEMPORARY)


def stored_files(folder: Path) -> Iterator[StoredFile]:
    """Every file in a folder and below it. What is removed meanwhile is left out."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            yield StoredFile(path=path, disk_bytes=on_disk(status.st_size), written_s=status.st_mtime)


def on_disk(size_bytes: int) -> int:
    """What a file of this size takes."""
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES


def total_bytes(folder: Path) -> int:
    """What everything in a folder takes; 0 if there is no such folder."""
    return sum(one.disk_bytes for one in stored_files(folder))


def for_people(size_bytes: int) -> str:
    """`0.4 MB`, `12.0 GB`."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 10**9 else f"{size_bytes / 1e6:.1f} MB"


def age_s(written_s: float) -> float:
    """How long ago that was; below 0 where the clock of whoever wrote it is ahead of ours."""
    return time.time() - written_s
