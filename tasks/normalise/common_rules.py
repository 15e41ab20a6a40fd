"""The rules common to languages that are written with blanks. Their words come from each language's table."""

import re
from collections.abc import Callable, Iterator

from tasks.normalise import masks
from tasks.normalise.english_numbers import ROMAN, roman
from tasks.normalise.rewriting import Rule
from tasks.normalise.tables import CIRCLED, LanguageTable, encircled, number, squared

_FREE = r"(?<!\w)(?<![0-9\ue000][.,])"
_TO = r"\s?[-\u2013]\s?"
_ISO = re.compile(rf"{_FREE}([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}})(?![\w-])")
_SLASHED = re.compile(rf"{_FREE}([0-9]{{1,2}})([/.-])([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}})(?![\w-]|[.,/][0-9])")
_LAST_MONTH, _LAST_DAY = 12, 31


def rules(table: LanguageTable, *, heading: bool) -> Iterator[Rule]:
    """The rules of the language, in their order."""
    marks = masks.MarkNames(
        names=table.marks, number=lambda text: number(text, table), digits=table.digits, plus=table.plus
    )
    yield from masks.rules(marks)
    yield from _dates(table)
    for written, words in table.abbreviations.items():
        yield Rule(kind="abbreviations", pattern=re.compile(rf"(?<![\w.])(?:{written})"), say=_const(words))
    yield from _romans(table, heading=heading)
    for pattern, say in table.ordinals:
        yield Rule(kind="ordinals", pattern=pattern, say=say)
    yield from _amounts(table)
    yield from _plain(table)
    for written, words in table.symbols.items():
        yield Rule(kind="symbols", pattern=re.compile(written), say=_const(f" {words} "))


def _const(words: str) -> Callable[[re.Match[str]], str]:
    return lambda _match: words


def _dates(table: LanguageTable) -> Iterator[Rule]:
    yield Rule(kind="dates", pattern=_ISO, say=lambda match: _date(table, match[1], match[3], match[4]), needs="digits")
    yield Rule(kind="dates", pattern=_SLASHED, say=lambda match: _slashed(table, match), needs="digits")
    yield Rule(
        kind="times",
        pattern=re.compile(rf"{_FREE}([0-9][0-9]?)[:h.]([0-9][0-9])h?{_TO}([0-9][0-9]?)[:h.]([0-9][0-9])h?(?![\w:])"),
        say=lambda match: _times(table, match),
        needs="digits",
    )
    yield Rule(kind="times", pattern=table.clock, say=lambda match: _time(table, match), needs="digits")


def _date(table: LanguageTable, year: str, month: str, day: str) -> str | None:
    if not (1 <= int(month) <= _LAST_MONTH and 1 <= int(day) <= _LAST_DAY):
        return None
    full = int(year) if len(year) > 2 else int(year) + (2000 if int(year) < 50 else 1900)
    return table.date(full, int(month), int(day))


def _slashed(table: LanguageTable, match: re.Match[str]) -> str | None:
    if match[2] != "/" and len(match[4]) == 2:
        return None
    one, two = (match[3], match[1]) if table.american_date else (match[1], match[3])
    if int(two) > _LAST_MONTH:
        one, two = two, one
    return _date(table, match[4], two, one)


def _time(table: LanguageTable, match: re.Match[str]) -> str | None:
    found = match.groupdict()
    # A pattern for several ways to write a time has several groups for the minutes: m3, m4.
    hour, minute = int(found["hour"]), int(next((found[name] for name in found if name[0] == "m" and found[name]), 0))
    if hour > 24 or minute > 59:
        return None
    second = int(found["second"]) if found.get("second") else None
    return table.time(hour, minute, second, found.get("half") or "")


def _times(table: LanguageTable, match: re.Match[str]) -> str | None:
    one, two, three, four = map(int, match.groups())
    if max(one, three) > 24 or max(two, four) > 59:
        return None
    return f"{table.time(one, two, None, '')} {table.to} {table.time(three, four, None, '')}"


def _romans(table: LanguageTable, *, heading: bool) -> Iterator[Rule]:
    ends = r"(?![\w\ue000]|\.\w|['\u2019]\w)"

    def cardinal(match: re.Match[str]) -> str:
        return table.cardinal(roman(match[1]))

    if heading:
        start = rf"(?:^|(?<=\n))(?=[IVXLC](?!\w)|\w\w)({ROMAN})(?=\s*(?:$|[.:,;\u2014\n)]|[-\u2013]\s))"
        yield Rule(kind="roman", pattern=re.compile(start), say=cardinal)
    chapter = rf"(?<!\w)((?i:{table.chapters})\s)({ROMAN}){ends}"
    yield Rule(
        kind="roman",
        pattern=re.compile(chapter),
        say=lambda match: f"{match[1]}{table.cardinal(roman(match[2]))}" if match[2] else None,
    )
    if table.century is not None:
        century = table.century
        pattern = rf"(?<!\w)((?i:{table.centuries})\s)({ROMAN}){ends}"
        yield Rule(
            kind="roman",
            pattern=re.compile(pattern),
            say=lambda match: f"{match[1]}{century(roman(match[2]))}" if match[2] else None,
        )
    if table.kings is not None:
        kings = table.kings
        pattern = rf"(?<=[a-zà-ÿ]\s)(?=[IVX]{{2}}|X\b|V\b)(X{{0,2}}(?:IX|IV|V?I{{0,3}})){ends}"
        yield Rule(
            kind="roman",
            pattern=re.compile(pattern),
            say=lambda match: kings(roman(match[1])) if _named(match) else None,
        )


def _named(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - 30) : match.start()].split()
    return bool(before) and before[-1][:1].isupper()


def _amounts(table: LanguageTable) -> Iterator[Rule]:
    symbols = "|".join(map(re.escape, sorted(table.currencies, key=len, reverse=True)))
    scales = "|".join(sorted(table.scales, key=len, reverse=True)) or "(?!)"
    num = table.num
    scale = rf"(?:\s?(?P<scale>{scales})(?!\w))?"
    before = (
        rf"(?P<sign>(?<!\w)[-\u2212])?(?<![\w\ue000])(?P<symbol>{symbols})\s?"
        rf"(?P<num>{num})(?:{_TO}(?P<to>{num}))?{scale}"
    )
    behind = (
        rf"(?P<sign>(?<!\w)[-\u2212])?{_FREE}(?P<num>{num})(?:{_TO}(?P<to>{num}))?{scale}"
        rf"\s?(?:de\s|d')?(?P<symbol>{symbols})(?!\w)"
    )
    for pattern in (before, behind):
        yield Rule(kind="money", pattern=re.compile(pattern), say=lambda match: _sum(table, match), needs="digits")
    yield Rule(
        kind="percent",
        pattern=re.compile(rf"(?P<sign>(?<!\w)[-\u2212+])?{_FREE}(?P<num>{num})(?:\s?%?{_TO}(?P<to>{num}))?\s?%"),
        say=lambda match: f"{_span(table, match)} {table.percent}",
        needs="digits",
    )
    names = squared(table.units)
    units = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    yield Rule(
        kind="units",
        pattern=re.compile(
            rf"(?P<sign>(?<!\w)[-\u2212+])?{_FREE}(?P<num>{num})(?:{_TO}(?P<to>{num}))?\s?(?P<unit>{units})(?![\w/²³])"
        ),
        say=lambda match: _measure(table, names[match["unit"]], match),
        needs="digits",
    )


def _signed(table: LanguageTable, match: re.Match[str]) -> str:
    names = {"-": table.minus, "\u2212": table.minus, "+": table.plus}
    return f"{names[match['sign']]} " if match["sign"] else ""


def _span(table: LanguageTable, match: re.Match[str], following: str = "") -> str:
    last = match["to"] or match["num"]
    said = table.agree(number(last, table), following)
    first = f"{number(match['num'], table)} {table.to} " if match["to"] else ""
    return _signed(table, match) + first + said


def _sum(table: LanguageTable, match: re.Match[str]) -> str:
    singular, plural = table.currencies[match["symbol"]]
    if match["scale"]:
        return f"{_span(table, match, match['scale'])} {table.scales[match['scale']]} {plural}"
    cut = re.fullmatch(r"(.*)[.,]([0-9][0-9])", match["num"])
    if cut and not match["to"] and match["symbol"] in table.cents:
        return _signed(table, match) + _with_cents(table, match["symbol"], cut[1], cut[2])
    name = singular if match["num"] == "1" and not match["to"] else plural
    return f"{_span(table, match, name)} {name}"


def _with_cents(table: LanguageTable, symbol: str, whole: str, part: str) -> str:
    singular, plural = table.currencies[symbol]
    joint, cent, cents = table.cents[symbol]
    name = singular if whole == "1" else plural
    small = table.cardinal(int(part))
    hundredth = cent if int(part) == 1 else cents
    minor = f"{table.agree(small, hundredth or 'x')} {hundredth}".strip() if hundredth else small
    if not int(re.sub(r"\D", "", whole)) and int(part) and hundredth:
        return minor
    major = f"{table.agree(number(whole, table), name)} {name}"
    return " ".join(filter(None, (major, joint, minor))) if int(part) else major


def _measure(table: LanguageTable, names: tuple[str, str], match: re.Match[str]) -> str:
    singular, plural = names
    name = singular if match["num"] == "1" and not match["to"] else plural
    return f"{_span(table, match, name)} {name}"


def _plain(table: LanguageTable) -> Iterator[Rule]:
    num = table.num
    yield Rule(kind="numbers", pattern=CIRCLED, say=lambda match: f" {table.cardinal(encircled(match))} ")
    yield Rule(
        kind="ranges",
        pattern=re.compile(rf"(?P<sign>)(?<!-){_FREE}(?P<num>{num})[-\u2013](?P<to>{num})(?![\w\ue000-]|[.,][0-9])"),
        say=lambda match: _span(table, match, _next(match)),
        needs="digits",
    )
    if table.year is not None:
        year = table.year
        yield Rule(
            kind="years",
            pattern=re.compile(rf"{_FREE}1[1-9][0-9][0-9](?![\w\ue000]|[.,][0-9])"),
            say=lambda match: year(int(match[0])),
            needs="digits",
        )
    yield Rule(
        kind="numbers",
        pattern=re.compile(rf"(?P<sign>(?<![\w.)])[-\u2212+])?{_FREE}(?P<num>{num})(?P<to>)(?!\w)"),
        say=lambda match: _span(table, match, _next(match)),
        needs="digits",
    )


_NEXT = re.compile(r"\s([^\W\d_]+)")


def _next(match: re.Match[str]) -> str:
    found = _NEXT.match(match.string, match.end())
    return found[1] if found else ""
