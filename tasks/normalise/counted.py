"""Whole numbers in words, in languages other than English. The only module that uses num2words."""

from functools import lru_cache
from threading import Lock

_TOO_LONG = 10**15
_lock = Lock()
"""num2words keeps state and is not safe for threads."""


@lru_cache(maxsize=4096)
def cardinal(number: int, language: str) -> str:
    """The number in words: 21 is ventuno in `it`."""
    if number >= _TOO_LONG:
        return " ".join(cardinal(int(digit), language) for digit in str(number))
    return _words(number, language, "cardinal").replace(",", "")


@lru_cache(maxsize=1024)
def ordinal(number: int, language: str) -> str:
    """The masculine ordinal of the number."""
    return _words(number, language, "ordinal")


def _words(number: int, language: str, to: str) -> str:
    from num2words import num2words  # noqa: PLC0415 - a tenth of a second, which English does not need

    with _lock:
        return str(num2words(number, lang=language, to=to))
