"""A synthesizer: what speaks on one lane. It joins the session, the memory it keeps, and what its failures lead to.

Each of these stands in a module of its own (`lane_session`, `kept_memory`, `keep_alive`, `failure_streak`,
`retirement`). Knows nothing of the other synthesizers.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict

from broker.lane_reports import LaneReport
from chorus.errors import AudioError, FarmError, ModelError
from tasks.engine import Speech, Utterance
from workers.inference.failure_streak import LIMIT, FailureStreak
from workers.inference.keep_alive import IDLE_S, SessionUse, SilentRun
from workers.inference.kept_memory import KEPT_S, KeptMemory, MakeOptions
from workers.inference.lane_session import LaneSession
from workers.inference.lanes import Lane, Promise
from workers.inference.providers import CPU, Provider
from workers.inference.retirement import Retirement
from workers.inference.sessions import OpenSession, open_session
from workers.inference.validation import check_speech
from workers.inference.warming import CPU_CLASSES
from workers.models.resolving import Model
from workers.models.voicebank import Style

SilentUtterance = tuple[Utterance, Style]
"""Something to speak that nobody will hear."""
MakeSilent = Callable[[int], SilentUtterance]
"""Such an utterance of about so many tokens."""

log = logging.getLogger(__name__)


class Synthesizer:
    """One model on one lane. It may be called from many threads at once."""

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
        """`at_rest`: for so many tokens there is memory even when nobody speaks."""
        self.lane = lane
        self.use = SessionUse()
        self.retirement = Retirement(lane.name)
        self.on_cpu = provider.name == CPU.name
        """Whether there is nothing else that could speak in its place."""
        self._provider = provider.name
        self._memory = KeptMemory(at_rest=at_rest, may_keep=self.on_cpu)
        self._failure_streak = FailureStreak()
        self._session = LaneSession(lane, model, threads=threads, provider=provider, opened=opened)
        self.nodes = self._session.nodes
        self.vocabulary = self._session.vocabulary

    def say(self, utterance: Utterance, style: Style, promise: Promise | None = None) -> Speech:
        """Speak these phonemes; AudioError if it is no speech, and after several in a row the session is reopened."""
        try:
            speech = self._say(utterance, style, promise or self.lane.promise(len(utterance.phonemes)))
        except AudioError as error:
            if self._failure_streak.failed():
                self._reopen(error)
            raise
        self._failure_streak.passed()
        return speech

    def close(self) -> None:
        """Finish the utterances under way, end the lane's threads, let the session go."""
        self.lane.close()
        self._session.close()

    def _say(self, utterance: Utterance, style: Style, promise: Promise) -> Speech:
        try:
            with self.use.in_use():
                options = self._memory.options(len(utterance.phonemes))
                speech = self._session.speak(utterance, style, options=options, promise=promise)
        finally:
            self.lane.release(promise)
        check_speech(speech.audio, phonemes=utterance.phonemes, speed=utterance.speed)
        return speech

    def keep_alive(self, silent: MakeSilent, *, idle_s: float = IDLE_S) -> bool:
        """Keep the session warm if it has been idle for so long; whether a silent utterance ran to its end."""
        return self._run_silently(silent(CPU_CLASSES[0]), self._memory.unchanged(), idle_s=idle_s, counted=True)

    def settle(self, silent: MakeSilent, *, idle_s: float = KEPT_S) -> bool:
        """If it has been idle for so long, keep the memory that the next utterance will want; whether that changed."""
        return self._memory.settle(lambda tokens, make: self._run_silently(silent(tokens), make, idle_s=idle_s))

    def give_back(self, silent: MakeSilent, *, idle_s: float = 0.0) -> bool:
        """If it has been idle for so long, free all the memory that is kept; whether there was any."""
        return self._memory.give_back(lambda tokens, make: self._run_silently(silent(tokens), make, idle_s=idle_s))

    def _run_silently(
        self, silent: SilentUtterance, make_options: MakeOptions, *, idle_s: float, counted: bool = False
    ) -> bool:
        """Speak it unheard on the lane if the session is idle; whether it ran, to its end."""
        if self.retired:
            return False

        def run(silent_run: SilentRun) -> None:
            options = make_options()
            # onnxruntime looks at `terminate` before each node: an utterance waits for one node, not for this run.
            silent_run.on_stop(lambda: setattr(options, "terminate", True))
            try:
                self._session.speak(*silent, options=options, counted=False)
            except FarmError:
                if not silent_run.stopped:
                    raise

        return self.use.run_silently(run, idle_s=idle_s, counted=counted)

    def _reopen(self, why: AudioError) -> None:
        log.warning(
            "The session of the lane %s is opened again, because it returned no speech %d times in a row: %s",
            self.lane.name,
            LIMIT,
            why,
        )
        try:
            self._session.reopen()
            self._memory.lost()
        except ModelError as error:
            log.warning("The lane %s keeps its session, there is no other: %s", self.lane.name, error)

    @property
    def retired(self) -> bool:
        """Whether it failed too often to be given anything more."""
        return bool(self.retirement.reason)

    def report(self, *, spare: bool = False) -> LaneReport:
        """For people."""
        return LaneReport(
            **asdict(self.lane.health()),
            state="retired" if self.retired else "spare" if spare else "serving",
            reason=self.retirement.reason,
            provider=self._provider,
            nodes=self.nodes.get(self._provider, 0),
            nodes_total=sum(self.nodes.values()),
            age_s=self.lane.age_s(),
        )
