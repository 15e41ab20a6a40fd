"""Rules for sums of money in English: symbols and codes, magnitudes, cents. Knows no other amounts."""

import re
from collections.abc import Callable, Iterator

from tasks.normalise.english_quantities import FREE, NUM, SIGN, SIGNS, TO, adjectival, span_words
from tasks.normalise.english_units import CURRENCIES, ISO, SUBUNITS
from tasks.normalise.rewriting import Rule

_SYMBOL = "|".join(map(re.escape, sorted(CURRENCIES, key=len, reverse=True)))
_MAGNITUDES = {
    "k": "thousand", "m": "million", "mn": "million", "mln": "million", "mm": "million", "b": "billion",
    "bn": "billion", "bln": "billion", "t": "trillion", "tn": "trillion", "trn": "trillion", "thousand": "thousand",
    "million": "million", "billion": "billion", "trillion": "trillion", "hundred": "hundred",
}  # fmt: skip
_MAGNITUDE = rf"(?:[\s-]?(?i:(?P<scale>{'|'.join(sorted(_MAGNITUDES, key=len, reverse=True))}))(?![\w/]))?"


def rules(words: Callable[[str], str], *, british: bool) -> Iterator[Rule]:
    """The rules for money; `words` reads a number."""
    before = rf"(?P<sign>{SIGN})(?<![\w\ue000])(?P<symbol>{_SYMBOL})\s?(?P<num>{NUM})"
    second = rf"(?:{TO}(?:{_SYMBOL})?(?P<to>{NUM}))?"

    def say(match: re.Match[str]) -> str:
        return _sum(match, CURRENCIES[match["symbol"].strip()], words)

    yield Rule(kind="money", pattern=re.compile(before + second + _MAGNITUDE), say=say, needs="digits")
    behind = rf"(?P<sign>{SIGN}){FREE}(?P<num>{NUM})(?:{TO}(?P<to>{NUM}))?{_MAGNITUDE}\s?(?P<symbol>{_SYMBOL})(?!\w)"
    yield Rule(kind="money", pattern=re.compile(behind), say=say, needs="digits")
    codes = "|".join(ISO)

    def coded(match: re.Match[str]) -> str:
        return _sum(match, CURRENCIES[ISO[match["symbol"]]], words)

    iso = rf"(?P<sign>)(?<!\w)(?P<symbol>{codes})\s?(?P<num>{NUM}){second}{_MAGNITUDE}(?!\w)"
    yield Rule(kind="money", pattern=re.compile(iso), say=coded, needs="digits")
    iso = rf"(?P<sign>){FREE}(?P<num>{NUM})(?:{TO}(?P<to>{NUM}))?{_MAGNITUDE}\s?(?P<symbol>{codes})(?!\w)"
    yield Rule(kind="money", pattern=re.compile(iso), say=coded, needs="digits")
    small = {"¢": ("cent", "cents"), **({"p": ("penny", "pence")} if british else {})}
    yield Rule(
        kind="money",
        pattern=re.compile(
            rf"(?P<sign>){FREE}(?P<num>{NUM})(?:{TO}(?P<to>{NUM}))?(?P<symbol>\s?¢{'|p' if british else ''})(?!\w)"
        ),
        say=lambda match: f"{span_words(match, words)} {small[match['symbol'].strip()][match['num'] != '1']}",
        needs="digits",
    )


def _sum(match: re.Match[str], names: tuple[str, str], words: Callable[[str], str]) -> str:
    singular, plural = names
    num, scale = match["num"], match["scale"]
    whole, point, part = num.partition(".")
    if scale:
        said = f"{span_words(match, words)} {_MAGNITUDES[scale.lower()]}"
        return f"{said} {singular if adjectival(match) else plural}"
    if match["to"] or not (point and len(part) == 2 and singular in SUBUNITS):
        name = singular if adjectival(match) or (num == "1" and not match["to"]) else plural
        return f"{span_words(match, words)} {name}"
    return _with_cents(match["sign"] or "", whole, part, names, words)


def _with_cents(sign: str, whole: str, part: str, names: tuple[str, str], words: Callable[[str], str]) -> str:
    singular, plural = names
    small, smalls, joint = SUBUNITS[singular]
    cents = words(str(int(part)))
    minor = f"{cents} {small if int(part) == 1 else smalls}"
    if not whole.strip("0,"):
        return f"{SIGNS[sign]}{minor}" if int(part) else f"{SIGNS[sign]}zero {plural}"
    major = f"{words(sign + whole)} {singular if whole == '1' else plural}"
    if not int(part):
        return major
    return f"{major} and {minor}" if joint else f"{major} {cents}"
