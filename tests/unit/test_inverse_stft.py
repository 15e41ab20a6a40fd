"""The numbers of an inverse Fourier transform: those of the exporter are known, and are made those of torch.istft."""

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from workers.inference.sessions import in_memory
from workers.models.assembling import SKELETON
from workers.models.inverse_stft import kernels, make_exact

LENGTH, HOP = 20, 5
BINS = LENGTH // 2 + 1


def exported(length: int = LENGTH, hop: int = HOP, dtype: type = np.float32) -> onnx.ModelProto:
    """The transform alone, as the exporter writes it: real and imaginary halves, each a transposed convolution."""
    angle = 2 * np.pi * np.outer(np.arange(length // 2 + 1), np.arange(length)) / length
    window = np.hanning(length + 1)[:-1]
    halves = {"real": np.cos(angle) * window / length, "imag": np.sin(angle) * window / length}
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [
        helper.make_node("ConvTranspose", [f"in_{name}", f"kernel_{name}"], [f"out_{name}"], strides=[hop])
        for name in halves
    ]
    nodes.append(helper.make_node("Sub", ["out_real", "out_imag"], ["audio"]))
    graph = helper.make_graph(
        nodes,
        "istft",
        [helper.make_tensor_value_info(f"in_{name}", kind, [1, length // 2 + 1, "frames"]) for name in halves],
        [helper.make_tensor_value_info("audio", kind, None)],
        [numpy_helper.from_array(half[:, None].astype(dtype), f"kernel_{name}") for name, half in halves.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def istft(spectrum: NDArray[Any], hop: int = HOP) -> NDArray[np.float64]:
    """By the formula of torch.istft: a Hann window, overlapping frames added, divided by the squared windows' sum."""
    length = 2 * (spectrum.shape[0] - 1)
    window, frames = np.hanning(length + 1)[:-1], spectrum.shape[1]
    audio, squares = np.zeros((frames - 1) * hop + length), np.zeros((frames - 1) * hop + length)
    for at in range(frames):
        place = slice(at * hop, at * hop + length)
        audio[place] += window * np.fft.irfft(spectrum[:, at], length)
        squares[place] += window**2
    return audio / np.where(squares > 1e-9, squares, 1)


def spoken(model: onnx.ModelProto, spectrum: NDArray[Any]) -> NDArray[np.float64]:
    session: ort.InferenceSession = in_memory(model.SerializeToString())
    feeds = {"in_real": spectrum.real[None].astype(np.float32), "in_imag": spectrum.imag[None].astype(np.float32)}
    return np.ravel(session.run(None, feeds)[0]).astype(np.float64)


def noise_db(heard: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    inner = slice(LENGTH, -LENGTH)  # fewer windows overlap at the ends
    error = heard[inner] - wanted[inner]
    return float(10 * np.log10(np.mean(wanted[inner] ** 2) / np.mean(error**2)))


@pytest.fixture
def spectrum() -> NDArray[Any]:
    source = np.random.default_rng(7)
    made = source.standard_normal((BINS, 60)) + 1j * source.standard_normal((BINS, 60))
    made[[0, -1]] = made[[0, -1]].real  # they have no other half
    return made


def test_the_exporters_numbers_are_far_from_the_formula_and_the_exact_ones_are_it(spectrum: NDArray[Any]) -> None:
    model = exported()
    assert noise_db(spoken(model, spectrum), istft(spectrum)) < 15
    assert make_exact(model)
    assert noise_db(spoken(model, spectrum), istft(spectrum)) > 100


def test_what_is_exact_is_left_as_it_is() -> None:
    model = exported()
    assert (kernels(model), make_exact(model)) == ("dull", True)
    before = model.SerializeToString()
    assert (kernels(model), make_exact(model)) == ("exact", False)
    assert model.SerializeToString() == before


@pytest.mark.parametrize(("length", "hop"), [(16, 4), (32, 8), (20, 4)])
def test_other_lengths_and_hops_are_known_too(length: int, hop: int) -> None:
    model = exported(length, hop)
    assert make_exact(model)
    assert kernels(model) == "exact"


def test_half_precision_is_known() -> None:
    model = exported(dtype=np.float16)
    assert make_exact(model)
    assert kernels(model) == "exact"


def test_another_transposed_convolution_is_no_transform() -> None:
    model = exported()
    for tensor in model.graph.initializer:
        values = np.random.default_rng(1).standard_normal(tensor.dims).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    before = model.SerializeToString()
    assert (kernels(model), make_exact(model)) == ("none", False)
    assert model.SerializeToString() == before


def test_kokoros_own_graph_has_the_exporters_numbers() -> None:
    model = onnx.load(SKELETON)
    assert kernels(model) == "dull"
    assert make_exact(model)
    changed = [
        tensor.name
        for tensor, before in zip(model.graph.initializer, onnx.load(SKELETON).graph.initializer, strict=True)
        if tensor != before
    ]
    assert sorted(changed) == [f"m.decoder.generator.stft.weight_backward_{half}" for half in ("imag", "real")]
    assert TensorProto.FLOAT in {tensor.data_type for tensor in model.graph.initializer}
