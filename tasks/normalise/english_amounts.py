"""Rules for English amounts: percentages, fractions, ranges, years, plain numbers. Knows no dates and no names."""

import re
from collections.abc import Callable, Iterator

from tasks.normalise import english_measures, english_money
from tasks.normalise import english_numbers as numbers
from tasks.normalise.english_quantities import FREE, NUM, SIGN, TO, VULGAR, after_whole, quantity, span_words
from tasks.normalise.rewriting import Rule


def rules(*, british: bool) -> Iterator[Rule]:
    """The rules for amounts, in their order."""

    def words(text: str) -> str:
        return quantity(text, british=british)

    yield from english_money.rules(words, british=british)
    yield Rule(
        kind="percent",
        pattern=re.compile(
            rf"(?P<sign>{SIGN}){FREE}(?P<num>{NUM})(?:{TO}(?P<to>{NUM}))?\s?(?:%(?:{TO}(?P<pto>{NUM})\s?%)?|‰)"
        ),
        say=lambda match: _percent(match, words),
        needs="digits",
    )
    yield from english_measures.rules(words, british=british)
    yield from _fractions(words)
    yield from _ranges(words, british=british)
    yield from _plain(words, british=british)


def _percent(match: re.Match[str], words: Callable[[str], str]) -> str:
    said = span_words(match, words)
    if match["pto"]:
        said = f"{said} to {words(match['pto'])}"
    return f"{said} {'per mille' if match[0].endswith('‰') else 'percent'}"


def _fractions(words: Callable[[str], str]) -> Iterator[Rule]:
    yield Rule(
        kind="fractions",
        pattern=re.compile(
            r"(?<![\w/\ue000])(?<![0-9][.,])(?:([0-9]{1,3})[ -])?([0-9]{1,2})[/\u2044]([0-9]{1,"
            r"3})(?:st|nd|rd|th|s)?(?![\w/\ue000]|\.[0-9])"
        ),
        say=_fraction,
        needs="digits",
    )
    yield Rule(
        kind="fractions",
        pattern=re.compile(rf"(?<!\w)([0-9]{{0,6}}) ?([{''.join(VULGAR)}])"),
        say=lambda match: words(match[1] + match[2]),
    )


def _fraction(match: re.Match[str]) -> str | None:
    top, bottom = int(match[2]), int(match[3])
    if (top, bottom) in ((24, 7), (9, 11), (7, 11)):
        return f"{numbers.cardinal(top)} {numbers.cardinal(bottom)}"
    if not top or bottom < 2 or (top > bottom and match[1]):
        return None
    part = numbers.fraction(top, bottom)
    if bottom > 20 and bottom % 10 and bottom not in (32, 64) or bottom > 100:  # noqa: RUF021
        part = f"{numbers.cardinal(top)} over {numbers.cardinal(bottom)}"
    return f"{numbers.cardinal(int(match[1]))} and {after_whole(part)}" if match[1] else part


def _ranges(words: Callable[[str], str], *, british: bool) -> Iterator[Rule]:
    def both(match: re.Match[str]) -> str:
        return f"{words(match[1])} to {words(match[2])}"

    years = re.compile(
        r"(?<![\w\ue000-])(1[1-9][0-9][0-9]|20[0-9][0-9])\s?[-\u2013]\s?(1[1-9][0-9][0-9]"
        r"|20[0-9][0-9]|[0-9][0-9])(?![\w\ue000-]|[.,][0-9])"
    )
    yield Rule(kind="ranges", pattern=years, say=lambda match: _years(match, british=british), needs="digits")
    ordinals = re.compile(r"(?<![\w-])([0-9]{1,3})(st|nd|rd|th)?[-\u2013]([0-9]{1,3})(st|nd|rd|th)(?!\w)")
    yield Rule(
        kind="ranges",
        pattern=ordinals,
        say=lambda match: (
            f"{numbers.ordinal(int(match[1]), british=british)} to {numbers.ordinal(int(match[3]), british=british)}"
        ),
        needs="digits",
    )
    plain = re.compile(rf"{FREE}(?<!-)({NUM})\s?\u2013\s?({NUM})(?![\w\ue000-]|[.,][0-9])")
    yield Rule(kind="ranges", pattern=plain, say=both, needs="digits")
    yield Rule(kind="ranges", pattern=_LISTED, say=lambda match: " ".join(map(words, match.groups())), needs="digits")
    hyphen = re.compile(rf"{FREE}(?<!-)({NUM})-({NUM})(?![\w\ue000-]|[.,][0-9])")
    yield Rule(kind="ranges", pattern=hyphen, say=both, needs="digits")
    letters = re.compile(r"(?<!\w)([A-Z])\u2013([A-Z])(?!\w)")
    yield Rule(kind="ranges", pattern=letters, say=lambda match: f"{match[1]} to {match[2]}")


def _years(match: re.Match[str], *, british: bool) -> str:
    last = match[2]
    first = numbers.year(int(match[1]), british=british)
    if len(last) == 2:
        if int(last) <= int(match[1][2:]):
            return f"{first} to {numbers.cardinal(int(last))}"
        return f"{first} to {'oh ' if last[0] == '0' else ''}{numbers.cardinal(int(last))}"
    return f"{first} to {numbers.year(int(last), british=british)}"


# The 2 of Table 10-2 is not the end of a range.
_LISTED = re.compile(
    r"(?:(?<=\b[Ll]isting )|(?<=\b[Tt]able )|(?<=\b[Ff]igure )|(?<=\b[Ee]xample )|(?<=\b[Ss]ection )|(?<=\bFig\. ))"
    r"([0-9]{1,3})-([0-9]{1,3})(?![\w-])"
)
_COUNTED = re.compile(
    r"\s+(?!(?:was|is|has|as|does|its|this|his|us|thus|perhaps|always|towards|afterwards|besides|across|plus|versus"
    r"|process|is|series|analysis|census|crisis|congress|business|paris|jesus)\b)"
    r"(?:[a-z]{2,}[^s\W]s|men|women|people|children|feet|mice|teeth|of\s+them|more|other)\b"
)
_YEAR_BEFORE = re.compile(
    r"(?i:\b(?:in|since|until|till|by|from|to|of|year|years|circa|about|before"
    r"|after|during|around|early|late|mid|summer"
    r"|autumn|fall|winter|spring|anno|ad|january|february|march|april|may|june|july|august|september|october|november"
    r"|december|and|or|the|born|died),?)[\s-]$"
)
_ROOM = re.compile(r"\b(?i:room|flight|route|highway|interstate|bus|apartment|apt\.?|suite|channel)\s$")


def _plain(words: Callable[[str], str], *, british: bool) -> Iterator[Rule]:
    yield Rule(
        kind="ordinals",
        pattern=re.compile(r"(?<![\w.])([0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,12})\s?(?:st|nd|rd|th|ST|ND|RD|TH)\b"),
        say=lambda match: numbers.ordinal(int(match[1].replace(",", "")), british=british),
        needs="digits",
    )
    four = re.compile(r"(?<!\w)(?<![0-9\ue000][.,])(?:1[1-9][0-9][0-9]|20[0-9][0-9]|10[1-9][0-9])(?![\w%]|[.,][0-9])")
    yield Rule(kind="years", pattern=four, say=lambda match: _year(match, british=british), needs="digits")
    yield Rule(
        kind="numbers",
        pattern=re.compile(r"(?<![\w.,\ue000-])[0-9]{3,4}(?![\w,]|\.[0-9])"),
        say=lambda match: (
            numbers.pairs(match[0]) if _ROOM.search(match.string, max(0, match.start() - 12), match.start()) else None
        ),
        needs="digits",
    )
    yield Rule(
        kind="numbers",
        pattern=re.compile(
            rf"(?P<sign>{SIGN}){FREE}(?P<num>{NUM})(?P<scale>[\s-](?:million|billion"
            rf"|trillion|thousand|hundred)\b)?(?:(?!\w)(?!\.[0-9])|(?<=[0-9]\.[0-9])(?=[a-z])|(?<=\.[0-9]{{2}})(?=[a-z]))"
        ),
        say=lambda match: words((match["sign"] or "") + match["num"]) + (match["scale"] or ""),
        needs="digits",
    )


def _year(match: re.Match[str], *, british: bool) -> str | None:
    counted = _COUNTED.match(match.string, match.end())
    before = _YEAR_BEFORE.search(match.string, max(0, match.start() - 14), match.start())
    if counted and not (before and before[0].strip().lower() == "in"):
        return None
    return numbers.year(int(match[0]), british=british)
