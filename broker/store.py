"""The store: parts, sidecars, results and sources, by key. Knows nothing of audio, jobs' states or Redis.

`Store` is the interface that the farm uses; `LocalStore` implements it in one folder.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from broker.disk_use import age_s, stored_files
from broker.stored_jobs import JOBS, REPORT, StoredJob, stored_job
from chorus.errors import ChorusError, DiskError, FarmError
from chorus.files import reason, refusal, whole_file

# A name of dots alone would lead out of the folder.
_NAME = r"(?!\.+(?:/|$))[A-Za-z0-9._-]{1,200}"
_KEY = re.compile(rf"{_NAME}(?:/{_NAME})*")
_TRASH = "~trash"


def part_key(job: str, epoch: int, part: int) -> str:
    """The FLAC of one part."""
    return f"{epoch_key(job, epoch)}/part-{part:05}.flac"


def sidecar_key(job: str, epoch: int, part: int) -> str:
    """The JSON that describes a part. It is written after the part: where it is, the part is complete."""
    return f"{epoch_key(job, epoch)}/part-{part:05}.json"


def result_key(job: str, epoch: int, ending: str) -> str:
    """A finished file: `m4b`, `srt`."""
    return f"{epoch_key(job, epoch)}/result.{ending}"


def report_key(job: str, epoch: int) -> str:
    """The JSON that describes the finished file. It is written last: where it is, this run of the job is finished."""
    return f"{epoch_key(job, epoch)}/{REPORT}"


def source_key(job: str) -> str:
    """The document as it was submitted."""
    return f"{job_key(job)}/source"


def epoch_key(job: str, epoch: int) -> str:
    """The folder of everything one run of a job made."""
    return f"{job_key(job)}/{epoch}"


def job_key(job: str) -> str:
    """The folder of everything a job owns."""
    return f"{JOBS}/{job}"


class Store(Protocol):
    """Bytes by keys such as `jobs/abc/1/part-00012.flac`. Nothing is ever there in part."""

    @property
    def id(self) -> str:
        """The same for every process that opens this store, and different for every other store."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Store all of it, or raise DiskError."""
        ...

    def writer(self, key: str) -> AbstractContextManager[Path]:
        """A path to write to. It becomes the key if the block ends without an error, and is deleted if not."""
        ...

    def read(self, key: str) -> bytes:
        """The bytes of a key, or FarmError if it is missing."""
        ...

    def path(self, key: str) -> Path:
        """The file of a key, whether it is there or not."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the key is there."""
        ...

    def keys(self, folder: str = "") -> tuple[str, ...]:
        """All keys in a folder and below it, sorted."""
        ...

    def delete_tree(self, folder: str) -> None:
        """Remove a folder and everything below it, if it is there."""
        ...


class LocalStore:
    """A store in a folder of this machine, or of a disk that several machines mount."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.id = _read_id(self.folder / "store.json") or _settle_id(self.folder / "store.json")
        except OSError as error:
            raise self._refusal(self.folder, error) from error

    def write(self, key: str, data: bytes) -> None:
        """Store all of it, or raise DiskError."""
        with self.writer(key) as path:
            path.write_bytes(data)

    @contextlib.contextmanager
    def writer(self, key: str) -> Iterator[Path]:
        """A path to write to. It becomes the key if the block ends without an error, and is deleted if not."""
        target = self.path(key)
        self._check_there()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._refusal(target, error) from error
        with whole_file(target, refuse=self._refusal) as temporary:
            yield temporary

    def read(self, key: str) -> bytes:
        """The bytes of a key, or FarmError if it is missing."""
        try:
            return self.path(key).read_bytes()
        except FileNotFoundError as error:
            self._check_there()
            raise FarmError(
                f"{key} is missing from the store {self.folder}: render the job again with --fresh."
            ) from error
        except OSError as error:
            raise DiskError(
                f"{key} cannot be read from the store {self.folder} ({reason(error)}): check the disk."
            ) from error

    def path(self, key: str) -> Path:
        """The file of a key, whether it is there or not."""
        if not _KEY.fullmatch(key):
            raise FarmError(f"{key!r} is not a key of a store: use letters, digits, dots and dashes between slashes.")
        return self.folder / key

    def exists(self, key: str) -> bool:
        """Whether the key is there; DiskError if the store itself is not."""
        if self.path(key).is_file():
            return True
        self._check_there()
        return False

    def keys(self, folder: str = "") -> tuple[str, ...]:
        """All keys in a folder and below it, sorted."""
        root = self.path(folder) if folder else self.folder
        found = (one.path.relative_to(self.folder).as_posix() for one in stored_files(root))
        return tuple(sorted(key for key in found if _KEY.fullmatch(key) and key != "store.json"))

    def delete_tree(self, folder: str) -> None:
        """Remove a folder and everything below it, if it is there."""
        self._remove(self.path(folder))

    def remove_job(self, found: StoredJob) -> bool:
        """Remove a job's folder; False if another process has written to it or removed it since it was found."""
        trash = self._take(found.folder)
        if trash is None:
            return False
        now = stored_job(trash)
        if now is not None and now.written_s > found.written_s and not found.folder.exists():
            # The same job was submitted again at this moment.
            trash.rename(found.folder)
            return False
        _discard(trash)
        return True

    def old_trash(self, older_than: timedelta) -> tuple[Path, ...]:
        """Removals that were begun so long ago and never finished: the process was killed."""
        return tuple(
            path for path in self.folder.glob(f".*{_TRASH}") if _renamed_ago_s(path) > older_than.total_seconds()
        )

    def empty_trash(self, older_than: timedelta) -> None:
        """Finish those removals."""
        for path in self.old_trash(older_than):
            _discard(path)

    def _check_there(self) -> None:
        """DiskError if the disk is not mounted: what is written to its empty mount point is hidden once it is back."""
        try:
            there = _read_id(self.folder / "store.json")
        except OSError as error:
            raise self._refusal(self.folder, error) from error
        if there != self.id:
            raise DiskError(f"The store {self.folder} is not there: mount it again, or bring it back.")

    def _remove(self, path: Path) -> None:
        trash = self._take(path)
        if trash is not None:
            _discard(trash)

    def _take(self, path: Path) -> Path | None:
        """Rename it in one step, so that no reader meets half a folder, and of two processes only one removes it."""
        trash = self.folder / f".{secrets.token_hex(8)}{_TRASH}"
        try:
            path.rename(trash)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DiskError(f"{path} cannot be removed from the store ({reason(error)}): delete it by hand.") from error
        return trash

    def _refusal(self, path: Path, error: OSError) -> ChorusError:
        """The error for the user, who has not chosen this file but may choose another folder for the store."""
        told = refusal(path, error)
        if isinstance(told, DiskError):
            return DiskError(
                f"The store {self.folder} is full ({reason(error)}): free some space, finished parts are kept."
            )
        return DiskError(
            f"The store {self.folder} cannot be written ({reason(error)}): set CHORUS_STORE to a folder that can."
        )


def _renamed_ago_s(path: Path) -> float:
    """A rename changes this time and leaves that of the last write as it is."""
    try:
        return age_s(path.stat().st_ctime)
    except FileNotFoundError:
        return 0.0


def _discard(path: Path) -> None:
    """Delete a folder or a file, which another process may be deleting too."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _read_id(path: Path) -> str:
    """The id in store.json; empty if there is none yet, or if it is being written at this moment."""
    try:
        return _parse_id(path, path.read_text(encoding="utf-8"))
    except (FileNotFoundError, DiskError):
        return ""


def _parse_id(path: Path, text: str) -> str:
    try:
        return str(json.loads(text)["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise DiskError(f"{path} is damaged: delete it, and the store gets a new id.") from error


def _settle_id(path: Path) -> str:
    """The id. The first process that gets the lock chooses it, all others read it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with os.fdopen(handle, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        if text:
            return _parse_id(path, text)
        chosen = secrets.token_hex(8)
        file.write(json.dumps({"id": chosen}) + "\n")
        file.flush()
        os.fsync(file.fileno())
        return chosen
