"""All rules for English in their order: addresses, then dates, then numbers. Knows no other language."""

import re
from functools import cache

from tasks.normalise import (
    english_abbreviations,
    english_amounts,
    english_capitals,
    english_dates,
    english_marks,
    english_romans,
    english_times,
    masks,
)
from tasks.normalise import english_numbers as numbers
from tasks.normalise.rewriting import Rule, rules

_NAMES = {
    ".": "dot", "/": "slash", "\\": "backslash", "@": "at", "-": "dash", "_": "underscore", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "~": "tilde", ":": "colon", "+": "plus", ",": "comma",
    "!": "exclamation mark", "*": "star", "(": "open bracket", ")": "close bracket", ";": "semicolon",
}  # fmt: skip
BUSY = re.compile(
    r"[^\w\s,;:!?'\"\u2018\u2019\u201c\u201d\u2014\u2026().-]|[0-9_/]|[A-Z\u00c0-\u00de]{2}|\.[^\W_]|\b[IVX]\b(?! )"
    r"|(?<=\w )[IVX](?= )|\b[A-Za-z]{1,6}\.(?!\w)|\b(?:Mr|Mrs|Dr|vs?)\b|[-=]>|\((?:[ivx])"
)
"""A sentence without a match is changed by no rule below."""


@cache
def english(*, british: bool, heading: bool) -> tuple[Rule, ...]:
    """The rules, the most specific first."""
    marks = masks.MarkNames(
        names=_NAMES,
        number=lambda text: numbers.number(text, british=british),
        digits=numbers.digits,
        plus="plus",
        version="version",
    )
    return rules(
        masks.rules(marks),
        english_dates.rules(british=british),
        english_times.rules(british=british),
        english_abbreviations.rules(),
        english_marks.powers(british=british),
        english_amounts.rules(british=british),
        english_marks.mixed(british=british),
        english_romans.rules(british=british, heading=heading),
        english_capitals.acronyms(),
        english_marks.pictures(),
        english_marks.rules(),
    )
