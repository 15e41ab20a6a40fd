"""Checks of what Redis holds: a field that no release of Chorus can have written is named, never guessed at. Pure."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, Self

LARGEST: Final = 2**53
"""The largest number that Lua keeps exactly: no count and no time is beyond it."""
MISREAD: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What reading raises where somebody sent another shape than a reader expects."""
MOST_SLOTS: Final = 4096
LONGEST_SHOWN: Final = 80
_LONGEST_TEXT: Final = 4096
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{0,200}")
"""A sound or a store: part of a queue's name."""
_FIGURE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def shown(value: bytes | str, longest: int = LONGEST_SHOWN) -> str:
    """Any bytes as a few characters of one line, in which a terminal finds nothing to obey."""
    text = value[: 4 * longest].decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    told = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text[:longest])
    return told[:longest] + "…" if len(told) > longest or len(value) > longest else told


class Damage(ValueError):  # noqa: N818 - it is no error of ours
    """What is wrong with a record, as the middle of a sentence: `its state is 'zombie'`."""

    @classmethod
    def of(cls, what: str, value: object) -> Self:
        """A field that has this impossible value."""
        return cls(f"{what} is {shown(value if isinstance(value, bytes) else repr(value))}")


def count_of(text: Mapping[str, str], name: str) -> int:
    """A whole number, 0 where it is missing."""
    value = text.get(name) or "0"
    if len(value) > len(str(LARGEST)) + 1 or not re.fullmatch(r"-?[0-9]+", value) or abs(int(value)) > LARGEST:
        raise Damage.of(f"its {shown(name)}", value)
    return int(value)


def mapping_of(what: str, text: str | bytes) -> dict[str, Any]:
    """A JSON object."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damage(f"{what} is no JSON") from error
    if not isinstance(told, dict):
        raise Damage(f"{what} is JSON, but no object")
    return told


def check_worker_field(name: str, value: object) -> None:
    """Damage unless a worker can have registered this."""
    if name in _WORKER_NUMBERS:
        good = _is_number(value, LARGEST)
    elif name == "stand_in":
        good = isinstance(value, bool)
    elif name == "slots":
        good = isinstance(value, dict) and all(
            _is_text(lane) and _is_number(count, MOST_SLOTS) for lane, count in value.items()
        )
    elif name == "voices":
        good = isinstance(value, list) and all(map(_is_text, value))
    elif name == "counters":
        good = isinstance(value, dict) and all(
            _FIGURE.fullmatch(what) and _are_counts(one) for what, one in value.items()
        )
    elif name in ("sound", "store"):
        good = isinstance(value, str) and _NAME.fullmatch(value) is not None
    else:
        good = _is_text(value)
    if not good:
        raise Damage.of(f"its {name}", value)


_WORKER_NUMBERS: Final = ("pid", "started_ms", "served", "seen_ms")


def _is_number(value: object, most: int) -> bool:
    # To Python a bool is a number.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def is_unicode(text: str) -> bool:
    """Whether it can be written: a lone surrogate can be read from JSON and never be written again."""
    return not re.search("[\ud800-\udfff]", text)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and is_unicode(value)


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(
        _FIGURE.fullmatch(figure) and isinstance(count, int | float) and math.isfinite(count) and abs(count) <= LARGEST
        for figure, count in value.items()
    )
