"""Reads the name of a voice or of a blend of voices, and gives each blend one spelling. Pure: knows no voices file.

`af_bella(2)+af_sky(1)`, `af_sky*0.5 + af_bella*1` and `af_bella:50,af_sky:25` are the same blend, `af_bella*2+af_sky`.
"""

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from chorus.checks import shown
from chorus.errors import OptionError

MOST_VOICES: Final = 8
_NAMES_SHOWN: Final = 8
_NEAREST: Final = 3
_EXAMPLE: Final = "af_bella(2)+af_sky(1)"
_TERM = re.compile(r"([^*:()]*)(?:\(([^*:()]*)\)|[*:]([^*:()]*))?\s*")
_DIGITS: Final = 12
_LONGEST_NAME: Final = 60
_LONGEST: Final = 1000
"""The most characters of a blend."""
_NUMBER = re.compile(rf"(?:\d{{1,{_DIGITS}}}(?:\.\d{{0,{_DIGITS}}})?|\.\d{{1,{_DIGITS}}})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One voice's part in a blend."""

    name: str
    weight: Fraction
    """Above 0; the weights of a blend sum to 1."""


def blend(text: str) -> tuple[Share, ...]:
    """The voices in a name or a blend, heaviest first, equal ones in the order written; or OptionError."""
    weights: dict[str, Fraction] = {}
    if len(text) > _LONGEST:
        raise OptionError(f"Voice {shown(text)!r} has {len(text)} characters: take {MOST_VOICES} voices at most.")
    for term in re.split(r"[+,]", text):
        name, weight = _share(term, text)
        weights[name] = weights.get(name, Fraction()) + weight
    if len(weights) > MOST_VOICES:
        raise OptionError(f"Voice {shown(text)!r} blends {len(weights)} voices: take {MOST_VOICES} at most.")
    whole = sum(weights.values())
    shares = [Share(name=name, weight=weight / whole) for name, weight in weights.items()]
    # The spelling must be readable again, and numbers with more digits are refused there.
    if len(str(max(_parts(shares)))) > _DIGITS:
        raise OptionError(f"Voice {shown(text)!r} weighs its voices too finely: round the shares.")
    return tuple(sorted(shares, key=lambda share: -share.weight))


def canonical(text: str) -> str:
    """The one spelling of a voice or a blend, with the smallest whole numbers: `af_bella*2+af_sky`."""
    shares = blend(text)
    return "+".join(_spelled(share.name, part) for share, part in zip(shares, _parts(shares), strict=True))


def require(text: str, known: Iterable[str], *, letters: str = "") -> str:
    """The canonical spelling of a name or a blend if there are such voices, else OptionError with the nearest ones.

    `letters`: what the names of the language's voices begin with, where a name does not show its language itself.
    """
    names = sorted(known)
    for share in blend(text):
        if share.name not in names:
            raise _unknown(share.name, text, names, letters)
    return canonical(text)


def _unknown(name: str, text: str, names: Sequence[str], letters: str) -> OptionError:
    written = name[:_LONGEST_NAME].strip().casefold()
    # A name shows its language in its first letter: `bf_emma` is British.
    begins = written[:1] if re.match(r"[a-z][a-z]?_", written) else letters
    same = [one for one in names if begins and one[:1] in begins]
    near = difflib.get_close_matches(written, same or names, n=_NEAREST, cutoff=0.5)
    # A name too short to be like any: its first letter may be meant for its language.
    near = near or (same or [one for one in names if written and one.startswith(written[0])])[:_NEAREST]
    if begins and not same:
        remedy = f"no voice of its language is here, choose one of {_listed(names)}"
    elif near:
        remedy = f"did you mean {' or '.join(near)}?"
    else:
        remedy = f"choose one of {_listed(names)}"
    within = "" if text.strip() == name else f" in {shown(text)!r}"
    end = "" if remedy.endswith("?") else "."
    return OptionError(f"Voice {shown(name)!r}{within} is unknown: {remedy}{end}")


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMES_SHOWN:
        return ", ".join(names)
    first = ", ".join(names[:_NAMES_SHOWN])
    return f"{first} and {len(names) - _NAMES_SHOWN} more, which `chorus voices` lists"


def _parts(shares: Sequence[Share]) -> list[int]:
    """The shares in the smallest whole numbers."""
    scale = math.lcm(*(share.weight.denominator for share in shares))
    return [int(share.weight * scale) for share in shares]


def _spelled(name: str, weight: int) -> str:
    return name if weight == 1 else f"{name}*{weight}"


def _share(term: str, text: str) -> tuple[str, Fraction]:
    match = _TERM.fullmatch(term)
    name = match[1].strip() if match else ""
    if match is None or not name:
        problem = f"Voice {shown(text)!r} is not understood" if text.strip() else "No voice is named"
        raise OptionError(f"{problem}: write a name, or a blend like {_EXAMPLE}.")
    given = match[2] if match[2] is not None else match[3]
    if given is None:
        return name, Fraction(1)
    number = given.strip()
    if not _NUMBER.fullmatch(number) or not Fraction(number):
        stated = f"Voice {shown(text)!r} gives {shown(name)!r} the share {shown(number)!r}"
        raise OptionError(f"{stated}: write one above 0, like 2 or 0.5.")
    return name, Fraction(number)
