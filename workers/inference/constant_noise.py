"""Makes a graph deterministic: its random operators are replaced by seeded constant noise, made of standard operators.

Knows nothing of files or sessions: it changes a graph in memory.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

BUFFER = 1_048_573
"""Numbers per operator, 4 MB; where more are needed, they repeat from the start.

Enough for 4.9 s of Kokoro's nine harmonics. A prime, so that in a repetition no harmonic gets the numbers it had."""
RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
# What these draw depends on their input: no constant can replace them.
_BEYOND_US = ("Bernoulli", "Multinomial")
# Older opsets have neither CastLike nor Min of integers.
_OLDEST_OPSET = 15
_PREFIX = "chorus.noise"


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What was done with a graph's random operators."""

    fixed: tuple[str, ...]
    """The operators that were replaced, as `RandomNormalLike /decoder/…`."""
    left: tuple[str, ...]
    """Those that are still random: in the body of a loop or a branch, of another kind, or in too old a graph."""


def fix(model: onnx.ModelProto) -> Noise:
    """Replace each random operator of the graph by a buffer of numbers of the same distribution, drawn from a seed."""
    fixed: list[str] = []
    if _opset(model) >= _OLDEST_OPSET:
        for place in reversed(range(len(model.graph.node))):
            node = model.graph.node[place]
            if node.op_type in RANDOM:
                fixed.append(_describe(node))
                _replace(model.graph, place, node, seed=len(fixed))
    left = tuple(_describe(node) for node in _nodes(model.graph.node) if node.op_type in (*RANDOM, *_BEYOND_US))
    return Noise(fixed=tuple(fixed), left=left)


def random_operators(model: onnx.ModelProto) -> int:
    """How many operators of the graph return something else in each run."""
    return sum(node.op_type in (*RANDOM, *_BEYOND_US) for node in _nodes(model.graph.node))


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """These nodes, and all in their branches and loops."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g.node)


def _describe(node: onnx.NodeProto) -> str:
    return f"{node.op_type} {node.name or node.output[0]}"


def _opset(model: onnx.ModelProto) -> int:
    return max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0)


def _replace(graph: onnx.GraphProto, place: int, node: onnx.NodeProto, *, seed: int) -> None:
    """Put nodes in its place: shape → count → so many numbers of the buffer, repeated as often as needed → shape."""
    base = f"{_PREFIX}.{seed}"
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    like = node.op_type.endswith("Like")
    typed = "dtype" in given or not like
    kind = int(given.get("dtype", onnx.TensorProto.FLOAT))
    constants = {
        "numbers": _draw(node.op_type, given, seed).astype(helper.tensor_dtype_to_np_dtype(kind)),
        "zero": np.zeros(1, np.int64),
        "one": np.ones(1, np.int64),
        "length": np.array([BUFFER], np.int64),
        "length_less_one": np.array([BUFFER - 1], np.int64),
        **({} if like else {"shape": np.array(given["shape"], np.int64)}),
    }
    # The buffer is cut before it is repeated: to get nine numbers must not cost four megabytes.
    steps = (
        *([("Shape", [node.input[0]], "shape")] if like else []),
        ("ReduceProd", [f"{base}.shape"], "count"),
        ("Reshape", [f"{base}.count", f"{base}.one"], "wanted"),
        ("Min", [f"{base}.wanted", f"{base}.length"], "first"),
        ("Slice", [f"{base}.numbers", f"{base}.zero", f"{base}.first"], "start"),
        ("Add", [f"{base}.wanted", f"{base}.length_less_one"], "raised"),
        ("Div", [f"{base}.raised", f"{base}.length"], "times"),
        ("Tile", [f"{base}.start", f"{base}.times"], "enough"),
        ("Slice", [f"{base}.enough", f"{base}.zero", f"{base}.wanted"], "flat"),
        ("Reshape", [f"{base}.flat", f"{base}.shape"], "shaped"),
        ("Identity", [f"{base}.shaped"], "") if typed else ("CastLike", [f"{base}.shaped", node.input[0]], ""),
    )
    output = node.output[0]
    graph.initializer.extend(numpy_helper.from_array(array, f"{base}.{name}") for name, array in constants.items())
    # At the node's own place, because nodes are in order: its readers come after it, its inputs before.
    del graph.node[place]
    for kind_of, inputs, name in reversed(steps):
        made = helper.make_node(kind_of, inputs, [f"{base}.{name}" if name else output], name=f"{base}.{name or 'out'}")
        if name == "shaped":
            # Without it a length of 0 would mean "as in the input".
            made.attribute.append(helper.make_attribute("allowzero", 1))
        graph.node.insert(place, made)


def _draw(op_type: str, given: Mapping[str, Any], seed: int) -> NDArray[np.float64]:
    # numpy's old generator, whose numbers are promised never to change: machines with different numpys agree.
    source = np.random.RandomState(seed)
    if op_type.startswith("RandomNormal"):
        return np.asarray(source.standard_normal(BUFFER) * given.get("scale", 1.0) + given.get("mean", 0.0))
    low, high = given.get("low", 0.0), given.get("high", 1.0)
    return np.asarray(source.random_sample(BUFFER) * (high - low) + low)
