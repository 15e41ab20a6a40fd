"""Text of any length: no sentence comes twice, and every word stands in the dictionaries."""

import random
from collections.abc import Iterator

_WHO = [
    "the harbour",
    "a lamp",
    "the old baker",
    "her brother",
    "the river",
    "a grey horse",
    "the night train",
    "nobody",
    "the letter",
    "one of the children",
    "the mill",
    "a stranger",
    "the garden",
    "his first boat",
]
_DID = [
    "waited for",
    "remembered",
    "turned towards",
    "followed",
    "never left",
    "found",
    "crossed",
    "listened to",
    "answered",
    "forgot",
    "carried",
    "looked after",
]
_WHERE = [
    "before the rain began",
    "under a low roof",
    "at the end of the road",
    "long after midnight",
    "in plain sight",
    "without a word",
    "beyond the hill",
    "when the bell rang",
    "by the open door",
    "on the third day",
]


def sentence(chance: random.Random, number: int) -> str:
    """One that names its number, so that none is said twice or in another's place."""
    who, other = chance.sample(_WHO, 2)
    return f"{who.capitalize()} {chance.choice(_DID)} {other} {chance.choice(_WHERE)}, and that was number {number}."


def paragraphs(seed: object, count: int, *, sentences: int = 3) -> Iterator[str]:
    """The same ones for the same seed."""
    chance = random.Random(repr(seed))
    for at in range(count):
        yield " ".join(sentence(chance, at * sentences + index + 1) for index in range(sentences))


def chapter(seed: object, number: int, count: int) -> str:
    """A chapter of Markdown."""
    return "\n\n".join([f"# Chapter {number}", *paragraphs((seed, number), count)])
