"""espeak-ng's pronunciations in Kokoro's symbols: whole sentences, and guesses at single words. Knows no dictionary.

espeak keeps its state in globals: whoever calls into this room holds the lock of tasks.phonemes.
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

from tasks.tagger import Token
from tasks.utterance import Utterance, Word, placed

_MARKS = re.escape(';:,.!?\u2026\u2014\u2013"\u201c\u201d\u201e\u00ab\u00bb()[]{}\u00bf\u00a1')
# A mark between two digits belongs to the number: 1,5 and 10:30 are espeak's to read.
_CLAUSES = re.compile(rf"((?:(?<!\d)[{_MARKS}]|[{_MARKS}](?!\d)|\s)*(?:(?<!\d)[{_MARKS}]|[{_MARKS}](?!\d))\s*)")
_BLANKLESS = re.compile(r"\S+")
_TIE = "\u0361"
_SWITCH = re.compile(r"\([^()]*\)")
"""What espeak writes where it changes to another language's sounds: `(en)`."""
_LONGEST_PATH_BYTES = 120
"""espeak has 160 bytes for the path of its data, and ends the process where they do not suffice."""


class _Clauses:
    """Stands where misaki has phonemizer's backend, whose handling of marks loses some: here they stay in place."""

    def __init__(self, language: str) -> None:
        from phonemizer.backend.espeak.wrapper import EspeakWrapper  # noqa: PLC0415 - 0.3 s which only a desk needs

        self._wrapper = EspeakWrapper()
        self._wrapper.set_voice(language)

    def phonemize(self, texts: list[str]) -> list[str]:
        return [self._text(text) for text in texts]

    def _text(self, text: str) -> str:
        # Odd pieces are what the pattern caught: marks with the blanks around them.
        pieces = enumerate(_CLAUSES.split(text))
        return "".join(piece if number % 2 else self._clause(piece) for number, piece in pieces)

    def _clause(self, piece: str) -> str:
        if not piece.strip():
            return piece
        phonemes = str(self._wrapper.text_to_phonemes(piece, tie=True))
        return " ".join(_SWITCH.sub("", phonemes).replace(_TIE, "^").split())


def words(utterance: Utterance, language: str) -> list[Word]:
    """The words of a sentence in any language but English."""
    made, at = list[Word](), 0
    for each in utterance.given:
        made += _stretch(utterance.text, at, each.start, language)
        made.append(placed(utterance.text, each.start, each.end, each.phonemes, each.backend))
        at = each.end
    return [*made, *_stretch(utterance.text, at, len(utterance.text), language)]


def _stretch(text: str, start: int, end: int, language: str) -> Iterator[Word]:
    """The words and marks between two offsets, clause by clause."""
    for piece in _CLAUSES.split(text[start:end]):
        found = [(start + match.start(), start + match.end()) for match in _BLANKLESS.finditer(piece)]
        phonemes, _rating = _reader(language)(piece) if found else ("", None)
        said = str(phonemes).split()
        if len(said) != len(found) and found:
            # A number became several words, or a few small ones ran together.
            found, said = [(found[0][0], found[-1][1])], [" ".join(said)]
        for (first, behind), each in zip(found, said, strict=True):
            yield placed(text, first, behind, each, "espeak")
        start += len(piece)


def word(text: str, *, british: bool) -> str:
    """A guess at an English word, or at a symbol's name."""
    phonemes, _rating = _guesser(british=british)(Token(text=text))
    return str(phonemes or "")


@cache
def _reader(language: str) -> Any:
    reader = _misaki().EspeakG2P(language)
    reader.backend = _Clauses(language)
    return reader


@cache
def _guesser(*, british: bool) -> Any:
    guesser = _misaki().EspeakFallback(british=british)
    guesser.backend = _Clauses("en-gb" if british else "en-us")
    return guesser


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
