"""One sentence through its marks, its lexicon, its languages and their backends. Knows no cache and no chapter.

Not for two threads at once: its caller holds the lock of tasks.phonemes.phonemize.
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
    """What is to be said for one sentence; empty when there is nothing to say."""

    text: str = ""
    """Symbols of the vocabulary; each is one token."""
    backend: str = ""
    """`misaki` or `espeak`; empty where there was nothing to do."""
    unknown: tuple[str, ...] = ()
    """Words no dictionary has, pronounced by their spelling, and what could not be said at all."""
    lost: tuple[str, ...] = ()
    """Of those, what could not be said at all."""

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


USUAL = Rules()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """All that its phonemes depend on, but for the releases of the backends."""

    text: str
    language: str
    heading: bool = False
    marks: tuple[Mark, ...] = ()
    rules: Rules = USUAL


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """A sentence's phonemes and where they come from."""

    phonemes: Phonemes
    reading: MarkedSentence
    """What was read, and of which stretch of the source each of its characters is the reading."""
    words: tuple[Word, ...]


def say(sentence: Sentence, *, traced: bool) -> Explained:
    """The phonemes of a sentence; with `traced` its reading knows its sources."""
    notes: list[str] = []
    foreign = _foreign(sentence, notes)
    if len(foreign) == 1 and not speakable(sentence.text[: foreign[0].start] + sentence.text[foreign[0].end :]):
        return say(replace(sentence, language=foreign[0].value, marks=_fixed(sentence.marks)), traced=traced)
    told = [mark for mark in _fixed(sentence.marks) if not any(_over(mark, each) for each in foreign)]
    own = _from_lexicon(sentence, [*told, *foreign])
    given = [
        *(_by_another(sentence, each, notes) for each in foreign),
        *_given(sentence, told, "given"),
        *_given(sentence, own, "lexicon"),
    ]
    wanted = StretchRules(language=sentence.language, heading=sentence.heading, as_written=sentence.rules.as_written)
    read = marked_sentence.read(sentence.text, wanted, marks=[*told, *own], given=given, traced=traced)
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
    """The words of the lexicon, where no mark says anything else."""
    found = pronunciation.marks(sentence.text, sentence.language, sentence.rules.lexicon)
    return [mark for mark in found if not any(_over(mark, each) for each in taken)]


def _given(sentence: Sentence, marks: Sequence[Mark], backend: str) -> Iterator[Given]:
    """The stretches whose phonemes a mark tells."""
    for start, end, mark in marked_sentence.painted(len(sentence.text), marks):
        if mark is not None and mark.kind == "phonemes":
            yield Given(start=start, end=end, phonemes=from_ipa(mark.value, sentence.language), backend=backend)


def _foreign(sentence: Sentence, notes: list[str]) -> list[Mark]:
    """The stretches that another backend speaks, each with its language's code; notes tell of those none can."""
    found = list[Mark]()
    stated = [mark for mark in sentence.marks if mark.kind == "language"]
    for start, end, mark in marked_sentence.painted(len(sentence.text), stated):
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
        backends.check(code)
    except OptionError:
        return ""
    return code


def _by_another(sentence: Sentence, stretch: Mark, notes: list[str]) -> Given:
    text = sentence.text[stretch.start : stretch.end]
    marks = marked_sentence.within(_fixed(sentence.marks), stretch.start, stretch.end)
    said = say(Sentence(text=text, language=stretch.value, marks=marks, rules=sentence.rules), traced=False)
    notes += said.phonemes.unknown
    return Given(start=stretch.start, end=stretch.end, phonemes=said.phonemes.text, backend=said.phonemes.backend)
