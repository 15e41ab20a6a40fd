"""Whether a sentence of ours says what to do. Pure; test_errors.py holds every sentence of the code to it."""

import re
from typing import Final

_WORDS: Final = (
    "accept add allow ask begin bring call check choose close connect convert copy correct cut delete download "
    "drop end export fetch find fix flatten follow free give install leave let list listen look lower make "
    "mend mount move name open pass play print pull put raise read reinstall remove render replace report "
    "restart retry round run save see send set shorten split start stop submit take try turn unlock unset "
    "unzip update use wait write "
)
VERBS: Final = frozenset(_WORDS.split())
"""What a remedy begins with: something to do."""
_BEGIN: Final = re.compile(
    r"(?:[:;,.]|\bor|\band|\bthen|\belse)\s+(?:please\s+|then\s+|first\s+|do\s+not\s+)?([a-z]+)\b", re.IGNORECASE
)
_OTHER: Final = re.compile(r"did you mean |there are |there is only |`[^`]+`,? (?:there |then )?[a-z]+|`[^`]+`\.?$")
"""A remedy that names what there is, or the command that helps."""


def names_a_remedy(sentence: str) -> bool:
    """Whether a clause of it, not the first, says what to do."""
    return any(found.lower() in VERBS for found in _BEGIN.findall(sentence)) or bool(_OTHER.search(sentence))
