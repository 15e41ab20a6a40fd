"""The studies do what they state: a ring loses nothing, pruning takes the smallest weights, tuning adds no noise."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from benchmarks.studies import binding, int4, pruning, ring, tuning
from workers.optimise.observing import opened, snr_db

CHANCE = np.random.default_rng(3)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_ring_passes_every_segment_once_and_in_order(slots: int) -> None:
    assert ring.passed(ring.Ring(slots, 16), items=500, samples=16) > 0


def test_a_segment_from_a_ring_is_a_copy() -> None:
    pipe = ring.Ring(1, 4)
    pipe.put(np.ones(4, np.float32))
    first = pipe.get()
    pipe.put(np.zeros(3, np.float32))
    assert first.tolist() == [1, 1, 1, 1]
    assert pipe.get().tolist() == [0, 0, 0]


def test_a_pipe_that_duplicates_a_segment_is_detected() -> None:
    class Stuttering(ring.Queue):
        def get(self) -> NDArray[np.float32]:
            return np.zeros(4, np.float32) + super().get() // 2 * 2

    with pytest.raises(RuntimeError, match="lost, duplicated or out of order"):
        ring.passed(Stuttering(4), items=10, samples=4)


def test_pruning_takes_the_smallest_weights_or_whole_channels() -> None:
    values = CHANCE.standard_normal((10, 4, 3)).astype(np.float32)
    mask = pruning.weights(values, 0.25)
    assert mask.sum() == 30
    assert np.abs(values[mask]).max() <= np.abs(values[~mask]).min()
    whole = pruning.channels(values, 0.2)
    assert whole.reshape(10, -1).all(axis=1).sum() == 2
    assert whole.sum() == 2 * 12


def convolution() -> onnx.NodeProto:
    return helper.make_node("Conv", ["x", "w"], ["y"], name="one", kernel_shape=[3], dilations=[2], pads=[2, 2])


def model_of(node: onnx.NodeProto, weights: NDArray[np.float32], shape: list[int | str]) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node], "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def test_a_layers_output_is_its_weights_times_the_columns_of_its_input() -> None:
    weights = CHANCE.standard_normal((5, 4, 3)).astype(np.float32)
    signal = CHANCE.standard_normal((1, 4, 40)).astype(np.float32)
    spoken = opened(model_of(convolution(), weights, [1, 4, "time"])).run(None, {"x": signal})[0][0]
    assert weights.reshape(5, -1) @ tuning.columns(signal, convolution()) == pytest.approx(spoken, abs=1e-4)


def test_tuned_weights_stay_on_their_grid_and_are_nearer_than_rounded_ones() -> None:
    weights = CHANCE.standard_normal((8, 4, 3)).astype(np.float32)
    # Neighbours that resemble each other, as in speech: there rounding errors can make up for one another.
    signal = np.cumsum(CHANCE.standard_normal((1, 4, 400)), axis=2).astype(np.float32)
    heard = tuning.columns(signal, convolution())
    plain, tuned = tuning.rounded(weights, 7), tuning.tuned_through(weights, 7, heard)
    wanted = weights.reshape(8, -1) @ heard
    gained = snr_db(wanted, tuned @ tuning.on_grid(heard)) - snr_db(wanted, plain @ tuning.on_grid(heard))
    assert gained > 1
    scales = np.abs(weights.reshape(8, -1)).max(axis=1, keepdims=True) / 7
    assert tuned / scales == pytest.approx(np.rint(tuned / scales), abs=1e-5)


def test_a_product_with_4_bit_weights_stays_near_the_original() -> None:
    weights = CHANCE.standard_normal((64, 32)).astype(np.float32)
    model = model_of(helper.make_node("MatMul", ["x", "w"], ["y"], name="product"), weights, ["n", 64])
    coarse = int4.in_four_bits(model)
    assert [node.op_type for node in coarse.graph.node] == ["MatMulNBits"]
    assert [node.op_type for node in model.graph.node] == ["MatMul"]
    feed = {"x": CHANCE.standard_normal((7, 64)).astype(np.float32)}
    assert 10 < snr_db(opened(model).run(None, feed)[0], opened(coarse).run(None, feed)[0]) < 40


def test_layers_that_share_a_matrix_share_its_4_bit_version() -> None:
    weights = CHANCE.standard_normal((64, 64)).astype(np.float32)
    model = model_of(helper.make_node("MatMul", ["x", "w"], ["once"], name="first"), weights, ["n", 64])
    model.graph.node.insert(0, helper.make_node("Identity", ["w"], ["shared"], name="shared"))
    model.graph.node.append(helper.make_node("MatMul", ["once", "shared"], ["y"], name="second"))
    coarse = int4.in_four_bits(model)
    assert [node.op_type for node in coarse.graph.node] == ["MatMulNBits"] * 2
    assert [one.name for one in coarse.graph.initializer] == ["w/int4", "w/scales"]
    assert coarse.ByteSize() < model.ByteSize() / 5


def test_bound_outputs_equal_plain_ones() -> None:
    session = opened(model_of(convolution(), np.ones((1, 1, 3), np.float32), [1, 1, "time"]))
    feed = {"x": np.arange(9, dtype=np.float32).reshape(1, 1, 9)}
    assert np.array_equal(binding.bound(session, feed)[0], session.run(None, feed)[0])
