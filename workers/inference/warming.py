"""The warm-up: what each lane speaks before the worker registers. Knows nothing of sessions.

A session on the CPU needs one run of three tokens, which loads the weights; new lengths cost it nothing (docs/log.md).
An accelerator compiles or allocates for each length, so it gets one run of each class of lengths.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chorus.errors import ChorusError, ModelError
from chorus.vocabulary import MAX_TOKENS

CPU_CLASSES = (3,)
# A listener's first words, the words after them, a usual segment of a book, and the longest segment there is.
ACCELERATOR_CLASSES = (15, 60, 150, MAX_TOKENS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """One utterance of the warm-up."""

    lane: str
    tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Warmed:
    """A round that is done."""

    round: Round
    seconds: float


def plan(sessions: Iterable[tuple[str, bool]]) -> tuple[Round, ...]:
    """One round for each session and class of lengths.

    `sessions`: of each, the name of its lane and whether an accelerator runs it.
    """
    classes = {lane: ACCELERATOR_CLASSES if accelerated else CPU_CLASSES for lane, accelerated in sessions}
    return tuple(Round(lane=lane, tokens=tokens) for lane, lengths in classes.items() for tokens in lengths)


def warm(
    rounds: Iterable[Round], say: Callable[[Round], object], clock_s: Callable[[], float] = time.monotonic
) -> tuple[Warmed, ...]:
    """Go through the rounds; ModelError at the first that fails, for then the worker is not ready."""
    return tuple(_warmed(one, say, clock_s) for one in rounds)


def _warmed(one: Round, say: Callable[[Round], object], clock_s: Callable[[], float]) -> Warmed:
    began_s = clock_s()
    try:
        say(one)
    except ChorusError as error:
        raise ModelError(
            f"The {one.lane} session failed its warm-up of {one.tokens} tokens, choose another model: {error}"
        ) from error
    return Warmed(round=one, seconds=clock_s() - began_s)
