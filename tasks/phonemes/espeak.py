"""espeak-ng's pronunciations in Kokoro's symbols: whole sentences, and guesses at single words. Knows no dictionary.

espeak keeps its state in globals: whoever calls into this module holds the lock of `phonemize.py`. It is initialised
once in a process's life, and its language is set before each use.
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
# A mark between two digits belongs to the number: 1,5 and 10:30 are espeak's to read.
_CLAUSES = re.compile(rf"((?:(?<!\d)[{_MARKS}]|[{_MARKS}](?!\d)|\s)*(?:(?<!\d)[{_MARKS}]|[{_MARKS}](?!\d))\s*)")
_BLANKLESS = re.compile(r"\S+")
_FOREIGN = re.compile("[^\\W\\da-zA-Z_\u00aa-\u024f\u0300-\u036f\u0900-\u097f\u1e00-\u1eff]|[^\\w\\s]")
"""Letters and signs that a voice for Latin or Devanagari letters may pass over in silence."""
_TIE = "\u0361"
_SWITCH = re.compile(r"\([^()]*\)")
"""What espeak writes where it changes to another language's sounds: `(en)`."""
_LONGEST_PATH_BYTES = 120
"""espeak has 160 bytes for the path of its data, and ends the process where they do not suffice."""
PAIRS = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ",
    "t^ʃ": "ʧ", "ɔ^ɪ": "Y",
}  # fmt: skip
"""misaki's own table for a sentence, in the order in which it applies it."""


class _Clauses:
    """Stands where misaki has phonemizer's backend, whose handling of marks loses some: here they stay in place."""

    def __init__(self, language: str) -> None:
        self._language = language

    def phonemize(self, texts: list[str]) -> list[str]:
        return [self._text(text) for text in texts]

    def _text(self, text: str) -> str:
        # Odd pieces are what the pattern caught: marks with the blanks around them.
        pieces = enumerate(_CLAUSES.split(text))
        return "".join(piece if number % 2 else self._clause(piece) for number, piece in pieces)

    def _clause(self, piece: str) -> str:
        if not piece.strip():
            return piece
        phonemes = str(_espeak(self._language).text_to_phonemes(piece, tie=True))
        return " ".join(_SWITCH.sub("", phonemes).replace(_TIE, "^").split())


def words(utterance: MarkedSentence, language: str) -> list[Word]:
    """The words of a sentence in any language but English."""
    made, at = list[Word](), 0
    for each in utterance.given:
        made += _stretch(utterance.text, at, each.start, language)
        made.append(placed(utterance.text, each.start, each.end, each.phonemes, each.backend))
        at = each.end
    return [*made, *_stretch(utterance.text, at, len(utterance.text), language)]


def word(text: str, *, british: bool) -> str:
    """A guess at an English word, or at a symbol's name."""
    phonemes, _rating = _guesser(british=british)(Token(text=text))
    return str(phonemes or "")


def _stretch(text: str, start: int, end: int, language: str) -> Iterator[Word]:
    """The words and marks between two offsets, clause by clause."""
    for piece in _CLAUSES.split(text[start:end]):
        found = [(start + match.start(), start + match.end()) for match in _BLANKLESS.finditer(piece)]
        said = _said(piece, language).split() if found else []
        if len(said) != len(found) and found:
            # A number became several words, or a few small ones ran together.
            found, said = [(found[0][0], found[-1][1])], [" ".join(said)]
        for (first, behind), phonemes in zip(found, said, strict=True):
            lost = _lost(text[first:behind], phonemes, language)
            yield placed(text, first, behind, phonemes, "espeak", lost=lost)
        start += len(piece)


def _lost(text: str, phonemes: str, language: str) -> str:
    """What espeak passed over in silence."""
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
    # Without its constructor, which would initialise espeak once more for each language.
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
    """The process's one espeak, speaking this language."""
    wrapper = _initialised()
    if wrapper.voice is None or wrapper.voice.language != language:
        wrapper.set_voice(language)
    return wrapper


@cache
def _initialised() -> Any:
    _misaki()
    from phonemizer.backend.espeak.wrapper import EspeakWrapper  # noqa: PLC0415 - 0.3 s which only a desk needs

    return EspeakWrapper()


@cache
def _misaki() -> Any:
    """The espeak room of misaki: its import names the library to load, and after it the data's path can be changed."""
    from misaki import espeak  # noqa: PLC0415 - see above
    from phonemizer.backend.espeak.wrapper import EspeakWrapper  # noqa: PLC0415

    EspeakWrapper.set_data_path(_data_path())
    return espeak


@cache
def _data_path() -> str:
    """Where espeak's data is, by a short name if its own is too long."""
    path = espeakng_loader.get_data_path()
    if len(os.fsencode(path)) <= _LONGEST_PATH_BYTES:
        return str(path)
    # Kept for the process's life: espeak reads from it whenever a voice is set.
    folder = tempfile.mkdtemp(prefix="chorus-espeak-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    short = Path(folder) / "data"
    short.symlink_to(path)
    return str(short)
