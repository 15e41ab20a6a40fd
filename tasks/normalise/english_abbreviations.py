"""Rules for English abbreviations. Knows no amounts and no dates."""

import re
from collections.abc import Callable, Iterator

from tasks.normalise import english_numbers as numbers
from tasks.normalise.rewriting import Rule

_NAME = r"(?=\s+[A-Z\u00c0-\u00de])"
_TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor", "Drs": "Doctors", "Prof": "Professor", "Capt": "Captain",
    "Cpt": "Captain", "Col": "Colonel", "Gen": "General", "Lt": "Lieutenant", "Sgt": "Sergeant", "Cpl": "Corporal",
    "Maj": "Major", "Cmdr": "Commander", "Adm": "Admiral", "Rev": "Reverend", "Hon": "Honorable", "Gov": "Governor",
    "Sen": "Senator", "Rep": "Representative", "Pres": "President", "Messrs": "Messieurs", "Mme": "Madame",
    "Mlle": "Mademoiselle", "Msgr": "Monsignor", "Fr": "Father", "Supt": "Superintendent", "St": "Saint",
    "Ste": "Sainte", "Mt": "Mount", "Ft": "Fort", "Pvt": "Private", "Insp": "Inspector", "Amb": "Ambassador",
}  # fmt: skip
_BARE_TITLES = frozenset(("Mr", "Mrs", "Dr", "Messrs", "Mme", "Mlle"))
"""Titles that are also written without a full stop, as in British English."""
_STREETS = {
    "St": "Street", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Dr": "Drive", "Ln": "Lane", "Hwy": "Highway",
    "Sq": "Square", "Ct": "Court", "Pl": "Place", "Pkwy": "Parkway", "Ter": "Terrace",
}  # fmt: skip
_BEFORE_NUMBERS = {
    "No": "number", "no": "number", "Nos": "numbers", "nos": "numbers", "№": "number", "p": "page", "pp": "pages",
    "P": "page", "Pp": "pages", "vol": "volume", "Vol": "Volume", "vols": "volumes", "ch": "chapter", "Ch": "Chapter",
    "chap": "chapter", "Chap": "Chapter", "sec": "section", "Sec": "Section", "fig": "figure", "Fig": "Figure",
    "figs": "figures", "Figs": "Figures", "para": "paragraph", "art": "article", "Art": "Article", "Op": "Opus",
    "op": "opus", "ed": "edition", "ext": "extension", "Ext": "Extension", "apt": "apartment", "Apt": "Apartment",
    "pt": "part", "Pt": "Part", "eq": "equation", "Eq": "Equation", "l": "line", "ll": "lines", "ca": "circa",
    "c": "circa", "b": "born", "d": "died", "n": "note", "tel": "telephone", "Tel": "Telephone", "bk": "book",
    "Bk": "Book", "Ser": "Series", "ser": "series", "Rte": "Route", "qn": "question", "cf": "compare", "r": "reigned",
}  # fmt: skip
_ANYWHERE = {
    "etc": "etcetera", "approx": "approximately", "dept": "department", "Dept": "Department", "govt": "government",
    "Govt": "Government", "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation", "Bros": "Brothers",
    "Jr": "Junior", "Sr": "Senior", "Jun": "Junior", "Esq": "Esquire", "vs": "versus", "cf": "compare",
    "Cf": "Compare", "viz": "namely", "incl": "including", "misc": "miscellaneous", "esp": "especially",
    "max": "maximum", "avg": "average", "Univ": "University", "univ": "university", "Assn": "Association",
    "Co": "Company", "Mfg": "Manufacturing", "Intl": "International", "Natl": "National", "tel": "telephone",
    "Tel": "Telephone", "temp": "temperature", "ibid": "ibidem", "Ibid": "Ibidem", "hrs": "hours", "mins": "minutes",
    "lbs": "pounds", "oz": "ounces", "abbr": "abbreviation", "fig": "figure", "Fig": "Figure", "est": "established",
    "Est": "Established", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "appt": "appointment", "min": "minimum",
    "vol": "volume", "no": "no", "supt": "superintendent", "lieut": "lieutenant", "Lieut": "Lieutenant",
    "asst": "assistant", "Asst": "Assistant", "mgr": "manager", "admin": "admin", "transl": "translated",
    "cont": "continued", "Col": "Colonel", "yrs": "years", "al": "al", "Hon": "Honorable", "Ph": "P.H",
}  # fmt: skip
for _keep in ("no", "al", "admin", "vol", "temp", "fig", "Col", "Hon", "Ph", "Fig"):
    del _ANYWHERE[_keep]
_LOWER_NEXT = frozenset(("max", "min", "esp", "est", "cont", "incl", "Co", "oz", "temp"))
_PHRASES = {
    r"e\.\s?g\.": "for example", r"i\.\s?e\.": "that is",
    r"a\.k\.a\.?": "also known as", r"A\.K\.A\.?": "also known as",
    r"et\sal\.": "and others", r"w/o": "without", r"w/(?=\s)": "with", r"N\.B\.": "note well", r"P\.S\.(?=\s)": "P.S.",
    r"op\.\s?cit\.": "in the work cited", r"R\.I\.P\.": "R.I.P", r"and/or": "and or", r"Ph\.\s?D\.?": "P.H.D",
    r"q\.v\.": "which see", r"p\.a\.": "per year", r"\bc/o": "care of",
    r"s/he": "she or he",
}  # fmt: skip


def rules() -> Iterator[Rule]:
    """The rules for abbreviations, in their order."""
    for pattern, words in _PHRASES.items():
        yield Rule(kind="abbreviations", pattern=re.compile(rf"(?<![\w.]){pattern}(?!\w)"), say=_const(words))
    names = "|".join(sorted(_BEFORE_NUMBERS, key=len, reverse=True))
    numbered = "|".join(
        sorted((name for name in _BEFORE_NUMBERS if len(name) > 1 or name in "pP"), key=len, reverse=True)
    )
    # A single I is the pronoun.
    roman = r"(?:[ivxlc]{1,7}|(?!I\b)[IVXLC]{1,7})"
    yield Rule(
        kind="abbreviations",
        pattern=re.compile(rf"(?<![\w.])({numbered})\.\s?({roman})(?:[-\u2013]({roman}))?(?!\w)"),
        say=_numbered,
    )
    yield Rule(
        kind="abbreviations",
        pattern=re.compile(rf"(?<![\w.])({names})(?:(?<=№)|\.)(?=\s?[0-9#])"),
        say=lambda match: f"{_BEFORE_NUMBERS[match[1]]} ",
    )
    streets = "|".join(_STREETS)
    yield Rule(
        kind="abbreviations",
        pattern=re.compile(
            rf"(?<=[a-z0-9] )(?<!\bof )(?<!\bthe )({streets})(?:\.(?!\w)|(?=\s*(?:$|[,;)])))"
            rf"(?!\s+[A-Z][a-z]+(?:'s|\u2019s|\s[A-Z]))"
        ),
        say=_street,
    )
    titles = "|".join(_TITLES)
    yield Rule(
        kind="abbreviations",
        pattern=re.compile(
            rf"(?<![\w.-])({titles})(?:\.|(?<=\b(?:Mr|Dr|St))|(?<=\b(?:Mrs|Mme)))(?:{_NAME}|(?=-[A-Z]))"
        ),
        say=_title,
    )
    anywhere = "|".join(sorted(_ANYWHERE, key=len, reverse=True))
    yield Rule(
        kind="abbreviations",
        pattern=re.compile(rf"(?<![\w.])({anywhere})\.(?!\w)"),
        say=_anywhere,
    )
    yield Rule(
        kind="abbreviations", pattern=re.compile(r"(?<![\w.])(?:vs(?=\s)|v(?=\s[A-Z])(?<=\w\sv))"), say=_const("versus")
    )
    yield Rule(kind="abbreviations", pattern=re.compile(r"(?<=[a-z]\s)v\.(?=\s[A-Z])"), say=_const("versus"))
    yield Rule(
        kind="abbreviations",
        pattern=re.compile(r"(?<=[0-9]\ue000)ed\.|(?<=(?:st|nd|rd|th) )ed\."),
        say=_const("edition"),
    )


def _const(words: str) -> Callable[[re.Match[str]], str]:
    return lambda _match: words


def _numbered(match: re.Match[str]) -> str:
    ends = (numbers.cardinal(numbers.roman(part)) for part in match.groups()[1:] if part)
    return f"{_BEFORE_NUMBERS[match[1]]} {' to '.join(ends)}"


def _street(match: re.Match[str]) -> str | None:
    before = match.string[max(0, match.start() - 24) : match.start()].split()
    word = before[-1] if before else ""
    # A street has a name before it: a word with a capital, or a number such as 5th.
    named = (
        word[:1].isupper() or word[-1:] == "\ue000" or (word[:1].isdigit() and word[-2:] in ("st", "nd", "rd", "th"))
    )
    return _STREETS[match[1]] if named else None


def _title(match: re.Match[str]) -> str:
    return _TITLES[match[1]]


def _anywhere(match: re.Match[str]) -> str | None:
    if (
        match[1] in _LOWER_NEXT
        and not match.string[match.end() : match.end() + 9].strip()
        and match[1] not in ("Co", "incl")
    ):
        return None
    return _ANYWHERE[match[1]]
