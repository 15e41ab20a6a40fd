"""Fills `tasks.engine.Engine`: Kokoro on two warm sessions, one that books share and one kept for a listener.

Knows nothing of queues, jobs or Redis: an utterance goes in, validated speech comes out.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import kokoro_onnx

from broker.settings import FarmSettings, available_cores
from chorus.errors import FarmError, OptionError
from tasks.engine import Lane, Speech, Utterance
from workers import apart, voicebank
from workers.lanes import Lane as LaneThreads
from workers.lanes import LaneHealth
from workers.models import Model
from workers.sessions import NATIVE_ERRORS, Outputs, open_session, reason
from workers.validation import check_outputs, check_speech, shown

MAX_TOKENS = 510
SLOWEST, FASTEST = 0.5, 2.0
# Half a megabyte each.
_BLENDS_KEPT = 16
# Heard by nobody: it pays the first run's allocations before someone waits for them.
_WARM_UP = "həlˈoʊ"


class _Booth:
    """One session, its lane, and the Kokoro that speaks through both."""

    def __init__(self, lane: LaneThreads, model: Model, *, threads: int) -> None:
        self.lane = lane
        # create_timed returns no clock and runs on the caller's thread, so each caller keeps his own.
        self._clock = threading.local()
        session = open_session(model.path, threads=threads, through=self._run)
        self._narrator = kokoro_onnx.Kokoro.from_session(session, str(model.voices_path))
        # Styles are handed over as arrays: the archive need not stay open for the worker's life.
        self._narrator.voices.close()
        self.vocabulary = frozenset(self._narrator.tokenizer.vocab)

    def say(self, utterance: Utterance, style: voicebank.Style) -> Speech:
        """Speak these phonemes in one piece: nothing trimmed, no pause added, no second split."""
        self._clock.busy_s = 0.0
        try:
            audio, _, timings = self._narrator.create_timed(
                utterance.phonemes, voice=style, speed=utterance.speed,
                is_phonemes=True, trim=False, sentence_pause=0.0, clause_pause=0.0,
            )  # fmt: skip
        except NATIVE_ERRORS as error:
            raise FarmError(f"The model failed on {shown(utterance.phonemes)}: {reason(error)}.") from error
        check_speech(audio, phonemes=utterance.phonemes, speed=utterance.speed)
        spans = tuple((timing.phoneme, timing.start, timing.end) for timing in timings)
        return Speech(audio=audio, seconds=self._clock.busy_s, timings=spans)

    def _run(self, work: Callable[[], Outputs]) -> Outputs:
        """On the lane, the run and nothing else: a lowered thread that did more would hold the interpreter back."""
        answer = self.lane.run(work)
        self._clock.busy_s += answer.span.busy_s
        check_outputs(answer.value)
        return answer.value


class KokoroEngine:
    """A warm model with its lanes; `speak` blocks and may be called from many threads at once."""

    def __init__(self, model: Model, styles: Mapping[str, voicebank.Style], booths: Mapping[Lane, _Booth]) -> None:
        """Both lanes may name the same booth; each booth is closed with the engine."""
        self.sound = model.sound
        self.model = model.name
        self.model_digest = model.digest
        self.voices_digest = model.voices_digest
        self._opened = model
        self._styles = styles
        self._style = lru_cache(maxsize=_BLENDS_KEPT)(partial(voicebank.style, styles))
        self._booths = booths
        self._apart = threading.Lock()

    def voices(self) -> tuple[str, ...]:
        """The names in the voices file, sorted."""
        return tuple(sorted(self._styles))

    def slots(self, lane: Lane) -> int:
        """How many utterances this lane speaks at once; in `bulk` mode both are the one lane."""
        return self._booths[lane].lane.slots

    def speak(self, utterance: Utterance, lane: Lane) -> Speech:
        """Say it on this lane, or raise ChorusError. A run of spaces is read as one, and none at either end."""
        style = self._style(utterance.voice)
        booth = self._booths.get(lane)
        if booth is None:
            raise FarmError("The engine is closed: this process is going down.")
        _check(utterance, booth.vocabulary)
        return booth.say(utterance, style)

    def speak_apart(self, utterance: Utterance, *, limit_s: float) -> Speech:
        """Say it in a process of its own. One at a time: each loads the model anew, and memory is what may be short."""
        with self._apart:
            return apart.speak(self._opened, utterance, apart.Limits(wall_s=limit_s))

    def warm_up(self) -> None:
        """Say one short utterance on each session, so that no one waits for a first run."""
        voice = self.voices()[0]
        for booth in self._own_booths():
            phonemes = "".join(symbol for symbol in _WARM_UP if symbol in booth.vocabulary)
            booth.say(Utterance(phonemes=phonemes, voice=voice), self._styles[voice])

    def health(self) -> tuple[LaneHealth, ...]:
        """What each lane has done so far, warm-up included."""
        return tuple(booth.lane.health() for booth in self._own_booths())

    def close(self) -> None:
        """Finish what is being said, then stop the lanes' threads and let the sessions go."""
        for booth in self._own_booths():
            booth.lane.close()
        self._booths = {}

    def _own_booths(self) -> tuple[_Booth, ...]:
        return tuple(dict.fromkeys(self._booths.values()))


def open_engine(model: Model, settings: FarmSettings) -> KokoroEngine:
    """Load the model once per lane and its voices once for all, or raise ModelError."""
    _let_log_records_through()
    styles = voicebank.load(model.voices_path)
    bulk = _Booth(LaneThreads("bulk", slots=settings.bulk_slots(), lowered=True), model, threads=1)
    if settings.lanes == "bulk":
        return KokoroEngine(model, styles, {"bulk": bulk, "live": bulk})
    live = _Booth(LaneThreads("live", slots=1, lowered=False), model, threads=available_cores())
    return KokoroEngine(model, styles, {"bulk": bulk, "live": live})


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
