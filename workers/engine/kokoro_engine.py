"""The engine that voice workers install in `tasks.engine`: Kokoro on warm sessions, a lane each.

It chooses the lane for an utterance and has the CPU speak what failed on an accelerator. Knows nothing of queues, jobs
or Redis: an utterance goes in, validated speech comes out.
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
from workers.inference.keep_alive import BeatCounts
from workers.inference.kept_memory import KEPT_S
from workers.inference.lanes import Promise
from workers.inference.synthesizer import SilentUtterance, Synthesizer
from workers.models import samples, voicebank
from workers.models.resolving import Model

SLOWEST, FASTEST = 0.5, 2.0
# Half a megabyte each.
_BLENDS_KEPT = 16
# What is spoken unheard, repeated up to the number of tokens that is wanted.
_SILENT = "həlˈoʊ "

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Synthesizers:
    """All synthesizers of a worker, and which lane each serves."""

    live: tuple[Synthesizer, ...]
    bulk: tuple[Synthesizer, ...]
    spare: Synthesizer
    """On the CPU: it speaks what failed on an accelerator, and everything once every other lane is retired."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Lanes that were asked for and are not open: by name, why."""
    strict: bool = False
    """Whether a lane that fails its warm-up ends the worker; otherwise it is given up."""

    def of(self, lane: Lane) -> tuple[Synthesizer, ...]:
        """Those that speak this lane's segments."""
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
        """The engine owns the synthesizers: `close` ends their threads."""
        self.sound = model.sound
        self.model = model.name
        self.model_digest = model.digest
        self.variant = model.variant
        self.why = model.why
        self.voices_digest = model.voices_digest
        self.samples = samples.name_of(model) if all(one.on_cpu for one in synthesizers.all()) else ""
        self._loaded = model
        self._styles = styles
        self._style = lru_cache(maxsize=_BLENDS_KEPT)(partial(voicebank.style, styles))
        self._synthesizers = synthesizers
        self._closed = False
        self._isolated = threading.Lock()
        # Held from the choice of a lane until its promise is made, so that the next choice counts with this one.
        self._choosing = threading.Lock()

    def voices(self) -> tuple[str, ...]:
        """The names in the voices file, sorted."""
        return tuple(sorted(self._styles))

    def slots(self, lane: Lane) -> int:
        """How many utterances this lane speaks at once; where books and listeners share a session, they share these."""
        return sum(synthesizer.lane.slots for synthesizer in self._synthesizers.of(lane))

    def speak(self, utterance: Utterance, lane: Lane) -> Speech:
        """Speak it on this lane, or raise ChorusError. A run of spaces is read as one, and none at either end.

        What fails on an accelerator is tried once more, on the CPU.
        """
        style = self._style(utterance.voice)
        if self._closed:
            raise FarmError("The engine is closed, this process is going down: wait for the next.")
        _check(utterance, self._synthesizers.spare.vocabulary)
        synthesizer, promise = self._choose(lane, len(utterance.phonemes))
        if synthesizer.on_cpu:
            return synthesizer.say(utterance, style, promise)
        try:
            speech = synthesizer.say(utterance, style, promise)
        except (AudioError, FarmError) as error:
            log.warning("The lane %s failed, the CPU speaks in its place: %s", synthesizer.lane.name, error)
            again = self._synthesizers.spare
            speech = again.say(utterance, style, again.lane.promise(len(utterance.phonemes), urgent=lane == "live"))
            synthesizer.retirement.failed(str(error))
        else:
            synthesizer.retirement.spoke()
        return speech

    def _choose(self, lane: Lane, tokens: int) -> tuple[Synthesizer, Promise]:
        """The synthesizer expected to finish it first, by what each has to do and how long it usually takes."""
        urgent = lane == "live"
        with self._choosing:
            synthesizers = self._synthesizers.of(lane)
            if len(synthesizers) > 1:
                loads = {
                    synthesizer.lane.name: synthesizer.lane.load(tokens, urgent=urgent) for synthesizer in synthesizers
                }
                chosen = router.least(loads)
                synthesizers = tuple(synthesizer for synthesizer in synthesizers if synthesizer.lane.name == chosen)
            return synthesizers[0], synthesizers[0].lane.promise(tokens, urgent=urgent)

    def speak_isolated(self, utterance: Utterance, *, limit_s: float) -> Speech:
        """Speak it in a process of its own. One at a time: each loads the model again, and memory may be short."""
        with self._isolated:
            return isolated.speak(self._loaded, utterance, isolated.Limits(wall_s=limit_s))

    def warm_up(self) -> tuple[warming.Warmed, ...]:
        """Run each session with the lengths it will be asked for, so that nobody waits for a first run."""
        synthesizers = {synthesizer.lane.name: synthesizer for synthesizer in self._open_synthesizers()}
        rounds = warming.plan((name, not synthesizer.on_cpu) for name, synthesizer in synthesizers.items())
        return warming.warm(rounds, lambda one: self._warm(synthesizers[one.lane], one.tokens))

    def _warm(self, synthesizer: Synthesizer, tokens: int) -> None:
        if synthesizer.retired:
            return
        try:
            synthesizer.say(*self._silent(synthesizer, tokens))
        except ChorusError as error:
            if synthesizer.on_cpu or self._synthesizers.strict:
                raise
            synthesizer.retirement.retire(f"It failed its warm-up: {error}")

    def beats(self) -> tuple[Callable[..., bool], ...]:
        """The keep-alive run of each session, to be called."""
        return tuple(
            partial(synthesizer.keep_alive, partial(self._silent, synthesizer))
            for synthesizer in self._open_synthesizers()
        )

    def settle(self, *, idle_s: float = KEPT_S) -> bool:
        """Have each session that was idle for so long keep the memory of its next segment; whether any changed."""
        changed = [
            synthesizer.settle(partial(self._silent, synthesizer), idle_s=idle_s)
            for synthesizer in self._open_synthesizers()
        ]
        return any(changed)

    def give_back(self) -> bool:
        """Free all the memory that idle sessions keep for their next segments; whether there was any."""
        freed = [synthesizer.give_back(partial(self._silent, synthesizer)) for synthesizer in self._open_synthesizers()]
        return any(freed)

    def beaten(self) -> dict[str, BeatCounts]:
        """The keep-alive runs so far, by lane."""
        return {synthesizer.lane.name: synthesizer.use.counts() for synthesizer in self._open_synthesizers()}

    def drop_caches(self) -> None:
        """Forget what can be computed again: the blends."""
        self._style.cache_clear()

    def _silent(self, synthesizer: Synthesizer, tokens: int) -> SilentUtterance:
        """An utterance of about so many tokens, all of which the model knows."""
        voice = self.voices()[0]
        known = [symbol for symbol in _SILENT if symbol in synthesizer.vocabulary]
        phonemes = "".join(islice(cycle(known), tokens)).strip()
        return Utterance(phonemes=phonemes, voice=voice), self._styles[voice]

    def health(self) -> tuple[LaneReport, ...]:
        """What each lane has done so far, warm-up included; and which are not open, and why."""
        if self._closed:
            return ()
        synthesizers = self._synthesizers
        serving = {*synthesizers.of("live"), *synthesizers.of("bulk")}
        opened = tuple(synthesizer.report(spare=synthesizer not in serving) for synthesizer in synthesizers.all())
        return opened + tuple(
            LaneReport(name=name, slots=0, state="unavailable", reason=why)
            for name, why in synthesizers.missing.items()
        )

    def close(self) -> None:
        """Finish the utterances under way, then stop the lanes' threads and let the sessions go."""
        for synthesizer in self._open_synthesizers():
            synthesizer.close()
        self._closed = True

    def _open_synthesizers(self) -> tuple[Synthesizer, ...]:
        return () if self._closed else self._synthesizers.all()


def _check(utterance: Utterance, vocabulary: frozenset[str]) -> None:
    phonemes = utterance.phonemes
    unknown = sorted(set(phonemes) - vocabulary)
    if unknown:
        raise FarmError(f"The model has no token for {', '.join(map(repr, unknown))}; please report it.")
    if not phonemes.strip():
        raise FarmError("A segment without phonemes reached the model: please report it.")
    if len(phonemes) > MAX_TOKENS:
        raise FarmError(
            f"A segment of {len(phonemes)} tokens reached the model, which takes {MAX_TOKENS}: please report it."
        )
    if not SLOWEST <= utterance.speed <= FASTEST:
        raise OptionError(f"Speed {utterance.speed:g} is beyond the model: choose {SLOWEST} to {FASTEST}.")
