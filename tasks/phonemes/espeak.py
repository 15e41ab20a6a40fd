"""Pronounces with espeak-ng, in Kokoro's symbols: whole sentences, and guesses at single words. Knows no dictionary.

espeak keeps its state in globals, so the caller holds the lock of `phonemize.py`. It is initialised once in a process,
and its language is set before each use.
"""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import espeakng_loader

from tasks.phonemes.marked_sentence import MarkedSentence, Word, placed, said_aloud
from tasks.phonemes.rule_tagger import Token

_MARKS = re.escape(';:,.!?\u2026\u2014\u2013"\u201c\u201d\u201e\u00ab\u00bb()[]{}\u00bf\u00a1')
# A mark between two digits belongs to the number: espeak reads 1,5 and 10:30 itself.
_CLAUSES = re.compile(rf"((?:(?<!\d)[{_MARKS}]|[{_MARKS}](?!\d)|\s)*(?:(?<!\d)[{_MARKS}]|[{_MARKS}](?!\d))\s*)")
_BLANKLESS = re.compile(r"\S+")
_FOREIGN = re.compile("[^\\W\\da-zA-Z_\u00aa-\u024f\u0300-\u036f\u0900-\u097f\u1e00-\u1eff]|[^\\w\\s]")
"""Letters and signs that an espeak voice for Latin or Devanagari letters may leave out."""
_TIE = "\u0361"
_SWITCH = re.compile(r"\([^()]*\)")
"""espeak writes `(en)` where it switches to the sounds of another language."""
_LONGEST_PATH_BYTES = 120
"""espeak has 160 bytes for the path of its data, and ends the process if the path is longer."""
PAIRS = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ",
    "t^ʃ": "ʧ", "ɔ^ɪ": "Y",
}  # fmt: skip
"""misaki's own table of symbols for a sentence, in the order in which misaki applies it."""


class _Clauses:
    """Replaces misaki's phonemizer backend, which loses some punctuation. Here every mark stays in its place."""

    def __init__(self, language: str) -> None:
        self._language = language

    def phonemize(self, texts: list[str]) -> list[str]:
        return [self._text(text) for text in texts]

    def _text(self, text: str) -> str:
        # Every second part is what the pattern matched: marks with the blanks around them.
        parts = enumerate(_CLAUSES.split(text))
        return "".join(part if number % 2 else self._clause(part) for number, part in parts)

    def _clause(self, clause: str) -> str:
        if not clause.strip():
            return clause
        phonemes = str(_espeak(self._language).text_to_phonemes(clause, tie=True))
        return " ".join(_SWITCH.sub("", phonemes).replace(_TIE, "^").split())


def words(utterance: MarkedSentence, language: str) -> list[Word]:
    """The words of a sentence in a language other than English."""
    made, at = list[Word](), 0
    for each in utterance.given:
        made += _stretch(utterance.text, at, each.start, language)
        made.append(placed(utterance.text, each.start, each.end, each.phonemes, each.backend))
        at = each.end
    return [*made, *_stretch(utterance.text, at, len(utterance.text), language)]


def word(text: str, *, british: bool) -> str:
    """A guess at the pronunciation of an English word, or of a symbol's name."""
    phonemes, _rating = _guesser(british=british)(Token(text=text))
    return str(phonemes or "")


def _stretch(text: str, start: int, end: int, language: str) -> Iterator[Word]:
    """The words and marks between two offsets, clause by clause."""
    for clause in _CLAUSES.split(text[start:end]):
        found = [(start + match.start(), start + match.end()) for match in _BLANKLESS.finditer(clause)]
        said = _said(clause, language).split() if found else []
        if len(said) != len(found) and found:
            # A number became several words, or several small words became one.
            found, said = [(found[0][0], found[-1][1])], [" ".join(said)]
        for (first, last), phonemes in zip(found, said, strict=True):
            lost = _lost(text[first:last], phonemes, language)
            yield placed(text, first, last, phonemes, "espeak", lost=lost)
        start += len(clause)


def _lost(text: str, phonemes: str, language: str) -> str:
    """The part of the text that espeak left out."""
    if not phonemes:
        return text if said_aloud(text) else ""
    if not _FOREIGN.search(text):
        return ""
    unsaid = (char for char in _FOREIGN.findall(text) if said_aloud(char) and not _said(char, language))
    return "".join(dict.fromkeys(unsaid))


def _said(text: str, language: str) -> str:
    phonemes, _rating = _reader(language)(text)
    return str(phonemes)


@cache
def _reader(language: str) -> Any:
    # Without its constructor, which would initialise espeak again for each language.
    reader = _misaki().EspeakG2P.__new__(_misaki().EspeakG2P)
    reader.language, reader.version, reader.e2m = language, None, sorted(PAIRS.items())
    reader.backend = _Clauses(language)
    return reader


@cache
def _guesser(*, british: bool) -> Any:
    guesser = _misaki().EspeakFallback.__new__(_misaki().EspeakFallback)
    guesser.british, guesser.version = british, None
    guesser.backend = _Clauses("en-gb" if british else "en-us")
    return guesser


def _espeak(language: str) -> Any:
    """The one espeak of this process, set to this language."""
    wrapper = _initialised()
    if wrapper.voice is None or wrapper.voice.language != language:
        wrapper.set_voice(language)
    return wrapper


@cache
def _initialised() -> Any:
    _misaki()
    from phonemizer.backend.espeak.wrapper import EspeakWrapper  # noqa: PLC0415 - 0.3 s, which only a desk needs

    return EspeakWrapper()


@cache
def _misaki() -> Any:
    """The espeak module of misaki. Its import names the library to load; only then can the data's path be changed."""
    from misaki import espeak  # noqa: PLC0415 - see above
    from phonemizer.backend.espeak.wrapper import EspeakWrapper  # noqa: PLC0415

    EspeakWrapper.set_data_path(_data_path())
    return espeak


@cache
def _data_path() -> str:
    """The path of espeak's data, or of a link to it if the path is too long."""
    path = espeakng_loader.get_data_path()
    if len(os.fsencode(path)) <= _LONGEST_PATH_BYTES:
        return str(path)
    # The link stays until the process ends: espeak reads through it whenever a voice is set.
    folder = tempfile.mkdtemp(prefix="chorus-espeak-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    short = Path(folder) / "data"
    short.symlink_to(path)
    return str(short)
