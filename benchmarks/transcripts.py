"""Compares what a recogniser wrote with what was to be said: both become plain words first, then errors are counted.

A recogniser writes `2,300`, `Dr.` and `grey` as it likes. Two spellings of the same spoken words are no error; anything
else is. Knows neither the recogniser nor the voice.
"""

import re
import unicodedata
from collections.abc import Sequence

from benchmarks.recogniser import WordErrors

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SIZES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_CURRENCIES = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent")}
_SAME = {
    # Abbreviations.
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "prof": "professor",
    "vs": "versus",
    "ok": "okay",
    # British and American.
    "colour": "color",
    "colours": "colors",
    "grey": "gray",
    "neighbour": "neighbor",
    "neighbours": "neighbors",
    "neighbourhood": "neighborhood",
    "travelled": "traveled",
    "travelling": "traveling",
    "towards": "toward",
    "theatre": "theater",
    "centre": "center",
    "metre": "meter",
    "metres": "meters",
    "favourite": "favorite",
    "honour": "honor",
    "harbour": "harbor",
    "storey": "story",
    "cheque": "check",
    "plough": "plow",
    # Spellings of one word.
    "percent": "per cent",
    "oh": "o",
    "till": "until",
    "someone": "some one",
    "alright": "all right",
}
_YEAR = re.compile(r"\b(1[1-9]|20)(\d\d)\b")


def words(text: str) -> list[str]:
    """The words as they are said: numbers spelt out, one spelling for each word, no punctuation."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("’", "'").replace("‘", "'")
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain)
    plain = re.sub(r"([$£€])(\d+)(?:\.(\d\d))?", _money, plain)
    plain = re.sub(r"(\d)\s*%", r"\1 percent", plain)
    plain = re.sub(r"\b(\d{1,2}):(\d\d)\b", _time, plain)
    plain = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda found: _ordinal(int(found[1])), plain)
    plain = re.sub(r"\b(\d+)\.(\d+)\b", _decimal, plain)
    plain = _YEAR.sub(lambda found: _year(int(found[1]), int(found[2])), plain)
    plain = re.sub(r"\d+", lambda found: f" {cardinal(int(found[0]))} ", plain)
    # Letters of other words, such as é, lose their accents; an apostrophe is not heard.
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))
    found = re.findall(r"[a-z]+", plain.replace("&", " and ").replace("'", ""))
    said = [word for one in found for word in _SAME.get(one, one).split()]
    # “Two hundred and five” and “two hundred five” are the same number.
    return [
        word
        for at, word in enumerate(said)
        if not (word == "and" and at and said[at - 1] in _AFTER_WHICH and at + 1 < len(said) and _counts(said[at + 1]))
    ]


def cardinal(number: int) -> str:
    """A number in words, without `and`."""
    if number < len(_ONES):
        return _ONES[number]
    if number < 100:  # noqa: PLR2004 - tens and ones
        return f"{_TENS[number // 10]} {_ONES[number % 10]}".removesuffix(" zero")
    size, name = next(one for one in _SIZES if number >= one[0])
    return f"{cardinal(number // size)} {name} {cardinal(number % size)}".removesuffix(" zero")


def signs(text: str) -> list[str]:
    """The letters of a text in any writing, with their marks and without spaces."""
    return [sign for sign in unicodedata.normalize("NFC", text).casefold() if unicodedata.category(sign)[0] in "LMN"]


def written_words(text: str) -> list[str]:
    """The words of a text in any language, as they are written, without punctuation."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return "".join(sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in plain).split()


def compare(wanted: str, heard: str) -> WordErrors:
    """How many words of an English text are missing, wrong or too many in what was heard."""
    return counted(words(wanted), words(heard))


def counted(left: Sequence[str], right: Sequence[str]) -> WordErrors:
    """How many of the words to be said, or of the letters, are missing, wrong or too many in what was heard.

    One word heard as two, or two as one, is no error if the letters agree: `some one`, `water gazers`.
    """
    before: list[int] = []
    row = list(range(len(right) + 1))
    for at, word in enumerate(left, 1):
        earlier, before = before, row
        row = [at]
        for other, one in enumerate(right, 1):
            least = min(before[other - 1] + (word != one), before[other] + 1, row[other - 1] + 1)
            if other > 1 and word == right[other - 2] + one:
                least = min(least, before[other - 2])
            if at > 1 and one == left[at - 2] + word:
                least = min(least, earlier[other - 1])
            row.append(least)
    return WordErrors(words=len(left), errors=row[-1])


def _ordinal(number: int) -> str:
    *front, last = cardinal(number).split()
    last = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return " ".join([*front, last])


def _year(century: int, rest: int) -> str:
    if century == 20 and rest < 10:  # noqa: PLR2004 - two thousand and two
        return cardinal(2000 + rest)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'o ' if rest < 10 else ''}{cardinal(rest)}"  # noqa: PLR2004 - nineteen o five


def _time(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if not minute:
        return f"{cardinal(hour)} o clock"
    return f"{cardinal(hour)} {'o ' if minute < 10 else ''}{cardinal(minute)}"  # noqa: PLR2004 - seven o five


def _decimal(found: re.Match[str]) -> str:
    return f"{cardinal(int(found[1]))} point {' '.join(_ONES[int(digit)] for digit in found[2])}"


def _money(found: re.Match[str]) -> str:
    whole, part = int(found[2]), int(found[3] or 0)
    large, small = _CURRENCIES[found[1]]
    said = f"{cardinal(whole)} {large}{'' if whole == 1 else 's'}"
    smalls = "pence" if small == "penny" else f"{small}s"
    return f"{said} and {cardinal(part)} {small if part == 1 else smalls}" if part else said


_AFTER_WHICH = frozenset(name for _, name in _SIZES)
_NUMBERS = frozenset([*_ONES, *filter(None, _TENS)])


def _counts(word: str) -> bool:
    return word in _NUMBERS
