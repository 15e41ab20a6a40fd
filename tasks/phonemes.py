"""A sentence's phonemes, in symbols of Kokoro's vocabulary alone. Knows no chapters and no segments.

espeak is process-global and num2words behind misaki keeps state, so one lock is around all of it. Nothing heavy is
imported before the first sentence that needs it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import Self

from chorus import reading
from chorus.errors import OptionError
from chorus.languages import LANGUAGES, normalise
from chorus.request import Request
from tasks import english, espeak, utterance, vocabulary
from tasks.documents.model import Mark, speakable
from tasks.utterance import FIXED, Given, Utterance, Wanted, Word

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
    """Words no dictionary has, pronounced by their spelling, and what could not be said at all."""

    @property
    def tokens(self) -> int:
        """How many tokens the model gets, its pads not counted."""
        return len(self.text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a job wants read otherwise than usual."""

    lexicon: str = ""
    """As chorus.lexicon writes it."""
    as_written: frozenset[str] = frozenset()
    """Kinds of chorus.reading.NORMALISED that are left to the dictionaries."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """The rules of a job."""
        return cls(lexicon=request.lexicon, as_written=reading.as_written(request.as_written))


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """Where a sentence's phonemes come from."""

    phonemes: Phonemes
    reading: Utterance
    """What was read, and of which stretch of the source each of its characters is the reading."""
    words: tuple[Word, ...]


USUAL = Rules()


def phonemize(
    text: str, language: str, *, heading: bool = False, marks: tuple[Mark, ...] = (), rules: Rules = USUAL
) -> Phonemes:
    """The phonemes of a sentence or a part of one. The language is a code of chorus.languages.

    Marks have their offsets in this text; those of voice, rate and pause are passed over.
    """
    check(language)
    heard = tuple(mark for mark in marks if mark.kind == "language" or mark.kind in FIXED)
    return _cached(_Sentence(text=text, language=language, heading=heading, marks=heard, rules=rules))


def explain(
    text: str, language: str, *, heading: bool = False, marks: tuple[Mark, ...] = (), rules: Rules = USUAL
) -> Explained:
    """The same, with every word, its source and its backend."""
    check(language)
    return _explained(_Sentence(text=text, language=language, heading=heading, marks=marks, rules=rules), traced=True)


def forget() -> None:
    """Empty the cache."""
    _cached.cache_clear()


def check(language: str) -> None:
    """Refuse a language for which this installation has no phonemizer."""
    if language in _LATER:
        raise OptionError(f"{LANGUAGES[language]} ({language}) cannot be spoken yet: choose {_choice()}.")
    if language not in LANGUAGES:
        raise OptionError(f"Language {language!r} is unknown: choose {_choice()}.")


def _choice() -> str:
    return f"one of {', '.join(sorted(set(LANGUAGES) - _LATER))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sentence:
    """All that its phonemes depend on; what the cache goes by."""

    text: str
    language: str
    heading: bool = False
    marks: tuple[Mark, ...] = ()
    rules: Rules = USUAL


@lru_cache(maxsize=_KEPT)
def _cached(sentence: _Sentence) -> Phonemes:
    return _explained(sentence, traced=False).phonemes


def _explained(sentence: _Sentence, *, traced: bool) -> Explained:
    with _lock:
        return _spoken(sentence, traced=traced)


def _spoken(sentence: _Sentence, *, traced: bool) -> Explained:
    notes: list[str] = []
    foreign = _foreign(sentence, notes)
    if len(foreign) == 1 and not speakable(sentence.text[: foreign[0].start] + sentence.text[foreign[0].end :]):
        return _spoken(replace(sentence, language=foreign[0].value, marks=_fixed(sentence.marks)), traced=traced)
    fixed = [
        mark for mark in _fixed(sentence.marks) if not any(each.start <= mark.start < each.end for each in foreign)
    ]
    given = [*(_spoken_by_another(sentence, each, notes) for each in foreign), *_told(sentence.text, fixed)]
    wanted = Wanted(language=sentence.language, heading=sentence.heading, as_written=sentence.rules.as_written)
    read = utterance.read(sentence.text, wanted, marks=fixed, given=given, traced=traced)
    return _fitted(read, _words(read, sentence.language), sentence.language, notes)


def _fitted(read: Utterance, words: Sequence[Word], language: str, notes: Sequence[str]) -> Explained:
    backend = "misaki" if language.startswith("en-") else "espeak"
    fitted = vocabulary.fit("".join(word.phonemes + word.blank for word in words))
    guessed = [word.text for word in words if word.guessed]
    if not vocabulary.speaks(fitted.text):
        lost = (read.text,) if speakable(read.text) else ()
        phonemes = Phonemes(backend=backend if words else "", unknown=(*notes, *guessed, *lost))
    else:
        phonemes = Phonemes(
            text=fitted.text, backend=backend, unknown=tuple(dict.fromkeys((*notes, *guessed, *fitted.dropped)))
        )
    return Explained(phonemes=phonemes, reading=read, words=tuple(words))


def _words(read: Utterance, language: str) -> list[Word]:
    if not read.given and not speakable(read.text):
        return []
    if language.startswith("en-"):
        return english.words(read, british=language == "en-gb")
    return espeak.words(read, language)


def _fixed(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    return tuple(mark for mark in marks if mark.kind in FIXED)


def _told(text: str, fixed: Sequence[Mark]) -> Iterator[Given]:
    """The stretches whose phonemes a mark tells."""
    for start, end, mark in utterance.painted(len(text), fixed):
        if mark is not None and mark.kind == "phonemes":
            yield Given(start=start, end=end, phonemes=mark.value, backend="given")


def _foreign(sentence: _Sentence, notes: list[str]) -> list[Mark]:
    """The stretches that another backend speaks, each with its language's code; notes tell of those none can."""
    found = list[Mark]()
    stated = [mark for mark in sentence.marks if mark.kind == "language"]
    for start, end, mark in utterance.painted(len(sentence.text), stated):
        if mark is None or not speakable(sentence.text[start:end]):
            continue
        code = _spoken_here(mark.value)
        if not code:
            notes.append(f"{mark.value}: {sentence.text[start:end]}")
        # A British phrase in an American book is read in American.
        elif code.split("-")[0] != sentence.language.split("-")[0]:
            found.append(replace(mark, start=start, end=end, value=code))
    return [each for each in found if not any(_torn(mark, each) for mark in _fixed(sentence.marks))]


def _over(mark: Mark, stretch: Mark) -> bool:
    return mark.start < stretch.end and mark.end > stretch.start


def _torn(mark: Mark, stretch: Mark) -> bool:
    """Whether a mark reaches into a stretch from outside: then it counts, and the stretch does not."""
    return _over(mark, stretch) and not (stretch.start <= mark.start and mark.end <= stretch.end)


def _spoken_here(tag: str) -> str:
    """The code of a language that can be spoken; empty for any other."""
    try:
        code = normalise(tag)
        check(code)
    except OptionError:
        return ""
    return code


def _spoken_by_another(sentence: _Sentence, stretch: Mark, notes: list[str]) -> Given:
    text = sentence.text[stretch.start : stretch.end]
    marks = utterance.within(_fixed(sentence.marks), stretch.start, stretch.end)
    said = _spoken(_Sentence(text=text, language=stretch.value, marks=marks, rules=sentence.rules), traced=False)
    notes += said.phonemes.unknown
    return Given(start=stretch.start, end=stretch.end, phonemes=said.phonemes.text, backend=said.phonemes.backend)
