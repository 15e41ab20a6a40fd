"""Files that are whole or not there at all, and the disk's refusals as sentences. Knows nothing of what they hold."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from chorus.errors import ChorusError, DiskError, OutputError

# No key of a store holds a tilde, so that no one takes such a file for a finished one.
TEMPORARY = "~chorus"
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})

Refusal = Callable[[Path, OSError], ChorusError]


def reason(error: OSError) -> str:
    """The system's own word for it: `permission denied`."""
    return (error.strerror or type(error).__name__).lower()


def refusal(path: Path, error: OSError) -> ChorusError:
    """What a failed write to a place of the caller's choice means."""
    if error.errno in _FULL:
        return DiskError(
            f"There is no room for {path.name} in {path.parent} ({reason(error)}): "
            "free some space, or choose another folder."
        )
    return OutputError(f"{path} cannot be written ({reason(error)}): choose another place.")


@contextlib.contextmanager
def whole_file(path: Path, *, refuse: Refusal = refusal, durable: bool = True) -> Iterator[Path]:
    """A path beside `path` to write to: it becomes `path` when the block ends well, and vanishes when it does not.

    What is not `durable` may be gone or torn after the machine lost its power.
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
            # The name must be as durable as the bytes: after this a ledger may free the only other copy.
            with contextlib.suppress(OSError):
                _sync(path.parent)
    except OSError as error:
        raise refuse(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _check_target(path: Path) -> None:
    """Refuse early what only the rename would find out, and never replace a device or a folder."""
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
