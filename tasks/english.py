"""English by misaki's dictionaries with our own tagger in front and espeak behind. Knows no other language.

Not for two threads at once: its caller holds the lock of tasks.phonemes.
"""

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

from tasks import espeak, tagger


@dataclass(frozen=True, kw_only=True, slots=True)
class Spoken:
    """What the dictionaries and espeak made of a sentence."""

    phonemes: str
    guessed: tuple[str, ...] = ()
    """Words in no dictionary, which espeak pronounced by their spelling."""


def sentence(text: str, *, british: bool) -> Spoken:
    """The phonemes of an English sentence."""
    guessed: list[str] = []
    g2p = _g2p(british=british)
    g2p.fallback = _Fallback(british=british, guessed=guessed)
    # The second argument keeps misaki from taking [text](/this/) for its own markup.
    _phonemes, tokens = g2p(text, False)
    parts = []
    for token in tokens:
        phonemes = token.phonemes or ""
        if not phonemes and any(char.isalnum() for char in token.text):
            phonemes = g2p.fallback(token)[0] or ""
        parts.append(phonemes + token.whitespace)
    # misaki works from the end to the beginning.
    return Spoken(phonemes="".join(parts), guessed=tuple(dict.fromkeys(reversed(guessed))))


@dataclass(kw_only=True)
class _Fallback:
    """What misaki asks for the words that it does not know."""

    british: bool
    guessed: list[str]

    def __call__(self, token: Any) -> tuple[str | None, int]:
        self.guessed.append(token.text)
        return espeak.word(token.text, british=self.british), 2


@cache
def _g2p(*, british: bool) -> Any:
    """The G2P of misaki without its constructor, which would call pip to fetch a tagger where there is none."""
    with warnings.catch_warnings():
        # misaki opens its dictionaries by importlib.resources' old names; Python 3.13 has taken the warning back.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        from misaki import en  # noqa: PLC0415 - it imports spaCy: a second and a half

        g2p = en.G2P.__new__(en.G2P)
        g2p.version, g2p.british, g2p.unk = None, british, ""
        g2p.nlp, g2p.lexicon = tagger.tag, en.Lexicon(british)
    return g2p
