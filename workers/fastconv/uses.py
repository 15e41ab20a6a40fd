"""How often each kind of convolution stands in a model, and how long its signal is in ordinary use."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto, helper

from workers.fastconv.editable_graph import Workbench
from workers.fastconv.rewrite import ConvolutionKind, convolutions, kind_of
from workers.inference.sessions import in_memory

# Where nothing tells: the layers of a vocoder cost about the same, long ones of few channels and short ones of many.
_USUAL_WORK = 5e8
_LONGEST, _SHORTEST = 20_000, 100
_TIME_AXIS = 2


@dataclass(frozen=True, kw_only=True)
class Use:
    """Of one kind of convolution in one model."""

    layers: int
    length: int
    """Samples that it reads; the longest where layers differ."""


def uses(bench: Workbench, model: onnx.ModelProto, feeds: Mapping[str, Any] | None) -> Mapping[ConvolutionKind, Use]:
    """By kind, with the lengths that one run of the model on these inputs shows; without inputs ordinary ones."""
    found = [(kind_of(conv), conv.signal) for _, conv in convolutions(bench)]
    layers = Counter(kind for kind, _ in found)
    longest = _longest(model, found, feeds) if feeds and found else {kind: usual_length(kind) for kind in layers}
    return {kind: Use(layers=count, length=longest[kind]) for kind, count in layers.items()}


def usual_length(kind: ConvolutionKind) -> int:
    """Samples that make for an ordinary amount of work."""
    return max(_SHORTEST, min(_LONGEST, int(_USUAL_WORK / kind.multiplications)))


def _longest(
    model: onnx.ModelProto, found: Sequence[tuple[ConvolutionKind, str]], feeds: Mapping[str, Any]
) -> Mapping[ConvolutionKind, int]:
    signals = sorted({signal for _, signal in found})
    sizes = dict(zip(signals, _seen(model, signals, feeds), strict=True))
    longest: dict[ConvolutionKind, int] = {}
    for kind, signal in found:
        longest[kind] = max(longest.get(kind, 0), sizes[signal])
    return longest


def _seen(model: onnx.ModelProto, signals: Sequence[str], feeds: Mapping[str, Any]) -> Sequence[int]:
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    names = [f"{signal}/shape" for signal in signals]
    shown.graph.node.extend(helper.make_node("Shape", [one], [name]) for one, name in zip(signals, names, strict=True))
    shown.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT64, [None]) for name in names)
    return [int(shape[_TIME_AXIS]) for shape in in_memory(shown.SerializeToString()).run(names, feeds)]
