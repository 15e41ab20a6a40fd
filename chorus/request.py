"""What a book may wish for, each wish declared once, and the job's id that follows from them.

    python -m chorus.request        # prints the table of wishes that docs/api.md holds

A new wish is one field of Request, with its line in Wishes, which type checkers can only read as it is written; a test
compares. Stored requests, the SDK's keywords, the options of the commands and the documents follow.
"""

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypedDict, cast, get_args

from chorus import languages, reading, voices
from chorus.errors import OptionError
from chorus.lexicon import entries as pronunciations
from chorus.lexicon import read as read_lexicon
from chorus.wishes import FIRST, DeclaredWish, Wish, declared, table, understood

FORMATS = ("wav", "flac", "mp3", "opus", "m4b")
SLOWEST, FASTEST = 0.25, 4.0
TEXT_NAME: Final = "text.txt"
"""The name of a source that has none."""
Format = Literal["", "wav", "flac", "mp3", "opus", "m4b"]
OnError = Literal["silence", "stop"]
Priority = Literal["low", "normal", "high"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)


def _language(tag: str) -> str:
    return languages.normalise(tag) if tag else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What one job wishes for. Every wish changes the audio or the file, so all of them make the job's digest."""

    name: Annotated[
        str,
        Wish(
            help="The source's file name: its ending says how it is read, `book.epub`, `talk.md`. Default: the path's, "
            f"and `{TEXT_NAME}` for a text.",
            scope="caller",
        ),
    ] = ""
    voice: Annotated[
        str,
        Wish(
            help="A voice that `chorus voices` lists, or a blend: `af_bella(2)+af_sky(1)`.",
            scope="text",
            flags=("-v", "--voice"),
            metavar="NAME",
            check=voices.canonical,
        ),
    ] = "af_heart"
    speed: Annotated[
        float,
        Wish(
            help=f"How fast to speak: {SLOWEST} to {FASTEST} times the usual speed. Beyond 0.5 to 2.0 the model's "
            "speech is stretched.",
            scope="text",
            flags=("-s", "--speed"),
            metavar="FACTOR",
            least=SLOWEST,
            most=FASTEST,
        ),
    ] = 1.0
    language: Annotated[
        str,
        Wish(
            help="The language to read it in, such as `en-gb`. Default: the document's, else the voice's.",
            scope="text",
            flags=("-l", "--lang"),
            metavar="CODE",
            check=_language,
        ),
    ] = ""
    as_written: Annotated[
        str,
        Wish(
            help="Do not write these out before they are spoken: `numbers,dates`, or `all`. docs/text.md lists them.",
            scope="text",
            flags=("--as-written",),
            metavar="LIST",
            check=understood(reading.as_written),
        ),
    ] = ""
    pauses: Annotated[
        str,
        Wish(
            help="Silence after a sentence, a paragraph and so on, in milliseconds: `sentence=200,chapter=1200`.",
            scope="text",
            flags=("--pauses",),
            metavar="LIST",
            check=understood(reading.pauses),
        ),
    ] = ""
    lexicon: Annotated[
        str,
        Wish(
            help="Your own pronunciations: a .toml, .json or .pls file. The SDK takes what `chorus.lexicon.read` makes "
            "of the file.",
            scope="text",
            flags=("--lexicon",),
            metavar="FILE",
            check=understood(pronunciations),
            read=read_lexicon,
        ),
    ] = ""
    chapters: Annotated[
        str,
        Wish(
            help="The chapters to speak, counted from 1: `1-3,5`. Default: all.",
            scope="document",
            flags=("--chapters",),
            metavar="LIST",
        ),
    ] = ""
    skip: Annotated[
        str,
        Wish(
            help=f"What to leave out: {', '.join(reading.SKIPPABLE)}; `none` for nothing. Default: contents.",
            scope="document",
            flags=("--skip",),
            metavar="LIST",
            check=understood(reading.skipped),
        ),
    ] = ""
    speak: Annotated[
        str,
        Wish(
            help=f"What to speak although it is usually left out: {', '.join(reading.SPEAKABLE)}.",
            scope="document",
            flags=("--speak",),
            metavar="LIST",
            check=understood(reading.also_spoken),
        ),
    ] = ""
    encoding: Annotated[
        str,
        Wish(
            help="The encoding of a text file whose letters come out wrong: `cp1251`. Default: found by its bytes.",
            scope="document",
            flags=("--encoding",),
            metavar="NAME",
            check=understood(reading.encoding),
        ),
    ] = ""
    title: Annotated[
        str,
        Wish(
            help="The title to write into the file. Default: the document's.",
            scope="file",
            flags=("--title",),
            metavar="TEXT",
        ),
    ] = ""
    author: Annotated[
        str,
        Wish(
            help="The author to write into the file. Default: the document's.",
            scope="file",
            flags=("--author",),
            metavar="NAME",
        ),
    ] = ""
    format: Annotated[
        Format,
        Wish(
            help="The format of the finished file. A command's default: as the output's name ends, else m4b. The "
            "SDK's: no file, the audio is only streamed.",
            scope="file",
            flags=("-f", "--format"),
        ),
    ] = ""
    on_error: Annotated[
        OnError,
        Wish(
            help="When a segment cannot be spoken: put silence in its place and go on, or stop the job.",
            scope="file",
            flags=("--on-error",),
        ),
    ] = "silence"
    repeatable: Annotated[
        bool,
        Wish(
            help="The same samples whenever the same text is spoken on such a machine: by one graph of the model from "
            "beginning to end. It waits for a voice that is still being prepared.",
            scope="file",
            flags=("--repeatable",),
            since="0.2",
        ),
    ] = False
    live: Annotated[
        bool,
        Wish(
            help="Somebody listens while it is spoken: the first segment is short, and it is spoken before any book.",
            scope="caller",
        ),
    ] = False

    def __post_init__(self) -> None:
        """Give every wish its one spelling, and refuse what no worker could serve."""
        for one in WISHES:
            object.__setattr__(self, one.name, one.checked(getattr(self, one.name)))

    def to_json(self) -> str:
        """Canonical: equal requests give equal text. A later release gives the same text to the same request."""
        fields = {
            one.name: getattr(self, one.name)
            for one in WISHES
            if one.wish.since == FIRST or getattr(self, one.name) != one.default
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The request in a job record, checked. Wishes that this release does not know are ignored."""
        return cls(**cast("Any", _known(json.loads(text))))

    @classmethod
    def from_record(cls, text: str | bytes) -> Self:
        """The same, unchecked, to be shown and not spoken: a request that no worker can serve is shown as it stands."""
        stored = _known(json.loads(text))
        request = object.__new__(cls)
        for one in WISHES:
            value = stored.get(one.name, one.default)
            object.__setattr__(request, one.name, value if one.fits(value) else one.default)
        return request

    def digest(self, *parts: bytes | str) -> str:
        """32 hex digits over this request and whatever else must not differ: source, cover, model, voices."""
        sha = hashlib.sha256(self.to_json().encode())
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            sha.update(len(data).to_bytes(8, "big") + data)
        return sha.hexdigest()[:32]


class Wishes(TypedDict, total=False):
    """The fields of a Request as keyword arguments; what is left out keeps the request's default."""

    name: str
    voice: str
    speed: float
    language: str
    as_written: str
    pauses: str
    lexicon: str
    chapters: str
    skip: str
    speak: str
    encoding: str
    title: str
    author: str
    format: Format
    on_error: OnError
    repeatable: bool
    live: bool


WISHES: Final[tuple[DeclaredWish, ...]] = declared(Request)


def requested(wishes: Wishes) -> Request:
    """The request with these wishes, or OptionError."""
    names = [one.name for one in WISHES]
    for name in wishes:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"choose {', '.join(names)}."
            raise OptionError(f"There is no wish {name!r}: {remedy}")
    return Request(**wishes)


def format_of(path: Path) -> Format:
    """The format that a file's ending names, none where it has no ending; or OptionError."""
    ending = path.suffix.lower().lstrip(".")
    if ending and ending not in FORMATS:
        raise OptionError(f"{path} ends in .{ending}, which is no format: choose {', '.join(FORMATS)}.")
    return cast("Format", ending)


def _known(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a stored request that this release knows."""
    return {"name": TEXT_NAME, **{one.name: stored[one.name] for one in WISHES if one.name in stored}}


if __name__ == "__main__":
    print(table(WISHES))  # noqa: T201 - it is a command
