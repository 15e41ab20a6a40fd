"""The texts that measurements speak: made-up prose of any length, and short sentences, no two of them the same.

Knows nothing of what is measured.
"""

import itertools
import random
from collections.abc import Iterator

from tasks import documents
from tasks.plan import LIVE_FIRST_TOKENS
from tasks.segmenting.cutting import TARGET_TOKENS
from tasks.segmenting.segments import Segment, segments

VOICE = "af_heart"
SUBJECTS = ("the keeper", "an old captain", "my aunt", "nobody", "a small boat", "the baker", "everyone", "the miller")
VERBS = ("counted", "remembered", "lost", "carried", "painted", "followed", "answered", "kept", "found", "forgot")
THINGS = ("the lamp", "a desert of sand", "three letters", "the morning bell", "her brother", "a line", "the tide")
PLACES = ("on the long pier", "before dawn", "in a low voice", "behind the door", "with both hands", "one last time")


def cut(text: str, *, live: bool = False, target: int = TARGET_TOKENS) -> list[Segment]:
    """The segments that the planner makes of a plain text."""
    document = documents.read(text.encode(), "text.txt")
    return [
        segment
        for chapter in document.chapters
        for segment in segments(chapter, "en-us", first=LIVE_FIRST_TOKENS if live else None, target=target)
    ]


def prose(seed: int, characters: int) -> str:
    """Made-up sentences with at least so many characters; a seed gives the same text everywhere."""
    chance = random.Random(seed)  # noqa: S311 - a text, not a secret
    text = ""
    while len(text) < characters:
        place = f"{chance.choice(PLACES)}, " if not text or chance.random() < 1 / 2 else ""
        clauses = [
            " ".join(map(chance.choice, (SUBJECTS, VERBS, THINGS, PLACES))) for _ in range(chance.choice((1, 1, 2, 3)))
        ]
        sentence = place + ", and ".join(clauses)
        text += f"{sentence[:1].upper()}{sentence[1:]}. "
    return text.rstrip()


def short_sentences() -> Iterator[str]:
    """Sentences of a few words, no two of them the same."""
    every = [" ".join(words) for words in itertools.product(SUBJECTS, VERBS, THINGS)]
    random.Random(1895).shuffle(every)  # noqa: S311 - an order, not a secret
    return (f"{sentence[:1].upper()}{sentence[1:]}." for sentence in every)
