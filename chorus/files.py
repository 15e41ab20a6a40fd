"""Writes files that are complete or absent, and turns the disk's errors into sentences. Knows no file format."""

import contextlib
import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from chorus.errors import ChorusError, DiskError, OutputError

# No key of a store has a tilde in it, so an unfinished file is never taken for a finished one.
TEMPORARY = "~chorus"
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_OF_THE_NAME = frozenset({errno.ENAMETOOLONG, errno.ELOOP})
_DEVICES = "/dev"

Refusal = Callable[[Path, OSError], ChorusError]


def reason(error: OSError) -> str:
    """The system's own words for an error: `permission denied`."""
    return (error.strerror or type(error).__name__).lower()


def refusal(path: Path, error: OSError) -> ChorusError:
    """The error to raise when a file that the caller named cannot be written."""
    if error.errno in _FULL:
        return DiskError(
            f"There is no room for {path.name} in {path.parent} ({reason(error)}): "
            "free some space, or choose another folder."
        )
    remedy = "choose a shorter name" if error.errno == errno.ENAMETOOLONG else "choose another place"
    return OutputError(f"{path} cannot be written ({reason(error)}): {remedy}.")


@contextlib.contextmanager
def whole_file(path: Path, *, refuse: Refusal = refusal, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`: renamed to `path` if the block succeeds, deleted if it does not.

    Without `durable` the file may be missing or incomplete after a power failure.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}{TEMPORARY}")
    try:
        _check_target(path)
        temporary.touch(exist_ok=False)
        yield temporary
        if durable:
            _sync(temporary)
        temporary.replace(path)
        if durable:
            # The name must be as durable as the bytes: the ledger may then free the only other copy.
            with contextlib.suppress(OSError):
                _sync(path.parent)
    except OSError as error:
        raise refuse(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_output(path: Path) -> None:
    """OutputError if no file can be written at this path. Mode bits mislead, so one is made beside it to see."""
    folder = path.parent
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"The output folder {folder} is a file: name another.")
        if not folder.is_dir():
            raise OutputError(f"The output folder {folder} does not exist: make it, or name another.")
        _check_target(path)
        handle, probe = tempfile.mkstemp(dir=folder, prefix=".chorus-")
        os.close(handle)
        Path(probe).unlink()
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_NAME:
            raise refusal(path, error) from error
        told = reason(error) if isinstance(error, OSError) else "it is no path"
        raise OutputError(f"The output folder {folder} cannot be written ({told}): name another.") from error


def _check_target(path: Path) -> None:
    """Refuse a folder or a device before anything is written: the rename would fail, or replace it."""
    if os.path.realpath(path.parent) == _DEVICES:
        raise OutputError(f"{path} would lie among the devices: name a file in another folder.")
    if not path.name:
        raise OutputError(f"{path} is a folder: name a file.")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise OutputError(f"{path} is a folder: name a file.")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path} is not a plain file: choose a file name.")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
