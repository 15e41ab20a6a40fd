"""onnxruntime sessions and runs, with every option that matters set here and nowhere else.

Knows neither Kokoro nor lanes: any ONNX file opens. The numbers behind the options stand in docs/performance.md.
"""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

from chorus.errors import ModelError
from workers.inference.providers import CPU, CPU_PROVIDER, Provider

Form = Literal["as it is", "optimised", "steady", "exact", "steady and exact"]
"""How a file is loaded: onnxruntime optimises it; it was optimised before and is loaded unchanged; onnxruntime
optimises it after its random operators became constant noise (`steady`), or its inverse transform right (`exact`)."""

# Errors only: its warnings are about unused initialisers and about graphics cards that it did not find.
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


class OpenSession(Protocol):
    """The type of `open_session`; tests pass another function."""

    def __call__(
        self, path: Path, *, threads: int, provider: Provider = CPU, form: Form = "as it is"
    ) -> ort.InferenceSession:
        """A session over this file."""
        ...


def in_memory(graph: bytes, threads: int = 1) -> ort.InferenceSession:
    """A session over a serialised graph, for code that builds graphs and examines their outputs."""
    return ort.InferenceSession(graph, session_options(threads), providers=[CPU_PROVIDER])


def open_session(
    path: Path, *, threads: int, provider: Provider = CPU, form: Form = "as it is"
) -> ort.InferenceSession:
    """A session over this file, or ModelError with onnxruntime's reason."""
    ort.set_default_logger_severity(_SEVERITY_ERROR)
    options = session_options(threads)
    if form == "optimised":
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Named, because onnxruntime otherwise chooses by itself and falls back to another provider without saying so. The
    # CPU takes what an accelerator cannot do, and has to be named for it.
    chosen = [(provider.name, dict(provider.options))]
    chosen += [(CPU_PROVIDER, {})] if provider.name != CPU_PROVIDER else []
    graph = str(path) if form in ("as it is", "optimised") else _changed(path, form)
    try:
        # Without enable_fallback=0 a session that fails prints to standard output and tries another provider.
        session = ort.InferenceSession(graph, sess_options=options, providers=chosen, enable_fallback=0)
    except NATIVE_ERRORS as error:
        raise ModelError(f"{path} cannot be loaded as a model ({reason(error)}): choose another.") from error
    if provider.name not in session.get_providers():
        raise ModelError(
            f"onnxruntime opened {path} without {provider.name}, which it was asked for: choose other lanes."
        )
    return session


def forget_files() -> None:
    """Release a file's changed graph, which was kept for the second session over it."""
    _changed.cache_clear()


def loaded_form(*, steady: bool, exact: bool) -> Form:
    """How a file is loaded with these two changes, which replace constants and need no proof."""
    if exact:
        return "steady and exact" if steady else "exact"
    return "steady" if steady else "as it is"


@lru_cache(maxsize=1)
def _changed(path: Path, form: Form) -> bytes:
    """The graph with what its form asks for, in memory: it is needed once, and would be 300 MB on disk."""
    import onnx  # noqa: PLC0415 - a worker on the CPU loads a graph that was prepared before, and seldom needs it

    from workers.inference.constant_noise import fix  # noqa: PLC0415 - the same
    from workers.models.inverse_stft import make_exact  # noqa: PLC0415 - the same

    model = onnx.load(path)
    if "steady" in form:
        fix(model)
    if "exact" in form:
        make_exact(model)
    return bytes(model.SerializeToString())


def placement(session: ort.InferenceSession) -> Mapping[str, int]:
    """How many nodes of the graph each provider was really given."""
    nodes = Counter[str]()
    for part in session.get_provider_graph_assignment_info():
        nodes[part.ep_name] += len(part.get_nodes())
    return dict(nodes)


def session_options(threads: int) -> ort.SessionOptions:
    """The options of every session; `threads` is 1 for books and every core for a listener."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Patterns are stored per shape, and hardly two segments have the same: 80 MB for nothing.
    options.enable_mem_pattern = False
    # To plan which value reuses which buffer, each is compared with all free ones: two thirds of the time in which a
    # prepared graph loads. Without the plan a value still returns to the arena after its last use: memory is the same.
    options.enable_mem_reuse = False
    options.log_severity_level = _SEVERITY_ERROR
    # Spinning threads burn the cores that other slots need, and with busy neighbours make a run twice as slow.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Otherwise onnxruntime forgets which provider took which node; the cost cannot be measured.
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def keeping() -> ort.RunOptions:
    """Run options that leave the arena as it is: the next run of about this length finds its memory there."""
    options = ort.RunOptions()
    options.log_severity_level = _SEVERITY_ERROR
    return options


def shrinking() -> ort.RunOptions:
    """Run options that free the arena after the run: otherwise the longest segment so far would set the memory."""
    options = keeping()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def reason(error: BaseException) -> str:
    """The last clause of onnxruntime's message, without its codes and full stop."""
    first_line = str(error).strip().partition("\n")[0]
    return first_line.rpartition(" : ")[2].rstrip(". ") or type(error).__name__
