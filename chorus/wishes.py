"""How a wish is declared, and what follows from that: its check, and its row in docs/api.md.

chorus/request.py declares the wishes, chorus/options.py makes options of them. Knows no single wish and no command.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from chorus.checks import LARGEST, is_unicode, shown
from chorus.errors import OptionError

Scope = Literal["text", "document", "file", "caller"]
"""What a wish is about: any text, a document with chapters, the finished file, or what only a caller's code knows.

`say` has options for the first, `inspect` for the first two, `render` and `submit` for the first three.
"""
FIRST: Final = "0.1"
"""The first release. What it knew stands in every stored request; what came later only where it was wished for."""
_KINDS: Final[dict[Any, tuple[tuple[type, ...], str]]] = {
    str: ((str,), "a text"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is declared of a wish, beside the name, the type and the default that its field of Request has."""

    help: str
    """One or two sentences, for command lines and documents."""
    scope: Scope
    flags: tuple[str, ...] = ()
    """As options of a command; none where the scope is `caller`."""
    metavar: str = ""
    since: str = FIRST
    """The release that knew it first."""
    least: float | None = None
    most: float | None = None
    check: Callable[[Any], Any] = lambda value: value
    """Gives the value as it is kept, or raises OptionError."""
    read: Callable[[Path], str] | None = None
    """On a command line it is a file, and this gives its text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredWish:
    """A wish with all that is known of it."""

    name: str
    kind: Any
    """`str`, `float`, `bool`, or a Literal of strings."""
    default: Any
    wish: Wish

    @property
    def choices(self) -> tuple[str, ...]:
        """The values it can have; empty where they cannot be listed. The empty string is no choice, but none made."""
        return tuple(filter(None, get_args(self.kind)))

    def checked(self, value: Any, label: str = "") -> Any:
        """The value as a request keeps it, or OptionError. `label` is what the caller knows the wish by."""
        label = label or self.name
        if self.choices:
            return value if value in get_args(self.kind) else chosen(label, value, self.choices)
        if not self.fits(value):
            raise OptionError(f"{label} is {shown(repr(value))}: give {_KINDS[self.kind][1]}.")
        if isinstance(value, str) and not is_unicode(value):
            raise OptionError(f"{label} is {shown(value)!r}, which is no text: write it in UTF-8.")
        least, most = self.wish.least, self.wish.most
        if least is not None and most is not None and not least <= value <= most:
            # Of an endless whole number not even the figures can be written.
            told = f"{value:g}" if isinstance(value, float) or abs(value) <= LARGEST else "of so many figures"
            raise OptionError(f"{label.capitalize()} {told} is out of range: choose {least} to {most}.")
        return self.wish.check(value)

    def fits(self, value: Any) -> bool:
        """Whether a value is at least of this wish's type."""
        types = (str,) if self.choices else _KINDS[self.kind][0]
        # To Python a bool is a number.
        return isinstance(value, types) and (self.kind is bool or not isinstance(value, bool))


def chosen(label: str, value: Any, choices: Sequence[str]) -> Any:
    """The value, if it is one of the choices, or OptionError."""
    if value not in choices:
        raise OptionError(f"{label} is {shown(repr(value))}: choose {', '.join(choices[:-1])} or {choices[-1]}.")
    return value


def understood(parse: Callable[[str], object]) -> Callable[[str], str]:
    """A check that lets `parse` refuse a value, and keeps the value as it was written."""

    def check(text: str) -> str:
        parse(text)
        return text

    return check


def declared(request: type) -> tuple[DeclaredWish, ...]:
    """The wishes that the fields of this dataclass declare, in their order."""
    hints = get_type_hints(request, include_extras=True)
    return tuple(_declared(field.name, hints[field.name], field.default) for field in fields(request))


def _declared(name: str, hint: Any, default: Any) -> DeclaredWish:
    if get_origin(hint) is not Annotated or default is MISSING:
        raise TypeError(f"{name} must be declared with a Wish and a default.")
    kind, wish = get_args(hint)
    return DeclaredWish(name=name, kind=kind, default=default, wish=wish)


def table(wishes: Sequence[DeclaredWish]) -> str:
    """Every wish as a row of Markdown."""
    rows = (
        f"| `{one.name}` | {_shown_kind(one)} | {_shown_default(one.default)} | {' '.join(_flags(one))} "
        f"| {one.wish.help} | {one.wish.since} |"
        for one in wishes
    )
    return "\n".join(("| wish | type | default | option | meaning | since |", "|---|---|---|---|---|---|", *rows))


def _flags(one: DeclaredWish) -> list[str]:
    return [f"`{flag}`" for flag in one.wish.flags]


def _shown_kind(one: DeclaredWish) -> str:
    return " ".join(f"`{choice}`" for choice in one.choices) or f"`{one.kind.__name__}`"


def _shown_default(default: Any) -> str:
    return "" if default == "" else f"`{default}`"
