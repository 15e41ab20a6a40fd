"""Writes files that are complete or absent, and turns the disk's errors into sentences. Knows no file format."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from chorus.errors import ChorusError, DiskError, OutputError

# No key of a store has a tilde in it, so an unfinished file is never taken for a finished one.
TEMPORARY = "~chorus"
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})

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
    return OutputError(f"{path} cannot be written ({reason(error)}): choose another place.")


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


def _check_target(path: Path) -> None:
    """Refuse a folder or a device before anything is written: the rename would fail, or replace it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path} is not a plain file: choose a file name.")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
