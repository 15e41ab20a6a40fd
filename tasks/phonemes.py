"""A sentence's phonemes, in symbols of Kokoro's vocabulary alone. Knows no chapters and no segments.

espeak is process-global and num2words behind misaki keeps state, so one lock is around all of it. Nothing heavy is
imported before the first sentence that needs it.
"""

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from chorus.errors import OptionError
from chorus.languages import LANGUAGES
from tasks import english, espeak, vocabulary
from tasks.documents.model import speakable
from tasks.normalise import normalise

_KEPT = 4096
"""Sentences in the cache: a chapter or three, some four megabytes."""
_LATER = frozenset(("ja", "zh"))
_lock = Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Phonemes:
    """What is to be said for one sentence; empty when there is nothing to say."""

    text: str = ""
    """Symbols of the vocabulary; each is one token."""
    backend: str = ""
    """`misaki` or `espeak`; empty where there was nothing to do."""
    unknown: tuple[str, ...] = ()
    """Words no dictionary has, pronounced by their spelling, and symbols that could not be said at all."""

    @property
    def tokens(self) -> int:
        """How many tokens the model gets, its pads not counted."""
        return len(self.text)


@lru_cache(maxsize=_KEPT)
def phonemize(text: str, language: str, *, heading: bool = False) -> Phonemes:
    """The phonemes of a sentence or a part of one. The language is a code of chorus.languages."""
    check(language)
    readable = normalise(text, language, heading=heading).text
    if not speakable(readable):
        return Phonemes()
    with _lock:
        if language.startswith("en-"):
            said = english.sentence(readable, british=language == "en-gb")
            raw, unknown, backend = said.phonemes, said.guessed, "misaki"
        else:
            raw, unknown, backend = espeak.sentence(readable, language), (), "espeak"
    fitted = vocabulary.fit(raw)
    if not vocabulary.speaks(fitted.text):
        return Phonemes(backend=backend, unknown=(*unknown, readable))
    return Phonemes(text=fitted.text, backend=backend, unknown=(*unknown, *fitted.dropped))


def check(language: str) -> None:
    """Refuse a language for which this installation has no phonemizer."""
    if language in _LATER:
        raise OptionError(f"{LANGUAGES[language]} ({language}) cannot be spoken yet: choose {_choice()}.")
    if language not in LANGUAGES:
        raise OptionError(f"Language {language!r} is unknown: choose {_choice()}.")


def _choice() -> str:
    return f"one of {', '.join(sorted(set(LANGUAGES) - _LATER))}"
