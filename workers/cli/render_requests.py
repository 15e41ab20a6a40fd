"""What `render` is to do, checked before anything is started: sources, their documents, where the files go.

Knows nothing of the stack or of Redis.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chorus.errors import OptionError, OutputError
from chorus.files import check_output
from chorus.input_file import PIPE, is_folder
from chorus.request import Format, Priority, Request, Wishes, format_of
from chorus.sources import Source, read_file
from chorus.sources import sources as named
from tasks import documents
from tasks.audio.cover import read_cover
from tasks.documents.model import Document, select
from tasks.parts.captions import as_captions
from workers.cli.folders import documents_in

DEFAULT_FORMAT: Format = "m4b"


@dataclass(frozen=True, kw_only=True)
class RenderRequest:
    """One document to be rendered into one file."""

    data: bytes
    document: Document
    """With the chapters that were asked for."""
    request: Request
    cover: bytes | None
    target: Path
    priority: Priority = "normal"
    captions: str = ""
    """`srt` or `vtt`: written beside the file."""

    @property
    def title(self) -> str:
        """The title that was asked for, else the document's own."""
        return self.request.title or self.document.title


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asked for, for all of its sources."""

    output: Path | None = None
    wishes: Wishes
    cover: Path | None = None
    priority: Priority = "normal"
    captions: str = ""
    one_book: bool = False
    """All sources are one document, in their order."""


def checked_requests(sources: Iterable[Path], options: Options) -> list[RenderRequest]:
    """A request for each document, or an error that says what is wrong with the first that cannot be served."""
    found = named(list(files(sources)), one_book=options.one_book)
    output = options.output
    if output == PIPE:
        raise OutputError("A book is a file, and `-o -` is a pipe: name a file, or use `chorus say` for a pipe.")
    if len(found) > 1 and output is not None and not is_folder(output):
        if output.suffix or output.exists():
            raise OutputError(f"{output} is one file, but {len(found)} documents were named: name a folder.")
        raise OutputError(f"The output folder {output} does not exist: make it, or name another.")
    cover = _cover(options.cover) if options.cover else None
    requests = [_request(source, options, cover) for source in found]
    _check_distinct(found, requests)
    return requests


def _check_distinct(found: Iterable[Source], requests: Iterable[RenderRequest]) -> None:
    """Refuse two books with one target: the second would overwrite the first."""
    known: dict[Path, Source] = {}
    for source, request in zip(found, requests, strict=True):
        other = known.setdefault(request.target, source)
        if other is not source:
            raise OutputError(f"{other} and {source} would both become {request.target}: render them one by one.")


def files(sources: Iterable[Path]) -> Iterator[Path]:
    """The files among the sources, and the documents in the folders among them."""
    for source in sources:
        if is_folder(source):
            yield from documents_in(source)
        else:
            yield source


def _request(source: Source, options: Options, cover: bytes | None) -> RenderRequest:
    form = _format(options)
    if options.captions:
        as_captions(options.captions)
    wishes: Wishes = {**options.wishes, "name": source.name, "format": form}
    request = Request(**wishes)
    target = _target(source, form, options)
    data = source.read()
    document = select(documents.read(data, source.name, documents.reader_options(request)), request.chapters)
    return RenderRequest(
        data=data,
        document=document,
        request=request,
        cover=cover,
        target=target,
        priority=options.priority,
        captions=options.captions,
    )


def _cover(path: Path) -> bytes:
    data = read_file(path)
    try:
        read_cover(data)
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from error
    return data


def _format(options: Options) -> Format:
    """The format of -f, else the one in which the output's name ends, else m4b. Two different ones are refused."""
    named = options.output is not None and not is_folder(options.output)
    ending = format_of(options.output) if named and options.output else ""
    asked = options.wishes.get("format", "")
    if ending and asked and ending != asked:
        raise OptionError(f"{options.output} ends in .{ending}, but the format is {asked}: drop one of them.")
    return asked or ending or DEFAULT_FORMAT


def _target(source: Source, form: Format, options: Options) -> Path:
    output = options.output or Path.cwd()
    target = output / f"{source.stem}.{form}" if is_folder(output) else output
    if not target.suffix:
        # Of a device, not of a new file beside it.
        check_output(target)
        target = target.with_name(f"{target.name}.{form}")
    for path in (target, report_path(target), *([captions_path(target, options.captions)] if options.captions else [])):
        check_output(path)
        _check_apart(path, source)
    return target.absolute()


def _check_apart(path: Path, source: Source) -> None:
    """Refuse to write over a document that is to be read."""
    for one in source.paths:
        with suppress(OSError):
            if path.samefile(one):
                raise OutputError(f"{path} is the document itself and would be overwritten: name another file with -o.")


def report_path(target: Path) -> Path:
    """`book.m4b` has `book.m4b.report.json` beside it."""
    return target.with_name(f"{target.name}.report.json")


def captions_path(target: Path, kind: str) -> Path:
    """`book.m4b` has `book.srt` beside it."""
    return target.with_suffix(f".{kind}")
