"""The options that several commands share, each declared once. Knows no command."""

from pathlib import Path
from typing import Annotated, cast

import typer

from chorus import lexicon
from chorus.errors import OptionError
from chorus.reading import SKIPPABLE, SPEAKABLE
from chorus.request import FORMATS, Format, OnError, Priority
from chorus.submission import Wishes

Sources = Annotated[
    list[Path], typer.Argument(metavar="SOURCE", help="Documents; `-` is standard input.", show_default=False)
]
OneBook = Annotated[bool, typer.Option("--one-book", help="All sources as one book, in this order.")]
Job = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", show_default=False)]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="PATH", help="A file, or a folder.", show_default=False)
]
Voice = Annotated[
    str,
    typer.Option(
        "-v", "--voice", metavar="NAME", help="Of `chorus voices`, or a blend of them: `af_bella(2)+af_sky(1)`."
    ),
]
Speed = Annotated[float, typer.Option("-s", "--speed", metavar="FACTOR", help="0.25 to 4.0 times the usual.")]
Language = Annotated[
    str,
    typer.Option("-l", "--lang", metavar="CODE", help="Default: the document's, else the voice's.", show_default=False),
]
Chapters = Annotated[str, typer.Option("--chapters", metavar="LIST", help="`1-3,5`. Default: all.", show_default=False)]
Title = Annotated[
    str, typer.Option("--title", metavar="TEXT", help="Instead of the document's own.", show_default=False)
]
Author = Annotated[
    str, typer.Option("--author", metavar="NAME", help="Instead of the document's own.", show_default=False)
]
Cover = Annotated[
    Path | None, typer.Option("--cover", metavar="PICTURE", help="For formats that carry one.", show_default=False)
]
LeadMs = Annotated[
    int | None,
    typer.Option(
        "--lead-ms",
        metavar="MS",
        min=0,
        max=10_000,
        help="Silence before live sound. Default: 50, in files 0.",
        show_default=False,
    ),
]
FileFormat = Annotated[str, typer.Option("-f", "--format", metavar="NAME", help=f"One of {', '.join(FORMATS)}.")]
OnFailure = Annotated[str, typer.Option("--on-error", metavar="silence|stop", help="When a segment cannot be spoken.")]
Urgency = Annotated[str, typer.Option("--priority", metavar="low|normal|high", help="Its share among other books.")]
Skip = Annotated[
    str,
    typer.Option("--skip", metavar="LIST", help=f"Leave out: {', '.join(SKIPPABLE)}. Default: contents; or `none`."),
]
Speak = Annotated[str, typer.Option("--speak", metavar="LIST", help=f"Read out too: {', '.join(SPEAKABLE)}.")]
AsWritten = Annotated[
    str, typer.Option("--as-written", metavar="LIST", help="Do not write out `numbers,dates,…`; `all` for none of it.")
]
Pauses = Annotated[
    str, typer.Option("--pauses", metavar="LIST", help="In ms: `sentence=200,paragraph=450,chapter=1200`.")
]
Encoding = Annotated[
    str,
    typer.Option("--encoding", metavar="NAME", help="Of a text file, where it is guessed wrong.", show_default=False),
]
Lexicon = Annotated[
    Path | None,
    typer.Option(
        "--lexicon", metavar="FILE", help="Pronunciations of your own: .toml, .json or .pls.", show_default=False
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start again, and speak all of it anew.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line, for programs.")]
Url = Annotated[
    str, typer.Option("--url", metavar="URL", help="The farm's Redis. Default: CHORUS_URL.", show_default=False)
]

DEFAULT_VOICE = "af_heart"


def as_format(name: str) -> Format:
    """A format by its name, `` included, or OptionError."""
    if name and name not in FORMATS:
        raise OptionError(f"Format {name!r} is unknown: choose one of {', '.join(FORMATS)}.")
    return cast("Format", name)


def as_on_error(name: str) -> OnError:
    """What to do about a segment that cannot be spoken, or OptionError."""
    if name not in ("silence", "stop"):
        raise OptionError(f"--on-error is {name!r}: choose silence or stop.")
    return cast("OnError", name)


def as_priority(name: str) -> Priority:
    """A job's share of the farm, or OptionError."""
    if name not in ("low", "normal", "high"):
        raise OptionError(f"--priority is {name!r}: choose low, normal or high.")
    return cast("Priority", name)


def as_lexicon(path: Path | None) -> str:
    """The pronunciations in a file, or OptionError; none without one."""
    return lexicon.read(path) if path else ""


def wishes(**given: str | float) -> Wishes:
    """What was given on the command line, without what was left out."""
    return cast("Wishes", {name: value for name, value in given.items() if value != ""})
