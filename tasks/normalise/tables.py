"""A language's table, what tables are made with, and a number in a table's words. Knows no single language."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tasks.normalise.counted import cardinal

_Name = TypeVar("_Name")
_LONGEST = 12
_SQUARES = {
    sign: unicodedata.normalize("NFKC", sign).replace("2", "²").replace("3", "³")
    for sign in map(chr, (0x2103, 0x2109, *range(0x3380, 0x33E0)))
}
CLOCK = r"(?<![\w\ue000])(?<![0-9][.,:])(?P<hour>[0-9][0-9]?)"
"""The hour of a time in figures."""
COLON = r":(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?"
"""Minutes, and seconds, behind it."""
CIRCLED = re.compile("[\u2460-\u2473]")
"""Of items and notes: ① to ⑳."""


def digits(language: str) -> Callable[[str], str]:
    """How figures are read one by one, in a language of num2words."""

    def said(text: str) -> str:
        groups = re.findall(r"[0-9]+", text)
        return ", ".join(" ".join(cardinal(int(digit), language) for digit in group) for group in groups)

    return said


def units(names: str) -> dict[str, tuple[str, str]]:
    """`km:kilómetro, Hz:hercio|hercios`: symbols with one and several; several end in s where nothing is said."""
    table = {}
    for entry in names.split(","):
        symbol, _, name = entry.strip().partition(":")
        one, _, many = name.strip().partition("|")
        table[symbol] = (one, many or f"{one}s")
    return table


def encircled(match: re.Match[str]) -> int:
    """The number in a ring that CIRCLED found."""
    return int(unicodedata.numeric(match[0]))


def squared(names: Mapping[str, _Name]) -> dict[str, _Name]:
    """The same names for the signs that hold a whole unit as well: ㎏ for kg."""
    return {**names, **{sign: names[written] for sign, written in _SQUARES.items() if written in names}}


@dataclass(frozen=True, kw_only=True)
class Tongue:
    """What a language calls numbers and what is counted by them."""

    cardinal: Callable[[int], str]
    digits: Callable[[str], str]
    """Figures one by one."""
    point: str
    """What the decimal mark is called."""
    minus: str
    plus: str
    to: str
    """Between the ends of a range."""
    percent: str
    months: tuple[str, ...]
    date: Callable[[int, int, int], str]
    """Year, month from 1, day."""
    time: Callable[[int, int, int | None, str], str]
    """Hour, minute, second, and what stands behind the figures: `h`, `pm`."""
    clock: re.Pattern[str]
    """A time: groups `hour`, `minute` (or others that begin with m), and where there are some `second`, `half`."""
    currencies: Mapping[str, tuple[str, str]]
    """By symbol: one of them, several of them."""
    cents: Mapping[str, tuple[str, str, str]]
    """By symbol: what stands between whole and part, one and several hundredths; the names may be empty."""
    units: Mapping[str, tuple[str, str]]
    symbols: Mapping[str, str]
    """Said where they stand between words or figures."""
    abbreviations: Mapping[str, str]
    """Regular expressions to words."""
    marks: Mapping[str, str]
    """What the marks of an address are called."""
    scales: Mapping[str, str] = field(default_factory=dict)
    """Words behind a sum that come before the currency: `millones`; to how they join it: `millones de`."""
    year: Callable[[int], str] | None = None
    agree: Callable[[str, str], str] = lambda said, _following: said
    """The number's words before this word: veintiuno before `libros` is veintiún."""
    ordinals: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = ()
    chapters: str = r"(?!)"
    """Words whose Roman numeral is a number."""
    kings: Callable[[int], str] | None = None
    """What a Roman numeral behind a name is."""
    centuries: str = r"(?!)"
    century: Callable[[int], str] | None = None
    american_date: bool = False
    figures_behind_point: bool = False
    """Whether decimals are read one by one whatever they are: 3.14."""
    spaces: bool = True
    """Whether a blank may stand between thousands."""

    @property
    def num(self) -> str:
        """A number as it is written."""
        space = r"|[0-9]{1,3}(?:\ [0-9]{3})+(?:,[0-9]+)?" if self.spaces else ""
        return (
            rf"(?:[0-9]{{1,3}}(?:\.[0-9]{{3}})+(?:,[0-9]+)?(?![0-9])|[0-9]{{1,3}}(?:,[0-9]{{2,3}}){{2,}}(?:"
            rf"\.[0-9]+)?(?![0-9])|[0-9]{{1,3}}(?:,[0-9]{{3}})+\.[0-9]+{space}|[0-9]+(?:[.,][0-9]+)?)"
        )


def number(text: str, tongue: Tongue) -> str:
    """What is written in figures: a comma before the last part is a point unless it separates thousands."""
    text = text.replace(" ", "")
    marks = [char for char in text if char in ".,"]
    whole, part = text, ""
    if marks:
        head, _, tail = text.rpartition(marks[-1])
        thousands = (len(marks) > 1 and len(set(marks)) == 1) or (tongue.spaces and marks == ["."] and len(tail) == 3)
        thousands = thousands or (not tongue.spaces and marks == [","] and len(tail) > 1)
        if not thousands:
            whole, part = head, tail
    whole = re.sub(r"\D", "", whole)
    said = tongue.digits(whole) if len(whole) > _LONGEST or whole[:1] == "0" != whole else tongue.cardinal(int(whole))
    if not part:
        return said
    fraction = (
        tongue.digits(part)
        if tongue.figures_behind_point or part[0] == "0" or len(part) > 2
        else tongue.cardinal(int(part))
    )
    return f"{said} {tongue.point} {fraction}"
