"""Decides from its neighbours whether an English word is a noun, a verb or an adjective. Knows no sounds.

A sentence is tagged from left to right: the words before this one have tags, those after it are known by their spelling
only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.phonemes.english_wordlists import (
    ADJECTIVES,
    BE,
    CLAUSE_OPENERS,
    CLOSED,
    HAVE,
    INTENSIFIERS,
    NOT_ADVERBS,
    NOT_PLURAL,
    NOUN_PHRASE_OPENERS,
    OBJECTS,
    OFTEN_VERBS,
    PARTICIPLES,
    PARTICLES,
    PAST,
    PLURAL_SUBJECTS,
    PLURALS,
    RARELY_VERBS,
    SEEM,
    SINGULAR_SUBJECTS,
    VERBS,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WordPlace:
    """A word among its neighbours."""

    words: Sequence[str]
    """In lower case, with straight apostrophes."""
    tags: Sequence[str]
    """The tags of the words before this one, and of later ones if they are punctuation or numbers."""
    at: int

    @property
    def word(self) -> str:
        """The word itself."""
        return self.words[self.at]

    @property
    def next_word(self) -> str:
        """The next word; empty at the end and before punctuation."""
        at = self.at + 1
        return self.words[at] if at < len(self.words) and self.words[at][:1].isalnum() else ""

    @property
    def next_tag(self) -> str:
        """The tag of the next word if it belongs to a closed class, else empty; `.` if there is no next word."""
        return CLOSED.get(self.next_word, "") if self.next_word else "."

    def left(self, skip: int = 0) -> int:
        """The index of the word before, without adverbs and quotes; -1 if there is none. `skip` goes further back."""
        at = self.at - 1
        while at >= 0 and (self.tags[at] in ("RB", "``", "''") and self.words[at] != "n't"):
            at -= 1
        return at - skip if at - skip >= 0 else -1

    def before(self, skip: int = 0) -> str:
        """The word before, as `left` finds it; empty at the beginning."""
        at = self.left(skip)
        return self.words[at] if at >= 0 else ""

    def before_tag(self, skip: int = 0) -> str:
        """The tag of the word before; `.` at the beginning."""
        at = self.left(skip)
        return self.tags[at] if at >= 0 else "."


def plural(word: str) -> bool:
    """Whether a noun is in the plural, by its spelling."""
    return word in PLURALS or (
        word.endswith("s") and word not in NOT_PLURAL and not word.endswith(("ss", "us", "is", "'s"))
    )


def noun_like(word: str) -> bool:
    """Whether a word may be a noun or an adjective: no word of a closed class, no past tense, no adverb in -ly."""
    return word[:1].isalpha() and word not in CLOSED and word not in PAST and not word.endswith("ly")


def finite(word: str) -> bool:
    """Whether the word is certainly a verb with its subject before it."""
    return word in PAST or CLOSED.get(word) in ("VBZ", "VBP", "VBD", "MD")


def may_be_imperative(place: WordPlace) -> bool:
    """Whether a command may begin with this word as its verb."""
    return place.before_tag() in (".", ":", "``", ",") or place.before() in ("please", "then", "first", "and then")


def wants_infinitive(place: WordPlace) -> bool:
    """Whether a word before it requires an infinitive: to, will, did you, let me."""
    if place.before_tag() in ("TO", "MD") or place.before() == "let":
        return True
    inverted = place.before_tag() == "PRP" and (
        place.before_tag(1) == "MD" or place.before(1) in ("let", "make", "help")
    )
    return inverted and place.before() not in ("nothing", "something", "anything", "everything")


def open_class(place: WordPlace) -> str:
    """The tag of a word that belongs to no closed class."""
    word, third = place.word, verb(place.word) == "VBZ"
    if word in ADJECTIVES and adjective(place):
        return "JJ"
    if word.endswith("ly") and word not in NOT_ADVERBS:
        return "RB"
    if wants_infinitive(place) and not third:
        return verb(word)
    if place.before() in HAVE or place.before() in BE:
        return _after_auxiliary(place)
    if word in PAST and place.before_tag() not in NOUN_PHRASE_OPENERS:
        return "VBD"
    return _by_score(place)


def _after_auxiliary(place: WordPlace) -> str:
    """The tag of a word after a form of to have or to be."""
    taken = participle(place.word) or place.word in PARTICIPLES or (place.before() in HAVE and _object(place) > 1)
    if taken:
        return participle(place.word) or "VBN"
    return "JJ" if place.word in ADJECTIVES else "NN"


def _by_score(place: WordPlace) -> str:
    for_verb, for_noun = _for_verb(place), _for_noun(place)
    if for_verb > for_noun:
        return verb(place.word)
    if participle(place.word) and for_noun < _SURE:
        return participle(place.word)
    return "NNS" if plural(place.word) else "NN"


_SURE = 3.0


def participle(word: str) -> str:
    """The tag of a participle, by the word's ending; empty if it is none."""
    return "VBG" if word.endswith("ing") and len(word) > 4 else "VBN" if word.endswith("ed") and len(word) > 3 else ""  # noqa: PLR2004


def verb(word: str) -> str:
    """The tag of a word, given that it is a verb."""
    if word in PAST or (word.endswith("ed") and len(word) > 3):  # noqa: PLR2004 - red, bed, need no -ed
        return "VBD"
    if word.endswith("ing"):
        return "VBG"
    return "VBZ" if word.endswith("s") and not word.endswith("ss") else "VB"


def adjective(place: WordPlace) -> bool:
    """Whether a word of ADJECTIVES is an adjective here."""
    if (
        place.at
        and place.words[place.at - 1] in INTENSIFIERS
        and place.before() not in PLURAL_SUBJECTS | SINGULAR_SUBJECTS
    ):
        return True
    behind = noun_like(place.next_word) and not verb_follows(place)
    if place.before_tag() in NOUN_PHRASE_OPENERS or place.before_tag() in ("JJ", "IN"):
        return behind
    if place.before() in BE or place.before() in SEEM:
        return True
    if place.before_tag() == "CC":
        return place.before_tag(1) == "JJ"
    return False


def verb_follows(place: WordPlace) -> bool:
    """Whether the next word looks like a verb with this word as its subject: every minute counts."""
    after = place.words[place.at + 2] if place.at + 2 < len(place.words) else "."
    ends = place.next_word.endswith("s") and place.next_word[:-1] in VERBS
    return ends and (not after[:1].isalpha() or after in CLOSED)


def _for_verb(place: WordPlace) -> float:
    word, before, tag = place.word, place.before(), place.before_tag()
    third, past = verb(word) == "VBZ", verb(word) == "VBD"
    score = 0.5 if word in OFTEN_VERBS or word in VERBS or (third and word[:-1] in VERBS) or past else 0.0
    if tag == "PRP" or before in PLURAL_SUBJECTS or before in ("nobody", "everyone", "anyone"):
        score += (
            1.0
            if before in OBJECTS - {"you", "it"} or (before in SINGULAR_SUBJECTS and not third and not past)
            else 3.5
        )
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
    if may_be_imperative(place):
        opens = place.before_tag() in (".", "``")
        score += -2.0 * opens if third else 1.0 if place.next_tag in ("DT", "PRP$", "PRP", "IN", "CD") else 0.3
    if word in RARELY_VERBS:
        score -= 2.0
    return score + _object(place)


def _agreement(place: WordPlace, *, third: bool, past: bool) -> float:
    """A score of how well the noun before fits as the subject of this verb."""
    if third and finite(place.next_word):
        return -1.0
    if place.before_tag(1).startswith("VB") or (third and place.before_tag(1) == "IN"):
        # A noun after a verb or a preposition is part of an object and no subject.
        return 0.0
    if past:
        return 1.5
    if third == plural(place.before()):
        return -0.5
    # Most words in -s are plurals. A verb in -s is followed by something that does not follow a noun.
    if third and not _object(place):
        return 2.0 * (place.next_tag == "IN" and place.word[:-1] in OFTEN_VERBS)
    return 2.0


def _object(place: WordPlace) -> float:
    """A score of how well the next word fits after a verb rather than after a noun."""
    behind, tag = place.next_word, place.next_tag
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
    elif tag in NOUN_PHRASE_OPENERS or before == "her" or before.endswith("'s"):
        counted = tag == "CD" and verb(place.word) == "VBZ" and place.next_tag in ("DT", "PRP$")
        score += 0.0 if counted else 3.5
    elif (tag == "JJ" and before not in PLURALS) or (tag == "IN" and before not in CLAUSE_OPENERS):
        score += 3.0
    elif tag.startswith("VB"):
        score += 2.0
    elif tag == "CC" and place.before_tag(1).startswith("NN"):
        score += 1.0
    if place.next_word == "of":
        score += 2.0
    if finite(place.next_word) and tag not in ("PRP", "WP"):
        score += 2.0
    elif place.next_word.endswith("s") and place.next_word[:-1] in VERBS:
        score += 1.0
    return score
