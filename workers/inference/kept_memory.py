"""What memory a session's arena keeps between runs, so that the next segment need not ask the system for it again.

Counted in tokens: a run of so many finds its memory in the arena. Only runs take and give memory, so to change what is
kept something has to be run that nobody hears. Knows nothing of sessions or speech: it chooses the options of runs.
"""

from collections.abc import Callable

import onnxruntime as ort

from workers.inference.sessions import keeping, shrinking
from workers.inference.warming import CPU_CLASSES

# Segments follow upon each other and are much alike: what one leaves the next takes up, which saves 2 % of their time.
# The planner aims at 150 tokens: what a longer one took is freed at once, and all of it once the session is idle.
KEPT_TOKENS = 200
KEPT_S = 2.0
# Fresh memory would lengthen a listener's wait by a twentieth: enough for their first segment stays. It is cut at 15
# tokens, or at twice as many where there is no better place.
FIRST_TOKENS = 30

MakeOptions = Callable[[], ort.RunOptions]
SilentRunner = Callable[[int, MakeOptions], bool]
"""Runs about so many tokens with such options if the session is idle; whether it ran, to the end."""


class KeptMemory:
    """The memory of one session. Many threads may ask for options; one at a time settles or gives back."""

    def __init__(self, *, at_rest: int = 0, may_keep: bool = True) -> None:
        """`at_rest`: for so many tokens there is memory even when nobody speaks. An accelerator keeps none."""
        self._at_rest = at_rest
        self._may_keep = may_keep
        self._held = 0

    def options(self, tokens: int) -> ort.RunOptions:
        """For an utterance of so many tokens."""
        if not self._may_keep or tokens > KEPT_TOKENS:
            self._held = 0
            return shrinking()
        self._held = max(self._held, tokens)
        return keeping()

    def unchanged(self) -> MakeOptions:
        """For a short run that must leave what is kept as it is."""
        return keeping if self._held else shrinking

    def settle(self, run: SilentRunner) -> bool:
        """Have the memory that the next utterance will want, and not over twice as much; whether that changed it."""
        freed = self._held > 2 * self._at_rest and self.give_back(run)
        if self._held >= self._at_rest or not run(self._at_rest, keeping):
            return freed
        self._held = max(self._held, self._at_rest)
        return True

    def give_back(self, run: SilentRunner) -> bool:
        """Free all that is kept; whether anything was, and the session was idle for long enough."""
        # Cleared before the run: an utterance that comes from here on keeps memory of its own and writes it down.
        held, self._held = self._held, 0
        freed = held > 0 and run(CPU_CLASSES[0], shrinking)
        if not freed:
            self._held = max(self._held, held)
        return freed

    def lost(self) -> None:
        """The session was replaced by one that has run nothing."""
        self._held = 0
