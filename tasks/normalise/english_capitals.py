"""Rules for English words in capitals: acronyms, by letters or as words, and lines in capitals. Knows no numbers."""

import re
from collections.abc import Iterator

from tasks.normalise.rewriting import Rule

_SPELLED = (
    "US UK EU UN IT ID AI TV PC UFO USA USSR UAE FBI CIA NSA BBC CNN NBC CBS ABC ITV IBM HBO MTV DNA RNA GDP CEO CFO "
    "CTO COO HR PR VIP FAQ DIY ATM DVD CD GPS URL API CPU GPU USB HTML CSS XML SQL PDF HTTP HTTPS IQ EQ PhD MD MBA BA "
    "BSc RSVP AKA ETA IRA IRS KGB LA NY DC NYPD LAPD NHL NBA NFL MLB FIFA IOC WTO WHO IMF EPA FDA CDC DOJ SOS TNT "
    "HIV ADHD OCD ICU IV MRI CT IOU IMAX SUV HQ PM MP RAF UNHCR ISP IP ISO AC DC LED LCD TBA TBD ASAP POV NGO AGM "
    "VAT OAP HMS USS RMS SS AD BC BCE CE GMT UTC ISBN ISSN EST PST EDT PDT CET BST FM"
).split()
_WORDS = frozenset(
    "NATO NASA UNESCO UNICEF OPEC AIDS FIFA COVID ASAP IMAX SARS RADAR LASER SCUBA PIN SIM RAM ROM JPEG".split()
)
_LETTERS = frozenset(_SPELLED) - _WORDS
# Acronyms that are also words, and may be meant as words in a line of capitals.
_ALSO_WORDS = frozenset(("US", "IT", "WHO", "LA", "IV", "SS", "AD", "PR", "BA"))
# Capitals may only show emphasis: in “WHO said that?” WHO is no organisation.
_BY_NEIGHBOURS = {
    "IT": re.compile(
        r"(?i:\b(?:in|an|the|our|your|their|my|of|and|for|senior)\s)IT\b(?!\s+(?:is|was"
        r"|will|all|up|out|to|has))|\bIT\s(?:department"
        r"|support|guy|team|manager|staff|industry|sector|specialist|equipment|systems?|job|work|consultant|skills)\b"
    ),
    "WHO": re.compile(
        r"\b(?:[Tt]he|by|from|a|of)\sWHO\b|\bWHO\s(?:doctors|officials?|experts"
        r"|reports?|guidelines|data|chief|director|staff"
        r"|team|says|warns?|member)\b"
    ),
}
_SOUNDS = frozenset("MM MMM XX XL LL ZZ ZZZ TH PSST HMM SHH PFFT BRRR GRR MR MRS MS DR ST JR SR VS TSK NTH".split())
"""Words without vowels that are not read by letters."""
_SHOUT = re.compile(r"(?<!\w)[A-Z]{2,}(?!\w)")
_SMALL = frozenset(
    "a an and as at but by for from in into nor of off on or over the to up upon with within without is not".split()
)


def acronyms() -> Iterator[Rule]:
    """Separate the letters of acronyms by full stops, so that the dictionaries read them by name. Words stay."""
    names = "|".join(sorted(_LETTERS, key=len, reverse=True))
    yield Rule(kind="acronyms", pattern=re.compile(rf"(?<![\w.'\u2019-])({names})(?!\.?\w)"), say=_acronym)
    yield Rule(
        kind="acronyms",
        pattern=re.compile(r"(?<![\w.'\u2019-])[BCDFGHJKLMNPQRSTVWXZ]{2,6}(?!\.?\w)"),
        say=_acronym,
    )


def _acronym(match: re.Match[str]) -> str | None:
    text = match[0]
    near = match.string[max(0, match.start() - 40) : match.end() + 40]
    if text in _SOUNDS or (text in _ALSO_WORDS and _in_capital_line(text, near)):
        return None
    neighbours = _BY_NEIGHBOURS.get(text)
    return ".".join(text) if neighbours is None or neighbours.search(near) else None


def _in_capital_line(text: str, near: str) -> bool:
    """Whether it is in a line of capitals: other words near it are capitals and no acronyms, or all words are."""
    others = [word for word in _SHOUT.findall(near) if word not in _LETTERS and word not in _WORDS]
    return bool(others) or near.count(text) > 1 or not re.search("[a-z]", near)


def capitals(text: str) -> Iterator[tuple[int, int, str]]:
    """The words of a line in capitals, written as in a title."""
    first = True
    for match in re.finditer(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*", text):
        word = match[0]
        said = _titled_word(word, first=first)
        first = bool(re.match(r" *[.:!?\n]", text[match.end() : match.end() + 3]))
        if said != word:
            yield match.start(), match.end(), said


def _titled_word(word: str, *, first: bool) -> str:
    if word in _WORDS or (word in _LETTERS and word not in _ALSO_WORDS):
        return word
    lower = word.lower()
    if lower in _SMALL and not first:
        return lower
    head, mark, rest = lower.partition("'") if "'" in lower else lower.partition("\u2019")
    if mark and head in ("o", "d", "l"):
        return f"{head.capitalize()}{mark}{rest.capitalize()}"
    return word[0] + lower[1:]


def in_capitals(text: str, *, heading: bool) -> bool:
    """Whether all letters are capitals and form words: a heading, or a line in capitals."""
    words = [word for word in re.findall(r"[^\W\d_]{2,}", text) if word not in _LETTERS and word not in _WORDS]
    if not words or text.upper() != text or text.lower() == text:
        return False
    long = sum(len(word) > 3 for word in words)
    return bool(long) if heading else long > 1 or (long == 1 and len(words) > 2)
