"""onnxruntime sessions with every option that matters said aloud, each bound to the lane that runs it.

Knows nothing of Kokoro: any ONNX file opens. The numbers behind the options stand in docs/performance.md.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

from chorus.errors import ModelError
from workers.inference.providers import CPU, CPU_PROVIDER, Provider

Outputs = Sequence[Any]
Through = Callable[[Callable[[], Outputs]], Outputs]
Form = Literal["as it is", "optimised", "steady"]
"""How a file is loaded: onnxruntime optimises it; it was optimised before and is loaded as it stands; it is optimised
with constant noise in the place of chance."""

# Errors only. Its warnings tell of initialisers nobody uses and of graphics cards it did not find.
_SEVERITY_ERROR = 3
# onnxruntime's own exceptions share no parent but Exception.
NATIVE_ERRORS = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)


class LaneSession(ort.InferenceSession):  # type: ignore[misc] # onnxruntime ships no types
    """A session whose every run goes through `through`, and hands spare memory back unless told otherwise."""

    def __init__(
        self, path: Path, *, threads: int, through: Through, provider: Provider = CPU, form: Form = "as it is"
    ) -> None:
        """Load the file; `through` decides on which thread a run happens."""
        self._through = through
        self._wishes = threading.local()
        options = session_options(threads)
        if form == "optimised":
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        # Chosen by name, or onnxruntime picks for itself and falls back without a word. What an accelerator cannot do
        # is the CPU's, and that too must be said.
        chosen = [(provider.name, dict(provider.options))]
        chosen += [(CPU_PROVIDER, {})] if provider.name != CPU_PROVIDER else []
        # Without enable_fallback=0 a failing session prints to standard output and tries again by itself.
        graph = _steadied(path) if form == "steady" else str(path)
        super().__init__(graph, sess_options=options, providers=chosen, enable_fallback=0)
        # kokoro_onnx asks a session for its file, and one that was given a graph in memory would have none.
        self._model_path = str(path)

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], run_options: Any = None
    ) -> Outputs:
        """As InferenceSession.run, on the lane's thread."""
        options = run_options or getattr(self._wishes, "options", None) or shrinking()
        plain_run = super().run
        return self._through(lambda: plain_run(output_names, input_feed, options))

    @contextmanager
    def under(self, options: ort.RunOptions) -> Iterator[None]:
        """What the calling thread runs in the block runs with these options, whoever asks for the run."""
        self._wishes.options = options
        try:
            yield
        finally:
            self._wishes.options = None


def in_memory(graph: bytes, threads: int = 1) -> ort.InferenceSession:
    """A session over a serialised graph, for whoever builds one and looks at what it says; on no lane."""
    return ort.InferenceSession(graph, session_options(threads), providers=[CPU_PROVIDER])


def open_session(
    path: Path, *, threads: int, through: Through, provider: Provider = CPU, form: Form = "as it is"
) -> LaneSession:
    """A session over this file, or ModelError with onnxruntime's reason."""
    ort.set_default_logger_severity(_SEVERITY_ERROR)
    try:
        session = LaneSession(path, threads=threads, through=through, provider=provider, form=form)
    except NATIVE_ERRORS as error:
        raise ModelError(f"{path} cannot be loaded as a model: {reason(error)}.") from error
    if provider.name not in session.get_providers():
        raise ModelError(f"onnxruntime opened {path} without {provider.name}, which it was asked for.")
    return session


def _steadied(path: Path) -> bytes:
    """The graph without chance, in memory: an accelerator needs it once, and it would be 300 MB on disk."""
    import onnx  # noqa: PLC0415 - a CPU alone loads what was made before, and never needs it

    from workers.inference.constant_noise import fix  # noqa: PLC0415 - the same

    model = onnx.load(path)
    fix(model)
    return bytes(model.SerializeToString())


def placement(session: ort.InferenceSession) -> Mapping[str, int]:
    """How many nodes of the graph each provider was really given."""
    nodes = Counter[str]()
    for part in session.get_provider_graph_assignment_info():
        nodes[part.ep_name] += len(part.get_nodes())
    return dict(nodes)


def session_options(threads: int) -> ort.SessionOptions:
    """What both kinds of session share; `threads` is 1 for bulk and every core for a listener."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Patterns are remembered per shape, and hardly two segments share one: 80 MB for nothing.
    options.enable_mem_pattern = False
    # Planning which value takes over whose buffer compares each with all that are free: two thirds of the time that a
    # prepared graph takes to load. Values still go back to the arena when they have been read, and memory is the same.
    options.enable_mem_reuse = False
    options.log_severity_level = _SEVERITY_ERROR
    # Spinning threads burn the cores that other slots need, and with busy neighbours make a run twice as slow.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Who got which node is not remembered otherwise; it costs nothing that can be measured.
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def keeping() -> ort.RunOptions:
    """Leave the arena as it is after the run: the next one of the kind finds its memory there."""
    options = ort.RunOptions()
    options.log_severity_level = _SEVERITY_ERROR
    return options


def shrinking() -> ort.RunOptions:
    """Give the arena back after the run: otherwise the longest segment ever said sets the memory for life."""
    options = keeping()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def reason(error: BaseException) -> str:
    """The last clause of onnxruntime's message, without its codes and full stop."""
    first_line = str(error).strip().partition("\n")[0]
    return first_line.rpartition(" : ")[2].rstrip(". ") or type(error).__name__
