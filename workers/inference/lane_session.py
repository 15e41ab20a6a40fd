"""A model's session that runs on its lane's threads and nowhere else, and that can be opened again.

Knows how the model is fed; knows neither whether what it returns is speech nor why it should be opened again.
"""

from dataclasses import dataclass
from functools import partial

import onnxruntime as ort

from chorus.errors import FarmError
from tasks.engine import Speech, Utterance
from workers.inference.kokoro_graph import KokoroGraph
from workers.inference.lanes import Lane, Promise
from workers.inference.providers import CPU, Provider
from workers.inference.sessions import (
    NATIVE_ERRORS,
    Form,
    OpenSession,
    loaded_form,
    open_session,
    placement,
    reason,
    shrinking,
)
from workers.inference.validation import check_outputs, shown
from workers.models.resolving import Model
from workers.models.variants import PLAIN
from workers.models.voicebank import Style


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    """A session and its graph; a run that began with them ends with them."""

    session: ort.InferenceSession
    graph: KokoroGraph


class LaneSession:
    """One model on one lane. `speak` blocks and may be called from many threads at once."""

    def __init__(
        self, lane: Lane, model: Model, *, threads: int, provider: Provider = CPU, opened: OpenSession = open_session
    ) -> None:
        """Open it, or raise ModelError."""
        self._lane = lane
        self._open = partial(_open, model, threads=threads, provider=provider, opened=opened)
        first = self._open()
        self._opened: _Opened | None = first
        self.nodes = placement(first.session)
        """How many nodes of the graph each provider took when the session was first opened."""
        self.vocabulary = frozenset(first.graph.vocabulary)
        """The symbols that the model knows."""

    def reopen(self) -> None:
        """A new session in the place of this one, or ModelError; runs under way end with the old one."""
        self._opened = self._open()

    def close(self) -> None:
        """Let the session go, and its memory with it as soon as the runs under way have ended."""
        self._opened = None

    def speak(
        self,
        utterance: Utterance,
        style: Style,
        *,
        options: ort.RunOptions | None = None,
        promise: Promise | None = None,
        counted: bool = True,
    ) -> Speech:
        """Run the model on these phonemes; FarmError if it fails, AudioError if its outputs cannot be read.

        The audio is not checked here. `options` are those of the run, `shrinking()` unless given. A run that is not
        `counted` does not appear in the lane's health.
        """
        if (opened := self._opened) is None:
            raise FarmError("The session is closed, this process is going down: wait for the next.")
        graph, session = opened.graph, opened.session
        inputs = graph.inputs(utterance.phonemes, style, utterance.speed)
        run = partial(session.run, None, inputs, options or shrinking())
        try:
            # Nothing but the run: a lowered thread that did more would hold the interpreter's lock from others.
            answer = self._lane.run(run, promise, counted=counted)
        except NATIVE_ERRORS as error:
            raise FarmError(
                f"The model failed on {shown(utterance.phonemes)} ({reason(error)}): check the model."
            ) from error
        outputs = answer.value
        check_outputs(outputs)
        return Speech(
            audio=graph.audio(outputs),
            seconds=answer.span.busy_s,
            timings=graph.timings(outputs, utterance.phonemes),
        )


def _open(model: Model, *, threads: int, provider: Provider, opened: OpenSession) -> _Opened:
    # The prepared graph is for the CPU, whose kernels it names. Another provider loads the original file, with its
    # random operators replaced where the CPU's graph has them replaced.
    prepared = provider == CPU and model.optimised
    path = model.graph if prepared else model.path
    form: Form = (
        "optimised" if prepared else loaded_form(steady=model.optimised or model.variant == PLAIN, exact=model.exact)
    )
    session = opened(path, threads=threads, provider=provider, form=form)
    return _Opened(session=session, graph=KokoroGraph(session))
