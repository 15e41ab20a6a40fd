"""Reads a stretch of text as SSML's `say-as` asks: by letters, as a number, as a date. Knows no markup."""

import re
from collections.abc import Callable

from tasks.normalise import english_dates, english_numbers, english_quantities, formats, han
from tasks.normalise.counted import ordinal
from tasks.normalise.rules_by_language import SCRIPTS, TABLES
from tasks.normalise.tables import LanguageTable, number

_LETTER = re.compile(r"\S")
_DATE = re.compile(r"([0-9]{1,4})[-/. ]([0-9]{1,2})[-/. ]([0-9]{1,4})|([0-9]{4})([0-9]{2})([0-9]{2})")
_NUMBER = re.compile(r"[-+]?[0-9.,\s]*[0-9]")


def read_as(text: str, language: str, how: str) -> str | None:
    """The words of a text that is read in a way such as `date:dmy`; None if the usual rules do the same."""
    how, _, order = how.partition(":")
    if how == "date" and order:
        return formats.date(text, order, language)
    if how in ("characters", "spell-out", "character", "letters"):
        return _spelled(text, language)
    if how in ("verbatim", "digits", "telephone"):
        return _digits(text, language, plain=how == "digits") if how != "verbatim" else _spelled(text, language)
    found = {"cardinal": _cardinal, "number": _cardinal, "ordinal": _ordinal, "date": _date}.get(how)
    return found(text, language) if found else None


def _digit_words(language: str) -> Callable[[str], str]:
    if language in SCRIPTS:
        return han.digits
    return TABLES[language].digits if language in TABLES else english_numbers.digits


def _spelled(text: str, language: str) -> str:
    digits = _digit_words(language)
    words = [digits(char) if char.isascii() and char.isdecimal() else char.upper() for char in _LETTER.findall(text)]
    # With full stops the dictionaries read each letter by its name, even an A.
    joint = "." if language.startswith("en") and all(len(word) == 1 and word.isalpha() for word in words) else " "
    return joint.join(words)


def _digits(text: str, language: str, *, plain: bool) -> str | None:
    if not re.search(r"[0-9]", text):
        return None
    words = _digit_words(language)
    parts = (words(part) if part[0].isdigit() else part for part in re.findall(r"[0-9]+|[^\W\d_]+|\+", text))
    said = ", ".join(parts).replace("+, ", "plus " if language.startswith("en") else "+ ")
    return said.replace(",", "") if plain else said


def _cardinal(text: str, language: str) -> str | None:
    if not _NUMBER.fullmatch(text):
        roman = re.fullmatch(english_numbers.ROMAN, text)
        if not roman:
            return None
        text = str(english_numbers.roman(text))
    if language in SCRIPTS:
        return han.number(text.lstrip("+-"), SCRIPTS[language])
    if language in TABLES:
        return _signed(text, TABLES[language])
    return english_quantities.quantity(text.replace(" ", ""), british=language == "en-gb")


def _signed(text: str, table: LanguageTable) -> str:
    sign = {"-": f"{table.minus} ", "+": f"{table.plus} "}.get(text[0], "")
    return sign + number(text.lstrip("+-"), table)


def _ordinal(text: str, language: str) -> str | None:
    match = re.match(r"[0-9]{1,9}", text.replace(",", ""))
    roman = re.fullmatch(english_numbers.ROMAN, text)
    if not match and not roman:
        return None
    count = int(match[0]) if match else english_numbers.roman(text)
    if language.startswith("en"):
        return english_numbers.ordinal(count, british=language == "en-gb")
    if language in SCRIPTS:
        return f"第{han.cardinal(count, chinese=language == 'zh')}"
    return _nth(count, language)


def _nth(count: int, language: str) -> str:
    if language == "hi":
        return f"{TABLES['hi'].cardinal(count)}वाँ"
    return ordinal(count, {"fr-fr": "fr", "pt-br": "pt_BR"}.get(language, language))


def _date(text: str, language: str) -> str | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    if match[4]:
        year, month, day = match[4], match[5], match[6]
    elif len(match[1]) > 2:
        year, month, day = match[1], match[2], match[3]
    else:
        first, second, year = match[1], match[2], match[3]
        month, day = (first, second) if language == "en-us" and int(first) <= 12 else (second, first)
    full = int(year) if len(year) > 2 else int(year) + (2000 if int(year) < 50 else 1900)
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    if language.startswith("en"):
        return english_dates.date(full, int(month), int(day), british=language == "en-gb")
    if language in SCRIPTS:
        return han.date(full, int(month), int(day), SCRIPTS[language])
    return TABLES[language].date(full, int(month), int(day)) if language in TABLES else None
