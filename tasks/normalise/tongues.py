"""Which table reads which language other than English. Knows nothing else."""

from functools import cache

from tasks.normalise import han, tongue
from tasks.normalise.chinese import CHINESE
from tasks.normalise.french import FRENCH
from tasks.normalise.hindi import HINDI
from tasks.normalise.italian import ITALIAN
from tasks.normalise.japanese import JAPANESE
from tasks.normalise.portuguese import PORTUGUESE
from tasks.normalise.rewriting import Rule
from tasks.normalise.spanish import SPANISH

TONGUES = {"es": SPANISH, "fr-fr": FRENCH, "it": ITALIAN, "pt-br": PORTUGUESE, "hi": HINDI}
SCRIPTS = {"ja": JAPANESE, "zh": CHINESE}


@cache
def rules(language: str, *, heading: bool) -> tuple[Rule, ...]:
    """The rules of a language, most particular first; none for one without a table."""
    if language in SCRIPTS:
        return tuple(han.rules(SCRIPTS[language]))
    return tuple(tongue.rules(TONGUES[language], heading=heading)) if language in TONGUES else ()
