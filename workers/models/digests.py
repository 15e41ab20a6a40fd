"""Caches the sha256 of large files, so that a model of 325 MB is not read completely at every start.

Knows nothing of models. If the cache cannot be written, digests are computed again each time.
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
    """The cache, a small JSON file: digests by path, valid while size and mtime are the same; results by digest."""

    def __init__(self, file: Path) -> None:
        """The file is read only when it is needed."""
        self._file = file

    def of(self, path: Path) -> str:
        """The file's digest, from the cache if the file is unchanged."""
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        known = self._read("files").get(str(path.resolve()))
        if isinstance(known, list) and known[:2] == stamp:
            return str(known[2])
        digest = sha256_of(path)
        self._write("files", str(path.resolve()), [*stamp, digest])
        return digest

    def once(self, digest: str, check: Callable[[], str]) -> str:
        """The result of this check on a file with this digest, from the cache if it is there; failures are not kept."""
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
        # Two processes that write at once may lose an entry, which is then computed again.
        whole = {**read_json(self._file), part: {**self._read(part), key: value}}
        try:
            write_json(self._file, whole)
        except OSError as error:
            log.debug("%s cannot be written, digests are computed anew each time: %s", self._file, error)
