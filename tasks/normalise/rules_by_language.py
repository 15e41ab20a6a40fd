"""Chooses the rules and the table for each language other than English. Knows no rules."""

from functools import cache

from tasks.normalise import common_rules, han
from tasks.normalise.chinese import CHINESE
from tasks.normalise.french import FRENCH
from tasks.normalise.hindi import HINDI
from tasks.normalise.italian import ITALIAN
from tasks.normalise.japanese import JAPANESE
from tasks.normalise.portuguese import PORTUGUESE
from tasks.normalise.rewriting import Rule
from tasks.normalise.spanish import SPANISH

TABLES = {"es": SPANISH, "fr-fr": FRENCH, "it": ITALIAN, "pt-br": PORTUGUESE, "hi": HINDI}
SCRIPTS = {"ja": JAPANESE, "zh": CHINESE}


@cache
def rules(language: str, *, heading: bool) -> tuple[Rule, ...]:
    """The rules of a language, the most specific first; none for a language without a table."""
    if language in SCRIPTS:
        return tuple(han.rules(SCRIPTS[language]))
    return tuple(common_rules.rules(TABLES[language], heading=heading)) if language in TABLES else ()
