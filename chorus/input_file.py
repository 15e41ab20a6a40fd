"""Reads a file that the caller named: never more than a bound, never from a device, and never waiting for ever.

Knows no format. What the disk refuses becomes a sentence.
"""

import errno
import math
import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from chorus.errors import CallerError, SourceError
from chorus.files import reason

PIPE: Final = Path("-")
"""Stands for standard input."""
SILENCE_S: Final = 15.0
"""How long a named pipe may be open and bring nothing. Standard input may take as long as it likes."""
GRACE_S: Final = 0.5
"""How long a named pipe waits for who writes into it."""
_STDIN: Final = 0
_BLOCK_BYTES: Final = 1 << 20
_ELSEWHERE: Final = "check its name and who may read it, or name another file"
_REMEDIES: Final = {
    errno.ENAMETOOLONG: "name it by a shorter path",
    errno.ELOOP: "name the file that the links should lead to",
    errno.ENOTDIR: "check the name",
    errno.EBADF: "open it, or name a file",
}
_KINDS: Final = (
    (stat.S_ISDIR, "a folder", "name a file in it"),
    (stat.S_ISCHR, "a device", "name a file"),
    (stat.S_ISBLK, "a device", "name a file"),
    (stat.S_ISSOCK, "a socket", "name a file"),
)


def shown(path: Path) -> str:
    """The path for a sentence."""
    return "Standard input" if path == PIPE else str(path)


def read_input(
    path: Path, most_bytes: int, *, label: str = "", advice: str = "split it", refused: type[CallerError] = SourceError
) -> bytes:
    """The bytes of a file, a pipe or standard input, `most_bytes` at most; or an error of the kind `refused`.

    `label` begins its sentence, `Lexicon `, and `advice` ends that for what is too large.
    """
    name = f"{label}{shown(path)}"
    try:
        with _opened(path, name, refused) as file:
            named_pipe = path != PIPE and stat.S_ISFIFO(os.fstat(file).st_mode)
            data = _read(file, most_bytes, named_pipe=named_pipe)
    except FileNotFoundError as error:
        raise refused(f"{name} does not exist: check the name.") from error
    except TimeoutError as error:
        raise refused(f"{name} is a pipe that brings nothing: write into it, or use standard input.") from error
    except OverflowError as error:
        raise refused(f"{name} has {error}, and {_size(most_bytes)} are the most: {advice}.") from error
    except (OSError, ValueError) as error:
        raise unreadable(name, error, refused) from error
    if named_pipe and not data:
        raise refused(f"{name} is a pipe that nobody writes into: write into it, or name a file.")
    return data


def unreadable(name: str, error: OSError | ValueError, refused: type[CallerError] = SourceError) -> CallerError:
    """The error for a file that cannot be read. A ValueError is a name that no file can have."""
    if isinstance(error, ValueError):
        return refused(f"{name!r} is no name of a file: check the name.")
    return refused(f"{name} cannot be read ({reason(error)}): {_REMEDIES.get(error.errno or 0, _ELSEWHERE)}.")


def is_folder(path: Path) -> bool:
    """Whether this is a folder. A path that cannot be looked at is none: reading it says why."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_missing(path: Path) -> bool:
    """Whether nothing is there. Of a path that cannot be looked at, reading it says why."""
    try:
        return not path.exists()
    except (OSError, ValueError):
        return False


@contextmanager
def _opened(path: Path, name: str, refused: type[CallerError]) -> Iterator[int]:
    """A descriptor to read from. Opening a pipe does not wait for who writes into it."""
    if path == PIPE:
        yield _STDIN
        return
    mode = path.stat().st_mode
    for is_kind, kind, remedy in _KINDS:
        if is_kind(mode):
            raise refused(f"{name} is {kind}: {remedy}.")
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        yield handle
    finally:
        os.close(handle)


def _read(file: int, most_bytes: int, *, named_pipe: bool) -> bytes:
    """All of it. OverflowError beyond so many bytes, TimeoutError if a named pipe is held open and nothing comes."""
    size = os.fstat(file).st_size
    if size > most_bytes:
        raise OverflowError(_size(size))
    found = bytearray()
    while True:
        try:
            block = os.read(file, _BLOCK_BYTES)
        except BlockingIOError:
            _wait(file, SILENCE_S)
            continue
        if not block and not found and named_pipe:
            # Who writes may come a moment later than who reads.
            named_pipe = False
            with suppress(TimeoutError):
                _wait(file, GRACE_S)
                continue
        if not block:
            return bytes(found)
        found += block
        if len(found) > most_bytes:
            raise OverflowError(f"more than {_size(most_bytes)}")


def _wait(file: int, longest_s: float) -> None:
    if not select.select([file], [], [], longest_s)[0]:
        raise TimeoutError


def _size(size_bytes: int) -> str:
    """Rounded up, so that what is too large never looks as if it were not."""
    for unit, factor in (("MB", 1 << 20), ("KB", 1 << 10)):
        if size_bytes >= factor:
            return f"{math.ceil(10 * size_bytes / factor) / 10:g} {unit}"
    return f"{size_bytes} bytes"
