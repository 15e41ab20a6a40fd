"""onnxruntime's own optimisation done once and kept: the graph as it would stand after loading, its weights beside it.

The weights are mapped and not copied, and nothing is optimised again: a fraction of the time and memory at each load.
Knows nothing of Kokoro, and not why a graph is worth it.
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
# Smaller tensors stay in the graph: they are looked at while it is loaded.
_EXTERNAL_FROM_BYTES = 1024
# The graph as it goes in, what comes out, and what others may write meanwhile.
_COPIES = 2
_SPARE_BYTES = 64 * 1024 * 1024


def save(model: onnx.ModelProto, folder: Path) -> Mapping[str, int]:
    """Put the optimised graph into this folder, whole or not at all; its files with their sizes.

    Whoever has the folder's former files open keeps them. Only one process at a time may save to a folder.
    """
    _check_room(model, folder)
    with _disk(folder), tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as place:
        given, built = Path(place) / "given.onnx", Path(place) / "built"
        built.mkdir()
        _write(model, given)
        _optimise(given, built / GRAPH)
        _same_metadata(model, built / GRAPH)
        sizes = {path.name: path.stat().st_size for path in sorted(built.iterdir())}
        for name in sizes:
            _settle(built / name)
        # A graph that is replaced leaves first: a folder cannot be put over a full one.
        shutil.rmtree(folder, ignore_errors=True)
        built.rename(folder)
    return sizes


def is_whole(folder: Path, sizes: Mapping[str, int]) -> bool:
    """Whether the files are there as they were saved, as far as their sizes tell."""
    try:
        return bool(sizes) and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except OSError:
        return False


def _write(model: onnx.ModelProto, given: Path) -> None:
    """With its weights beside it, for a graph of more than 2 GB cannot be one message; of a copy, which that empties.

    In a function of its own, so that the copy is gone before onnxruntime wants the same again.
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
        raise ModelError(f"onnxruntime cannot optimise the graph: {reason(error)}.") from error


def _same_metadata(model: onnx.ModelProto, built: Path) -> None:
    """The engine reads the vocabulary there: without it another would be used."""
    found = onnx.load(built, load_external_data=False).metadata_props
    if {(one.key, one.value) for one in model.metadata_props} - {(one.key, one.value) for one in found}:
        raise ModelError("onnxruntime lost the graph's metadata, which holds the vocabulary.")


def _settle(path: Path) -> None:
    """On the disk itself before the folder gets its name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _check_room(model: onnx.ModelProto, folder: Path) -> None:
    needed = _COPIES * weight_bytes(model) + _SPARE_BYTES
    with _disk(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise DiskError(
            f"The prepared voice needs {needed / 1e6:.0f} MB and {folder.parent} has {free / 1e6:.0f} MB free: "
            "make room, or set CHORUS_HOME to a folder on another disk."
        )


def weight_bytes(model: onnx.ModelProto) -> int:
    """What the weights of the graph take."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"{folder.parent} cannot be written ({error.strerror}): make room, or set CHORUS_HOME to another folder."
        ) from error
