"""Chooses between English words of one spelling and different sounds, where the general grammar is not enough.

It gives misaki a tag, or phonemes if misaki has only one sound. Knows the neighbours of a word and no dictionary.
"""

from collections.abc import Callable, Sequence

from tasks.phonemes.english_wordlists import (
    BE,
    CLAUSE_OPENERS,
    CLOSED,
    HAVE,
    INTENSIFIERS,
    OBJECTS,
    PARTICLES,
    PAST,
    PLURAL_SUBJECTS,
    SEEM,
    SINGULAR_SUBJECTS,
    words,
)
from tasks.phonemes.grammar import (
    WordPlace,
    may_be_imperative,
    noun_like,
    open_class,
    plural,
    verb_follows,
    wants_infinitive,
)

_NOW = words(
    "every always usually often daily nowadays days sundays mondays tuesdays wednesdays thursdays fridays saturdays"
    " mornings evenings nights whenever sometimes rarely seldom"
)
_THEN = words("yesterday ago last earlier once then")
_NOUN_PHRASE_OPENERS = frozenset(("DT", "PRP$", "JJ", "CD", "POS"))
_METAL = words(
    "pipe pipes metal zinc bullet bullets roof roofs pencil pencils poison poisoning poisoned paint heavy tin copper"
    " iron"
    " melted molten ore sheet sheets weight weights coffin lined silver mercury shot solder plumber"
)
_LEADING = words("role singer actor guitar story story's part dancer horse character time")
_ARCHERY = words("arrow arrows archer archers quiver violin cello fiddle ribbon ribbons hair tie tied string strings")
_SHIP = words(
    "ship ships boat boats deck stern wave waves vessel prow anchor sail sails port starboard hull sea captain"
)
_COURTESY = words("low deep stiff slight little polite courtly formal mocking graceful ironic elaborate final profound")
_QUARREL = words("furious terrible dreadful blazing awful violent flaming bitter frightful bad fearful tremendous")
_FISH = words(
    "lake fish caught catch fishing trout river pond grilled fried lemon hook pike perch striped net cod angler boat"
)
_TORN = words(
    "into off under for down through in headfirst overboard beneath behind straight right out from deep after"
)
_TURNED = words(
    "up down around round through its his her their the into on upward along away back between among across past"
)
_ACCUSTOMED = words("get gets got getting grow grew become became becoming be")
_AIR = words("go goes going went broadcast broadcasts recorded streamed shown performed sung play played perform come")
_UNIT = words("hand hands walk drive ride later ago and or break rule silence book papers before after")
_COUNTING = words("every each this that one any last next per half another")


def tag_for(place: WordPlace) -> str:
    """The tag with which misaki pronounces one of these words correctly; empty for any other word."""
    if place.word in _SENSES:
        return _SENSES[place.word](place, open_class(place))
    rule = _RULES.get(place.word)
    return rule(place) if rule else ""


def corrected_tag(words: Sequence[str], tags: Sequence[str], at: int) -> str:
    """Another tagger's tag, corrected for words whose sense decides, and for the tense of `read`."""
    place, tag = WordPlace(words=words, tags=tags, at=at), tags[at]
    if place.word in ("read", "reread") and tag in ("VBP", "VBD", "VB"):
        return _read(place)
    sense = _SENSES.get(place.word)
    return sense(place, tag) if sense else tag


def sound_for(words: Sequence[str], tags: Sequence[str], at: int) -> str:
    """The phonemes of a word for which misaki has only the other sound; empty for any other word."""
    word = words[at]
    if not tags[at].startswith("NN"):
        return ""
    place = WordPlace(words=words, tags=tags, at=at)
    if word == "lead" and _is_metal(place):
        return "lˈɛd"
    if word in ("row", "rows") and _is_quarrel(place):
        return "ɹˈW" if word == "row" else "ɹˈWz"
    return ""


def _is_metal(place: WordPlace) -> bool:
    if place.next_word in _LEADING or place.before(1) in ("take", "took", "taking", "takes"):
        return False
    # The noun of `to lead` has an article or an owner before it: a lead, the lead, her lead.
    bare = place.before_tag() in ("IN", "VBD", "VB", "VBN", "CC") and place.before() not in CLAUSE_OPENERS - {
        "as",
        "than",
    }
    return bare or not _METAL.isdisjoint(place.words)


def _is_quarrel(place: WordPlace) -> bool:
    if place.next_word == "of":
        return False
    made = place.before(1) in ("had", "have", "having", "make", "made", "making", "up", "what")
    return (
        place.before() in _QUARREL or place.next_word in ("about", "over", "with") or (made and place.before() == "a")
    )


def _read(place: WordPlace) -> str:
    before, tag = place.before(), place.before_tag()
    inverted = tag == "PRP" and place.before(1) in HAVE
    if before in HAVE or before in BE or inverted or place.next_word == "by":
        return "VBN"
    if wants_infinitive(place) or before == "please" or (may_be_imperative(place) and tag != ","):
        return "VB"
    if tag in _NOUN_PHRASE_OPENERS or before == "that":
        return "NN"
    if tag == "CC":
        return _like_previous_verb(place)
    may_be_now = before in PLURAL_SUBJECTS or tag == "NNS" or (tag == "NN" and plural(before)) or before == "people"
    return "VB" if may_be_now and _is_now(place) else "VBD"


def _like_previous_verb(place: WordPlace) -> str:
    """The tag of `read` after `and`: that of the verb before it, which may be some words away."""
    for at in range(place.left(), -1, -1):
        if place.words[at] in PAST or place.tags[at] in ("VBD", "VBN"):
            return "VBD"
        if place.tags[at] in ("TO", "MD"):
            return "VB"
    return "VB"


def _is_now(place: WordPlace) -> bool:
    others = [word for at, word in enumerate(place.words) if at != place.at]
    if any(word in _THEN or word in PAST or (word.endswith("ed") and word not in ("need", "bed")) for word in others):
        return False
    return any(word in _NOW for word in others) or place.before() not in ("i", "we")


def _wound(place: WordPlace) -> str:
    before, tag = place.before(), place.before_tag()
    if wants_infinitive(place):
        return "VB"
    if tag in _NOUN_PHRASE_OPENERS or tag == "IN" or before == "her":
        return "NN"
    if before in HAVE or (before in BE and place.next_word in _TURNED):
        return "VBN"
    return "VBD" if place.next_word in _TURNED or tag == "PRP" else "NN"


def _used(place: WordPlace) -> str:
    if place.next_word != "to":
        return "JJ" if place.before_tag() == "DT" else "VBN"
    if place.before() in _ACCUSTOMED and place.before() not in BE:
        return "JJ"
    if place.before() not in BE:
        return "VBD"
    after = place.words[place.at + 2] if place.at + 2 < len(place.words) else ""
    accustomed = after.endswith("ing") or CLOSED.get(after) in ("DT", "PRP$", "PRP") or after in OBJECTS
    return "JJ" if accustomed else "VBN"


def _like(place: WordPlace) -> str:
    liked = wants_infinitive(place) or place.before() in PLURAL_SUBJECTS or (place.before() == "would")
    return "VB" if liked and place.before_tag() not in ("VBP", "VBZ", "VBD") else "IN"


def _that(place: WordPlace) -> str:
    before, after = place.before(), place.next_word
    if (before in ("that", "like") and after) or after == "of":
        return "DT"
    alone = not after or after in BE or CLOSED.get(after) == "MD"
    demonstrative = (CLOSED.get(before) == "IN" and before not in CLAUSE_OPENERS) or (alone and not before) or not after
    return "DT" if demonstrative else "IN"


def _in(place: WordPlace) -> str:
    mark = place.words[place.at + 1] if place.at + 1 < len(place.words) else "."
    ends = mark[0] in ".,;:!?\u2014\u2026" and place.before_tag() != "IN"
    return "RP" if ends or mark in ("and", "or", "but") else "IN"


def _minute(place: WordPlace) -> str:
    before, tag, following = place.before(), place.before_tag(), place.next_word
    described = (
        noun_like(following)
        and following not in _UNIT
        and not following.endswith(("ing", "ed"))
        and not verb_follows(place)
    )
    if before in _COUNTING or tag == "CD":
        return "JJ" if described and (tag != "CD" or plural(following)) else "NN"
    if tag in ("DT", "PRP$", "JJ", "IN", "VBD", "VB", "VBZ", "VBP") and place.words[place.at - 1] not in INTENSIFIERS:
        return "JJ" if described or (not following and before in BE) else "NN"
    return "JJ" if open_class(place) == "JJ" else "NN"


def _close(place: WordPlace) -> str:
    before, tag = place.before(), place.before_tag()
    if wants_infinitive(place):
        return "VB"
    if place.next_word in ("of", "") and tag == "DT":
        return "NN"
    if tag in ("DT", "PRP$", "JJ", "POS", "RB") or before in BE or before in SEEM or before == "too":
        return "JJ"
    if place.next_word in ("by", "to", "behind", "together", "enough", "beside") and before not in PLURAL_SUBJECTS:
        return "RB"
    if may_be_imperative(place) or before in PLURAL_SUBJECTS or tag in ("NNS", "WP"):
        return "VB"
    return "VB" if open_class(place).startswith("VB") else "JJ"


def _live(place: WordPlace) -> str:
    before, tag = place.before(), place.before_tag()
    if before in _AIR:
        return "RB"
    if wants_infinitive(place):
        return "VB"
    if before in BE or (
        tag in _NOUN_PHRASE_OPENERS and noun_like(place.next_word) and before not in ("those", "these", "all", "both")
    ):
        return "JJ"
    fed = tag.startswith("VB") or tag == "IN"
    return "JJ" if fed and before not in CLAUSE_OPENERS and noun_like(place.next_word) else "VB"


def _lives(place: WordPlace) -> str:
    before, tag = place.before(), place.before_tag()
    if before in SINGULAR_SUBJECTS or before in ("who", "which", "that", "one", "man", "woman") or tag == "EX":
        return "VBZ"
    if place.next_word in ("of", "") or tag in ("DT", "PRP$", "CD", "IN", "JJ"):
        return "NNS"
    return open_class(place)


def _content(place: WordPlace) -> str:
    if wants_infinitive(place) or place.next_word in OBJECTS:
        return "VB"
    if place.before() in BE or place.before() in SEEM or place.next_word in ("to", "with"):
        return "JJ"
    return "NN"


def _bow(place: WordPlace, tag: str) -> str:
    if not tag.startswith("NN"):
        return tag
    around = frozenset(place.words)
    if not around.isdisjoint(_ARCHERY):
        return tag
    courtesy = place.before() in _COURTESY or place.before(1) in (
        "with",
        "made",
        "make",
        "took",
        "take",
        "gave",
        "give",
    )
    # misaki pronounces the bow of a ship and of a courtier with the tag of a verb.
    return "VB" if courtesy or not around.isdisjoint(_SHIP) else tag


def _bass(place: WordPlace, _tag: str) -> str:
    return "NN" if not _FISH.isdisjoint(place.words) else "JJ"


def _tear(place: WordPlace, tag: str) -> str:
    rent = place.next_word == "in" and words("eye eyes voice").isdisjoint(place.words)
    worn = place.before() == "and" and place.before(1) == "wear"
    return "VB" if tag.startswith("NN") and (rent or worn) else tag


def _dove(place: WordPlace) -> str:
    jumped = place.next_word in _TORN or place.next_word in PARTICLES
    return "VBD" if jumped and place.before_tag() not in ("DT", "JJ", "PRP$", "CD") else "NN"


def _invalid(place: WordPlace) -> str:
    if place.before_tag() in ("DT", "PRP$", "JJ") and not noun_like(place.next_word):
        return "NN"
    return "JJ"


def _learned(place: WordPlace) -> str:
    return "JJ" if place.before_tag() in ("DT", "PRP$", "JJ", "IN") and noun_like(place.next_word) else "VBN"


_RULES: dict[str, Callable[[WordPlace], str]] = {
    "read": _read, "reread": _read, "wound": _wound, "used": _used, "that": _that, "in": _in, "minute": _minute,
    "close": _close, "live": _live, "lives": _lives, "content": _content, "like": _like, "dove": _dove,
    "invalid": _invalid, "learned": _learned,
}  # fmt: skip
_SENSES: dict[str, Callable[[WordPlace, str], str]] = {"bow": _bow, "bows": _bow, "bass": _bass, "tear": _tear}
