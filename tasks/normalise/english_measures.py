"""Rules for English measures: lengths, weights, speeds, angles. Knows units from a table, and no money."""

import re
from collections.abc import Callable, Iterator

from tasks.normalise import english_numbers as numbers
from tasks.normalise.english_quantities import FREE, NUM, SIGN, TO, VULGAR, adjectival, span_words
from tasks.normalise.english_units import UNITS, WEAK_UNITS
from tasks.normalise.rewriting import Rule

_QUOTED = 400
"""How many characters before an inch mark are searched for the beginning of a quotation."""


def rules(words: Callable[[str], str], *, british: bool) -> Iterator[Rule]:
    """The rules for measures; `words` reads a number."""
    yield Rule(
        kind="units",
        pattern=re.compile(
            r"(?<!\w)([0-9]{1,2})['\u2019\u2032]\s?([0-9]{1,2}(?:\.[0-9])?|[0-9]?½)(?:[\"\u201d\u2033]|''|\u2019\u2019)"
        ),
        say=lambda match: f"{words(match[1])} foot {words(match[2])}",
        needs="digits",
    )
    yield Rule(
        kind="units",
        pattern=re.compile(
            r"(?<!\w)([0-9]{1,3})\s?°\s?([0-9]{1,2})\s?['\u2019\u2032](?:\s?([0-9]{1,2}(?:"
            r"\.[0-9]+)?)\s?[\"\u201d\u2033])?(?:\s?([NSEW])\b)?"
        ),
        say=lambda match: _angle(match, words),
        needs="digits",
    )
    yield Rule(
        kind="units",
        pattern=re.compile(rf"{FREE}({NUM})([\u2032\u2033]|\")(?!\w)"),
        say=lambda match: _length(match, words),
        needs="digits",
    )
    units = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))
    # A single letter is a unit only after a blank, or after a number that cannot be a name.
    weak = "|".join(map(re.escape, sorted(WEAK_UNITS, key=len, reverse=True)))
    yield Rule(
        kind="units",
        pattern=re.compile(
            rf"(?P<sign>{SIGN}){FREE}(?P<num>{NUM})(?:{TO}(?P<to>{NUM}))?"
            rf"(?:(?P<joint>[\s-]?)(?P<unit>{units})|\s(?P<weak>{weak}))(?P<dot>\.(?=\s+[a-z]"
            rf"|,))?(?![\w/^²³]|['\u2019]\w|\.\w|-[0-9])"
        ),
        say=lambda match: _measure(match, words, british=british),
        needs="digits",
    )


def _angle(match: re.Match[str], words: Callable[[str], str]) -> str:
    directions = {"N": "north", "S": "south", "E": "east", "W": "west"}
    parts = [f"{words(match[1])} degrees", f"{words(match[2])} minutes"]
    if match[3]:
        parts.append(f"{words(match[3])} seconds")
    return ", ".join(parts) + (f" {directions[match[4]]}" if match[4] else "")


def _length(match: re.Match[str], words: Callable[[str], str]) -> str | None:
    # After an open quotation mark this mark closes the quotation and is no inch mark.
    if match[2] == '"' and match.string.count('"', max(0, match.start() - _QUOTED), match.start()) % 2:
        return None
    names = ("foot", "feet") if match[2] == "\u2032" else ("inch", "inches")
    return f"{words(match[1])} {names[match[1] != '1' and not adjectival(match)]}"


def _measure(match: re.Match[str], words: Callable[[str], str], *, british: bool) -> str:
    singular, plural = UNITS.get(match["unit"]) or WEAK_UNITS[match["weak"]]
    if british:
        singular, plural = _british(singular), _british(plural)
    num = match["num"]
    if num in VULGAR and not match["to"]:
        part = numbers.fraction(*VULGAR[num])
        return f"half a {singular}" if num == "½" else f"{part} of a {singular}"
    one = (num == "1" and not match["to"]) or match["joint"] == "-" or adjectival(match)
    return f"{span_words(match, words)} {singular if one else plural}"


def _british(name: str) -> str:
    return name.replace("meter", "metre").replace("liter", "litre")
