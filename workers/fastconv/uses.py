"""Counts the convolutions of each kind in a model, and finds the signal length that each has in ordinary use.

Knows nothing of tiles.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto, helper

from workers.fastconv.editable_graph import EditableGraph
from workers.fastconv.rewrite import ConvolutionKind, convolutions, kind_of
from workers.inference.sessions import in_memory

# Multiplications per layer, assumed if the model is not run: the layers of a vocoder cost about the same, whether they
# have few channels and long signals or many channels and short ones.
_USUAL_WORK = 5e8
_LONGEST, _SHORTEST = 20_000, 100
_TIME_AXIS = 2


@dataclass(frozen=True, kw_only=True)
class Use:
    """How one model uses one kind of convolution."""

    layers: int
    length: int
    """The length of its input signal; the longest if the layers differ."""


def uses(
    graph: EditableGraph, model: onnx.ModelProto, feeds: Mapping[str, Any] | None
) -> Mapping[ConvolutionKind, Use]:
    """The uses by kind, with the lengths of one run of the model on these inputs, or usual lengths without inputs."""
    found = [(kind_of(conv), conv.signal) for _, conv in convolutions(graph)]
    layers = Counter(kind for kind, _ in found)
    longest = _longest(model, found, feeds) if feeds and found else {kind: usual_length(kind) for kind in layers}
    return {kind: Use(layers=count, length=longest[kind]) for kind, count in layers.items()}


def usual_length(kind: ConvolutionKind) -> int:
    """The signal length with which this kind does a usual amount of work."""
    return max(_SHORTEST, min(_LONGEST, int(_USUAL_WORK / kind.multiplications)))


def _longest(
    model: onnx.ModelProto, found: Sequence[tuple[ConvolutionKind, str]], feeds: Mapping[str, Any]
) -> Mapping[ConvolutionKind, int]:
    signals = sorted({signal for _, signal in found})
    sizes = dict(zip(signals, _lengths_in_a_run(model, signals, feeds), strict=True))
    longest: dict[ConvolutionKind, int] = {}
    for kind, signal in found:
        longest[kind] = max(longest.get(kind, 0), sizes[signal])
    return longest


def _lengths_in_a_run(model: onnx.ModelProto, signals: Sequence[str], feeds: Mapping[str, Any]) -> Sequence[int]:
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    names = [f"{signal}/shape" for signal in signals]
    shown.graph.node.extend(helper.make_node("Shape", [one], [name]) for one, name in zip(signals, names, strict=True))
    shown.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT64, [None]) for name in names)
    return [int(shape[_TIME_AXIS]) for shape in in_memory(shown.SerializeToString()).run(names, feeds)]
