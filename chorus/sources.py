"""The documents that a command names: files, `-` for standard input, several as one book. Knows no document format."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chorus.bundle import pack
from chorus.errors import OptionError
from chorus.input_file import PIPE, read_input

MOST_BYTES: Final = 128 << 20
"""Of one document: a book with all its pictures. It is held in memory while it is read."""
_PIPE_NAME = "stdin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One book: its document, or several documents in order."""

    paths: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The name that its request carries."""
        first, *others = map(_name, self.paths)
        return f"{first} and {len(others)} more" if others else first

    @property
    def stem(self) -> str:
        """The name of the file that is made of it, without its ending."""
        return _PIPE_NAME if self.paths[0] == PIPE else self.paths[0].stem

    def __str__(self) -> str:
        return " and ".join(map(str, self.paths))

    def read(self) -> bytes:
        """Its bytes, with several documents packed into one archive; or SourceError."""
        if len(self.paths) == 1:
            return read_file(self.paths[0])
        return pack([(_name(path), read_file(path)) for path in self.paths])

    def given(self) -> Path | bytes:
        """What a submit takes: of a single file its path, so that its size is checked before it is read; else bytes."""
        return self.paths[0] if len(self.paths) == 1 and self.paths[0] != PIPE else self.read()


def sources(paths: Sequence[Path], *, one_book: bool = False) -> list[Source]:
    """The documents of a command line, each as a book of its own or all as one."""
    if list(paths).count(PIPE) > 1:
        raise OptionError("`-` is standard input, which can be read only once: name it once.")
    return [Source(paths=tuple(paths))] if one_book else [Source(paths=(path,)) for path in paths]


def read_file(path: Path) -> bytes:
    """The bytes of a file or of standard input; or SourceError."""
    return read_input(path, MOST_BYTES)


def read_text(most_bytes: int, *, advice: str = "give a part of it") -> str:
    """Standard input as text; or SourceError."""
    return read_input(PIPE, most_bytes, advice=advice).decode("utf-8", "replace")


def _name(path: Path) -> str:
    """The file's name as text: on disk it may be any bytes."""
    return _PIPE_NAME if path == PIPE else os.fsencode(path.name).decode("utf-8", "replace")
