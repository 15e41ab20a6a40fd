"""Study: 4-bit weights (`MatMulNBits`) for every matrix product with constant weights.

    .venv/bin/python benchmarks/studies/int4.py KOKORO-SHAPED.onnx

The weights are rounded to nearest, with a scale for every 32 weights. onnxruntime's own quantiser gives the same, but
needs an additional package.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks.studies import common
from workers.optimise.observing import opened

BLOCK = 32
DOMAIN = "com.microsoft"
INT8_PRODUCTS = 4
"""onnxruntime's `accuracy_level`: activations become int8, which is its fastest mode."""
SENTENCES = 4
_MIDDLE, _STEPS = 8, 7


def main() -> None:
    """Print the effect on size, speed and durations."""
    subject = common.subject(__doc__)
    plain_mb = subject.model.ByteSize() / 1e6
    coarse = in_four_bits(subject.model)
    sessions = {"fp32": opened(subject.model), "int4": opened(coarse)}
    taken_s = common.in_turn(sessions, subject.feeds[0])
    moved = [
        int((common.spoken(sessions["int4"], feed)[1] != common.spoken(sessions["fp32"], feed)[1]).sum())
        for feed in subject.feeds[:SENTENCES]
    ]
    tokens = sum(np.asarray(feed["tokens"]).size for feed in subject.feeds[:SENTENCES])
    count = sum(node.op_type == "MatMulNBits" for node in coarse.graph.node)
    print(
        f"{count} of {sum(node.op_type == 'MatMul' for node in subject.model.graph.node)} products have 4-bit weights"
    )
    print(f"{plain_mb:.0f} MB became {coarse.ByteSize() / 1e6:.0f} MB")
    print(f"{taken_s['fp32'] / taken_s['int4']:.3f} × the speed of fp32")
    print(f"{sum(moved)} of {tokens} tokens last longer or shorter")


def in_four_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose products with constant weights are `MatMulNBits`."""
    done = onnx.ModelProto()
    done.CopyFrom(model)
    weights = _weights(done.graph)
    packed: dict[str, list[str]] = {}
    for node in done.graph.node:
        tensor = weights.get(node.input[1]) if node.op_type == "MatMul" else None
        if tensor is not None:
            names = packed.get(tensor.name) or _coarsen(done.graph, tensor)
            _replace(node, names, tuple(tensor.dims))
            packed[tensor.name] = names
    _drop_unread(done.graph)
    if all(one.domain != DOMAIN for one in done.opset_import):
        done.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return done


def _weights(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Constant matrices by all names under which nodes read them: layers that share one read it through an Identity."""
    found = {one.name: one for one in graph.initializer if len(one.dims) == 2}  # noqa: PLR2004 - a matrix
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _coarsen(graph: onnx.GraphProto, tensor: onnx.TensorProto) -> list[str]:
    names = [f"{tensor.name}/{part}" for part in ("int4", "scales")]
    parts = pack(numpy_helper.to_array(tensor))
    graph.initializer.extend(numpy_helper.from_array(part, name) for part, name in zip(parts, names, strict=True))
    return names


def _replace(node: onnx.NodeProto, names: list[str], shape: tuple[int, ...]) -> None:
    del node.input[1:]
    node.input.extend(names)
    node.op_type, node.domain = "MatMulNBits", DOMAIN
    sizes = {"K": shape[0], "N": shape[1], "bits": 4, "block_size": BLOCK, "accuracy_level": INT8_PRODUCTS}
    node.attribute.extend(helper.make_attribute(name, value) for name, value in sizes.items())


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Remove unused weights and unused Identity nodes."""
    read = {name for node in graph.node if node.op_type != "Identity" for name in node.input}
    nodes = [node for node in graph.node if node.op_type != "Identity" or node.output[0] in read | _outputs(graph)]
    read |= {name for node in nodes for name in node.input}
    spare = onnx.GraphProto()
    spare.node.extend(nodes)
    spare.initializer.extend(one for one in graph.initializer if one.name in read)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(spare.node)
    graph.initializer.extend(spare.initializer)


def _outputs(graph: onnx.GraphProto) -> set[str]:
    """The tensors that are outputs of the graph, or that its branches and loops read."""
    inner = [attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g")]
    read = {name for one in inner for node in one.node for name in node.input} | {
        output.name for one in inner for output in one.output
    }
    return read | {output.name for output in graph.output}


def pack(matrix: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Two weights per byte, the first in the low bits, column by column in blocks; and the scale of each block."""
    inputs, outputs = matrix.shape
    padded = np.pad(matrix.T, ((0, 0), (0, -inputs % BLOCK))).reshape(outputs, -1, BLOCK)
    scales = np.maximum(np.abs(padded).max(axis=2), np.finfo(np.float32).tiny) / _STEPS
    steps = (np.rint(padded / scales[:, :, None]) + _MIDDLE).astype(np.uint8)
    return steps[:, :, 0::2] | steps[:, :, 1::2] << 4, scales.astype(np.float32).ravel()


if __name__ == "__main__":
    main()
