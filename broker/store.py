"""Where parts, sidecars, results and sources lie, under keys. Knows nothing of audio, jobs' states or Redis.

`Store` is what the farm asks for; `LocalStore` answers from one folder.
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
    """The JSON that says what is in a part; its presence means that the part is whole."""
    return f"{epoch_key(job, epoch)}/part-{part:05}.json"


def result_key(job: str, epoch: int, ending: str) -> str:
    """A finished file: `m4b`, `srt`."""
    return f"{epoch_key(job, epoch)}/result.{ending}"


def report_key(job: str, epoch: int) -> str:
    """What was made, as JSON; written last: where it stands, this run of the job is finished."""
    return f"{epoch_key(job, epoch)}/{REPORT}"


def source_key(job: str) -> str:
    """The document as it came."""
    return f"{job_key(job)}/source"


def epoch_key(job: str, epoch: int) -> str:
    """The folder of everything one run of a job made."""
    return f"{job_key(job)}/{epoch}"


def job_key(job: str) -> str:
    """The folder of everything a job owns."""
    return f"{JOBS}/{job}"


class Store(Protocol):
    """Bytes under keys such as `jobs/abc/1/part-00012.flac`. What is there is whole."""

    @property
    def id(self) -> str:
        """The same for everyone who opens this store, and for nobody else."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Put it there whole, or raise DiskError."""
        ...

    def writer(self, key: str) -> AbstractContextManager[Path]:
        """A path that becomes the key when the block ends well, and vanishes when it does not."""
        ...

    def read(self, key: str) -> bytes:
        """What was written, or FarmError."""
        ...

    def path(self, key: str) -> Path:
        """A file to read the key from; it need not be there."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the key is there."""
        ...

    def keys(self, folder: str = "") -> tuple[str, ...]:
        """All keys in a folder and below it, sorted."""
        ...

    def delete_tree(self, folder: str) -> None:
        """Remove a folder and everything below; nothing there is as good."""
        ...


class LocalStore:
    """A store in one folder of this machine, or of a disk that several mount."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.id = _read_id(self.folder / "store.json") or _settle_id(self.folder / "store.json")
        except OSError as error:
            raise self._refusal(self.folder, error) from error

    def write(self, key: str, data: bytes) -> None:
        """Put it there whole, or raise DiskError."""
        with self.writer(key) as path:
            path.write_bytes(data)

    @contextlib.contextmanager
    def writer(self, key: str) -> Iterator[Path]:
        """A path that becomes the key when the block ends well, and vanishes when it does not."""
        target = self.path(key)
        self._check_there()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._refusal(target, error) from error
        with whole_file(target, refuse=self._refusal) as temporary:
            yield temporary

    def read(self, key: str) -> bytes:
        """What was written, or FarmError."""
        try:
            return self.path(key).read_bytes()
        except FileNotFoundError as error:
            self._check_there()
            raise FarmError(f"{key} is missing from the store {self.folder}: was it deleted by hand?") from error
        except OSError as error:
            raise DiskError(f"{key} cannot be read from the store {self.folder} ({reason(error)}).") from error

    def path(self, key: str) -> Path:
        """The file of this key; it need not be there."""
        if not _KEY.fullmatch(key):
            raise FarmError(f"{key!r} is not a key of a store: letters, digits, dots and dashes between slashes.")
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
        """Remove a folder and everything below; nothing there is as good."""
        self._remove(self.path(folder))

    def remove_job(self, found: StoredJob) -> bool:
        """Remove a job's folder as it was found; False if somebody has written to it since, or removed it."""
        trash = self._take(found.folder)
        if trash is None:
            return False
        now = stored_job(trash)
        if now is not None and now.written_s > found.written_s and not found.folder.exists():
            # The same job was submitted again in this very moment.
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
        """An unmounted disk leaves an empty folder behind: what was written there would be lost when it is back."""
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
        """Out of sight in one step, so that a reader never meets half a tree and two removers never quarrel."""
        trash = self.folder / f".{secrets.token_hex(8)}{_TRASH}"
        try:
            path.rename(trash)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DiskError(f"{path} cannot be removed from the store ({reason(error)}).") from error
        return trash

    def _refusal(self, path: Path, error: OSError) -> ChorusError:
        """A store is ours: whatever refuses is the outside, and the remedy is another folder for all of it."""
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
    """A folder or a file; what another remover takes from under our hands is gone as well."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _read_id(path: Path) -> str:
    """The id in store.json; empty while nobody has settled one, or while it is just being written."""
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
    """The first process to hold the lock chooses the id; everyone after reads it."""
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
