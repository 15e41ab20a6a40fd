"""The type of a language's table, helpers to write tables, and numbers in a table's words. Knows no language."""

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
"""The hour of a time."""
COLON = r":(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?"
"""The minutes, and the seconds if any, after the hour."""
CIRCLED = re.compile("[\u2460-\u2473]")
"""Encircled numbers of items and notes: ① to ⑳."""


def digits(language: str) -> Callable[[str], str]:
    """A function that reads digits one by one, in a language of num2words."""

    def said(text: str) -> str:
        groups = re.findall(r"[0-9]+", text)
        return ", ".join(" ".join(cardinal(int(digit), language) for digit in group) for group in groups)

    return said


def units(names: str) -> dict[str, tuple[str, str]]:
    """`km:kilómetro, Hz:hercio|hercios`: symbols with singular and plural. Without a plural an s is added."""
    table = {}
    for entry in names.split(","):
        symbol, _, name = entry.strip().partition(":")
        one, _, many = name.strip().partition("|")
        table[symbol] = (one, many or f"{one}s")
    return table


def encircled(match: re.Match[str]) -> int:
    """The number that CIRCLED matched."""
    return int(unicodedata.numeric(match[0]))


def squared(names: Mapping[str, _Name]) -> dict[str, _Name]:
    """The same names, also for single characters that show a whole unit: ㎏ for kg."""
    return {**names, **{sign: names[written] for sign, written in _SQUARES.items() if written in names}}


@dataclass(frozen=True, kw_only=True)
class LanguageTable:
    """The words of one language for numbers, dates, times, money, units and signs."""

    cardinal: Callable[[int], str]
    digits: Callable[[str], str]
    """Reads digits one by one."""
    point: str
    """The name of the decimal mark."""
    minus: str
    plus: str
    to: str
    """The word between the ends of a range."""
    percent: str
    months: tuple[str, ...]
    date: Callable[[int, int, int], str]
    """Reads a date: year, month from 1, day."""
    time: Callable[[int, int, int | None, str], str]
    """Reads a time: hour, minute, second, and the mark after the figures: `h`, `pm`."""
    clock: re.Pattern[str]
    """A time, with groups `hour`, `minute` (or others that begin with m), and optionally `second` and `half`."""
    currencies: Mapping[str, tuple[str, str]]
    """Singular and plural, by symbol."""
    cents: Mapping[str, tuple[str, str, str]]
    """By symbol: the word between whole and part, and singular and plural of the hundredth, which may be empty."""
    units: Mapping[str, tuple[str, str]]
    symbols: Mapping[str, str]
    """The words for symbols between words or figures."""
    abbreviations: Mapping[str, str]
    """Words by regular expression."""
    marks: Mapping[str, str]
    """The names of the marks in addresses."""
    scales: Mapping[str, str] = field(default_factory=dict)
    """Words between a sum and its currency, and their form before the currency: `millones` is `millones de`."""
    year: Callable[[int], str] | None = None
    agree: Callable[[str, str], str] = lambda said, _following: said
    """Adapts a number's words to the following word: veintiuno before `libros` is veintiún."""
    ordinals: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = ()
    chapters: str = r"(?!)"
    """A regex of words after which a Roman numeral is a cardinal."""
    kings: Callable[[int], str] | None = None
    """Reads a Roman numeral after a name."""
    centuries: str = r"(?!)"
    century: Callable[[int], str] | None = None
    american_date: bool = False
    figures_behind_point: bool = False
    """Whether decimals are always read one by one: 3.14."""
    spaces: bool = True
    """Whether thousands may be separated by a blank."""

    @property
    def num(self) -> str:
        """The pattern of a number in figures, with up to seven marks of thousands: no book has more."""
        space = r"|[0-9]{1,3}(?:\ [0-9]{3}){1,7}(?:,[0-9]+)?" if self.spaces else ""
        return (
            rf"(?:[0-9]{{1,3}}(?:\.[0-9]{{3}}){{1,7}}(?:,[0-9]+)?(?![0-9])|[0-9]{{1,3}}(?:,[0-9]{{2,3}}){{2,7}}(?:"
            rf"\.[0-9]+)?(?![0-9])|[0-9]{{1,3}}(?:,[0-9]{{3}}){{1,7}}\.[0-9]+{space}|[0-9]+(?:[.,][0-9]+)?)"
        )


def number(text: str, table: LanguageTable) -> str:
    """The words for a number in figures. A comma before the last part is a decimal mark, if not one of thousands."""
    text = text.replace(" ", "")
    marks = [char for char in text if char in ".,"]
    whole, part = text, ""
    if marks:
        head, _, tail = text.rpartition(marks[-1])
        thousands = (len(marks) > 1 and len(set(marks)) == 1) or (table.spaces and marks == ["."] and len(tail) == 3)
        thousands = thousands or (not table.spaces and marks == [","] and len(tail) > 1)
        if not thousands:
            whole, part = head, tail
    whole = re.sub(r"\D", "", whole)
    said = table.digits(whole) if len(whole) > _LONGEST or whole[:1] == "0" != whole else table.cardinal(int(whole))
    if not part:
        return said
    fraction = (
        table.digits(part)
        if table.figures_behind_point or part[0] == "0" or len(part) > 2
        else table.cardinal(int(part))
    )
    return f"{said} {table.point} {fraction}"
