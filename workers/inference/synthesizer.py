"""A synthesizer: one session, the lane whose threads run it, and the Kokoro that speaks through both.

Knows what became of its last utterances, and nothing of the other synthesizers.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import kokoro_onnx

from broker.lane_reports import LaneReport
from chorus.errors import AudioError, FarmError, ModelError
from tasks.engine import Speech, Utterance
from workers.inference.failure_streak import LIMIT, FailureStreak
from workers.inference.keep_alive import IDLE_S, Beat, Rest
from workers.inference.lanes import Lane, Promise
from workers.inference.providers import CPU, Provider
from workers.inference.sessions import (
    NATIVE_ERRORS,
    Form,
    LaneSession,
    Outputs,
    Through,
    keeping,
    open_session,
    placement,
    reason,
    shrinking,
)
from workers.inference.validation import check_outputs, check_speech, shown
from workers.inference.warming import CPU_CLASSES
from workers.models import voicebank
from workers.models.resolving import Model

# A lane on an accelerator that fails so many of so many of its last utterances is given up; the CPU has spoken them.
# More than the strikes after which a session is built anew: the new one gets its chance.
RETIRED_AFTER, OF_THE_LAST = LIMIT + 2, 20
# Segments follow upon each other and are much alike: what one leaves the next takes up, which saves 2 % of their time.
# The planner aims at 150 tokens: what a longer one took goes back at once, and all of it once nobody comes.
KEPT_TOKENS = 200
KEPT_S = 2.0
# Fresh memory would cost a listener a twentieth of his wait: enough for his first segment stays, which is cut at 15
# tokens or, at a pinch, at twice that.
FIRST_TOKENS = 30

SilentUtterance = tuple[Utterance, voicebank.Style]
"""Something to say that nobody will hear."""

log = logging.getLogger(__name__)


class OpenSession(Protocol):
    """As workers.inference.sessions.open_session; a test puts another in its place."""

    def __call__(self, path: Path, *, threads: int, through: Through, provider: Provider, form: Form) -> LaneSession:
        """A session over this file."""
        ...


class Synthesizer:
    """One session, its lane, and the Kokoro that speaks through both."""

    def __init__(
        self,
        lane: Lane,
        model: Model,
        *,
        threads: int,
        provider: Provider = CPU,
        opened: OpenSession = open_session,
        at_rest: int = 0,
    ) -> None:
        """`at_rest`: for how many tokens there is memory even when nobody comes."""
        self.lane = lane
        self.rest = Rest()
        self._at_rest = at_rest
        # So many tokens find their memory there.
        self._held = 0
        self._provider = provider.name
        self._fates = deque[bool](maxlen=OF_THE_LAST)
        self._retired_for = ""
        # create_timed returns no clock and runs on the caller's thread, so each caller keeps his own.
        self._clock = threading.local()
        self._failure_streak = FailureStreak()
        # What was made for this machine was made for its CPU: the kernels it names are no other provider's. Another
        # has the file itself, without its chance.
        own = provider == CPU and model.optimised
        graph = model.graph if own else model.path
        form: Form = "optimised" if own else "steady" if model.optimised else "as it is"
        self._open = partial(opened, graph, threads=threads, through=self._run, provider=provider, form=form)
        self._voices_path = model.voices_path
        self._session = self._open()
        self.nodes = placement(self._session)
        self._narrator = self._narrates(self._session)
        self.vocabulary = frozenset(self._narrator.tokenizer.vocab)

    def say(self, utterance: Utterance, style: voicebank.Style, promise: Promise | None = None) -> Speech:
        """Speak these phonemes. What is no speech is refused, and the third time in a row the session is built anew."""
        try:
            speech = self._said(utterance, style, promise)
        except AudioError as error:
            if self._failure_streak.failed():
                self._build_anew(error)
            raise
        self._failure_streak.passed()
        return speech

    def _said(self, utterance: Utterance, style: voicebank.Style, promise: Promise | None) -> Speech:
        """In one piece: nothing trimmed, no pause added, no second split."""
        self._clock.busy_s = 0.0
        self._clock.promise = promise or self.lane.promise(len(utterance.phonemes))
        try:
            with self.rest.wanted(), self._session.under(self._options(len(utterance.phonemes))):
                audio, timings = self._spoken(utterance, style)
        finally:
            self.lane.release(self._clock.promise)
        check_speech(audio, phonemes=utterance.phonemes, speed=utterance.speed)
        spans = tuple((timing.phoneme, timing.start, timing.end) for timing in timings)
        return Speech(audio=audio, seconds=self._clock.busy_s, timings=spans)

    def keep_alive(self, trial: SilentUtterance, *, idle_s: float = IDLE_S) -> bool:
        """Say it to nobody if nobody came for so long, until somebody comes; whether it came to its end."""
        return self._tried(trial, keeping if self._held else shrinking, idle_s=idle_s, counted=True)

    def settle(self, trial: Callable[[int], SilentUtterance], *, idle_s: float = KEPT_S) -> bool:
        """If nobody came for so long, have the memory that the next one will want, and no more; whether it changed.

        Only runs take and give memory, so something is said to nobody. Up to twice as much is not worth that.
        """
        given = self._held > 2 * self._at_rest and self.give_back(trial, idle_s=idle_s)
        if self._held >= self._at_rest or not self._tried(trial(self._at_rest), keeping, idle_s=idle_s):
            return given
        self._held = max(self._held, self._at_rest)
        return True

    def give_back(self, trial: Callable[[int], SilentUtterance], *, idle_s: float = 0.0) -> bool:
        """Hand back all the memory that was kept, if nobody came for so long; whether there was any, and it did."""
        # Whoever comes from here on keeps some again.
        held, self._held = self._held, 0
        given = held > 0 and self._tried(trial(CPU_CLASSES[0]), shrinking, idle_s=idle_s)
        if not given:
            self._held = max(self._held, held)
        return given

    def _options(self, tokens: int) -> Any:
        if not self.on_cpu or tokens > KEPT_TOKENS:
            self._held = 0
            return shrinking()
        self._held = max(self._held, tokens)
        return keeping()

    def _tried(self, trial: SilentUtterance, under: Callable[[], Any], *, idle_s: float, counted: bool = False) -> bool:
        """Say it to nobody, on the lane's thread; whether it came to its end. Only a beat of the keep-alive counts."""
        if self.retired:
            return False
        return self.rest.beat(lambda beat: self._say_to_nobody(*trial, under(), beat), idle_s=idle_s, counted=counted)

    def _say_to_nobody(self, utterance: Utterance, style: voicebank.Style, options: Any, beat: Beat) -> None:
        # onnxruntime looks at it before each node, so that whoever comes waits for one node and not for an utterance.
        beat.on_break(lambda: setattr(options, "terminate", True))
        self._clock.counted, self._clock.promise, self._clock.busy_s = False, None, 0.0
        try:
            with self._session.under(options):
                self._spoken(utterance, style)
        except FarmError:
            if not beat.broken:
                raise
        finally:
            self._clock.counted = True

    def _spoken(self, utterance: Utterance, style: voicebank.Style) -> tuple[Any, Any]:
        try:
            audio, _, timings = self._narrator.create_timed(
                utterance.phonemes, voice=style, speed=utterance.speed,
                is_phonemes=True, trim=False, sentence_pause=0.0, clause_pause=0.0,
            )  # fmt: skip
        except NATIVE_ERRORS as error:
            raise FarmError(f"The model failed on {shown(utterance.phonemes)}: {reason(error)}.") from error
        return audio, timings

    def _run(self, work: Callable[[], Outputs]) -> Outputs:
        """On the lane, the run and nothing else: a lowered thread that did more would hold the interpreter back."""
        answer = self.lane.run(work, self._clock.promise, counted=getattr(self._clock, "counted", True))
        self._clock.busy_s += answer.span.busy_s
        check_outputs(answer.value)
        return answer.value

    def _narrates(self, session: LaneSession) -> Any:
        narrator = kokoro_onnx.Kokoro.from_session(session, str(self._voices_path))
        # Styles are handed over as arrays: the archive need not stay open for the worker's life.
        narrator.voices.close()
        return narrator

    def _build_anew(self, why: AudioError) -> None:
        """Whoever speaks through the old session meanwhile keeps it to his end."""
        log.warning(
            "The session of the lane %s is built anew, it returned no speech %d times: %s", self.lane.name, LIMIT, why
        )
        try:
            self._session = self._open()
            self._narrator = self._narrates(self._session)
            self._held = 0
        except ModelError as error:
            log.warning("The lane %s keeps its session, there is no other: %s", self.lane.name, error)

    @property
    def on_cpu(self) -> bool:
        """Whether there is nothing else that could speak in its place."""
        return self._provider == CPU.name

    @property
    def retired(self) -> bool:
        """Whether it failed too often to be given anything more."""
        return bool(self._retired_for)

    def spoke(self) -> None:
        """An utterance came out well."""
        self._fates.append(False)

    def failed(self, why: str) -> None:
        """One did not, and the CPU could speak it: so it was the lane."""
        self._fates.append(True)
        if sum(self._fates) >= RETIRED_AFTER:
            self.retire(f"It failed {RETIRED_AFTER} of its last {len(self._fates)} utterances; at last: {why}")

    def retire(self, why: str) -> None:
        """Nothing more is given to it, for as long as this process lives."""
        if not self.retired:
            self._retired_for = why
            log.warning("The lane %s is given up, the CPU speaks on: %s", self.lane.name, why)

    def report(self, *, spare: bool = False) -> LaneReport:
        """For people."""
        return LaneReport(
            **asdict(self.lane.health()),
            state="retired" if self.retired else "spare" if spare else "serving",
            reason=self._retired_for,
            provider=self._provider,
            nodes=self.nodes.get(self._provider, 0),
            nodes_total=sum(self.nodes.values()),
            age_s=self.lane.age_s(),
        )
