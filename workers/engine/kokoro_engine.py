"""Fills `tasks.engine.Engine`: Kokoro on warm sessions, on a CPU one that books share and one kept for a listener.

Knows nothing of queues, jobs or Redis: an utterance goes in, validated speech comes out.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import cycle, islice

from broker.lane_reports import LaneReport
from chorus.errors import AudioError, ChorusError, FarmError, OptionError
from chorus.vocabulary import MAX_TOKENS
from tasks.engine import Lane, Speech, Utterance
from workers.engine import isolated
from workers.inference import router, warming
from workers.inference.keep_alive import Counts
from workers.inference.lanes import Promise
from workers.inference.synthesizer import KEPT_S, SilentUtterance, Synthesizer
from workers.models import voicebank
from workers.models.resolving import Model

SLOWEST, FASTEST = 0.5, 2.0
# Half a megabyte each.
_BLENDS_KEPT = 16
# Heard by nobody: it pays the first run's allocations before someone waits for them. Said over and over where more
# tokens are wanted.
_TRIAL = "həlˈoʊ "

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Synthesizers:
    """All there are, and who serves whom."""

    live: tuple[Synthesizer, ...]
    bulk: tuple[Synthesizer, ...]
    spare: Synthesizer
    """On the CPU: it speaks what failed elsewhere, and everything once nothing else is left."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Lanes that were asked for and are not here, and why."""
    strict: bool = False
    """Whether a lane that fails before anybody waits for it ends the worker; otherwise it is given up."""

    def of(self, lane: Lane) -> tuple[Synthesizer, ...]:
        """Those that this lane's segments go to."""
        serving = tuple(
            synthesizer for synthesizer in (self.live if lane == "live" else self.bulk) if not synthesizer.retired
        )
        return serving or (self.spare,)

    def all(self) -> tuple[Synthesizer, ...]:
        """Each once, in the order in which they were opened."""
        return tuple(dict.fromkeys((*self.bulk, *self.live, self.spare)))


class KokoroEngine:
    """A warm model with its lanes; `speak` blocks and may be called from many threads at once."""

    def __init__(self, model: Model, styles: Mapping[str, voicebank.Style], synthesizers: Synthesizers) -> None:
        """Each synthesizer is closed with the engine."""
        self.sound = model.sound
        self.model = model.name
        self.model_digest = model.digest
        self.variant = model.variant
        self.why = model.why
        self.voices_digest = model.voices_digest
        self._opened = model
        self._styles = styles
        self._style = lru_cache(maxsize=_BLENDS_KEPT)(partial(voicebank.style, styles))
        self._booths = synthesizers
        self._closed = False
        self._apart = threading.Lock()
        # Whoever chooses a lane counts on it before the next one chooses.
        self._choosing = threading.Lock()

    def voices(self) -> tuple[str, ...]:
        """The names in the voices file, sorted."""
        return tuple(sorted(self._styles))

    def slots(self, lane: Lane) -> int:
        """How many utterances this lane speaks at once; books and listeners may share them, as in `bulk` mode."""
        return sum(synthesizer.lane.slots for synthesizer in self._booths.of(lane))

    def speak(self, utterance: Utterance, lane: Lane) -> Speech:
        """Say it on this lane, or raise ChorusError. A run of spaces is read as one, and none at either end.

        What fails on an accelerator is spoken by the CPU, once.
        """
        style = self._style(utterance.voice)
        if self._closed:
            raise FarmError("The engine is closed: this process is going down.")
        _check(utterance, self._booths.spare.vocabulary)
        synthesizer, promise = self._choose(lane, len(utterance.phonemes))
        if synthesizer.on_cpu:
            return synthesizer.say(utterance, style, promise)
        try:
            speech = synthesizer.say(utterance, style, promise)
        except (AudioError, FarmError) as error:
            log.warning("The lane %s failed, the CPU speaks in its place: %s", synthesizer.lane.name, error)
            again = self._booths.spare
            speech = again.say(utterance, style, again.lane.promise(len(utterance.phonemes), urgent=lane == "live"))
            synthesizer.failed(str(error))
        else:
            synthesizer.spoke()
        return speech

    def _choose(self, lane: Lane, tokens: int) -> tuple[Synthesizer, Promise]:
        """Where it will be said first, by what each lane has in hand and usually takes."""
        urgent = lane == "live"
        with self._choosing:
            synthesizers = self._booths.of(lane)
            if len(synthesizers) > 1:
                loads = {
                    synthesizer.lane.name: synthesizer.lane.load(tokens, urgent=urgent) for synthesizer in synthesizers
                }
                chosen = router.least(loads)
                synthesizers = tuple(synthesizer for synthesizer in synthesizers if synthesizer.lane.name == chosen)
            return synthesizers[0], synthesizers[0].lane.promise(tokens, urgent=urgent)

    def speak_isolated(self, utterance: Utterance, *, limit_s: float) -> Speech:
        """Say it in a process of its own. One at a time: each loads the model anew, and memory is what may be short."""
        with self._apart:
            return isolated.speak(self._opened, utterance, isolated.Limits(wall_s=limit_s))

    def warm_up(self) -> tuple[warming.Warmed, ...]:
        """Have each session say what it will be asked for, so that no one waits for a first run."""
        synthesizers = {synthesizer.lane.name: synthesizer for synthesizer in self._own_booths()}
        rounds = warming.plan((name, not synthesizer.on_cpu) for name, synthesizer in synthesizers.items())
        return warming.warm(rounds, lambda one: self._warm(synthesizers[one.lane], one.tokens))

    def _warm(self, synthesizer: Synthesizer, tokens: int) -> None:
        if synthesizer.retired:
            return
        try:
            synthesizer.say(*self._trial(synthesizer, tokens))
        except ChorusError as error:
            if synthesizer.on_cpu or self._booths.strict:
                raise
            synthesizer.retire(f"It failed its warm-up: {error}")

    def beats(self) -> tuple[Callable[..., bool], ...]:
        """One for each session: keeps it warm if nobody has used it lately."""
        return tuple(partial(synthesizer.keep_alive, self._trial(synthesizer)) for synthesizer in self._own_booths())

    def settle(self, *, idle_s: float = KEPT_S) -> bool:
        """Have each session that was idle for so long hold what its next segment will want; whether any changed."""
        changed = [
            synthesizer.settle(partial(self._trial, synthesizer), idle_s=idle_s) for synthesizer in self._own_booths()
        ]
        return any(changed)

    def give_back(self) -> bool:
        """Hand back all the memory that idle sessions hold for their next segments; whether any did."""
        given = [synthesizer.give_back(partial(self._trial, synthesizer)) for synthesizer in self._own_booths()]
        return any(given)

    def beaten(self) -> dict[str, Counts]:
        """How often each session was kept warm."""
        return {synthesizer.lane.name: synthesizer.rest.counts() for synthesizer in self._own_booths()}

    def drop_caches(self) -> None:
        """Forget what can be made again: the blends."""
        self._style.cache_clear()

    def _trial(self, synthesizer: Synthesizer, tokens: int = warming.CPU_CLASSES[0]) -> SilentUtterance:
        """An utterance of about so many tokens, all of which the model knows."""
        voice = self.voices()[0]
        known = [symbol for symbol in _TRIAL if symbol in synthesizer.vocabulary]
        said = "".join(islice(cycle(known), tokens)).strip()
        return Utterance(phonemes=said, voice=voice), self._styles[voice]

    def health(self) -> tuple[LaneReport, ...]:
        """What each lane has done so far, warm-up included; and which are not here, and why."""
        if self._closed:
            return ()
        synthesizers = self._booths
        serving = {*synthesizers.of("live"), *synthesizers.of("bulk")}
        opened = tuple(synthesizer.report(spare=synthesizer not in serving) for synthesizer in synthesizers.all())
        return opened + tuple(
            LaneReport(name=name, slots=0, state="unavailable", reason=why)
            for name, why in synthesizers.missing.items()
        )

    def close(self) -> None:
        """Finish what is being said, then stop the lanes' threads and let the sessions go."""
        for synthesizer in self._own_booths():
            synthesizer.lane.close()
        self._closed = True

    def _own_booths(self) -> tuple[Synthesizer, ...]:
        return () if self._closed else self._booths.all()


def _check(utterance: Utterance, vocabulary: frozenset[str]) -> None:
    phonemes = utterance.phonemes
    unknown = sorted(set(phonemes) - vocabulary)
    if unknown:
        raise FarmError(f"The model has no token for {', '.join(map(repr, unknown))}; nothing is dropped unsaid.")
    if not phonemes.strip():
        raise FarmError("A segment without phonemes reached the model.")
    if len(phonemes) > MAX_TOKENS:
        raise FarmError(f"A segment of {len(phonemes)} tokens reached the model, which takes {MAX_TOKENS}.")
    if not SLOWEST <= utterance.speed <= FASTEST:
        raise OptionError(f"Speed {utterance.speed:g} is beyond the model: it speaks at {SLOWEST} to {FASTEST}.")
