"""Remembers the sha256 of large files, so that a model of 325 MB is not read through at every start.

Knows nothing of models. A memory that cannot be written forgets; nothing else changes.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.process.json_file import read_json, write_json

log = logging.getLogger(__name__)


def sha256_of(path: Path) -> str:
    """The digest of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Digests:
    """A small JSON file: digests by path, valid while size and time of change stay; findings by digest."""

    def __init__(self, file: Path) -> None:
        """Nothing is read before it is asked for."""
        self._file = file

    def of(self, path: Path) -> str:
        """The file's digest, from memory if the file has not changed."""
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        known = self._read("files").get(str(path.resolve()))
        if isinstance(known, list) and known[:2] == stamp:
            return str(known[2])
        digest = sha256_of(path)
        self._write("files", str(path.resolve()), [*stamp, digest])
        return digest

    def once(self, digest: str, check: Callable[[], str]) -> str:
        """What this check says of the file, from memory if it has said so before; a check that fails raises."""
        known = self._read("checked").get(digest)
        if isinstance(known, str):
            return known
        found = check()
        self._write("checked", digest, found)
        return found

    def _read(self, part: str) -> dict[str, Any]:
        section = read_json(self._file).get(part)
        return section if isinstance(section, dict) else {}

    def _write(self, part: str, key: str, value: object) -> None:
        # Two processes at once may lose one entry: it is computed again.
        whole = {**read_json(self._file), part: {**self._read(part), key: value}}
        try:
            write_json(self._file, whole)
        except OSError as error:
            log.debug("%s cannot be written, digests are computed anew each time: %s", self._file, error)
