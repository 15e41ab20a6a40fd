"""The float weights of a graph that onnxruntime quantised: they are the originals, as far as eight bits can say."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from chorus.errors import ModelError
from workers.models.int8_release import FloatWeights, float_weights, restored

SOURCE = np.random.default_rng(3)


def tensor(*shape: int) -> NDArray[np.float32]:
    return SOURCE.standard_normal(shape).astype(np.float32)


WEIGHTS = {
    "embedding.weight": tensor(12, 8),
    "product.weight": tensor(8, 6),
    "conv.weight": tensor(5, 6, 3),
    "norm.weight": tensor(5),
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> onnx.ModelProto:
    """An embedding, a product and a convolution, quantised by onnxruntime as the older release was."""
    nodes = [
        helper.make_node("Gather", ["embedding.weight", "tokens"], ["looked_up"], name="/m/Gather"),
        helper.make_node("Neg", ["looked_up"], ["given"]),
        helper.make_node("MatMul", ["given", "product.weight"], ["turned"], name="/m/MatMul"),
        helper.make_node("Transpose", ["turned"], ["across"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["across", "conv.weight"], ["folded"], name="/m/Conv", pads=[1, 1]),
        helper.make_node("Mul", ["folded", "scale"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "m",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "length"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [
            *(numpy_helper.from_array(value, name) for name, value in WEIGHTS.items() if name != "norm.weight"),
            numpy_helper.from_array(WEIGHTS["norm.weight"].reshape(1, 5, 1), "scale"),
        ],
    )
    folder = tmp_path_factory.mktemp("release")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), folder / "f.onnx")
    quantize_dynamic(folder / "f.onnx", folder / "q.onnx", weight_type=QuantType.QUInt8)
    return onnx.load(folder / "q.onnx")


@pytest.fixture(scope="module")
def weights(release: onnx.ModelProto) -> FloatWeights:
    return float_weights(release)


def step(value: NDArray[np.float32]) -> float:
    """What one of 255 steps over the range of these numbers, nought among them, is at most."""
    return float(max(value.max(), 0) - min(value.min(), 0)) / 255


@pytest.mark.parametrize("name", ["embedding.weight", "product.weight", "conv.weight"])
def test_a_quantised_tensor_comes_back_by_name_to_within_a_step(weights: FloatWeights, name: str) -> None:
    assert np.abs(weights.by_name[name] - WEIGHTS[name]).max() <= 0.51 * step(WEIGHTS[name])


def test_every_operator_knows_its_own(weights: FloatWeights) -> None:
    product, conv = weights.by_node["MatMul", "/m/MatMul"], weights.by_node["Conv", "/m/Conv"]
    assert np.array_equal(product["w"], weights.by_name["product.weight"])
    assert np.array_equal(conv["w"], weights.by_name["conv.weight"])
    assert np.array_equal(weights.by_node["Gather", "/m/Gather"]["w"], weights.by_name["embedding.weight"])


def test_a_tensor_that_is_missing_is_named(release: onnx.ModelProto) -> None:
    broken = onnx.ModelProto()
    broken.CopyFrom(release)
    gone = next(one for one in broken.graph.initializer if one.name.startswith("product.weight"))
    broken.graph.initializer.remove(gone)
    with pytest.raises(ModelError, match="no tensor '/m/MatMul_quant scale'"):
        float_weights(broken)


def test_scales_may_be_one_number_or_one_for_each_column() -> None:
    stored = np.array([[0, 128, 255], [10, 20, 30]], np.uint8)
    one = restored(stored, np.array(128, np.uint8), np.array(0.5, np.float32), axis=-1)
    assert one.tolist() == [[-64, 0, 63.5], [-59, -54, -49]]
    each = restored(stored, np.array([0, 128, 255], np.uint8), np.array([1, 2, 3], np.float32), axis=-1)
    assert each.tolist() == [[0, 0, 0], [10, -216, -675]]
