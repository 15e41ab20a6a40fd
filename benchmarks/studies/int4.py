"""Study: weights of four bits (`MatMulNBits`) for every product with constant weights.

    PYTHONPATH=. python benchmarks/studies/int4.py KOKORO-SHAPED.onnx

Rounded to the nearest, a scale for every 32 weights. onnxruntime's own quantiser needs a package that nothing else here
does, and makes the same.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from benchmarks.studies import common
from workers.optimise.observing import opened

BLOCK = 32
DOMAIN = "com.microsoft"
INT8_PRODUCTS = 4
"""onnxruntime's `accuracy_level`: activations go to int8, the fastest it has."""
SAID = 4
_MIDDLE, _STEPS = 8, 7


def main() -> None:
    """Print what is left of size, speed and durations."""
    subject = common.subject(__doc__)
    plain_mb = subject.model.ByteSize() / 1e6
    coarse = in_four_bits(subject.model)
    sessions = {"fp32": opened(subject.model), "int4": opened(coarse)}
    taken_s = common.in_turn(sessions, subject.feeds[0])
    moved = [
        int((common.said(sessions["int4"], feed)[1] != common.said(sessions["fp32"], feed)[1]).sum())
        for feed in subject.feeds[:SAID]
    ]
    tokens = sum(np.asarray(feed["tokens"]).size for feed in subject.feeds[:SAID])
    count = sum(node.op_type == "MatMulNBits" for node in coarse.graph.node)
    print(f"{count} products of {sum(node.op_type == 'MatMul' for node in subject.model.graph.node)} in four bits")
    print(f"{plain_mb:.0f} MB became {coarse.ByteSize() / 1e6:.0f} MB")
    print(f"{taken_s['fp32'] / taken_s['int4']:.3f} × the speed of fp32")
    print(f"{sum(moved)} of {tokens} tokens last longer or shorter")


def in_four_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose products with constant weights are `MatMulNBits`."""
    done = onnx.ModelProto()
    done.CopyFrom(model)
    weights = {one.name: one for one in done.graph.initializer if len(one.dims) == 2}  # noqa: PLR2004 - a matrix
    for node in done.graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            _coarsen(done.graph, node, numpy_helper.to_array(weights[node.input[1]]))
    read = {name for node in done.graph.node for name in node.input}
    kept = [one for one in done.graph.initializer if one.name in read]
    spare = onnx.GraphProto()
    spare.initializer.extend(kept)
    del done.graph.initializer[:]
    done.graph.initializer.extend(spare.initializer)
    if all(one.domain != DOMAIN for one in done.opset_import):
        done.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return done


def _coarsen(graph: onnx.GraphProto, node: onnx.NodeProto, matrix: NDArray[np.float32]) -> None:
    packed, scales = pack(matrix)
    names = [f"{node.name}/{part}" for part in ("int4", "scales")]
    graph.initializer.extend(
        numpy_helper.from_array(values, name) for name, values in zip(names, (packed, scales), strict=True)
    )
    node.input[1:] = names
    node.op_type, node.domain = "MatMulNBits", DOMAIN
    sizes = {"K": matrix.shape[0], "N": matrix.shape[1], "bits": 4, "block_size": BLOCK}
    node.attribute.extend(
        helper.make_attribute(name, value) for name, value in (sizes | {"accuracy_level": INT8_PRODUCTS}).items()
    )


def pack(matrix: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Two weights to a byte, the first one low, column by column in blocks; and what a step of each block is worth."""
    inputs, outputs = matrix.shape
    padded = np.pad(matrix.T, ((0, 0), (0, -inputs % BLOCK))).reshape(outputs, -1, BLOCK)
    scales = np.maximum(np.abs(padded).max(axis=2), np.finfo(np.float32).tiny) / _STEPS
    steps = (np.rint(padded / scales[:, :, None]) + _MIDDLE).astype(np.uint8)
    return steps[:, :, 0::2] | steps[:, :, 1::2] << 4, scales.astype(np.float32).ravel()


if __name__ == "__main__":
    main()
