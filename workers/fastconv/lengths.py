"""How long the signal of each kind of convolution is in ordinary use: one run of the model tells."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from workers.fastconv.graph import Workbench
from workers.fastconv.rewrite import Kind, convolutions, kind_of
from workers.sessions import session_options

_TIME_AXIS = 2


def lengths(bench: Workbench, model: onnx.ModelProto, feeds: Mapping[str, Any]) -> Mapping[Kind, int]:
    """Samples that each kind reads when the model runs on these inputs; the longest where they differ."""
    found = [(kind_of(conv), conv.signal) for _, conv in convolutions(bench)]
    signals = sorted({signal for _, signal in found})
    sizes = dict(zip(signals, _measured(model, signals, feeds), strict=True))
    longest: dict[Kind, int] = {}
    for kind, signal in found:
        longest[kind] = max(longest.get(kind, 0), sizes[signal])
    return longest


def _measured(model: onnx.ModelProto, signals: Sequence[str], feeds: Mapping[str, Any]) -> Sequence[int]:
    if not signals:
        return []
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    names = [f"{signal}/shape" for signal in signals]
    shown.graph.node.extend(helper.make_node("Shape", [one], [name]) for one, name in zip(signals, names, strict=True))
    shown.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT64, [None]) for name in names)
    options = session_options(threads=1)
    session = ort.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [int(shape[_TIME_AXIS]) for shape in session.run(names, feeds)]
