"""Study: convolutions in fp16 on a CPU, by kernel and channels as Kokoro's decoder has them.

PYTHONPATH=. python benchmarks/studies/half.py
"""

import time
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from workers.optimise.observing import opened

SHAPES = ((256, 11, 600), (256, 3, 600), (128, 7, 3600))
"""Channels, kernel, samples."""
ROUNDS = 9


def main() -> None:
    """Print milliseconds of processor time, the best of each."""
    for channels, kernel, samples in SHAPES:
        sessions = {kind: opened(convolution(kind, channels, kernel)) for kind in ("float32", "float16")}
        feed = {"x": np.random.default_rng(1).standard_normal((1, channels, samples)).astype(np.float32)}
        best = dict.fromkeys(sessions, float("inf"))
        for _ in range(ROUNDS):
            for kind, session in sessions.items():
                began_s = time.thread_time()
                session.run(None, feed)
                best[kind] = min(best[kind], time.thread_time() - began_s)
        told = ", ".join(f"{kind} {1000 * taken_s:.1f} ms" for kind, taken_s in best.items())
        print(f"{channels} channels, kernel {kernel}: {told}, {best['float32'] / best['float16']:.2f} ×")


def convolution(kind: str, channels: int, kernel: int) -> onnx.ModelProto:
    """One layer of this type between inputs and outputs of fp32."""
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
