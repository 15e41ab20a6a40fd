"""The toy voice with a breath: Kokoro's two random operators in it, so that no run says what another one said."""

from pathlib import Path

import onnx
from onnx import helper
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
