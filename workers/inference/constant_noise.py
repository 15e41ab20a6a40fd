"""Makes a graph say the same thing twice: its random operators become seeded constant noise, from standard operators.

Knows nothing of files or sessions: a graph in memory is changed in place.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

BUFFER = 1_048_573
"""Numbers per operator, 4 MB; read again from the start where more are wanted.

4.9 s of Kokoro's nine harmonics, and a prime: the second time round no harmonic meets the numbers it met before."""
RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
# These draw by what they are given: no constant could stand for them.
_BEYOND_US = ("Bernoulli", "Multinomial")
# CastLike and integers in Min are not older.
_OLDEST_OPSET = 15
_PREFIX = "chorus.noise"


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What became of a graph's random operators."""

    fixed: tuple[str, ...]
    """The operators that are constant now, as `RandomNormalLike /decoder/…`."""
    left: tuple[str, ...]
    """Those that still draw: in the body of a loop or a branch, of another kind, or in too old a graph."""


def fix(model: onnx.ModelProto) -> Noise:
    """Replace each random operator of the graph by a buffer of its own distribution, drawn from a seed."""
    fixed: list[str] = []
    if _opset(model) >= _OLDEST_OPSET:
        for place in reversed(range(len(model.graph.node))):
            node = model.graph.node[place]
            if node.op_type in RANDOM:
                fixed.append(_told(node))
                _replace(model.graph, place, node, seed=len(fixed))
    left = tuple(_told(node) for node in _nodes(model.graph.node) if node.op_type in (*RANDOM, *_BEYOND_US))
    return Noise(fixed=tuple(fixed), left=left)


def random_operators(model: onnx.ModelProto) -> int:
    """How many operators of the graph give something else each time."""
    return sum(node.op_type in (*RANDOM, *_BEYOND_US) for node in _nodes(model.graph.node))


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """These and all in their branches and loops."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g.node)


def _told(node: onnx.NodeProto) -> str:
    return f"{node.op_type} {node.name or node.output[0]}"


def _opset(model: onnx.ModelProto) -> int:
    return max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0)


def _replace(graph: onnx.GraphProto, place: int, node: onnx.NodeProto, *, seed: int) -> None:
    """Shape → how many → a cut of the buffer, repeated as often as needed, cut again → shape."""
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
    # What fits into the buffer is cut from it before it is repeated: nine numbers must not cost four megabytes.
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
    # In the place of the node: whoever reads it comes later, what it reads came before.
    del graph.node[place]
    for kind_of, inputs, name in reversed(steps):
        made = helper.make_node(kind_of, inputs, [f"{base}.{name}" if name else output], name=f"{base}.{name or 'out'}")
        if name == "shaped":
            # A length of nought is one, and not "as before".
            made.attribute.append(helper.make_attribute("allowzero", 1))
        graph.node.insert(place, made)


def _draw(op_type: str, given: Mapping[str, Any], seed: int) -> NDArray[np.float64]:
    # The old generator, because its numbers are promised never to change: machines with different numpy agree.
    source = np.random.RandomState(seed)
    if op_type.startswith("RandomNormal"):
        return np.asarray(source.standard_normal(BUFFER) * given.get("scale", 1.0) + given.get("mean", 0.0))
    low, high = given.get("low", 0.0), given.get("high", 1.0)
    return np.asarray(source.random_sample(BUFFER) * (high - low) + low)
