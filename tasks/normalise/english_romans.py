"""Rules for Roman numerals: cardinals for chapters and wars, ordinals for kings and heirs. Knows no dates."""

import re
from collections.abc import Iterator

from tasks.normalise import english_numbers as numbers
from tasks.normalise.rewriting import Rule

_CHAPTERS = (
    "chapter|part|book|volume|vol|letter|act|scene|canto|section|appendix|figure|fig|table|plate|phase|stage|type|class"
    "|level|grade|title|article|article|tome|verse|lesson|unit|step|round|mark|no|number|page|pages|war|bowl|apollo"
    "|gemini|rocky|titan|saturn|symphony|sonata|olympiad|episode|movement|psalm|amendment|schedule|category|century"
    "|fantasy|group|game|case|wars|voyager|area|sector|zone"
)
_NEVER_FIRST = frozenset(
    "no class case mark page game group area step unit century number round table title letter type".split()
)
"""Words after which an `I` is still the pronoun."""
_LOWER_WORDS = frozenset(("mix", "dim", "mild", "civil", "mi", "di", "c", "d", "m", "l"))
_NO_VERBS = "of|and|is|was|in|to|the|by|has|on|we|he|she"
_CUT = {"vol.": "volume", "fig.": "figure", "no.": "number"}
_REGNAL = (
    "Henry|Louis|Elizabeth|George|Edward|Richard|William|James|Charles|Mary|John|Paul|Pius|Benedict|Leo|Gregory"
    "|Innocent|Clement|Urban|Alexander|Nicholas|Catherine|Peter|Ivan|Frederick|Wilhelm|Philip|Ferdinand|Francis"
    "|Napoleon|Otto|Ramses|Ramesses|Ptolemy|Cleopatra|Darius|Xerxes|Constantine|Justinian|Theodosius|Haakon|Gustav"
    "|Christian|Olaf|Olav|Robert|David|Alfonso|Carlos|Umberto|Emmanuel|Joseph|Rudolf|Maximilian|Leopold|Albert"
    "|Pedro|Manuel|Sixtus|Julius|Harald|Thutmose|Amenhotep|Seti|Boniface|Celestine|Callixtus|Eugene|Stephen|Matthias"
    "|Casimir|Sigismund|Vladislaus|Selim|Murad|Mehmed|Suleiman|Baldwin|Margaret|Isabella|Victoria|Anne|Augustus"
)
_OF_KINGS = (
    r"(?=[,.;:)!?\u2014]|['\u2019]s\b"
    r"|\s+(?:of|and|was|is|had|has|reigned|ruled|died|became|took|in|to|at|who|on)\b|\s*$)"
)
_SURE_OF_KINGS = r"(?=[,.;:)!?\u2014]|['\u2019]s\b|\s+(?:of|and|reigned|ruled|died|became|who)\b|\s*$)"


def rules(*, british: bool, heading: bool) -> Iterator[Rule]:
    """The rules for Roman numerals, in their order."""

    def cardinal(match: re.Match[str]) -> str:
        return numbers.cardinal(numbers.roman(match[1]), british=british)

    def nth(match: re.Match[str]) -> str:
        return f"the {numbers.ordinal(numbers.roman(match[1]))}"

    ends = r"(?![\w\ue000]|\.\w|['\u2019](?!s\b)\w)"
    roman = numbers.ROMAN
    if heading:
        yield Rule(
            kind="roman",
            pattern=re.compile(
                rf"(?:^|(?<=\n))(?=[IVXLC](?!\w)|\w\w)({roman})(?=\s*(?:$|[.:,;\u2014\n)]|[-\u2013]\s))"
            ),
            say=cardinal,
        )
    lower = r"(?=[mdclxvi])m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})"
    before = rf"(?<![\w])(?:(?i:{_CHAPTERS})\.?\s)"
    for digits in (roman, lower):
        yield Rule(
            kind="roman",
            pattern=re.compile(rf"({before})({digits}){ends}"),
            say=lambda match: _numbered(match, british=british),
        )
    kings = rf"(?<!\w)((?:{_REGNAL})\s)({roman}){ends}"
    yield Rule(kind="roman", pattern=re.compile(kings), say=_king)
    yield Rule(
        kind="roman",
        pattern=re.compile(rf"(?<=[a-z]\s)(?=\w\w)((?:X{{1,3}}(?:IX|IV|V?I{{0,3}})|V?I{{2,3}}|IV|VI|IX){{1}}){ends}"),
        say=lambda match: nth(match) if _heir(match) else cardinal(match) if _titled(match) else None,
    )
    yield Rule(
        kind="roman",
        pattern=re.compile(rf"(?<!\w)(?=M[DCLXVI]{{3,}})({roman}){ends}"),
        say=lambda match: numbers.year(numbers.roman(match[1]), british=british),
    )
    yield Rule(
        kind="roman",
        pattern=re.compile(rf"(?<=\()({lower})(?=\))"),
        say=lambda match: cardinal(match) if set(match[1]) <= set("ivx") else None,
    )


def _numbered(match: re.Match[str], *, british: bool) -> str | None:
    word, text = match[1].strip(), match[2]
    if not text or (text in ("I", "i") and word.lower().rstrip(".") in _NEVER_FIRST) or text in _LOWER_WORDS:
        return None
    behind = match.string[match.end() : match.end() + 20]
    # In "the part I played" the I is the pronoun, in "Part I of the book" it is a numeral.
    about_me = re.match(r"\s+[a-z]", behind) and not re.match(rf"\s+(?:{_NO_VERBS})\b", behind)
    if text == "I" and (not word[0].isupper() or about_me):
        return None
    if word.isupper():
        word = word.capitalize()
    return f"{_CUT.get(word.lower(), word)} {numbers.cardinal(numbers.roman(text), british=british)}"


def _king(match: re.Match[str]) -> str | None:
    text = match[2]
    if text == "I":
        title = re.search(
            r"\b(?:[Kk]ing|[Qq]ueen|[Pp]ope|[Ee]mperor|[Ee]mpress|[Tt]sar|[Kk]aiser|Saint|St\.?|\ue000)\s$",
            match.string[max(0, match.start() - 9) : match.start()],
        )
        wanted = _OF_KINGS if title else _SURE_OF_KINGS
        if not re.match(wanted, match.string[match.end() : match.end() + 16]):
            return None
    return f"{match[1].strip()} the {numbers.ordinal(numbers.roman(text))}"


def _heir(match: re.Match[str]) -> bool:
    """Whether two names with capitals come before it: Thurston Howell III."""
    before = match.string[max(0, match.start() - 40) : match.start()].split()
    return (
        len(before) > 1
        and all(word[:1].isupper() and word.isalpha() for word in before[-2:])
        and before[-2] not in ("The", "A")
    )


def _titled(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - 40) : match.start()].split()
    return bool(before) and before[-1][:1].isupper()
