"""Rules for English times of day, ratios and Bible verses, which are written alike. Knows no dates."""

import re
from collections.abc import Callable, Iterator

from tasks.normalise import english_numbers as numbers
from tasks.normalise.english_dates import FREE
from tasks.normalise.rewriting import Rule

_NOON = 12
_HALF = r"(?P<half>\s?[AaPp](?:\.\s?[Mm]\.|[Mm]\b\.?(?!\w)))"
_BOOKS = re.compile(
    r"\b(?:Gen(?:esis)?|Ex(?:od(?:us)?)?|Lev(?:iticus)?|Num(?:bers)?|Deut(?:eronomy)?|Josh(?:ua)?|Judges|Ruth|Samuel"
    r"|Kings|Chronicles|Ezra|Nehemiah|Esther|Job|Ps(?:alms?)?|Prov(?:erbs)?|Ecclesiastes|Isa(?:iah)?|Jer(?:emiah)?"
    r"|Ezek(?:iel)?|Dan(?:iel)?|Hosea|Joel|Amos|Jonah|Micah|Matt(?:hew)?|Mark|Luke|John|Acts|Rom(?:ans)?"
    r"|Cor(?:inthians)?|Gal(?:atians)?|Eph(?:esians)?|Philippians|Colossians|Timothy|Titus|Heb(?:rews)?|James|Peter"
    r"|Jude|Rev(?:elation)?|Quran|Surah)\.?\s$"
)


def rules(*, british: bool) -> Iterator[Rule]:
    """The rules for times, in their order."""
    clock = r"(?P<hour>[01]?[0-9]|2[0-4])"
    second = r"(?P<hour2>[01]?[0-9]|2[0-4])"
    to = r"\s?[-\u2013]\s?"
    yield _times(
        rf"{FREE}{clock}[:.](?P<minute>[0-5][0-9])(?P<h1>\s?[AaPp]\.?[Mm]\.?)?{to}{second}[:.]"
        rf"(?P<minute2>[0-5][0-9])(?:{_HALF})?(?![0-9:])",
        _from_to,
    )
    yield _times(
        rf"{FREE}(?P<hour>[01]?[0-9])(?P<h1>\s?[AaPp]\.?[Mm]\.?)?{to}(?P<hour2>[01]?[0-9]){_HALF}",
        lambda match: (
            f"{numbers.cardinal(int(match['hour']))}{_half(match['h1'])} to "
            f"{numbers.cardinal(int(match['hour2']))}{_half(match['half'])}"
        ),
    )
    yield _times(rf"{FREE}{clock}[:.](?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?{_HALF}", _clock)
    yield _times(
        rf"{FREE}(?P<hour>[01]?[0-9]){_HALF}",
        lambda match: f"{numbers.cardinal(int(match['hour']))}{_half(match['half'])}",
    )
    yield _times(rf"{FREE}([0-9]{{1,3}}):([0-9]{{1,3}})(?:[-\u2013]([0-9]{{1,3}}))?(?![\w:]|[.,][0-9])", _verse)
    yield _times(
        rf"{FREE}{clock}:(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?(?P<half>)(?:Z\b)?(?![\w:]|[.,][0-9])",
        _clock,
    )
    yield _times(rf"{FREE}{clock}h(?P<minute>[0-5][0-9])(?P<second>)(?P<half>)(?!\w)", _clock)
    yield _times(
        rf"{FREE}([01][0-9]|2[0-4])([0-5][0-9])(?=\s(?:hours|hrs|h)\b)(?:\s(?:hrs|h)\b)?",
        lambda match: f"{_military(match[1], match[2])}{' hours' if match[0][-1] in 'sh' else ''}",
    )
    if british:
        yield _times(
            r"(?<=\b[Aa]t )(?P<hour>1?[0-9]|2[0-3])\.(?P<minute>[0-5][0-9])"
            r"(?P<second>)(?P<half>)(?![\w%]|[.,][0-9])",
            _clock,
        )
    yield Rule(
        kind="numbers",
        pattern=re.compile(rf"{FREE}([0-9]{{1,6}})\s?:\s?([0-9]{{1,6}})(?::([0-9]{{1,6}}))?(?![\w:]|[.,][0-9])"),
        say=lambda match: " to ".join(numbers.number(part) for part in match.groups() if part),
        needs="digits",
    )


def _times(pattern: str, say: Callable[[re.Match[str]], str | None]) -> Rule:
    return Rule(kind="times", pattern=re.compile(pattern), say=say, needs="digits")


def _half(text: str | None) -> str:
    if not text:
        return ""
    return f" {text.strip()[0].lower()}.m."


def _minutes(hour: str, minute: str, *, half: bool) -> str:
    if minute == "00":
        if half:
            return numbers.cardinal(int(hour))
        if int(hour) in (0, 24):
            return "midnight"
        return f"{numbers.cardinal(int(hour))} {_hour(int(hour))}"
    return f"{numbers.cardinal(int(hour))} {'oh ' if minute[0] == '0' else ''}{numbers.cardinal(int(minute))}"


def _hour(hour: int) -> str:
    return "hundred" if hour > _NOON else "o'clock"


def _clock(match: re.Match[str]) -> str:
    said = _minutes(match["hour"], match["minute"], half=bool(match["half"])) + _half(match["half"])
    if not match["second"]:
        return said
    seconds = int(match["second"])
    return f"{said} and {numbers.cardinal(seconds)} second{'' if seconds == 1 else 's'}"


def _from_to(match: re.Match[str]) -> str:
    half = bool(match["half"])
    first = _minutes(match["hour"], match["minute"], half=half) + _half(match["h1"])
    return f"{first} to {_minutes(match['hour2'], match['minute2'], half=half)}{_half(match['half'])}"


def _military(hour: str, minute: str) -> str:
    first = f"oh {numbers.cardinal(int(hour))}" if hour[0] == "0" else numbers.cardinal(int(hour))
    return f"{first} {'hundred' if minute == '00' else numbers.cardinal(int(minute))}"


def _verse(match: re.Match[str]) -> str | None:
    if not _BOOKS.search(match.string, max(0, match.start() - 16), match.start()):
        return None
    said = f"{numbers.cardinal(int(match[1]))}, {numbers.cardinal(int(match[2]))}"
    return f"{said} to {numbers.cardinal(int(match[3]))}" if match[3] else said
