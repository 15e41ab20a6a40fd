"""A bounded cache on disk: bytes, found by the digest of what they were made from. The least recently used goes first.

Knows nothing of sound. Any number of processes may share a folder. A lost entry is made again, so an error of the disk
is logged and stops no work.
"""

import hashlib
import logging
import os
import shutil
from pathlib import Path
from threading import Lock

from broker.disk_use import age_s, on_disk, stored_files
from chorus.errors import ChorusError
from chorus.files import whole_file

FOLDER = "cache"
"""Its place in a store."""
_TRIMMED_TO = 0.9
"""The share of the bound that a trim leaves, so that not every write needs one."""
_RECOUNT_AFTER = 0.05
"""A process that has written this share of the bound counts again what all processes wrote."""
_ABANDONED_S = 3600
_SPARED_BYTES = 256 * 2**20
"""Free space that the cache leaves on the disk: a part for which there is no room pauses its job."""

log = logging.getLogger(__name__)


def digest(*parts: object) -> str:
    """The name of an entry that is made from these values and nothing else."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


class DiskCache:
    """Entries in a folder of this machine, which with half-written ones take no more than `most_bytes` of the disk."""

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._entries = self._bytes = self._written = 0
        self._complained = False

    def open(self) -> None:
        """Make the folder, and count what is in it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._complain(error)
        self.trim()

    @property
    def entries(self) -> int:
        """How many there were at the last count, and those that this process wrote since."""
        return self._entries

    @property
    def size_bytes(self) -> int:
        """What they take on the disk."""
        return self._bytes

    def read(self, name: str) -> bytes | None:
        """The entry of this digest, which now counts as just used; None if there is none."""
        path = self._path(name)
        try:
            data = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._complain(error)
            return None
        return data

    def write(self, name: str, data: bytes) -> None:
        """Store an entry in place of an earlier one; remove others if there is no room."""
        takes = on_disk(len(data))
        if takes > self._most_bytes:
            return
        path = self._path(name)
        try:
            if shutil.disk_usage(self._folder).free < _SPARED_BYTES:
                return
            # The cache's own folder is not made: where a disk was unmounted, nothing is written to its mount point.
            path.parent.mkdir(exist_ok=True)
            before = on_disk(path.stat().st_size) if path.exists() else None
            with whole_file(path, durable=False) as temporary:
                temporary.write_bytes(data)
        except (OSError, ChorusError) as error:
            self._complain(error)
            return
        with self._lock:
            self._entries += before is None
            self._bytes += takes - (before or 0)
            self._written += takes
            full = self._bytes > self._most_bytes or self._written > _RECOUNT_AFTER * self._most_bytes
        if full:
            self.trim()

    def drop(self, name: str) -> None:
        """Remove an entry that turned out to be damaged."""
        self._path(name).unlink(missing_ok=True)

    def trim(self, most_bytes: int | None = None) -> int:
        """Count what is there, remove what exceeds the bound and what killed writers left; how many bytes that freed.

        `most_bytes`: another bound for this once; 0 removes everything.
        """
        most = self._most_bytes if most_bytes is None else most_bytes
        with self._lock:
            found = sorted(stored_files(self._folder), key=lambda one: one.written_s)
            left = [one for one in found if one.half_written]
            entries = [one for one in found if not one.half_written]
            gone = [one for one in left if age_s(one.written_s) > _ABANDONED_S]
            size = before = sum(one.disk_bytes for one in found)
            size -= sum(one.disk_bytes for one in gone)
            if size > most:
                while entries and size > _TRIMMED_TO * most:
                    gone.append(entries.pop(0))
                    size -= gone[-1].disk_bytes
            for one in gone:
                one.path.unlink(missing_ok=True)
            self._entries, self._bytes, self._written = len(entries), size, 0
        return before - size

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _complain(self, error: Exception) -> None:
        """Log it, but only once: the next segment would meet the same error."""
        if not self._complained:
            log.warning("Spoken segments are not kept in %s: %s", self._folder, error)
        self._complained = True
