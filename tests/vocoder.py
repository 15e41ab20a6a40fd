"""A model with Kokoro's joints: the toy's tokens and lengths, and behind them convolutions under Kokoro's names.

Its sound means nothing. One block of it, `noise_res`, is made so that int8 harms it; the others hardly notice.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from toy.build import MODEL

CHANNELS, KERNEL = 8, 3
CALM, TOUCHY = "/decoder/generator/resblocks.0/convs1", "/decoder/generator/noise_res.0/convs1.0"
SOURCE, LAST = "/decoder/generator/noise_convs.0", "/decoder/generator/conv_post"


def build(path: Path, *, channels: int = CHANNELS) -> Path:
    """Write it to `path`; its voices are the toy's. The more channels, the more of its time convolutions take."""
    model = onnx.load(MODEL)
    model.graph.node[-1].output[0] = "clean"
    chance = np.random.default_rng(7)
    shape = numpy_helper.from_array(np.array([1, 1, -1], np.int64), "row")
    flat = numpy_helper.from_array(np.array([-1], np.int64), "flat_again")
    model.graph.initializer.extend((shape, flat, numpy_helper.from_array(np.array([0.02], np.float32), "quiet")))
    model.graph.node.extend(
        (
            helper.make_node("Reshape", ["clean", "row"], ["wave"]),
            helper.make_node("RandomNormalLike", ["wave"], ["breath"], dtype=onnx.TensorProto.FLOAT, name="/breath"),
            helper.make_node("Mul", ["breath", "quiet"], ["breathed"]),
            helper.make_node("Add", ["wave", "breathed"], ["har"]),
        )
    )
    _layer(model, SOURCE, "har", "first", chance.uniform(-1, 1, (channels, 1, KERNEL)) / 2)
    # One sample in a thousand of this input is a thousand times the others: a grid that holds it holds little else.
    model.graph.initializer.append(numpy_helper.from_array(np.array([9.0], np.float32), "power"))
    model.graph.node.extend(
        (
            helper.make_node("Abs", ["first"], ["size"]),
            helper.make_node("Pow", ["size", "power"], ["peaks"]),
            helper.make_node("Add", ["peaks", "first"], ["spiky"]),
        )
    )
    _layer(model, TOUCHY, "spiky", "touched", np.eye(channels)[:, :, None] * np.array([0.0, 0.5, 0.0]))
    model.graph.node.append(helper.make_node("Tanh", ["touched"], ["calmed"]))
    for place in range(2):
        weights = chance.standard_normal((channels, channels, KERNEL)) / np.sqrt(channels * KERNEL)
        _layer(model, f"{CALM}.{place}", "calmed" if not place else "once", "once" if not place else "twice", weights)
    _layer(model, LAST, "twice", "sound", chance.standard_normal((1, channels, KERNEL)) / np.sqrt(channels * KERNEL))
    model.graph.node.extend(
        (
            helper.make_node("Tanh", ["sound"], ["bounded"]),
            helper.make_node("Reshape", ["bounded", "flat_again"], ["audio"]),
        )
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def _layer(model: onnx.ModelProto, name: str, signal: str, result: str, weights: np.ndarray) -> None:
    model.graph.initializer.append(numpy_helper.from_array(weights.astype(np.float32), f"{name}.weight"))
    inputs = [signal, f"{name}.weight"]
    model.graph.node.append(
        helper.make_node("Conv", inputs, [result], name=f"{name}/Conv", kernel_shape=[KERNEL], pads=[1, 1])
    )
