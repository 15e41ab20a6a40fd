"""Fills `tasks.engine.Engine`: Kokoro on warm sessions, on a CPU one that books share and one kept for a listener.

Knows nothing of queues, jobs or Redis: an utterance goes in, validated speech comes out.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import cycle, islice
from typing import TypeGuard

import kokoro_onnx

from broker.settings import FarmSettings, available_cores
from chorus.errors import AudioError, ChorusError, FarmError, ModelError, OptionError
from tasks.engine import Lane, Speech, Utterance
from workers import apart, router, voicebank, warming
from workers.booth import KEPT_S, Booth, OpenSession
from workers.calibration import Calibration
from workers.hardware import Machine, detect
from workers.keepalive import Counts
from workers.lanes import Lane as LaneThreads
from workers.lanes import Promise
from workers.lineup import ACCELERATORS, Berth, Verdict, line_up
from workers.models import Model, as_it_is
from workers.priority import own_cores
from workers.providers import CPU, Accelerator, Provider, accelerator, wished
from workers.sessions import open_session
from workers.spans import LaneReport

MAX_TOKENS = 510
SLOWEST, FASTEST = 0.5, 2.0
# Half a megabyte each.
_BLENDS_KEPT = 16
# Heard by nobody: it pays the first run's allocations before someone waits for them. Said over and over where more
# tokens are wanted.
_TRIAL = "həlˈoʊ "

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an engine finds on its machine. Only tests bring their own."""

    machine: Machine = field(default_factory=detect)
    open_session: OpenSession = open_session
    measure: Callable[[Accelerator, Provider], Verdict] | None = None
    """What is known of a lane on an accelerator; None: it is measured."""


@dataclass(frozen=True, kw_only=True)
class _Booths:
    """All there are, and who serves whom."""

    live: tuple[Booth, ...]
    bulk: tuple[Booth, ...]
    spare: Booth
    """On the CPU: it speaks what failed elsewhere, and everything once nothing else is left."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Lanes that were asked for and are not here, and why."""
    strict: bool = False
    """Whether a lane that fails before anybody waits for it ends the worker; otherwise it is given up."""

    def of(self, lane: Lane) -> tuple[Booth, ...]:
        """Those that this lane's segments go to."""
        serving = tuple(booth for booth in (self.live if lane == "live" else self.bulk) if not booth.retired)
        return serving or (self.spare,)

    def all(self) -> tuple[Booth, ...]:
        """Each once, in the order in which they were opened."""
        return tuple(dict.fromkeys((*self.bulk, *self.live, self.spare)))


class KokoroEngine:
    """A warm model with its lanes; `speak` blocks and may be called from many threads at once."""

    def __init__(self, model: Model, styles: Mapping[str, voicebank.Style], booths: _Booths) -> None:
        """Each booth is closed with the engine."""
        self.sound = model.sound
        self.model = model.name
        self.model_digest = model.digest
        self.variant = model.variant
        self.why = model.why
        self.voices_digest = model.voices_digest
        self._opened = model
        self._styles = styles
        self._style = lru_cache(maxsize=_BLENDS_KEPT)(partial(voicebank.style, styles))
        self._booths = booths
        self._closed = False
        self._apart = threading.Lock()
        # Whoever chooses a lane counts on it before the next one chooses.
        self._choosing = threading.Lock()

    def voices(self) -> tuple[str, ...]:
        """The names in the voices file, sorted."""
        return tuple(sorted(self._styles))

    def slots(self, lane: Lane) -> int:
        """How many utterances this lane speaks at once; books and listeners may share them, as in `bulk` mode."""
        return sum(booth.lane.slots for booth in self._booths.of(lane))

    def speak(self, utterance: Utterance, lane: Lane) -> Speech:
        """Say it on this lane, or raise ChorusError. A run of spaces is read as one, and none at either end.

        What fails on an accelerator is spoken by the CPU, once.
        """
        style = self._style(utterance.voice)
        if self._closed:
            raise FarmError("The engine is closed: this process is going down.")
        _check(utterance, self._booths.spare.vocabulary)
        booth, promise = self._choose(lane, len(utterance.phonemes))
        if booth.on_cpu:
            return booth.say(utterance, style, promise)
        try:
            speech = booth.say(utterance, style, promise)
        except (AudioError, FarmError) as error:
            log.warning("The lane %s failed, the CPU speaks in its place: %s", booth.lane.name, error)
            again = self._booths.spare
            speech = again.say(utterance, style, again.lane.promise(len(utterance.phonemes), urgent=lane == "live"))
            booth.failed(str(error))
        else:
            booth.spoke()
        return speech

    def _choose(self, lane: Lane, tokens: int) -> tuple[Booth, Promise]:
        """Where it will be said first, by what each lane has in hand and usually takes."""
        urgent = lane == "live"
        with self._choosing:
            booths = self._booths.of(lane)
            if len(booths) > 1:
                loads = {booth.lane.name: booth.lane.load(tokens, urgent=urgent) for booth in booths}
                chosen = router.least(loads)
                booths = tuple(booth for booth in booths if booth.lane.name == chosen)
            return booths[0], booths[0].lane.promise(tokens, urgent=urgent)

    def speak_apart(self, utterance: Utterance, *, limit_s: float) -> Speech:
        """Say it in a process of its own. One at a time: each loads the model anew, and memory is what may be short."""
        with self._apart:
            return apart.speak(self._opened, utterance, apart.Limits(wall_s=limit_s))

    def warm_up(self) -> tuple[warming.Warmed, ...]:
        """Have each session say what it will be asked for, so that no one waits for a first run."""
        booths = {booth.lane.name: booth for booth in self._own_booths()}
        rounds = warming.plan((name, not booth.on_cpu) for name, booth in booths.items())
        return warming.warm(rounds, lambda one: self._warm(booths[one.lane], one.tokens))

    def _warm(self, booth: Booth, tokens: int) -> None:
        if booth.retired:
            return
        try:
            booth.say(*self._trial(booth, tokens))
        except ChorusError as error:
            if booth.on_cpu or self._booths.strict:
                raise
            booth.retire(f"It failed its warm-up: {error}")

    def beats(self) -> tuple[Callable[..., bool], ...]:
        """One for each session: keeps it warm if nobody has used it lately."""
        return tuple(partial(booth.keep_alive, *self._trial(booth)) for booth in self._own_booths())

    def give_back(self, *, idle_s: float = KEPT_S) -> bool:
        """Hand back the memory that sessions keep for segments which have not come for so long; whether any did."""
        given = [booth.give_back(*self._trial(booth), idle_s=idle_s) for booth in self._own_booths()]
        return any(given)

    def beaten(self) -> dict[str, Counts]:
        """How often each session was kept warm."""
        return {booth.lane.name: booth.rest.counts() for booth in self._own_booths()}

    def drop_caches(self) -> None:
        """Forget what can be made again: the blends."""
        self._style.cache_clear()

    def _trial(self, booth: Booth, tokens: int = warming.CPU_CLASSES[0]) -> tuple[Utterance, voicebank.Style]:
        """An utterance of about so many tokens, all of which the model knows."""
        voice = self.voices()[0]
        known = [symbol for symbol in _TRIAL if symbol in booth.vocabulary]
        said = "".join(islice(cycle(known), tokens)).strip()
        return Utterance(phonemes=said, voice=voice), self._styles[voice]

    def health(self) -> tuple[LaneReport, ...]:
        """What each lane has done so far, warm-up included; and which are not here, and why."""
        if self._closed:
            return ()
        booths = self._booths
        serving = {*booths.of("live"), *booths.of("bulk")}
        opened = tuple(booth.report(spare=booth not in serving) for booth in booths.all())
        return opened + tuple(
            LaneReport(name=name, slots=0, state="unavailable", reason=why) for name, why in booths.missing.items()
        )

    def close(self) -> None:
        """Finish what is being said, then stop the lanes' threads and let the sessions go."""
        for booth in self._own_booths():
            booth.lane.close()
        self._closed = True

    def _own_booths(self) -> tuple[Booth, ...]:
        return () if self._closed else self._booths.all()


def open_engine(
    model: Model,
    settings: FarmSettings,
    around: Surroundings | None = None,
    *,
    reached: Callable[[str], None] = lambda _stage: None,
) -> KokoroEngine:
    """Load the model once per lane and its voices once for all, or raise ModelError; FarmError where strict forbids.

    A lossless graph that does not load gives way to the file it was made of. `reached` is told when a stage ends.
    """
    _let_log_records_through()
    around = around or Surroundings()
    try:
        return _open_engine(model, settings, around, reached)
    except ModelError as error:
        if not model.optimised or model.digest != model.origin:
            raise
        log.warning("What was prepared does not load, the file is spoken as it is: %s", error)
        return _open_engine(as_it_is(model, str(error)), settings, around, reached)


def _open_engine(
    model: Model, settings: FarmSettings, around: Surroundings, reached: Callable[[str], None]
) -> KokoroEngine:
    wished(settings.coreml)
    styles = voicebank.load(model.voices_path)
    reached("voices")
    measure = around.measure or Calibration(model, settings, around.machine).verdict
    lineup = line_up(
        settings.lanes,
        around.machine.providers,
        lambda lane: _another_sound(model) or measure(lane, _provider(lane, model, settings)),
        strict=settings.strict,
    )
    # Under `auto` nobody named a lane, so none that fails is missed.
    strict = settings.strict and settings.lanes != "auto"
    opened, missing = dict[str, Booth](), dict(lineup.missing)
    for berth in lineup.berths:
        try:
            opened[berth.name] = _open_booth(berth.name, model, settings, around)
        except ModelError as error:
            # It was tried in a process of its own a moment ago: what fails now fails on this machine as it is now.
            if berth.name not in ACCELERATORS or strict:
                raise
            missing[berth.name] = str(error)
    reached("sessions")
    return KokoroEngine(model, styles, replace(_seated(lineup.berths, opened, missing), strict=strict))


def _seated(berths: Iterable[Berth], opened: Mapping[str, Booth], missing: Mapping[str, str]) -> _Booths:
    """Whoever is missing, books are the CPU's as well."""
    here = [berth for berth in berths if berth.name in opened]
    return _Booths(
        live=tuple(opened[berth.name] for berth in here if berth.live),
        bulk=tuple(opened[berth.name] for berth in here if berth.bulk or (berth.name == "bulk" and missing)),
        spare=opened["bulk"],
        missing=missing,
    )


def _open_booth(name: str, model: Model, settings: FarmSettings, around: Surroundings) -> Booth:
    """Books share one single-threaded session, a listener has all cores; an accelerator has one thread that owns it."""
    if name == "bulk":
        cores = own_cores() if settings.pin else ()
        lane = LaneThreads(name, slots=settings.bulk_slots(), lowered=True, cores=cores)
        return Booth(lane, model, threads=1, opened=around.open_session, keeps=True)
    provider = _provider(name, model, settings) if _is_accelerator(name) else CPU
    lane = LaneThreads(name, slots=1, lowered=False)
    return Booth(lane, model, threads=available_cores(), provider=provider, opened=around.open_session)


def _another_sound(model: Model) -> Verdict | None:
    """An accelerator speaks the file as it is; where the CPU does not, a book would mix two sounds."""
    if model.digest == model.origin:
        return None
    return Verdict(fault=f"it could only speak the file itself, and {model.variant} sounds otherwise")


def _is_accelerator(name: str) -> TypeGuard[Accelerator]:
    return name in ACCELERATORS


def _provider(lane: Accelerator, model: Model, settings: FarmSettings) -> Provider:
    # A folder for each file: CoreML takes what it compiled for an older one of the same name for the new one's.
    cache_folder = settings.home_folder() / "coreml" / model.sound
    return accelerator(lane, cache_folder=cache_folder, wishes=settings.coreml)


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


def _let_log_records_through() -> None:
    """Undo what kokoro_onnx does to logging at import: a handler of its own, and at LOG_LEVEL=debug every phoneme."""
    logger = logging.getLogger(kokoro_onnx.__name__)
    logger.handlers.clear()
    logger.setLevel(logging.WARNING)
