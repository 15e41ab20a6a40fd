"""A graph with fast convolution computes the same as the original, for every shape, in real onnxruntime."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from workers.fastconv import ConvolutionKind, KindChoice, TileChoice, accelerate, choice_by_rule, kinds
from workers.fastconv.editable_graph import EditableGraph
from workers.fastconv.proof import harmonic_source, prove, snr_db, with_input, with_output
from workers.fastconv.selection import measure, tile_everything, tile_sizes, within_memory
from workers.fastconv.uses import Use, uses, usual_length
from workers.standin import MODEL as STAND_IN

TOY = Path(__file__).parents[1] / "toy" / "toy.onnx"
SKELETON = Path(__file__).parents[2] / "workers" / "models" / "kokoro-skeleton.onnx"
SIGNAL = "signal"


def run(model: onnx.ModelProto, feed: Mapping[str, Any]) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    first: NDArray[np.float32] = session.run(None, feed)[0]
    return first


def made_of(
    nodes: list[onnx.NodeProto], channels: int, tensors: Mapping[str, NDArray[Any]], **change: Any
) -> onnx.ModelProto:
    """A model from the signal to `result`."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(SIGNAL, TensorProto.FLOAT, [change.get("batch", 1), channels, "time"])],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, [1, "channels", "samples"])],
        [numpy_helper.from_array(values, name) for name, values in tensors.items()],
    )
    opset = helper.make_opsetid("", change.get("opset", 17))
    return helper.make_model(graph, ir_version=8, opset_imports=[opset])


@dataclass(frozen=True)
class Case:
    kernel: int
    tile: int
    dilation: int
    inputs: int
    outputs: int
    before: int
    after: int
    spare: int
    """Samples beyond the shortest signal that gives an output."""
    bias: bool

    @property
    def length(self) -> int:
        return max(1, self.dilation * (self.kernel - 1) + 1 - self.before - self.after) + self.spare

    def model(self, **attributes: Any) -> onnx.ModelProto:
        chance = np.random.default_rng(self.kernel)
        tensors = {"weights": chance.standard_normal((self.outputs, self.inputs, self.kernel)).astype(np.float32)}
        if self.bias:
            tensors["bias"] = chance.standard_normal(self.outputs).astype(np.float32)
        plain = {"dilations": [self.dilation], "pads": [self.before, self.after]}
        node = helper.make_node("Conv", [SIGNAL, *tensors], ["result"], name="conv", **{**plain, **attributes})
        return made_of([node], self.inputs, tensors)

    def signal(self) -> dict[str, NDArray[np.float32]]:
        chance = np.random.default_rng(self.length)
        return {SIGNAL: chance.standard_normal((1, self.inputs, self.length)).astype(np.float32)}

    def choice(self) -> TileChoice:
        kind = ConvolutionKind(inputs=self.inputs, outputs=self.outputs, kernel=self.kernel, dilation=self.dilation)
        return TileChoice(chosen=(KindChoice(kind=kind, tile=self.tile, ratio=0.0),))


USUAL = Case(kernel=7, tile=16, dilation=1, inputs=4, outputs=6, before=3, after=3, spare=100, bias=True)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kernel = draw(st.integers(2, 11))
    dilation = draw(st.sampled_from([1, 1, 2, 3, 5]))
    reach = dilation * (kernel - 1)
    return Case(
        kernel=kernel,
        tile=draw(st.sampled_from(tile_sizes(kernel))),
        dilation=dilation,
        inputs=draw(st.integers(1, 9)),
        outputs=draw(st.integers(1, 9)),
        before=draw(st.integers(0, reach)),
        after=draw(st.integers(0, reach)),
        spare=draw(st.integers(0, 150)),
        bias=draw(st.booleans()),
    )


@given(case=cases())
@settings(max_examples=60, deadline=None)
def test_tiles_give_what_the_convolution_gives(case: Case) -> None:
    plain = case.model()
    fast = accelerate(plain, case.choice())
    assert [layer.name for layer in fast.layers] == ["conv"]
    onnx.checker.check_model(fast.model)
    wanted, found = (run(model, case.signal()) for model in (plain, fast.model))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 1e-4 * max(np.abs(wanted).max(), np.sqrt(case.inputs * case.kernel))


def test_the_input_model_is_not_changed() -> None:
    plain = USUAL.model()
    before = plain.SerializeToString(deterministic=True)
    accelerate(plain, USUAL.choice())
    assert plain.SerializeToString(deterministic=True) == before


def test_the_weights_of_a_replaced_convolution_are_removed() -> None:
    fast = accelerate(USUAL.model(), USUAL.choice()).model
    assert "weights" not in {tensor.name for tensor in fast.graph.initializer}


def test_only_standard_onnx_operators_are_used() -> None:
    fast = accelerate(USUAL.model(), USUAL.choice()).model
    assert {node.domain for node in fast.graph.node} == {""}
    assert [one.domain for one in fast.opset_import] == [""]


@pytest.mark.parametrize(
    "attributes", [{"strides": [2]}, {"auto_pad": "SAME_UPPER", "pads": None}, {"group": 2}], ids=str
)
def test_a_convolution_of_another_form_is_not_rewritten(attributes: dict[str, Any]) -> None:
    case = Case(kernel=3, tile=4, dilation=1, inputs=2, outputs=4, before=1, after=1, spare=9, bias=False)
    plain = case.model(**{name: value for name, value in attributes.items() if value is not None})
    if attributes.get("group"):
        plain.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((4, 1, 3), np.float32), "weights"))
    assert not accelerate(plain, tile_everything(kinds(plain))).changed


def test_a_model_with_variable_batch_size_is_not_rewritten() -> None:
    plain = USUAL.model()
    plain.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    fast = accelerate(plain, USUAL.choice())
    assert not fast.changed
    assert fast.model is plain


def test_a_model_with_an_old_opset_is_not_rewritten() -> None:
    plain = USUAL.model()
    plain.opset_import[0].version = 12
    assert not accelerate(plain, USUAL.choice()).changed


@pytest.mark.parametrize("path", [TOY, STAND_IN], ids=lambda path: path.stem)
def test_a_model_without_suitable_convolutions_is_unchanged_and_says_so(path: Path) -> None:
    model = onnx.load(path)
    fast = accelerate(model)
    assert fast.model is model
    assert str(fast).startswith("Nothing to gain")


def kokoro_like(alpha: float, *, style_bias: bool = True) -> onnx.ModelProto:
    """AdaIN, Snake and a convolution as Kokoro's export writes them, the style cut from a mapped vector."""
    chance, channels = np.random.default_rng(7), 4

    def drawn(*shape: int) -> NDArray[np.float32]:
        return chance.standard_normal(shape).astype(np.float32)

    tensors: dict[str, NDArray[Any]] = {
        "style": drawn(1, 2 * channels), "shape": np.array([1, 2 * channels, 1]), "zero": np.array([0]),
        "half": np.array([channels]), "whole": np.array([2 * channels]), "one_axis": np.array([1]),
        "one": np.float32(1), "two": np.float32(2), "norm.w": drawn(channels),
        "norm.b": drawn(channels) * style_bias, "alpha": drawn(1, channels, 1) + np.float32(3),
        "weights": drawn(5, channels, 3), "bias": drawn(5),
    }  # fmt: skip
    tensors["alpha"][0, 1, 0] = alpha
    op = helper.make_node
    return made_of(
        [
            op("Reshape", ["style", "shape"], ["mapped"]),
            op("Slice", ["mapped", "zero", "half", "one_axis"], ["gamma"]),
            op("Slice", ["mapped", "half", "whole", "one_axis"], ["beta"]),
            op("Add", ["gamma", "one"], ["scale"]),
            op("InstanceNormalization", [SIGNAL, "norm.w", "norm.b"], ["normed"]),
            op("Mul", ["scale", "normed"], ["scaled"]),
            op("Add", ["scaled", "beta"], ["h"]),
            op("Reciprocal", ["alpha"], ["inverse"]),
            op("Mul", ["alpha", "h"], ["angle"]),
            op("Sin", ["angle"], ["sine"]),
            op("Pow", ["sine", "two"], ["square"]),
            op("Mul", ["inverse", "square"], ["wave"]),
            op("Add", ["h", "wave"], ["snake"]),
            op("Conv", ["snake", "weights", "bias"], ["result"], name="conv", pads=[1, 1]),
        ],
        channels,
        tensors,
    )


def four_channels() -> dict[str, NDArray[np.float32]]:
    return {SIGNAL: np.random.default_rng(3).standard_normal((1, 4, 77)).astype(np.float32)}


def over_the_signal(model: onnx.ModelProto) -> int:
    """Additions, products and powers of something as long as the signal."""
    inferred = onnx.shape_inference.infer_shapes(model)
    sizes = {one.name: one.type.tensor_type.shape.dim for one in (*inferred.graph.value_info, *inferred.graph.output)}
    long = {name for name, dims in sizes.items() if len(dims) == 3 and dims[2].dim_value != 1}
    return sum(node.op_type in ("Add", "Mul", "Pow") and node.output[0] in long for node in model.graph.node)


@pytest.mark.parametrize("style_bias", [True, False])
@pytest.mark.parametrize(("alpha", "snakes"), [(2.0, 1), (-0.3, 1), (0.001, 1), (1e-6, 0), (-1e-6, 0)])
def test_folding_changes_nothing_but_rounding(alpha: float, snakes: int, *, style_bias: bool) -> None:
    plain = kokoro_like(alpha, style_bias=style_bias)
    fast = accelerate(plain, TileChoice())
    assert (fast.folds.adain, fast.folds.snake) == (1, snakes)
    assert fast.folds.guarded == (() if snakes else ("conv",))
    assert over_the_signal(fast.model) == over_the_signal(plain) - (4 if snakes else 2)
    wanted, found = (run(model, four_channels()) for model in (plain, fast.model))
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_model_that_is_folded_and_tiled_computes_the_same() -> None:
    plain = kokoro_like(2.0)
    fast = accelerate(plain, tile_everything(kinds(plain)))
    assert (fast.folds.snake, len(fast.layers)) == (1, 1)
    wanted, found = (run(model, four_channels()) for model in (plain, fast.model))
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("tensor", ["h", "scaled", "normed", "snake"])
def test_a_tensor_with_another_reader_is_not_folded_away(tensor: str) -> None:
    plain = kokoro_like(2.0)
    plain.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    fast = accelerate(plain, TileChoice())
    assert fast.folds.snake == 0
    assert prove(plain, fast.model, four_channels()).snr_db > 100


def test_a_choice_can_be_saved_and_loaded() -> None:
    choice = TileChoice(chosen=(measure(ConvolutionKind(inputs=8, outputs=8, kernel=3, dilation=1), 64),))
    assert choice.chosen[0].ratio > 0
    assert TileChoice.from_record(choice.record()) == choice


def test_the_rule_tiles_the_layers_that_were_faster_on_every_measured_machine() -> None:
    kokoros = [
        ConvolutionKind(inputs=c, outputs=c, kernel=k, dilation=d)
        for c in (128, 256)
        for k in (3, 7, 11)
        for d in (1, 3, 5)
    ]
    others = [
        ConvolutionKind(inputs=128, outputs=22, kernel=7, dilation=1),
        ConvolutionKind(inputs=512, outputs=512, kernel=3, dilation=1),
        ConvolutionKind(inputs=1090, outputs=1024, kernel=3, dilation=1),
        ConvolutionKind(inputs=8, outputs=8, kernel=11, dilation=1),
    ]
    choice = choice_by_rule([*kokoros, *others])
    left = {kind for kind in (*kokoros, *others) if not choice.tile(kind)}
    assert left == {*others, *(ConvolutionKind(inputs=128, outputs=128, kernel=3, dilation=d) for d in (3, 5))}
    assert {choice.tile(kind) for kind in kokoros if kind not in left} == {8, 16, 24}


def test_a_kind_too_small_to_get_faster_is_not_tiled() -> None:
    """One channel in and out: all that tiles save is the product over channels."""
    found = measure(ConvolutionKind(inputs=1, outputs=1, kernel=3, dilation=1), 2000)
    assert (found.tile, found.ratio > 0) == (0, True)


def test_an_unknown_length_is_taken_as_a_usual_one() -> None:
    assert 1000 < usual_length(ConvolutionKind(inputs=256, outputs=256, kernel=7, dilation=1)) < 3000
    assert usual_length(ConvolutionKind(inputs=1, outputs=1, kernel=3, dilation=1)) == 20_000


def test_lengths_are_observed_in_a_run() -> None:
    plain = USUAL.model()
    (use,) = uses(EditableGraph(plain), plain, USUAL.signal()).values()
    assert use == Use(layers=1, length=USUAL.length)


@pytest.mark.parametrize(("share", "taken"), [(0.02, True), (0.004, False)])
def test_a_layer_must_save_enough_work_for_its_memory(share: float, *, taken: bool) -> None:
    """Six products for three taps of a thousand channels squared: 12.6 MB more, which 0.4 % of all must pay for."""
    wide = KindChoice(kind=ConvolutionKind(inputs=1024, outputs=1024, kernel=3, dilation=1), tile=4, ratio=1.6)
    assert (within_memory(wide, share).tile > 0) == taken
    assert within_memory(wide, share).ratio == wide.ratio


def test_kokoros_graph_has_the_expected_kinds_of_convolution() -> None:
    skeleton = onnx.load(SKELETON)
    assert harmonic_source(skeleton) == "/decoder/generator/Concat_1_output_0"
    assert {kind.kernel for kind in kinds_by_shape(skeleton)} == {3, 5, 7, 11}


def kinds_by_shape(skeleton: onnx.ModelProto) -> frozenset[ConvolutionKind]:
    for tensor in skeleton.graph.initializer:
        if not tensor.raw_data and not tensor.float_data and tensor.data_type == TensorProto.FLOAT:
            tensor.raw_data = bytes(4 * int(np.prod(tensor.dims)))
    return kinds(skeleton)


def with_source() -> onnx.ModelProto:
    """Noise, as magnitude and phase, into a convolution: each run draws another."""
    op = helper.make_node
    weights = np.random.default_rng(5).standard_normal((3, 4, 3)).astype(np.float32)
    return made_of(
        [
            op("RandomNormalLike", [SIGNAL], ["noise"]),
            op("Atan", ["noise"], ["phase"]),
            op("Abs", ["noise"], ["magnitude"]),
            op("Concat", ["magnitude", "phase"], ["source"], axis=1),
            op("Conv", ["source", "weights"], ["result"], name="conv", pads=[1, 1]),
        ],
        2,
        {"weights": weights},
    )


def test_models_with_random_noise_are_compared_with_the_same_noise() -> None:
    plain = with_source()
    fast = accelerate(plain, tile_everything(kinds(plain)))
    assert len(fast.layers) == 1
    feed = {SIGNAL: np.zeros((1, 2, 50), np.float32)}
    session = ort.InferenceSession(plain.SerializeToString(), providers=["CPUExecutionProvider"])
    first, second = (session.run(None, feed)[0] for _ in range(2))
    assert np.abs(first - second).max() > 0.1
    assert snr_db(plain, fast.model, feed) > 110


def test_a_wrong_weight_is_detected() -> None:
    plain = with_source()
    fast = accelerate(plain, tile_everything(kinds(plain))).model
    (taps,) = (one for one in fast.graph.initializer if one.name.startswith("weights"))
    spoilt = numpy_helper.to_array(taps).copy()
    spoilt[0] += np.float32(0.01)
    taps.CopyFrom(numpy_helper.from_array(spoilt, taps.name))
    proof = prove(plain, fast, {SIGNAL: np.zeros((1, 2, 50), np.float32)})
    assert proof.snr_db < 90
    assert not proof.holds()


def test_the_harmonic_source_can_be_an_output_and_an_input() -> None:
    plain = with_source()
    assert [value.name for value in with_output(plain, "source").graph.output] == ["result", "source"]
    fed = with_input(plain, "source")
    assert "RandomNormalLike" not in {node.op_type for node in fed.graph.node}
    assert [value.name for value in fed.graph.input] == [SIGNAL, "source"]
