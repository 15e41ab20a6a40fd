"""Makes the phonemes of one sentence, from its marks, the lexicon, its languages and their backends.

Knows no cache and no chapter. Not safe for threads: the caller holds the lock of tasks.phonemes.phonemize.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from chorus import reading
from chorus.errors import OptionError
from chorus.languages import normalise
from chorus.request import Request
from chorus.vocabulary import fit, from_ipa, speaks
from tasks.documents.model import Mark, speakable
from tasks.phonemes import backends, marked_sentence, pronunciation
from tasks.phonemes.marked_sentence import FIXED, Given, MarkedSentence, StretchRules, Word


@dataclass(frozen=True, kw_only=True, slots=True)
class Phonemes:
    """The phonemes of one sentence; empty if it has nothing to speak."""

    text: str = ""
    """Symbols of the vocabulary; each is one token."""
    backend: str = ""
    """`misaki` or `espeak`; empty if no backend was needed."""
    unknown: tuple[str, ...] = ()
    """Words in no dictionary, which are pronounced by their spelling, and text that cannot be pronounced at all."""
    lost: tuple[str, ...] = ()
    """Those that cannot be pronounced at all."""

    @property
    def tokens(self) -> int:
        """The number of tokens for the model, without its pads."""
        return len(self.text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The rules of reading that a job may change."""

    lexicon: str = ""
    """The lexicon in the form that chorus.lexicon writes."""
    as_written: frozenset[str] = frozenset()
    """The kinds of chorus.reading.NORMALISED that are not normalised but left to the dictionaries."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """The rules of a job."""
        return cls(lexicon=request.lexicon, as_written=reading.as_written(request.as_written))


USUAL = Rules()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence with all that its phonemes depend on, except the releases of the backends."""

    text: str
    language: str
    heading: bool = False
    marks: tuple[Mark, ...] = ()
    rules: Rules = USUAL


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """A sentence's phonemes, and where they come from."""

    phonemes: Phonemes
    reading: MarkedSentence
    """The text that was read, and the stretch of the source that each of its characters comes from."""
    words: tuple[Word, ...]


def say(sentence: Sentence, *, traced: bool) -> Explained:
    """The phonemes of a sentence. With `traced` the reading knows where in the source it comes from."""
    notes: list[str] = []
    foreign = _foreign(sentence, notes)
    if len(foreign) == 1 and not speakable(sentence.text[: foreign[0].start] + sentence.text[foreign[0].end :]):
        return say(replace(sentence, language=foreign[0].value, marks=_fixed(sentence.marks)), traced=traced)
    fixed = [mark for mark in _fixed(sentence.marks) if not any(_overlaps(mark, each) for each in foreign)]
    from_lexicon = _from_lexicon(sentence, [*fixed, *foreign])
    given = [
        *(_in_its_language(sentence, each, notes) for each in foreign),
        *_given(sentence, fixed, "given"),
        *_given(sentence, from_lexicon, "lexicon"),
    ]
    rules = StretchRules(language=sentence.language, heading=sentence.heading, as_written=sentence.rules.as_written)
    read = marked_sentence.read(sentence.text, rules, marks=[*fixed, *from_lexicon], given=given, traced=traced)
    return _fitted(read, backends.words(read, sentence.language), sentence.language, notes)


def _fitted(read: MarkedSentence, words: Sequence[Word], language: str, notes: Sequence[str]) -> Explained:
    fitted = fit("".join(word.phonemes + word.blank for word in words))
    unknown = [*notes, *(word.text for word in words if word.guessed), *(word.lost for word in words), *fitted.dropped]
    heard = speaks(fitted.text)
    if not heard and speakable(read.text):
        unknown.append(read.text)
    phonemes = Phonemes(
        text=fitted.text if heard else "",
        backend=backends.name(language) if words else "",
        unknown=tuple(dict.fromkeys(filter(None, unknown))),
        lost=tuple(word.lost for word in words if word.lost),
    )
    return Explained(phonemes=phonemes, reading=read, words=tuple(words))


def _fixed(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    return tuple(mark for mark in marks if mark.kind in FIXED)


def _from_lexicon(sentence: Sentence, taken: Sequence[Mark]) -> list[Mark]:
    """Marks for the words of the lexicon, except where another mark is."""
    found = pronunciation.marks(sentence.text, sentence.language, sentence.rules.lexicon)
    return [mark for mark in found if not any(_overlaps(mark, each) for each in taken)]


def _given(sentence: Sentence, marks: Sequence[Mark], backend: str) -> Iterator[Given]:
    """The stretches whose phonemes are given by a mark."""
    for start, end, mark in marked_sentence.painted(len(sentence.text), marks):
        if mark is not None and mark.kind == "phonemes":
            yield Given(start=start, end=end, phonemes=from_ipa(mark.value, sentence.language), backend=backend)


def _foreign(sentence: Sentence, notes: list[str]) -> list[Mark]:
    """The stretches in another language, each with its code. `notes` gets those that cannot be spoken here."""
    found = list[Mark]()
    stated = [mark for mark in sentence.marks if mark.kind == "language"]
    for start, end, mark in marked_sentence.painted(len(sentence.text), stated):
        if mark is None or not speakable(sentence.text[start:end]):
            continue
        code = _spoken_here(mark.value)
        if not code:
            notes.append(f"{mark.value}: {sentence.text[start:end]}")
        # A British phrase in an American book is read as American English.
        elif code.split("-")[0] != sentence.language.split("-")[0]:
            found.append(replace(mark, start=start, end=end, value=code))
    return [each for each in found if not any(_crosses(mark, each) for mark in _fixed(sentence.marks))]


def _overlaps(mark: Mark, stretch: Mark) -> bool:
    return mark.start < stretch.end and mark.end > stretch.start


def _crosses(mark: Mark, stretch: Mark) -> bool:
    """Whether a mark overlaps a stretch without lying inside it. Then the mark counts, and the stretch does not."""
    return _overlaps(mark, stretch) and not (stretch.start <= mark.start and mark.end <= stretch.end)


def _spoken_here(tag: str) -> str:
    """The code of a language that can be spoken here; empty for any other."""
    try:
        code = normalise(tag)
        backends.check(code)
    except OptionError:
        return ""
    return code


def _in_its_language(sentence: Sentence, stretch: Mark, notes: list[str]) -> Given:
    text = sentence.text[stretch.start : stretch.end]
    marks = marked_sentence.within(_fixed(sentence.marks), stretch.start, stretch.end)
    said = say(Sentence(text=text, language=stretch.value, marks=marks, rules=sentence.rules), traced=False)
    notes += said.phonemes.unknown
    return Given(start=stretch.start, end=stretch.end, phonemes=said.phonemes.text, backend=said.phonemes.backend)
