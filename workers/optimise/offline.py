"""Saves a graph in the form that onnxruntime's optimisation gives it, with its weights in a file beside it.

Loading it takes a fraction of the time and memory: the weights are memory-mapped instead of copied, and nothing has to
be optimised again. Knows nothing of Kokoro or of the reason for building a graph.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx
import onnxruntime as ort

from chorus.errors import DiskError, ModelError
from workers.inference.providers import CPU_PROVIDER
from workers.inference.sessions import NATIVE_ERRORS, reason, session_options

GRAPH = "graph.onnx"
WEIGHTS = "graph.onnx.data"
# Smaller tensors stay in the graph file: onnxruntime reads them while it loads the graph.
_EXTERNAL_FROM_BYTES = 1024
# The disk must hold the input graph, the result, and what other processes may write meanwhile.
_COPIES = 2
_SPARE_BYTES = 64 * 1024 * 1024


def save(model: onnx.ModelProto, folder: Path) -> Mapping[str, int]:
    """Save the optimised graph to this folder, completely or not at all; return the sizes of its files by name.

    A process that has the folder's previous files open can still read them. Only one process at a time may save to a
    folder.
    """
    _check_space(model, folder)
    with _disk_errors(folder), tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as place:
        given, built = Path(place) / "given.onnx", Path(place) / "built"
        built.mkdir()
        _write(model, given)
        _optimise(given, built / GRAPH)
        _check_metadata(model, built / GRAPH)
        sizes = {path.name: path.stat().st_size for path in sorted(built.iterdir())}
        for name in sizes:
            _sync(built / name)
        # Remove the previous graph first: a folder cannot be renamed to one that is not empty.
        shutil.rmtree(folder, ignore_errors=True)
        built.rename(folder)
    return sizes


def is_whole(folder: Path, sizes: Mapping[str, int]) -> bool:
    """Whether all files exist and have the sizes that they were saved with."""
    try:
        return bool(sizes) and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except OSError:
        return False


def _write(model: onnx.ModelProto, given: Path) -> None:
    """Write the graph and, since one message cannot exceed 2 GB, its weights in a separate file.

    Writing empties the model, so it is done with a copy. This is a separate function so that the copy's memory is free
    before onnxruntime needs as much.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    onnx.save(copy, given, save_as_external_data=True, location="given.data", convert_attribute=False)


def _optimise(given: Path, target: Path) -> None:
    options = session_options(threads=1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(target)
    for name, value in (
        ("session.optimized_model_external_initializers_file_name", WEIGHTS),
        ("session.optimized_model_external_initializers_min_size_in_bytes", str(_EXTERNAL_FROM_BYTES)),
    ):
        options.add_session_config_entry(name, value)
    try:
        ort.InferenceSession(str(given), options, providers=[CPU_PROVIDER], enable_fallback=0)
    except NATIVE_ERRORS as error:
        raise ModelError(f"onnxruntime cannot optimise the graph ({reason(error)}): use it as it is.") from error


def _check_metadata(model: onnx.ModelProto, built: Path) -> None:
    """Refuse a graph without the original's metadata: the engine reads the vocabulary from it and would use another."""
    found = onnx.load(built, load_external_data=False).metadata_props
    if {(one.key, one.value) for one in model.metadata_props} - {(one.key, one.value) for one in found}:
        raise ModelError("onnxruntime lost the graph's metadata, which holds the vocabulary: please report it.")


def _sync(path: Path) -> None:
    """Flush a file to the disk, before its folder gets its final name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _check_space(model: onnx.ModelProto, folder: Path) -> None:
    needed = _COPIES * weight_bytes(model) + _SPARE_BYTES
    with _disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise DiskError(
            f"The prepared voice needs {needed / 1e6:.0f} MB and {folder.parent} has {free / 1e6:.0f} MB free: "
            "make room, or set CHORUS_HOME to a folder on another disk."
        )


def weight_bytes(model: onnx.ModelProto) -> int:
    """The size of the graph's weights."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer)


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into a DiskError that names the remedy."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"{folder.parent} cannot be written ({error.strerror}): make room, or set CHORUS_HOME to another folder."
        ) from error
