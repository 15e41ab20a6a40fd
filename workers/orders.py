"""What `render` was asked for, checked before anything is started: sources, their documents, where the files go.

Knows nothing of the stack or of Redis.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chorus.errors import OptionError, OutputError, SourceError
from chorus.files import reason
from chorus.options import as_format
from chorus.request import FORMATS, Format, Request
from tasks import documents
from tasks.documents.model import Document, select
from tasks.encode.cover import read_cover

DEFAULT_FORMAT: Format = "m4b"
READABLE = (".epub", ".md", ".markdown", ".txt", ".text")


@dataclass(frozen=True, kw_only=True)
class Order:
    """One document to be rendered into one file."""

    data: bytes
    document: Document
    """With the chapters that were asked for."""
    request: Request
    cover: bytes | None
    target: Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line said, for all of its sources."""

    output: Path | None
    format: Format
    voice: str
    speed: float
    language: str
    chapters: str
    title: str
    author: str
    cover: Path | None
    on_error: str


def orders(sources: Iterable[Path], options: Options) -> list[Order]:
    """An order per document, or the first thing that is wrong with one."""
    found = list(_files(sources))
    if len(found) > 1 and options.output is not None and not options.output.is_dir():
        raise OutputError(f"{options.output} is one file, but {len(found)} documents were named: name a folder.")
    return [_order(path, options) for path in found]


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        if not source.is_dir():
            yield source
            continue
        books = sorted(path for path in source.iterdir() if path.suffix.lower() in READABLE and path.is_file())
        if not books:
            raise SourceError(f"{source} holds no documents: there are readers for {', '.join(READABLE)}.")
        yield from books


def _order(path: Path, options: Options) -> Order:
    data = read_file(path)
    document = select(documents.read(data, path.name), options.chapters)
    form = _format(options)
    request = Request(
        name=path.name,
        voice=options.voice,
        speed=options.speed,
        language=options.language,
        chapters=options.chapters,
        title=options.title,
        author=options.author,
        format=form,
        on_error="stop" if options.on_error == "stop" else "silence",
    )
    cover = read_file(options.cover) if options.cover else None
    if cover is not None:
        read_cover(cover)
    return Order(data=data, document=document, request=request, cover=cover, target=_target(path, form, options))


def read_file(path: Path) -> bytes:
    """A file the user named."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist: check the name.") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({reason(error)}).") from error


def _format(options: Options) -> Format:
    """-f, else the output's ending, else an audiobook. They may not contradict each other."""
    named = options.output is not None and not options.output.is_dir()
    ending = options.output.suffix.lower().lstrip(".") if named and options.output else ""
    if ending and ending not in FORMATS:
        raise OptionError(f"{options.output} ends in .{ending}, which is no format: choose {', '.join(FORMATS)}.")
    if ending and options.format and ending != options.format:
        raise OptionError(f"{options.output} ends in .{ending}, but the format is {options.format}: drop one of them.")
    return options.format or as_format(ending) or DEFAULT_FORMAT


def _target(source: Path, form: Format, options: Options) -> Path:
    output = options.output or Path.cwd()
    target = output / f"{source.stem}.{form}" if output.is_dir() else output
    if not target.suffix:
        target = target.with_suffix(f".{form}")
    _check_writable(target)
    return target.absolute()


def _check_writable(target: Path) -> None:
    """Find out now, not after hours. Mode bits alone lie to root and on read-only mounts, so a file is made."""
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"The output folder {folder} does not exist: make it, or name another.")
    if target.is_dir():
        raise OutputError(f"{target} is a folder: name a file.")
    try:
        handle, probe = tempfile.mkstemp(dir=folder, prefix=".chorus-")
        os.close(handle)
        Path(probe).unlink()
    except OSError as error:
        raise OutputError(f"The output folder {folder} cannot be written ({reason(error)}): name another.") from error
