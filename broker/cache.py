"""A bounded cache on disk: bytes under the digest of what made them; what was used longest ago goes first.

Knows nothing of sound. Any number of processes may share a folder. Losing an entry costs its making and nothing else,
so whatever the disk refuses is logged, and nobody's work stops for it.
"""

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from chorus.errors import ChorusError
from chorus.files import TEMPORARY, whole_file

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


@dataclass(frozen=True, kw_only=True, slots=True)
class _CacheEntry:
    path: Path
    size_bytes: int
    used_s: float


class DiskCache:
    """Entries in a folder of this machine, together no more than `most_bytes`."""

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
        """What they take."""
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
        if len(data) > self._most_bytes:
            return
        path = self._path(name)
        try:
            if shutil.disk_usage(self._folder).free < _SPARED_BYTES:
                return
            # Not the folder itself: where a disk was unmounted, nothing is written into its empty place.
            path.parent.mkdir(exist_ok=True)
            before = path.stat().st_size if path.exists() else None
            with whole_file(path, durable=False) as temporary:
                temporary.write_bytes(data)
        except (OSError, ChorusError) as error:
            self._complain(error)
            return
        with self._lock:
            self._entries += before is None
            self._bytes += len(data) - (before or 0)
            self._written += len(data)
            full = self._bytes > self._most_bytes or self._written > _LOOK_AGAIN * self._most_bytes
        if full:
            self.trim()

    def drop(self, name: str) -> None:
        """It was no good."""
        self._path(name).unlink(missing_ok=True)

    def trim(self) -> None:
        """Count what is there, and remove what is too much of it and what killed writers left."""
        with self._lock:
            found = sorted(self._found(), key=lambda entry: entry.used_s)
            size = sum(entry.size_bytes for entry in found)
            if size > self._most_bytes:
                while found and size > _ROOM * self._most_bytes:
                    gone = found.pop(0)
                    gone.path.unlink(missing_ok=True)
                    size -= gone.size_bytes
            self._entries, self._bytes, self._written = len(found), size, 0

    def _found(self) -> Iterator[_CacheEntry]:
        for root, _, names in os.walk(self._folder):
            for name in names:
                path = Path(root, name)
                try:
                    status = path.stat()
                except OSError:
                    continue  # another process removed it meanwhile
                if not name.endswith(TEMPORARY):
                    yield _CacheEntry(path=path, size_bytes=status.st_size, used_s=status.st_mtime)
                elif status.st_mtime < time.time() - _ABANDONED_S:
                    path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _complain(self, error: Exception) -> None:
        """Once: the next segment would meet the same disk."""
        if not self._complained:
            log.warning("The cache of spoken segments in %s does without: %s", self._folder, error)
        self._complained = True
