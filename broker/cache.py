"""A bounded cache on disk: bytes under the digest of what made them; what was used longest ago goes first.

Knows nothing of sound. Any number of processes may share a folder. Losing an entry costs its making and nothing else,
so whatever the disk refuses is logged, and nobody's work stops for it.
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
_ROOM = 0.9
"""The share of the bound that is left by a removal, so that not every write needs one."""
_LOOK_AGAIN = 0.05
"""After writing so much of the bound, a process looks what others wrote."""
_ABANDONED_S = 3600
_SPARED_BYTES = 256 * 2**20
"""The last of a disk is left to those who cannot do without: a part that finds no room pauses its job."""

log = logging.getLogger(__name__)


def digest(*parts: object) -> str:
    """The name of what follows from these parts alone."""
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
        """Make the folder, and see what is there."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._complain(error)
        self.trim()

    @property
    def entries(self) -> int:
        """How many there were at the last look, and were written here since."""
        return self._entries

    @property
    def size_bytes(self) -> int:
        """What they take on the disk."""
        return self._bytes

    def read(self, name: str) -> bytes | None:
        """What is kept under this digest, which from now on counts as just used."""
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
        """Keep it, in place of what was there; drop others if there is no room."""
        takes = on_disk(len(data))
        if takes > self._most_bytes:
            return
        path = self._path(name)
        try:
            if shutil.disk_usage(self._folder).free < _SPARED_BYTES:
                return
            # Not the folder itself: where a disk was unmounted, nothing is written into its empty place.
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
            full = self._bytes > self._most_bytes or self._written > _LOOK_AGAIN * self._most_bytes
        if full:
            self.trim()

    def drop(self, name: str) -> None:
        """It was no good."""
        self._path(name).unlink(missing_ok=True)

    def trim(self, most_bytes: int | None = None) -> int:
        """Count what is there, and remove what is too much of it and what killed writers left; how much that freed.

        `most_bytes`: less than usual, 0 for all of it.
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
                while entries and size > _ROOM * most:
                    gone.append(entries.pop(0))
                    size -= gone[-1].disk_bytes
            for one in gone:
                one.path.unlink(missing_ok=True)
            self._entries, self._bytes, self._written = len(entries), size, 0
        return before - size

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _complain(self, error: Exception) -> None:
        """Once: the next segment would meet the same disk."""
        if not self._complained:
            log.warning("The cache of spoken segments in %s does without: %s", self._folder, error)
        self._complained = True
