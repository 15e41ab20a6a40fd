"""English numbers in words. Pure arithmetic and a few word lists; knows no text."""

import re

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_POWERS = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
LONGEST = 12
"""The most digits of a number in words. A longer one is read digit by digit."""
_CENTURY, _HUNDRED, _THOUSAND = 100, 100, 1000
_SMALL = 20


def cardinal(number: int, *, british: bool = False) -> str:
    """A cardinal: 105 is one hundred five, in British English one hundred and five.

    24 is written twenty four, because with a hyphen misaki would stress the first half.
    """
    if number < 0:
        return f"minus {cardinal(-number, british=british)}"
    for power, name in _POWERS:
        if number >= power:
            rest = number % power
            head = f"{cardinal(number // power, british=british)} {name}"
            joint = " and " if british and rest < _HUNDRED else " "
            return f"{head}{joint}{cardinal(rest, british=british)}" if rest else head
    if number >= _HUNDRED:
        head, rest = f"{_ONES[number // _HUNDRED]} hundred", number % _HUNDRED
        return f"{head}{' and ' if british else ' '}{_below_hundred(rest)}" if rest else head
    return _below_hundred(number)


def _below_hundred(number: int) -> str:
    if number < _SMALL:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens]} {_ONES[ones]}" if ones else _TENS[tens]


def ordinal(number: int, *, british: bool = False) -> str:
    """An ordinal: 21 is twenty-first."""
    words = cardinal(number, british=british)
    head, mark, last = words[: _last(words)], "", words[_last(words) :]
    if last in _ORDINALS:
        return head + mark + _ORDINALS[last]
    return f"{head}{last[:-1]}ieth" if last.endswith("y") else f"{head}{last}th"


def _last(words: str) -> int:
    return max(words.rfind(" "), words.rfind("-")) + 1


def plural(words: str) -> str:
    """The plural: nineteen ninety becomes nineteen nineties."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"


def year(number: int, *, british: bool = False) -> str:
    """A year: 1984 is nineteen eighty four, 1905 nineteen oh five, 2005 two thousand five."""
    century, rest = divmod(number, _CENTURY)
    if number < _THOUSAND or century % 10 == 0 and rest < 10:  # noqa: RUF021 - 2000 to 2009
        return cardinal(number, british=british)
    if not rest:
        return f"{_below_hundred(century)} hundred"
    return f"{_below_hundred(century)} {'oh ' if rest < 10 else ''}{_below_hundred(rest)}"


def digits(text: str, *, zero: str = "zero") -> str:
    """Each digit by its name. Other characters separate groups: `555-01` is five five five, zero one."""
    groups = re.findall(r"[0-9]+", text)
    return ", ".join(" ".join(zero if digit == "0" else _ONES[int(digit)] for digit in group) for group in groups)


def pairs(text: str) -> str:
    """Three or four digits as rooms and flights are read: 237 is two thirty seven."""
    head, tail = text[:-2], int(text[-2:])
    if not tail:
        return cardinal(int(text)) if int(head) % 10 == 0 else f"{cardinal(int(head))} hundred"
    return f"{cardinal(int(head))} {'oh ' if tail < 10 else ''}{_below_hundred(tail)}"


def number(text: str, *, british: bool = False) -> str:
    """A number in digits, with commas between thousands and a decimal point: 1,234.5."""
    whole, point, part = text.replace(",", "").replace(" ", "").partition(".")
    if len(whole) > LONGEST or (len(whole) > 1 and whole[0] == "0"):
        head = digits(whole)
    else:
        head = cardinal(int(whole), british=british) if whole else ""
    return f"{head} point {digits(part)}".strip() if point and part else head


def fraction(top: int, bottom: int, *, british: bool = False) -> str:
    """A fraction: 3/4 is three quarters, 1/2 one half, 7/16 seven sixteenths."""
    name = {2: "half", 4: "quarter"}.get(bottom) or ordinal(bottom, british=british)
    if top != 1:
        name = "halves" if bottom == 2 else f"{name}s"
    return f"{cardinal(top, british=british)} {name}"


_NUMERALS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
ROMAN = r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
"""A valid Roman numeral in capitals."""


def roman(text: str) -> int:
    """The value of a Roman numeral."""
    values = [_NUMERALS[letter] for letter in text.upper()]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))
