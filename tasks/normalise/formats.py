"""Reads dates and times in the order that the format of SSML's `say-as` states: `dmy`, `hms12`.

Knows no markup, and the words of a language only through its table.
"""

import re
from collections.abc import Mapping

from tasks.normalise import english_dates, english_numbers, han
from tasks.normalise.rules_by_language import SCRIPTS, TABLES

_PARTS = re.compile(r"[0-9]{1,8}|[0-9]{1,4}(?:\s?[-/., ]\s?[0-9]{1,4}){1,2}")
_CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,2})(?:\s?[:.h]?\s?(?P<minute>[0-9]{2}))?(?:\s?[:.m]?\s?(?P<second>[0-9]{2})s?)?"
    r"\s?(?P<half>[AaPp]\.?[Mm]\.?)?"
)
_LEAP_YEAR = 2000
"""A year in which every date exists."""
_NOON, _LAST_HOUR, _LAST_MINUTE = 12, 24, 59
_LAST_MONTH, _LAST_DAY = 12, 31
_CENTURY = 100
_WIDTHS = {"d": 2, "m": 2}


def date(text: str, order: str, language: str) -> str | None:
    """The words for a date; None if the text does not have the parts that the order states."""
    parts = _parts(text, order)
    if parts is None:
        return None
    year, month, day = parts.get("y"), parts.get("m", 1), parts.get("d", 1)
    if not (1 <= month <= _LAST_MONTH and 1 <= day <= _LAST_DAY):
        return None
    if language.startswith("en"):
        return _english(year, month, day, order, british=language == "en-gb")
    full = _LEAP_YEAR if year is None else year
    if language in SCRIPTS:
        return _cut(han.date(full, month, day, SCRIPTS[language]) or "", order, "年", "月")
    return _in_table(full, month, day, order, language) if language in TABLES else None


def clock(text: str, order: str, language: str) -> str | None:
    """A time in the form that the usual rules know, on the requested clock of 12 or 24 hours; None if it is no time."""
    match, hours = _CLOCK.fullmatch(text), order.lstrip("hms")
    if match is None or int(match["hour"]) > _LAST_HOUR or int(match["minute"] or 0) > _LAST_MINUTE:
        return None
    hour, half = int(match["hour"]), (match["half"] or "")[:1].lower()
    if hours == "24" and half and hour <= _NOON:
        hour, half = hour % _NOON + (_NOON if half == "p" else 0), ""
    elif hours == "12" and not half and language.startswith("en") and not 1 <= hour <= _NOON:
        hour, half = (hour - 1) % _NOON + 1, "p" if _NOON < hour < _LAST_HOUR else "a"
    written = f"{hour}:{match['minute'] or '00'}" + (f":{match['second']}" if match["second"] else "")
    return f"{written} {half}m" if half else written


def _parts(text: str, order: str) -> Mapping[str, int] | None:
    if not _PARTS.fullmatch(text):
        return None
    found = re.findall("[0-9]+", text)
    if len(found) == 1 and len(order) > 1:
        found = _split(found[0], order)
    if len(found) != len(order) or max(map(len, found)) > len("2024"):
        return None
    values = dict(zip(order, map(int, found), strict=True))
    if "y" in values and len(found[order.index("y")]) <= 2 and len(order) > 1:
        # As in dates without a format: up to 49 the year is in this century, from 50 on in the last.
        values["y"] += 2000 if values["y"] < _CENTURY // 2 else 1900
    return values


def _split(figures: str, order: str) -> list[str]:
    """The parts of 20240305. The year has the digits that the other parts leave."""
    year_width = len(figures) - sum(_WIDTHS.get(part, 0) for part in order)
    if year_width not in ((2, 4) if "y" in order else (0,)):
        return []
    found, at = list[str](), 0
    for part in order:
        width = _WIDTHS.get(part, year_width)
        found.append(figures[at : at + width])
        at += width
    return found


def _english(year: int | None, month: int, day: int, order: str, *, british: bool) -> str | None:
    if order == "y":
        return english_numbers.year(year or 0, british=british)
    if order == "d":
        return f"the {english_numbers.ordinal(day)}" if british else english_numbers.ordinal(day)
    return english_dates.date(year, month, day if "d" in order else None, british=british)


def _in_table(year: int, month: int, day: int, order: str, language: str) -> str:
    table = TABLES[language]
    if order == "y":
        return (table.year or table.cardinal)(year)
    if order == "d":
        return table.cardinal(day)
    said, name = table.date(year, month, day), table.months[month - 1]
    # All these languages say day, month, year.
    start, end = said.index(name), said.index(name) + len(name)
    return said[0 if "d" in order else start : None if "y" in order else end]


def _cut(said: str, order: str, year_mark: str, month_mark: str) -> str:
    """The requested parts of a date that reads year, month, day."""
    year, _, rest = said.partition(year_mark)
    month, _, day = rest.partition(month_mark)
    parts = {"y": f"{year}{year_mark}", "m": f"{month}{month_mark}", "d": day}
    return "".join(part for name, part in parts.items() if name in order)
