"""Standard input and outputs as they are handed to a command: closed ones, full ones, and those whose reader left."""

import os
import sys
from typing import Any, Final, TextIO

from chorus.errors import OutputError
from chorus.files import reason

_NAMES: Final = ("stdin", "stdout", "stderr")


def replace_closed() -> None:
    """Put a stream that refuses in the place of each that is closed: else the next file opened would get its number."""
    for number, name in enumerate(_NAMES):
        if getattr(sys, name) is None:
            # Opened the other way round: what is read or written there is refused as it is by a closed one.
            opened = os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
            setattr(sys, name, _text(number))


def _text(number: int) -> Any:
    return open(number, "w" if number else "r", encoding="utf-8", closefd=False)


def never_fail_on_a_letter() -> None:
    """A terminal without UTF-8 loses a letter of a title, not the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def unwritable(error: OSError) -> OutputError:
    """The error for a standard output that takes nothing."""
    return OutputError(
        f"Standard output cannot be written ({reason(error)}): send it to a file or a program that takes it."
    )


def flushed() -> None:
    """Write out what standard output still holds back. OutputError or BrokenPipeError if it cannot be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from error


def is_stuck(stream: TextIO) -> bool:
    """Whether a stream holds back what it could not write."""
    try:
        stream.flush()
    except OSError:
        return True
    return False


def discard_if_stuck(stream: TextIO) -> None:
    """Let a stream that failed swallow what it still holds back: else Python complains when it closes it."""
    if is_stuck(stream):
        discard(stream)


def discard(stream: TextIO) -> None:
    """From now on this stream leads nowhere."""
    try:
        number = stream.fileno()
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, number)
        os.close(sink)
        stream.flush()
    except (OSError, ValueError):
        return
