"""Patterns of English amounts, and their words. Knows neither money nor units."""

import re
from collections.abc import Callable

from tasks.normalise import english_numbers as numbers

VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8), "⅐": (1, 7),
    "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
FREE = r"(?<!\w)(?<![0-9\ue000][.,])"
"""A number may begin here: not inside a word, and not after the point of another number."""
NUM = (
    rf"(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?["
    rf"{''.join(VULGAR)}]?|\.[0-9]+|[{''.join(VULGAR)}])"
)
SIGN = r"(?:(?<![\w.)])[-+\u2212±](?=[0-9.$£€¥]))?"
TO = r"\s?[-\u2013\u2014\u2212]\s?"
SIGNS = {"-": "minus ", "\u2212": "minus ", "+": "plus ", "±": "plus or minus ", "": ""}
_ARTICLE = re.compile(r"(?:^|\W)an? $", re.IGNORECASE)
_ADJECTIVAL = re.compile(
    r"[ -](?!(?:or|and|for|to|in|per|from|each|more|less|on|at|off|an?|is|was|but|than|as|by|of|with|when|if|he|she|we"
    r"|they|you|it|the|that|then|away|apart|ago|later|back)\b)[a-z]{3,}"
)


def quantity(text: str, *, british: bool) -> str:
    """A number in words, with its sign, groups of thousands, point or vulgar fraction."""
    sign, text = (text[0], text[1:]) if text[:1] in SIGNS and text[:1] else ("", text)
    if text[-1] in VULGAR:
        top, bottom = VULGAR[text[-1]]
        part = numbers.fraction(top, bottom)
        if text[:-1]:
            part = f"{numbers.number(text[:-1], british=british)} and {after_whole(part)}"
        return SIGNS[sign] + part
    return SIGNS[sign] + numbers.number(text, british=british)


def after_whole(part: str) -> str:
    """A fraction after a whole number: a half, and not one half."""
    return f"a {part.removeprefix('one ')}" if part.startswith("one ") else part


def span_words(match: re.Match[str], words: Callable[[str], str], first: str = "num", second: str = "to") -> str:
    """One number, or two with `to` between them, in words."""
    said = words((match["sign"] or "") + match[first])
    return f"{said} to {words(match[second])}" if match[second] else said


def adjectival(match: re.Match[str]) -> bool:
    """Whether the amount describes a noun: a $5 bill, a 10 km run."""
    opened = _ARTICLE.search(match.string, max(0, match.start() - 4), match.start())
    return bool(opened and _ADJECTIVAL.match(match.string, match.end()))
