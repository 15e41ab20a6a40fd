"""Study: fp16 on a CPU, for single convolutions like those of Kokoro's decoder, and for all of the decoder's together.

.venv/bin/python benchmarks/studies/half.py KOKORO-SHAPED.onnx
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks.studies import common
from workers.optimise.observing import opened

SHAPES = ((256, 11, 600), (256, 3, 600), (128, 7, 3600))
"""Channels, kernel, samples."""
ROUNDS = 9


def main() -> None:
    """Print milliseconds of processor time, from the fastest runs."""
    subject = common.subject(__doc__)
    layers()
    whole(subject)


def layers() -> None:
    """Print the times of single convolutions in both types."""
    for channels, kernel, samples in SHAPES:
        sessions = {kind: opened(convolution(kind, channels, kernel)) for kind in ("float32", "float16")}
        feed = {"x": np.random.default_rng(1).standard_normal((1, channels, samples)).astype(np.float32)}
        best = common.in_turn(sessions, feed, ROUNDS)
        times = ", ".join(f"{kind} {1000 * taken_s:.1f} ms" for kind, taken_s in best.items())
        print(f"{channels} channels, kernel {kernel}: {times}, {best['float32'] / best['float16']:.2f} ×")


def whole(subject: common.Subject) -> None:
    """Print the times of the model, and of the model with its decoder's convolutions in fp16."""
    narrow, count = hybrid(subject.model)
    sessions = {"float32": opened(subject.model), "hybrid": opened(narrow)}
    feed = subject.feeds[0]
    best = common.in_turn(sessions, feed)
    megabytes = {
        name: len(model.SerializeToString()) / 1e6 for name, model in (("", subject.model), ("hybrid", narrow))
    }
    times = ", ".join(f"{kind} {1000 * taken_s:.0f} ms" for kind, taken_s in best.items())
    print(
        f"{count} convolutions of the decoder, {feed['tokens'].size} tokens: {times}, "
        f"{best['float32'] / best['hybrid']:.2f} ×, {megabytes['hybrid']:.0f} MB instead of {megabytes['']:.0f}"
    )


def hybrid(model: onnx.ModelProto) -> tuple[onnx.ModelProto, int]:
    """A copy whose decoder's convolutions are fp16 with casts around them, and the number of these convolutions."""
    narrow = onnx.ModelProto()
    narrow.CopyFrom(model)
    weights = {tensor.name: tensor for tensor in narrow.graph.initializer}
    half, nodes, count = set[str](), list[onnx.NodeProto](), 0
    for node in narrow.graph.node:
        if node.op_type != "Conv" or "decoder" not in node.name or any(name not in weights for name in node.input[1:]):
            nodes.append(node)
            continue
        count += 1
        half |= set(node.input[1:])
        given, made = node.input[0], node.output[0]
        node.input[0], node.output[0] = f"{made}/given", f"{made}/narrow"
        nodes += [
            helper.make_node("Cast", [given], [node.input[0]], to=onnx.TensorProto.FLOAT16),
            node,
            helper.make_node("Cast", [node.output[0]], [made], to=onnx.TensorProto.FLOAT),
        ]
    for name in half:
        weights[name].CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights[name]).astype(np.float16), name))
    del narrow.graph.node[:]
    narrow.graph.node.extend(nodes)
    return narrow, count


def convolution(kind: str, channels: int, kernel: int) -> onnx.ModelProto:
    """A model with one convolution of this type, with inputs and outputs in fp32."""
    weights: Any = np.random.default_rng(0).standard_normal((channels, channels, kernel)) / np.sqrt(channels * kernel)
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    nodes = [
        helper.make_node("Cast", ["x"], ["narrow"], to=element),
        helper.make_node("Conv", ["narrow", "w"], ["sum"], kernel_shape=[kernel], pads=[kernel // 2] * 2),
        helper.make_node("Cast", ["sum"], ["y"], to=onnx.TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes, "layer",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, channels, "time"])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, channels, "time"])],
        [numpy_helper.from_array(weights.astype(kind), "w")],
    )  # fmt: skip
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


if __name__ == "__main__":
    main()
