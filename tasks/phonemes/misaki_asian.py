"""Pronounces Japanese and Chinese with misaki's modules, if the packages that these need are installed.

Knows no other language. Not safe for threads: the caller holds the lock of tasks.phonemes.phonemize.
"""

import logging
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any

from broker.settings import settings
from chorus.errors import OptionError
from chorus.vocabulary import fit
from tasks.phonemes import misaki_english
from tasks.phonemes.marked_sentence import MarkedSentence, Word, placed, said_aloud

NEEDS = {
    "ja": ("fugashi", "jaconv", "mojimoji", "unidic_lite"),
    "zh": ("cn2an", "jieba", "ordered_set", "pypinyin"),
}
"""The packages that must be importable, by language."""
INSTEAD = {"unidic_lite": "unidic"}
"""Packages that may be installed instead: the larger dictionary serves as well."""
# Latin letters and figures only: `re` takes Chinese characters for letters too, and they may follow without a blank.
_LETTER = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_LATIN = re.compile(rf"[{_LETTER}][{_LETTER}0-9'\u2019-]*(?:\s+[{_LETTER}][{_LETTER}0-9'\u2019-]*)*")
# Small kana and marks of repetition have a sound only after another sign.
_KANA = re.compile("[\u3005\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_ZERO = str.maketrans("\u3007", "零")
"""A zero in years and room numbers, which misaki's Chinese leaves out."""
_STUMBLES = (ValueError, LookupError, AssertionError)
"""The errors that misaki raises for what its tables do not have."""
_KEPT = 20_000


def remedy(language: str) -> str:
    """The command that installs what a language needs."""
    packages = " ".join(package.replace("_", "-") for package in NEEDS[language])
    if find_spec("pip") is None:  # uv made this environment
        return f"uv pip install --python {_python()} {packages}"
    return f"{_python()} -m pip install {packages}"


def _python() -> str:
    """This Python's path, quoted for a shell."""
    return shlex.quote(sys.executable)


def words(utterance: MarkedSentence, language: str) -> list[Word]:
    """The words of a sentence. Stretches in Latin letters are pronounced by the English dictionary."""
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
        inside = misaki_english.words(MarkedSentence(text=match[0]), british=False)
        said = "".join(word.phonemes + word.blank for word in inside)
        backend = "espeak" if any(word.guessed for word in inside) else "misaki"
        yield placed(text, match.start(), match.end(), said, backend, guessed=any(word.guessed for word in inside))
        at = match.end()
    yield from _own(text, at, end, language)


def _own(text: str, start: int, end: int, language: str) -> Iterator[Word]:
    part = text[start:end]
    if not part.strip():
        return
    unknown = [char for char in part if said_aloud(char) and not _sayable(char, language)]
    # misaki would return a letter that it does not know as a phoneme, or raise an error.
    phonemes = _said("".join(" " if char in unknown else char for char in part).strip(), language)
    lost = "".join(unknown) if phonemes or not said_aloud(part) else part.strip()
    first = start + len(part) - len(part.lstrip())
    yield placed(text, first, first + len(part.strip()), phonemes, "misaki", lost=lost)


@lru_cache(_KEPT)
def _sayable(char: str, language: str) -> bool:
    return (language == "ja" and _KANA.match(char) is not None) or _said(char, language) not in ("", char)


def _said(text: str, language: str) -> str:
    """The phonemes in symbols of the vocabulary. Text that misaki cannot read as a whole is read sign by sign."""
    if not text:
        return ""
    # misaki knows only the usual code point of characters that have two.
    plain = unicodedata.normalize("NFC", text).translate(_ZERO if language == "zh" else {})
    try:
        phonemes, _tokens = _g2p(language)(plain)
    except _STUMBLES:
        return " ".join(_said(char, language) for char in plain) if len(plain) > 1 else ""
    return fit(str(phonemes or "")).text


@cache
def _g2p(language: str) -> Any:
    return _chinese() if language == "zh" else _japanese()


def _chinese() -> Any:
    import jieba  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - usually not installed
    from misaki import zh  # noqa: PLC0415 - the same

    jieba.setLogLevel(logging.WARNING)
    # jieba's own cache is a file in /tmp under a name that anybody may take, and it would run the code in it.
    folder = settings().home_folder() / "jieba"
    folder.mkdir(exist_ok=True)
    jieba.dt.tmp_dir = str(folder)
    return zh.ZHG2P(unk="")


def _japanese() -> Any:
    from misaki import cutlet  # noqa: PLC0415 - see above; misaki.ja needs a second engine

    try:
        return cutlet.Cutlet()
    except RuntimeError as error:
        raise OptionError(
            f"Japanese (ja) needs the dictionary of its package unidic: run `{_python()} -m unidic download`."
        ) from error
