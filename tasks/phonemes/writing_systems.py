"""Guesses a text's language from its writing system. Pure; knows no voice and no document."""

import re
from collections.abc import Iterable
from itertools import islice

_SAMPLE = 20_000
"""How many letters are looked at: about a chapter."""
_KANA_SHARE = 0.05
"""A third of Japanese text is kana; Chinese text may hold a name or two in kana."""
_LETTER = re.compile(r"[^\W\d_]")
_KANA = re.compile("[\u3041-\u30ff\uff66-\uff9f]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_DEVANAGARI = re.compile("[\u0904-\u0939\u0958-\u0961]")


def language_of(texts: Iterable[str]) -> str:
    """`hi`, `ja` or `zh` if more than half of the letters belong to its writing system; else empty."""
    letters = "".join(islice((match[0] for text in texts for match in _LETTER.finditer(text)), _SAMPLE))
    kana, han, devanagari = (len(script.findall(letters)) for script in (_KANA, _HAN, _DEVANAGARI))
    if 2 * devanagari > len(letters):
        return "hi"
    if 2 * (kana + han) > len(letters):
        return "ja" if kana > _KANA_SHARE * (kana + han) else "zh"
    return ""
