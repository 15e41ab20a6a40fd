"""Convolutions in int8, on small graphs and real onnxruntime: their noise, what stays unchanged, and what is fused."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from workers.optimise.int8 import Range, blocks, channel_scales, convolution_tensors, quantised
from workers.optimise.observing import harmonic_source, opened, ranges, snr_db, tensor_value, with_input

FLOAT = onnx.TensorProto.FLOAT
RESBLOCK, NOISE = "/decoder/generator/resblocks.0/convs1.0/Conv", "/decoder/generator/noise_convs.0/Conv"


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    return drawn.astype(np.float32)


def model_of(nodes: list[onnx.NodeProto], tensors: dict[str, np.ndarray], channels: int = 1) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("x", FLOAT, [1, channels, "time"])],
        [helper.make_tensor_value_info("y", FLOAT, [1, None, None])],
        [numpy_helper.from_array(values, name) for name, values in tensors.items()],
    )  # fmt: skip
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def convolution(w: np.ndarray, *, dilation: int = 1, bias: np.ndarray | None = None) -> onnx.ModelProto:
    """One layer as Kokoro's have it, between two that no integer operator does."""
    reach = dilation * (w.shape[2] - 1)
    inputs = ["wave", "w"] + (["b"] if bias is not None else [])
    nodes = [
        helper.make_node("Sin", ["x"], ["wave"], name="sin"),
        helper.make_node(
            "Conv", inputs, ["sum"], name=RESBLOCK, kernel_shape=[w.shape[2]], dilations=[dilation],
            pads=[reach // 2, reach - reach // 2],
        ),
        helper.make_node("Tanh", ["sum"], ["y"], name="tanh"),
    ]  # fmt: skip
    return model_of(nodes, {"w": w} | ({"b": bias} if bias is not None else {}), channels=w.shape[1])


def signal(channels: int, time: int = 200) -> dict[str, Any]:
    return {"x": np.random.default_rng(5).standard_normal((1, channels, time)).astype(np.float32)}


def through(model: onnx.ModelProto, feed: dict[str, Any]) -> np.ndarray:
    return np.asarray(opened(model).run(None, feed)[0])


def twice(model: onnx.ModelProto, feed: dict[str, Any]) -> list[np.ndarray]:
    session = opened(model)
    return [np.asarray(session.run(None, feed)[0]) for _ in range(2)]


def in_int8(model: onnx.ModelProto, feed: dict[str, Any], weight_bits: int = 8) -> onnx.ModelProto:
    seen = ranges(model, convolution_tensors(model, [RESBLOCK]), [feed])
    return quantised(model, [RESBLOCK], seen, weight_bits=weight_bits)


def operators(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    channels=st.integers(1, 24),
    outputs=st.integers(1, 24),
    kernel=st.sampled_from([1, 3, 7, 11]),
    dilation=st.sampled_from([1, 3, 5]),
    biased=st.booleans(),
)
def test_a_convolution_in_int8_adds_only_a_little_noise(
    channels: int, outputs: int, kernel: int, dilation: int, *, biased: bool
) -> None:
    bias = weights(1, outputs, seed=1)[0] if biased else None
    model, feed = convolution(weights(outputs, channels, kernel), dilation=dilation, bias=bias), signal(channels)
    # Seven bits of weight, so that no processor clips where it adds.
    assert snr_db(through(model, feed), through(in_int8(model, feed, weight_bits=7), feed)) > 25


def test_onnxruntime_fuses_it_into_one_integer_operator(tmp_path: Path) -> None:
    model, feed = convolution(weights(16, 16, 3)), signal(16)
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "fused.onnx")
    ort.InferenceSession(in_int8(model, feed).SerializeToString(), options, providers=["CPUExecutionProvider"])
    fused = operators(onnx.load(tmp_path / "fused.onnx"))
    assert (fused["QLinearConv"], fused["Conv"], fused["DequantizeLinear"]) == (1, 0, 1)


def test_a_quiet_channel_is_as_exact_as_a_loud_one() -> None:
    w = weights(2, 8, 3) * np.array([1, 1e-3], np.float32).reshape(2, 1, 1)
    scales = channel_scales(w, 127)
    assert scales[0] / scales[1] > 100
    for row, scale in zip(w, scales, strict=True):
        assert np.abs(np.rint(row / scale)).max() == 127


def test_a_channel_of_zeros_stays_zero() -> None:
    w = weights(4, 4, 3)
    w[2] = 0
    model, feed = convolution(w), signal(4)
    assert not through(in_int8(model, feed), feed)[0, 2].any()


@pytest.mark.parametrize(("bits", "most"), [(8, 127), (7, 63)])
def test_weights_use_the_steps_that_their_bits_allow(bits: int, most: int) -> None:
    model, feed = convolution(weights(8, 8, 3)), signal(8)
    done = in_int8(model, feed, weight_bits=bits)
    steps = next(numpy_helper.to_array(one) for one in done.graph.initializer if one.name.endswith("weight/steps"))
    assert steps.dtype == np.int8
    assert np.abs(steps).max() == most


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.5, 2.0), (-4.0, -1.0), (0.0, 0.0)])
def test_zero_is_always_representable_since_padding_is_zero(low: float, high: float) -> None:
    scale, zero = Range(low=low, high=high).grid()
    assert (0 - float(zero)) * scale <= low + scale
    assert (255 - float(zero)) * scale >= high - scale
    assert np.float32(np.rint(0 / scale) + zero - zero) * scale == 0


def test_other_convolutions_and_the_input_model_are_not_changed() -> None:
    model, feed = convolution(weights(8, 8, 3)), signal(8)
    before = model.SerializeToString(deterministic=True)
    assert quantised(model, [], {}).SerializeToString(deterministic=True) == before
    assert in_int8(model, feed).SerializeToString(deterministic=True) != before
    assert model.SerializeToString(deterministic=True) == before


def test_unused_weights_are_removed() -> None:
    model, feed = convolution(weights(64, 64, 11)), signal(64)
    assert in_int8(model, feed).ByteSize() < model.ByteSize() / 3


def test_a_convolution_with_computed_weights_is_not_quantised() -> None:
    model, feed = convolution(weights(8, 8, 3)), signal(8)
    model.graph.node.insert(0, helper.make_node("Neg", ["w"], ["minus"], name="neg"))
    model.graph.node[2].input[1] = "minus"
    done = in_int8(model, feed)
    assert operators(done) == operators(model)


def test_convolutions_with_the_same_input_share_its_quantisation() -> None:
    model, feed = convolution(weights(8, 8, 3)), signal(8)
    twin = onnx.NodeProto()
    twin.CopyFrom(model.graph.node[1])
    twin.name, twin.output[0] = f"{RESBLOCK}_1", "other"
    model.graph.node.insert(2, twin)
    model.graph.node.insert(3, helper.make_node("Add", ["sum", "other"], ["both"], name="add"))
    model.graph.node[4].input[0] = "both"
    names = [RESBLOCK, twin.name]
    done = quantised(model, names, ranges(model, convolution_tensors(model, names), [feed]), weight_bits=7)
    assert operators(done)["QuantizeLinear"] == 3
    assert snr_db(through(model, feed), through(done, feed)) > 25


def test_blocks_are_recognised_by_the_names_of_their_nodes() -> None:
    names = [
        "/text_encoder/cnn.0/Conv", "/decoder/encode/conv1/Conv", "/decoder/decoder/decode.3/conv2/Conv", NOISE,
        "/decoder/asr_res/asr_res.0/Conv", "/decoder/generator/noise_res.1/convs1.0/Conv", RESBLOCK,
        "/decoder/generator/conv_post/Conv", "/decoder/generator/Conv", "/decoder/F0_conv/Conv", "/F0.0/conv1/Conv",
    ]  # fmt: skip
    model = model_of([helper.make_node("Conv", ["x", "w"], [name], name=name) for name in names], {})
    assert blocks(model) == {
        "resblocks": (RESBLOCK,),
        "noise_res": ("/decoder/generator/noise_res.1/convs1.0/Conv",),
        "noise_convs": (NOISE,),
        "conv_post": ("/decoder/generator/conv_post/Conv",),
        "decoder": (
            "/decoder/encode/conv1/Conv", "/decoder/decoder/decode.3/conv2/Conv", "/decoder/asr_res/asr_res.0/Conv",
        ),
    }  # fmt: skip


def test_a_range_covers_the_values_of_all_feeds() -> None:
    model = convolution(np.ones((1, 1, 1), np.float32))
    feeds = [{"x": np.array([[values]], np.float32)} for values in ([0.1, 0.2], [-1.5, 0.0])]
    seen = ranges(model, convolution_tensors(model, [RESBLOCK]), feeds)
    assert [round(seen["wave"].low, 3), round(seen["wave"].high, 3)] == [-0.997, 0.199]
    assert seen["sum"] == seen["wave"]


def restless() -> onnx.ModelProto:
    """A graph whose source is chance, as Kokoro's is."""
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["source"], name="chance"),
        helper.make_node("Conv", ["source", "w"], ["y"], name=NOISE, kernel_shape=[3], pads=[1, 1]),
    ]
    return model_of(nodes, {"w": weights(1, 1, 3)})


def test_with_a_fixed_source_a_random_model_gives_the_same_samples_twice() -> None:
    model, feed = restless(), signal(1)
    assert not np.array_equal(*twice(model, feed))
    tensor = harmonic_source(model)
    assert tensor == "source"
    first, second = twice(with_input(model, tensor), {**feed, tensor: tensor_value(model, tensor, feed)})
    assert np.array_equal(first, second)
    assert first.any()


def test_a_model_without_a_harmonic_source_has_none_to_fix() -> None:
    assert harmonic_source(convolution(weights(1, 1, 3))) is None
