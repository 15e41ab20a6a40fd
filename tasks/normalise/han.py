"""Rules for Chinese and Japanese: numbers become Chinese characters, which the phonemizers read.

Words have no blanks between them, and the digits of a year are read one by one in Chinese only. Knows no names of units
except through a table.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tasks.normalise import masks
from tasks.normalise.rewriting import Rule
from tasks.normalise.tables import CIRCLED, encircled, squared

_DIGITS = "零一二三四五六七八九"
_SMALL = ((1000, "千"), (100, "百"), (10, "十"))
_AFTER_A_DATE = r"(?<![0-9])(?<![0-9][.,])(?<![A-Za-z])"
"""A time may directly follow a date that was read already."""
_FREE = r"(?<![0-9\ue000])(?<![0-9\ue000][.,])(?<![A-Za-z])"
_NUM = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
_TO = r"\s?[-\u2013\u301c~至]\s?"
_LONGEST = 12


@dataclass(frozen=True, kw_only=True)
class Script:
    """The differences between the two languages."""

    chinese: bool
    point: str
    minus: str
    to: str
    percent: Callable[[str], str]
    currencies: Mapping[str, str]
    units: Mapping[str, str]
    hour: str
    minute: str
    second: str
    day: str
    marks: Mapping[str, str]
    symbols: Mapping[str, str]


def cardinal(number: int, *, chinese: bool) -> str:
    """A cardinal: 1984 is 一千九百八十四 in Chinese and 千九百八十四 in Japanese."""
    powers = ((10**12, "兆"), (10**8, "亿" if chinese else "億"), (10**4, "万"))
    for power, name in powers:
        if number >= power:
            head, rest = divmod(number, power)
            gap = "零" if chinese and 0 < rest < power // 10 else ""
            return f"{cardinal(head, chinese=chinese)}{name}{gap}{cardinal(rest, chinese=chinese) if rest else ''}"
    return _below_myriad(number, chinese=chinese) or "零"


def _below_myriad(number: int, *, chinese: bool) -> str:
    said, missing, whole = "", False, number
    for power, name in _SMALL:
        digit, number = divmod(number, power)
        if digit:
            # At the beginning ten is 十 without a one. Japanese leaves the one out everywhere.
            bare = digit == 1 and (not chinese or (power == 10 and whole < 20))
            said += ("零" if missing and said and chinese else "") + ("" if bare else _DIGITS[digit]) + name
            missing = False
        elif said:
            missing = True
    if number:
        said += ("零" if missing and chinese else "") + _DIGITS[number]
    return said


def digits(text: str) -> str:
    """The digits one by one."""
    groups = re.findall(r"[0-9]+", text)
    return "、".join("".join(_DIGITS[int(digit)] for digit in group) for group in groups)


def number(text: str, script: Script) -> str:
    """The number that is written in figures."""
    whole, _, part = text.replace(",", "").partition(".")
    said = (
        digits(whole)
        if len(whole) > _LONGEST or (whole[0] == "0" and len(whole) > 1)
        else cardinal(int(whole), chinese=script.chinese)
    )
    return f"{said}{script.point}{digits(part)}" if part else said


def _year(text: str, script: Script) -> str:
    return digits(text) if script.chinese else cardinal(int(text), chinese=False)


def _date_words(year: str, month: str, day: str, script: Script) -> str | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    words = [cardinal(int(part), chinese=script.chinese) for part in (month, day)]
    return f"{_year(year, script)}年{words[0]}月{words[1]}{script.day}"


def date(year: int, month: int, day: int, script: Script) -> str | None:
    """A date in words; None if there is no such day."""
    return _date_words(str(year), str(month), str(day), script)


def rules(script: Script) -> Iterator[Rule]:
    """The rules of the language, in their order."""
    marks = masks.MarkNames(
        names=script.marks, number=lambda text: number(text, script), digits=digits, plus=script.symbols["+"]
    )
    yield from masks.rules(marks)
    yield from _dates(script)
    yield from _amounts(script)
    for mark, words in script.symbols.items():
        pattern = rf"(?<=[\w\ue000])\s?{re.escape(mark)}\s?(?=[\w\ue000])"
        yield Rule(kind="symbols", pattern=re.compile(pattern), say=_const(words))


def _const(words: str) -> Callable[[re.Match[str]], str]:
    return lambda _match: words


def _dates(script: Script) -> Iterator[Rule]:
    iso = re.compile(rf"{_FREE}([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}})(?![0-9-])")
    yield Rule(
        kind="dates", pattern=iso, say=lambda match: _date_words(match[1], match[3], match[4], script), needs="digits"
    )
    written = re.compile(r"(?<![0-9])([0-9]{4})\s?年\s?([0-9]{1,2})\s?月\s?([0-9]{1,2})\s?[日号]")
    yield Rule(kind="dates", pattern=written, say=lambda match: _written(match, script), needs="digits")
    year = re.compile(r"(?<![0-9])([0-9]{4})(?=\s?年(?![间間]))")
    yield Rule(kind="years", pattern=year, say=lambda match: _year(match[1], script), needs="digits")
    clock = re.compile(
        rf"{_AFTER_A_DATE}(?P<hour>[01]?[0-9]|2[0-4]):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?(?![0-9:])"
    )
    yield Rule(kind="times", pattern=clock, say=lambda match: _time(match, script), needs="digits")


def _written(match: re.Match[str], script: Script) -> str | None:
    said = _date_words(match[1], match[2], match[3], script)
    return said[:-1] + match[0][-1] if said else None


def _time(match: re.Match[str], script: Script) -> str:
    hour = cardinal(int(match["hour"]), chinese=script.chinese)
    if script.chinese and int(match["hour"]) == 2:
        hour = "两"
    minute = int(match["minute"])
    said = f"{hour}{script.hour}"
    if minute:
        said += (
            f"{'零' if script.chinese and minute < 10 else ''}{cardinal(minute, chinese=script.chinese)}{script.minute}"
        )
    return f"{said}{cardinal(int(match['second']), chinese=script.chinese)}{script.second}" if match["second"] else said


def _amounts(script: Script) -> Iterator[Rule]:
    symbols = "|".join(map(re.escape, sorted(script.currencies, key=len, reverse=True)))
    scale = "(?P<scale>[千百十]?[万亿億])?"
    before = rf"(?P<sign>[-\u2212])?(?<![A-Za-z])(?P<symbol>{symbols})\s?(?P<num>{_NUM})(?:{_TO}(?P<to>{_NUM}))?{scale}"
    behind = (
        rf"(?P<sign>(?<!\w)[-\u2212])?{_FREE}(?P<num>{_NUM})(?:{_TO}(?P<to>{_NUM}))?{scale}\s?(?P<symbol>{symbols})"
    )
    for pattern in (before, behind):
        yield Rule(
            kind="money",
            pattern=re.compile(pattern),
            say=lambda match: (
                f"{_span(match, script, counted=True)}{match['scale'] or ''}{script.currencies[match['symbol']]}"
            ),
            needs="digits",
        )
    yield Rule(
        kind="percent",
        pattern=re.compile(rf"(?P<sign>(?<!\w)[-\u2212])?{_FREE}(?P<num>{_NUM})(?:%?{_TO}(?P<to>{_NUM}))?\s?%"),
        say=lambda match: script.percent(_span(match, script)),
        needs="digits",
    )
    names = squared(script.units)
    units = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    yield Rule(
        kind="units",
        pattern=re.compile(
            rf"(?P<sign>(?<!\w)[-\u2212])?{_FREE}(?P<num>{_NUM})(?:{_TO}(?P<to>"
            rf"{_NUM}))?\s?(?P<unit>{units})(?![A-Za-z/])"
        ),
        say=lambda match: f"{_span(match, script, counted=True)}{names[match['unit']]}",
        needs="digits",
    )
    yield Rule(
        kind="fractions",
        pattern=re.compile(r"(?<![0-9/\ue000])([0-9]{1,3})/([0-9]{1,3})(?![0-9/])"),
        say=lambda match: f"{number(match[2], script)}分{'之' if script.chinese else 'の'}{number(match[1], script)}",
        needs="digits",
    )
    yield Rule(kind="numbers", pattern=CIRCLED, say=lambda match: cardinal(encircled(match), chinese=script.chinese))
    measure = r"(?P<counter>(?=\s?[个個位只本条件张家点人年天次岁名块元分页种间座台辆口匹头杯]))"
    yield Rule(
        kind="numbers",
        pattern=re.compile(rf"(?P<sign>(?<!\w)[-\u2212])?{_FREE}(?P<num>{_NUM})(?:{_TO}(?P<to>{_NUM}))?{measure}?"),
        say=lambda match: _span(match, script, counted=match["counter"] is not None),
        needs="digits",
    )


def _span(match: re.Match[str], script: Script, *, counted: bool = False) -> str:
    def said(text: str) -> str:
        return "两" if script.chinese and counted and text == "2" else number(text, script)

    sign = script.minus if match["sign"] else ""
    second = f"{script.to}{said(match['to'])}" if match["to"] else ""
    return f"{sign}{said(match['num'])}{second}"
