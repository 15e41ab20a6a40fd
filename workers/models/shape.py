"""Checks whether an ONNX file has Kokoro's inputs and outputs, by name and type, and reads its name.

Knows nothing of sessions: it reads the graph and runs nothing.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # its stubs are a package we need for nothing else

from chorus.errors import ModelError

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
_TOKENS = ("tokens", "input_ids")


def name_of(path: Path) -> str:
    """The name in the model's own metadata, else the file's; ModelError says what the file lacks to be Kokoro."""
    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise ModelError(f"{path} is not an ONNX file: set CHORUS_MODEL to a Kokoro model.") from error
    lacks = list(_lacking(_types(model.graph.input), _types(model.graph.output)))
    if lacks:
        raise ModelError(f"{path} is not Kokoro's: it lacks {'; '.join(lacks)}. `chorus models pull` fetches one.")
    return next((entry.value for entry in model.metadata_props if entry.key == "name"), path.stem)


def _types(values: Iterable[onnx.ValueInfoProto]) -> dict[str, int]:
    return {value.name: value.type.tensor_type.elem_type for value in values}


def _lacking(inputs: Mapping[str, int], outputs: Mapping[str, int]) -> Iterable[str]:
    if not any(name in inputs for name in _TOKENS):
        yield "the input `tokens` (or `input_ids`)"
    if "style" not in inputs:
        yield "the input `style`"
    if "speed" not in inputs:
        yield "the input `speed`"
    elif inputs["speed"] not in _FLOATS:
        yield "a `speed` that takes fractions (this one takes whole numbers)"
    # By position, not by name: that is how the engine reads the outputs.
    names = list(outputs)
    if not names or outputs[names[0]] not in _FLOATS:
        yield "audio as its first output"
    if names[1:2] != ["duration"]:
        yield "`duration` as its second output (models before model-files-v1.1 have none)"
