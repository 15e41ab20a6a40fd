"""Rules for English dates and times. Knows no amounts and no names."""

import re
from collections.abc import Iterator

from tasks.normalise import english_numbers as numbers
from tasks.normalise.rewriting import Rule

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = {
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "weds": "Wednesday", "thu": "Thursday",
    "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
_SHORT = {**{name[:3]: name for name in MONTHS}, "Sept": "September", "Febr": "February"}
_MONTH = (
    rf"(?:{'|'.join(MONTHS)}|{'|'.join(name.upper() for name in MONTHS)}|(?:Sept|Febr|"
    rf"{'|'.join(name[:3] for name in MONTHS)})\b\.?)"
)
_DAY = r"(?:3[01]|[12][0-9]|0?[1-9])"
_WEEKDAY = rf"(?:(?P<wday>(?:{'|'.join(name.capitalize() for name in _DAYS)})\.?,?)\s)?"
_YEAR = r"(?:1[0-9]{3}|20[0-9]{2})"
FREE = r"(?<!\w)(?<![0-9\ue000][.,/:-])"
"""A date or a time may begin here."""
_END = r"(?![\w\ue000]|[-/:][0-9]|[.,][0-9])"
_LAST_MONTH, _LAST_DAY = 12, 31


def rules(*, british: bool) -> Iterator[Rule]:
    """The rules for dates and times, in their order."""
    yield from _figures(british=british)
    yield from _named(british=british)
    yield from _decades(british=british)


def date(year: int | None, month: int, day: int | None, *, british: bool) -> str | None:
    """A date in words; None if there is no such day."""
    if not 1 <= month <= _LAST_MONTH or (day is not None and not 1 <= day <= _LAST_DAY):
        return None
    name = MONTHS[month - 1]
    said = name
    if day is not None:
        nth = numbers.ordinal(day)
        said = f"the {nth} of {name}" if british else f"{name} {nth}"
    if year is None:
        return said
    joint = ", " if day is not None else " "
    return f"{said}{joint}{numbers.year(year, british=british)}"


def _century(text: str) -> int:
    year = int(text)
    return year if len(text) > 2 else year + (2000 if year < 50 else 1900)


def _figures(*, british: bool) -> Iterator[Rule]:
    iso = re.compile(rf"{FREE}({_YEAR})([-/.])([0-9]{{2}})\2([0-9]{{2}})(?:T(?=[0-9]))?(?![\w\ue000]*-[0-9])(?![0-9])")
    yield Rule(
        kind="dates",
        pattern=iso,
        say=lambda match: _iso(match, british=british),
        needs="digits",
    )
    slashed = re.compile(rf"{FREE}([0-9]{{1,2}})([/.-])([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}}){_END}")
    yield Rule(kind="dates", pattern=slashed, say=lambda match: _slashed(match, british=british), needs="digits")


def _iso(match: re.Match[str], *, british: bool) -> str | None:
    said = date(int(match[1]), int(match[3]), int(match[4]), british=british)
    return f"{said}, " if said and match[0].endswith("T") else said


def _slashed(match: re.Match[str], *, british: bool) -> str | None:
    one, mark, two = int(match[1]), match[2], int(match[3])
    # With a short year 1.2.30 may be a version and 3-5-24 a score, so the year must have four digits.
    if mark != "/" and len(match[4]) == 2:
        return None
    day_first = british if mark != "." else True
    day, month = (one, two) if day_first else (two, one)
    if month > _LAST_MONTH:
        day, month = month, day
    return date(_century(match[4]), month, day, british=british)


def _month(text: str) -> str:
    name = text.rstrip(".").capitalize()
    return _SHORT.get(name, name)


def _weekday(match: re.Match[str]) -> str:
    text = match["wday"]
    return f"{_DAYS[text.rstrip('.,').lower()]}, " if text else ""


def _named(*, british: bool) -> Iterator[Rule]:
    day = rf"(?P<day>{_DAY})(?:st|nd|rd|th)?"
    more = rf"(?:\s?[-\u2013]\s?(?P<more>{_DAY})(?:st|nd|rd|th)?)?"
    year = rf"(?:(?P<comma>,?)\s(?P<year>{_YEAR})(?!\w|[-\u2013,.][0-9]))?"
    first = rf"(?<!\w){_WEEKDAY}(?P<the>[Tt]he\s)?{day}{more}(?:\s|-)(?:of\s)?(?P<month>{_MONTH})(?!\w){year}"
    yield Rule(
        kind="dates", pattern=re.compile(first), say=lambda match: _day_first(match, british=british), needs="digits"
    )
    # No digit may follow the day, or the 20 in "March 2024" would be one.
    second = (
        rf"(?<!\w){_WEEKDAY}(?P<month>{_MONTH})\s(?P<the>the\s)?{day}{more}(?![\w:%]"
        rf"|[.,/][0-9]|-[0-9]|\s(?:a|p)\.?m\b){year}"
    )
    yield Rule(
        kind="dates", pattern=re.compile(second), say=lambda match: _month_first(match, british=british), needs="digits"
    )
    third = rf"(?<!\w)(?P<month>{_MONTH})(?P<comma>,?)\s(?P<year>{_YEAR})(?!\w|[-\u2013][0-9]|[.,][0-9])"
    yield Rule(
        kind="dates",
        pattern=re.compile(third),
        say=lambda match: (
            f"{_month(match['month'])}{match['comma']} {numbers.year(int(match['year']), british=british)}"
        ),
        needs="digits",
    )
    months = "|".join((*MONTHS, *(f"{name[:3]}\\.?" for name in MONTHS), "Sept\\.?"))
    days = "|".join((*(day.capitalize() + r"\.?" for day in _DAYS), *dict.fromkeys(_DAYS.values())))
    for names in (months, days):
        yield Rule(
            kind="ranges",
            pattern=re.compile(rf"(?<![\w-])({names})\s?[-\u2013]\s?({names})(?![\w-])"),
            say=lambda match: f"{_name(match[1])} to {_name(match[2])}",
        )
    yield Rule(
        kind="abbreviations",
        pattern=re.compile(r"(?<!\w)(?:Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)\.(?!\w)"),
        say=lambda match: _month(match[0]),
    )
    yield Rule(
        kind="abbreviations",
        pattern=re.compile(
            r"(?<!\w)(?:Mon|Tues?|Weds?|Thurs?|Thu|Fri|Sat|Sun)\.(?=,|\s(?:at|from|and|the|[0-9]|\ue000|[a-z]))"
        ),
        say=lambda match: _DAYS[match[0][:-1].lower()],
    )


def _name(text: str) -> str:
    text = text.rstrip(".")
    return _DAYS.get(text.lower()) or _SHORT.get(text, text)


def _with_year(said: str, match: re.Match[str], *, british: bool) -> str:
    return f"{said}, {numbers.year(int(match['year']), british=british)}" if match["year"] else said


def _nths(match: re.Match[str]) -> str:
    said = numbers.ordinal(int(match["day"]))
    return f"{said} to {numbers.ordinal(int(match['more']))}" if match["more"] else said


def _day_first(match: re.Match[str], *, british: bool) -> str | None:
    the = match["the"] or "the "
    said = f"{_weekday(match)}{the}{_nths(match)} of {_month(match['month'])}"
    return _with_year(said, match, british=british)


def _month_first(match: re.Match[str], *, british: bool) -> str:
    the = "the " if match["the"] or british else ""
    return _with_year(f"{_weekday(match)}{_month(match['month'])} {the}{_nths(match)}", match, british=british)


def _decades(*, british: bool) -> Iterator[Rule]:
    yield Rule(
        kind="years",
        pattern=re.compile(r"(?<![\w\ue000])(1[0-9]|20)([0-9]0)(?:['\u2019]?s)(?:\s?[-\u2013]\s?([0-9]0)s)?(?!\w)"),
        say=lambda match: _decade(match, british=british),
        needs="digits",
    )
    yield Rule(
        kind="years",
        pattern=re.compile(r"(?<!\w)['\u2018\u2019]?([2-9]0)['\u2019]?s(?!\w)"),
        say=lambda match: numbers.plural(numbers.cardinal(int(match[1]))),
        needs="digits",
    )
    yield Rule(
        kind="years",
        pattern=re.compile(r"(?<![\w'\u2018\u2019])['\u2018\u2019]([0-9][0-9])(?![\w'\u2019]|[.,:/][0-9])"),
        say=lambda match: f"{'oh ' if match[1][0] == '0' else ''}{numbers.cardinal(int(match[1]))}",
        needs="digits",
    )


def _decade(match: re.Match[str], *, british: bool) -> str:
    year = int(match[1] + match[2])
    said = "two thousands" if year == 2000 else numbers.plural(numbers.year(year, british=british))
    return f"{said} to {numbers.plural(numbers.cardinal(int(match[3])))}" if match[3] else said
