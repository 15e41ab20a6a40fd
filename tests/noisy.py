"""The toy voice with a breath: Kokoro's two random operators in it, so that no run says what another one said."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from toy.build import MODEL

LOUDNESS = 0.02


def build(path: Path, *, loudness: float = LOUDNESS) -> Path:
    """Write it to `path`; its voices are the toy's."""
    model = onnx.load(MODEL)
    last = model.graph.node[-1]
    last.output[0] = "clean"
    scale = helper.make_tensor("loudness", onnx.TensorProto.FLOAT, [1], [loudness])
    model.graph.node.extend(
        (
            helper.make_node("RandomNormalLike", ["clean"], ["breath"], dtype=onnx.TensorProto.FLOAT, name="/breath"),
            helper.make_node("RandomUniformLike", ["speed"], ["phase"], dtype=onnx.TensorProto.FLOAT, name="/phase"),
            helper.make_node("Constant", [], ["how_loud"], value=scale),
            helper.make_node("Add", ["breath", "phase"], ["drawn"]),
            helper.make_node("Mul", ["how_loud", "drawn"], ["breathed"]),
            helper.make_node("Add", ["clean", "breathed"], ["audio"]),
        )
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def convolving(path: Path) -> Path:
    """The same with a decoder of a kind: convolutions as wide and long as those that run faster as tiles."""
    model = onnx.load(build(path))
    last = next(node for node in model.graph.node if "audio" in node.output)
    last.output[0] = "dry"
    source = np.random.default_rng(1)
    for name, shape in (("in", (64, 1, 1)), ("wide", (64, 64, 11)), ("out", (1, 64, 1))):
        weights = source.standard_normal(shape).astype(np.float32) / np.float32(np.sqrt(np.prod(shape[1:])))
        model.graph.initializer.append(numpy_helper.from_array(weights, f"{name}_weights"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1, -1]), "as_signal"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1]), "as_samples"))
    model.graph.node.extend(
        (
            helper.make_node("Reshape", ["dry", "as_signal"], ["signal"]),
            helper.make_node("Conv", ["signal", "in_weights"], ["many"], kernel_shape=[1]),
            helper.make_node("Conv", ["many", "wide_weights"], ["wet"], kernel_shape=[11], pads=[5, 5]),
            helper.make_node("Conv", ["wet", "out_weights"], ["mono"], kernel_shape=[1]),
            helper.make_node("Mul", ["mono", "how_loud"], ["quiet"]),
            helper.make_node("Reshape", ["quiet", "as_samples"], ["echo"]),
            helper.make_node("Add", ["dry", "echo"], ["audio"]),
        )
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path
