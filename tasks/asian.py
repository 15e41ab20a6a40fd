"""Japanese and Chinese by misaki's own rooms, where the packages they need are installed. Knows no other language.

Not for two threads at once: its caller holds the lock of tasks.phonemes.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from chorus.errors import OptionError
from tasks import english
from tasks.utterance import Utterance, Word, placed, said_aloud

NEEDS = {
    "ja": ("fugashi", "jaconv", "mojimoji", "unidic"),
    "zh": ("cn2an", "jieba", "ordered_set", "pypinyin"),
}
"""What must be importable, by language."""
_MISAKI = "misaki==0.9.4"
# Their letters; what else stands in a sentence is English by its look, or a mark.
_OWN = {
    "ja": "\\d\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uff66-\uff9f",
    "zh": "\\d\u3400-\u4dbf\u4e00-\u9fff",
}
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f][\w'\u2019-]*(?:\s+[A-Za-z\u00c0-\u024f][\w'\u2019-]*)*")


def remedy(language: str) -> str:
    """The command that installs what a language needs."""
    dictionary = f" && {sys.executable} -m unidic download" if language == "ja" else ""
    return f"{sys.executable} -m pip install '{_MISAKI.replace('misaki', f'misaki[{language}]')}'{dictionary}"


def words(utterance: Utterance, language: str) -> list[Word]:
    """The words of a sentence, its Latin stretches by the English dictionary."""
    made, at = list[Word](), 0
    for each in utterance.given:
        made += _stretch(utterance.text, at, each.start, language)
        made.append(placed(utterance.text, each.start, each.end, each.phonemes, each.backend))
        at = each.end
    return [*made, *_stretch(utterance.text, at, len(utterance.text), language)]


def _stretch(text: str, start: int, end: int, language: str) -> Iterator[Word]:
    at = start
    for match in _LATIN.finditer(text, start, end):
        yield from _own(text, at, match.start(), language)
        inside = english.words(Utterance(text=match[0]), british=False)
        said = "".join(word.phonemes + word.blank for word in inside)
        backend = "espeak" if any(word.guessed for word in inside) else "misaki"
        yield placed(text, match.start(), match.end(), said, backend, guessed=any(word.guessed for word in inside))
        at = match.end()
    yield from _own(text, at, end, language)


def _own(text: str, start: int, end: int, language: str) -> Iterator[Word]:
    piece = text[start:end]
    if not piece.strip():
        return
    phonemes = _said(piece.strip(), language)
    foreign = (char for char in piece if said_aloud(char) and not re.match(f"[{_OWN[language]}]", char))
    lost = "".join(char for char in foreign if not _said(char, language)) if phonemes else piece.strip()
    first = start + len(piece) - len(piece.lstrip())
    yield placed(text, first, first + len(piece.strip()), phonemes, "misaki", lost=lost if said_aloud(piece) else "")


def _said(text: str, language: str) -> str:
    phonemes, _tokens = _g2p(language)(text)
    return str(phonemes or "")


@cache
def _g2p(language: str) -> Any:
    if language == "zh":
        from misaki import zh  # noqa: PLC0415 - not installed as a rule

        return zh.ZHG2P(unk="")
    from misaki import cutlet  # noqa: PLC0415 - see above; misaki.ja would want a second engine, which this voice has not

    try:
        return cutlet.Cutlet()
    except RuntimeError as error:
        raise OptionError(f"Japanese (ja) needs its dictionary: run `{remedy('ja')}`.") from error
