"""The options of the commands: those of a wish follow from its declaration, the others are declared here once.

Knows no command.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from chorus.errors import OptionError
from chorus.request import PRIORITIES, WISHES, Priority, Wishes
from chorus.wishes import DeclaredWish, Scope, chosen

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})", re.ASCII)


def whole_number(option: str, least: int, most: int) -> Callable[[Any], int]:
    """How the value of this option is read: plain digits, and no other spelling that Python knows; or OptionError."""

    def read(text: Any) -> int:
        if not _WHOLE.fullmatch(str(text)) or not least <= int(text) <= most:
            raise OptionError(f"{option} is {str(text)!r}: write a whole number from {least} to {most}.")
        return int(text)

    return read


def number(option: str) -> Callable[[Any], float]:
    """The same for a number with a point. Its bounds are the wish's own."""

    def read(text: Any) -> float:
        if not _NUMBER.fullmatch(str(text)):
            raise OptionError(f"{option} is {str(text)!r}: write a number, like 1.25.")
        return float(text)

    return read


def path(option: str) -> Callable[[Any], Path]:
    """How the path of this option is read. What cannot be opened is said by what opens it."""

    def read(text: Any) -> Path:
        if not str(text):
            raise OptionError(f"{option} is empty: name a file.")
        if _ADDRESS.match(str(text)):
            raise OptionError(f"{text} is an address on the net: download it, and name the file.")
        return Path(text)

    return read


Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE", help="Documents; `-` is standard input.", show_default=False, parser=path("SOURCE")
    ),
]
OneBook = Annotated[bool, typer.Option("--one-book", help="Make one book of all the sources, in this order.")]
Job = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="The job's id, or the beginning of it that no other job's id has.", show_default=False
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="The file to write, or its folder.",
        show_default=False,
        parser=path("--output"),
    ),
]
Cover = Annotated[
    Path | None,
    typer.Option(
        "--cover",
        metavar="PICTURE",
        help="The cover, for formats that can hold one. Default: the document's.",
        show_default=False,
        parser=path("--cover"),
    ),
]
LeadMs = Annotated[
    int | None,
    typer.Option(
        "--lead-ms",
        metavar="MS",
        parser=whole_number("--lead-ms", 0, 10_000),
        help="Milliseconds of silence before the first sound. Default: 50, and 0 in a file.",
        show_default=False,
    ),
]
Urgency = Annotated[
    str,
    typer.Option(
        "--priority", metavar="|".join(PRIORITIES), help="The job's share of the workers while other books wait."
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start again from the beginning, and speak everything anew.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Url = Annotated[
    str,
    typer.Option(
        "--url",
        metavar="URL",
        help="The address of the farm's Redis. Default: CHORUS_URL, else this machine's running stack.",
        show_default=False,
    ),
]

Command = Callable[..., None]


def as_priority(name: str) -> Priority:
    """A job's share of the farm, or OptionError."""
    return cast("Priority", chosen("--priority", name, PRIORITIES))


def with_wishes(*scopes: Scope, only: Iterable[str] = (), **defaults: str) -> Callable[[Command], Command]:
    """Give a command one option for each wish of these scopes, or for `only` these, in the place of its `wishes`.

    The command is called with those that were given. `defaults` are the command's own, where the request has others.
    """
    kept = [one for one in WISHES if one.wish.flags and (one.wish.scope in scopes or one.name in only)]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_options(*arguments: Any, **given: Any) -> None:
            values = {one.name: _value(one, given.pop(one.name)) for one in kept}
            wishes = {one.name: values[one.name] for one in kept if values[one.name] != one.default}
            command(*arguments, wishes=cast("Wishes", wishes), **given)

        signature = inspect.signature(command)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            options = [_option(one, defaults.get(one.name, one.default)) for one in kept]
            parameters += options if parameter.name == "wishes" else [parameter]
        # Typer reads the signature, and the annotations besides.
        with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_options.__annotations__ = {one.name: one.annotation for one in parameters}
        return with_options

    return decorate


def _option(one: DeclaredWish, default: Any) -> inspect.Parameter:
    """The parameter that Typer makes an option of."""
    kind = Path | None if one.wish.read else str if one.choices else one.kind
    option = typer.Option(
        *one.wish.flags,
        metavar=one.wish.metavar or "|".join(one.choices) or None,
        help=one.wish.help,
        show_default=bool(default),
        parser=_parser(one, kind),
    )
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if one.wish.read else default,
        annotation=Annotated[kind, option],
    )


def _parser(one: DeclaredWish, kind: Any) -> Callable[[Any], Any] | None:
    flag = one.wish.flags[-1]
    return path(flag) if one.wish.read else number(flag) if kind is float else None


def _value(one: DeclaredWish, given: Any) -> Any:
    """What was given for a wish as a request takes it, or OptionError that names the option."""
    if one.wish.read:
        return one.wish.read(given) if given else one.default
    return one.checked(given, one.wish.flags[-1]) if one.choices else given
