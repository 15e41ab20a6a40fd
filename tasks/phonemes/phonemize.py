"""Makes the phonemes of a sentence in symbols of Kokoro's vocabulary, and caches them. Knows no chapters or segments.

espeak and num2words, which misaki uses, keep state in the process, so one lock is around everything. Nothing heavy is
imported before the first sentence that needs it.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from tasks.documents.model import Mark
from tasks.phonemes import backends
from tasks.phonemes.backends import check
from tasks.phonemes.g2p import USUAL, Explained, Phonemes, Rules, Sentence, say
from tasks.phonemes.marked_sentence import FIXED

__all__ = ["Counters", "Explained", "Phonemes", "Rules", "check", "counters", "explain", "forget", "phonemize"]

_KEPT = 4096
"""The number of sentences in the cache: one to three chapters, about four megabytes."""
_lock = Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """What this process has counted so far."""

    hits: int
    """Sentences that were in the cache."""
    misses: int
    size: int
    """Sentences in the cache, at most `limit`."""
    limit: int
    words: Mapping[str, int]
    """Words by backend: `misaki`, `espeak`, `lexicon`, `given`."""
    fallbacks: int
    """English words that are in no dictionary and were pronounced by espeak."""
    lost: int
    """Words with something in them that no backend can pronounce."""
    g2p_ms: float
    """The time of all misses together."""
    releases: Mapping[str, str]
    """The packages with their versions and the tagger, by language."""


@dataclass(kw_only=True, slots=True)
class _Tally:
    """The counts that the cache does not keep itself."""

    words: Counter[str] = field(default_factory=Counter)
    fallbacks: int = 0
    lost: int = 0
    seconds: float = 0.0
    languages: set[str] = field(default_factory=set)

    def count(self, said: Explained, language: str, seconds: float) -> None:
        self.words.update(word.backend for word in said.words)
        self.fallbacks += sum(word.guessed for word in said.words)
        self.lost += sum(bool(word.lost) for word in said.words)
        self.seconds += seconds
        self.languages.add(language)


_tally = _Tally()


def phonemize(
    text: str, language: str, *, heading: bool = False, marks: tuple[Mark, ...] = (), rules: Rules = USUAL
) -> Phonemes:
    """The phonemes of a sentence or a part of one. The language is a code of chorus.languages.

    Marks have their offsets in this text. Marks of voice, rate and pause are ignored.
    """
    check(language)
    return _cached(_sentence(text, language, heading, marks, rules), backends.release(language))


def explain(
    text: str, language: str, *, heading: bool = False, marks: tuple[Mark, ...] = (), rules: Rules = USUAL
) -> Explained:
    """The same with every word, its source and its backend; never from the cache."""
    check(language)
    with _lock:
        return say(_sentence(text, language, heading, marks, rules), traced=True)


def counters() -> Counters:
    """The counts of this process."""
    cache = _cached.cache_info()
    with _lock:
        return Counters(
            hits=cache.hits,
            misses=cache.misses,
            size=cache.currsize,
            limit=cache.maxsize or 0,
            words=dict(_tally.words),
            fallbacks=_tally.fallbacks,
            lost=_tally.lost,
            g2p_ms=round(_tally.seconds * 1000, 3),
            releases={language: backends.release(language) for language in sorted(_tally.languages)},
        )


def forget() -> None:
    """Empty the cache."""
    _cached.cache_clear()


def _sentence(text: str, language: str, heading: bool, marks: tuple[Mark, ...], rules: Rules) -> Sentence:
    kept = tuple(mark for mark in marks if mark.kind == "language" or mark.kind in FIXED)
    return Sentence(text=text, language=language, heading=heading, marks=kept, rules=rules)


@lru_cache(maxsize=_KEPT)
def _cached(sentence: Sentence, _release: str) -> Phonemes:
    with _lock:
        began = time.perf_counter()
        said = say(sentence, traced=False)
        _tally.count(said, sentence.language, time.perf_counter() - began)
    return said.phonemes
