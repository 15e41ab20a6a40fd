"""What an open English word is among its neighbours: noun, verb or adjective. Knows no sounds.

Left to right: what stands before a word has its tag already, what stands behind is known by its letters alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.phonemes.english_wordlists import (
    ADJECTIVES,
    BE,
    CLOSED,
    HARDLY_VERBS,
    HAVE,
    INTENSIVE,
    MANY,
    NOUNS_OPEN,
    OBJECTS,
    ONE,
    PARTICIPLES,
    PARTICLES,
    PAST,
    PLURALS,
    RATHER_VERBS,
    SEEM,
    SENTENCES,
    STEADY,
    VERBS,
    VERBS_IN_LY,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WordPlace:
    """A word among its neighbours."""

    words: Sequence[str]
    """In small letters, with straight apostrophes."""
    tags: Sequence[str]
    """Of the words before this one; of the others where their signs tell."""
    at: int

    @property
    def word(self) -> str:
        """The word itself."""
        return self.words[self.at]

    @property
    def behind(self) -> str:
        """The next word; empty at the end and before a mark."""
        at = self.at + 1
        return self.words[at] if at < len(self.words) and self.words[at][:1].isalnum() else ""

    @property
    def behind_tag(self) -> str:
        """The class of the next word, where its letters tell; `.` for none."""
        return CLOSED.get(self.behind, "") if self.behind else "."

    def left(self, skip: int = 0) -> int:
        """Where the word stands on which this one depends: adverbs, quotes and negations tell nothing."""
        at = self.at - 1
        while at >= 0 and (self.tags[at] in ("RB", "``", "''") and self.words[at] != "n't"):
            at -= 1
        return at - skip if at - skip >= 0 else -1

    def before(self, skip: int = 0) -> str:
        """That word; empty at the beginning."""
        at = self.left(skip)
        return self.words[at] if at >= 0 else ""

    def before_tag(self, skip: int = 0) -> str:
        """Its tag; `.` at the beginning."""
        at = self.left(skip)
        return self.tags[at] if at >= 0 else "."


def plural(word: str) -> bool:
    """Whether a noun is in the plural, by its letters."""
    return word in PLURALS or (
        word.endswith("s") and word not in STEADY and not word.endswith(("ss", "us", "is", "'s"))
    )


def noun_like(word: str) -> bool:
    """Whether a noun or an adjective may stand there: no small word, no adverb, no certain verb."""
    return word[:1].isalpha() and word not in CLOSED and word not in PAST and not word.endswith("ly")


def finite(word: str) -> bool:
    """Whether this is certainly a verb that has its subject before it."""
    return word in PAST or CLOSED.get(word) in ("VBZ", "VBP", "VBD", "MD")


def commanded(place: WordPlace) -> bool:
    """Whether a sentence may begin here with its verb."""
    return place.before_tag() in (".", ":", "``", ",") or place.before() in ("please", "then", "first", "and then")


def asked_for(place: WordPlace) -> bool:
    """Whether a word before wants a bare verb: to, will, did you, let me."""
    if place.before_tag() in ("TO", "MD") or place.before() == "let":
        return True
    inverted = place.before_tag() == "PRP" and (
        place.before_tag(1) == "MD" or place.before(1) in ("let", "make", "help")
    )
    return inverted and place.before() not in ("nothing", "something", "anything", "everything")


def open_class(place: WordPlace) -> str:
    """The tag of a word of no closed class."""
    word, third = place.word, verb(place.word) == "VBZ"
    if word in ADJECTIVES and adjective(place):
        return "JJ"
    if word.endswith("ly") and word not in VERBS_IN_LY:
        return "RB"
    if asked_for(place) and not third:
        return verb(word)
    if place.before() in HAVE or place.before() in BE:
        return _done(place)
    if word in PAST and place.before_tag() not in NOUNS_OPEN:
        return "VBD"
    return _by_weight(place)


def _done(place: WordPlace) -> str:
    """Behind a form of to have or to be."""
    taken = participle(place.word) or place.word in PARTICIPLES or (place.before() in HAVE and _object(place) > 1)
    if taken:
        return participle(place.word) or "VBN"
    return "JJ" if place.word in ADJECTIVES else "NN"


def _by_weight(place: WordPlace) -> str:
    for_verb, for_noun = _for_verb(place), _for_noun(place)
    if for_verb > for_noun:
        return verb(place.word)
    if participle(place.word) and for_noun < _SURE:
        return participle(place.word)
    return "NNS" if plural(place.word) else "NN"


_SURE = 3.0


def participle(word: str) -> str:
    """The tag of a word that ends as a participle does."""
    return "VBG" if word.endswith("ing") and len(word) > 4 else "VBN" if word.endswith("ed") and len(word) > 3 else ""  # noqa: PLR2004


def verb(word: str) -> str:
    """The tag of a word that is a verb."""
    if word in PAST or (word.endswith("ed") and len(word) > 3):  # noqa: PLR2004 - red, bed, need no -ed
        return "VBD"
    if word.endswith("ing"):
        return "VBG"
    return "VBZ" if word.endswith("s") and not word.endswith("ss") else "VB"


def adjective(place: WordPlace) -> bool:
    """Whether a word that can be an adjective is one here."""
    if place.at and place.words[place.at - 1] in INTENSIVE and place.before() not in MANY | ONE:
        return True
    behind = noun_like(place.behind) and not plural_verb(place)
    if place.before_tag() in NOUNS_OPEN or place.before_tag() in ("JJ", "IN"):
        return behind
    if place.before() in BE or place.before() in SEEM:
        return True
    if place.before_tag() == "CC":
        return place.before_tag(1) == "JJ"
    return False


def plural_verb(place: WordPlace) -> bool:
    """Whether the next word looks like the verb of which this one is the subject: every minute counts."""
    after = place.words[place.at + 2] if place.at + 2 < len(place.words) else "."
    ends = place.behind.endswith("s") and place.behind[:-1] in VERBS
    return ends and (not after[:1].isalpha() or after in CLOSED)


def _for_verb(place: WordPlace) -> float:
    word, before, tag = place.word, place.before(), place.before_tag()
    third, past = verb(word) == "VBZ", verb(word) == "VBD"
    score = 0.5 if word in RATHER_VERBS or word in VERBS or (third and word[:-1] in VERBS) or past else 0.0
    if tag == "PRP" or before in MANY or before in ("nobody", "everyone", "anyone"):
        score += 1.0 if before in OBJECTS - {"you", "it"} or (before in ONE and not third and not past) else 3.5
    elif before == "there" or tag == "WP":
        score += 2.0
    elif before == "that" and third:
        score += 3.5
    elif before in ("that", "those") and place.before_tag(1).startswith("NN"):
        score += 2.5 if third != plural(place.before(1)) else 0.0
    elif tag.startswith("NN") or (tag == "JJ" and before in PLURALS):
        score += _agreement(place, third=third, past=past)
    elif tag == "CC" and place.before_tag(1).startswith("VB"):
        score += 2.0
    elif before == "this" and third:
        score += 4.5
    if commanded(place):
        opens = place.before_tag() in (".", "``")
        score += -2.0 * opens if third else 1.0 if place.behind_tag in ("DT", "PRP$", "PRP", "IN", "CD") else 0.3
    if word in HARDLY_VERBS:
        score -= 2.0
    return score + _object(place)


def _agreement(place: WordPlace, *, third: bool, past: bool) -> float:
    """How well the noun before would be this verb's subject."""
    if third and finite(place.behind):
        return -1.0
    if place.before_tag(1).startswith("VB") or (third and place.before_tag(1) == "IN"):
        # What follows a verb or a preposition is no subject, but part of an object.
        return 0.0
    if past:
        return 1.5
    if third == plural(place.before()):
        return -0.5
    # Most words in -s are plurals: a verb among them has something behind it that no noun would have.
    if third and not _object(place):
        return 2.0 * (place.behind_tag == "IN" and place.word[:-1] in RATHER_VERBS)
    return 2.0


def _object(place: WordPlace) -> float:
    """What stands behind a verb rather than behind a noun."""
    behind, tag = place.behind, place.behind_tag
    if tag in ("DT", "PRP$") or behind in OBJECTS:
        return 2.0 if place.before_tag() == "CC" else 1.5
    adverb = behind in PARTICLES or behind.endswith("ly")
    if tag == "CD" or adverb or (behind == "that" and not plural(place.word)):
        return 1.0
    return 0.3 if tag == "JJ" else 0.0


def _for_noun(place: WordPlace) -> float:
    before, tag = place.before(), place.before_tag()
    score = 0.6
    if before == "that":
        score += 0.0 if plural(place.word) else 1.0 if place.before_tag(1).startswith("NN") else 3.5
    elif tag in NOUNS_OPEN or before == "her" or before.endswith("'s"):
        counted = tag == "CD" and verb(place.word) == "VBZ" and place.behind_tag in ("DT", "PRP$")
        score += 0.0 if counted else 3.5
    elif (tag == "JJ" and before not in PLURALS) or (tag == "IN" and before not in SENTENCES):
        score += 3.0
    elif tag.startswith("VB"):
        score += 2.0
    elif tag == "CC" and place.before_tag(1).startswith("NN"):
        score += 1.0
    if place.behind == "of":
        score += 2.0
    if finite(place.behind) and tag not in ("PRP", "WP"):
        score += 2.0
    elif place.behind.endswith("s") and place.behind[:-1] in VERBS:
        score += 1.0
    return score
