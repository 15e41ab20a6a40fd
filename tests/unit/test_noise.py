"""Constant noise instead of random operators: the same in each run, still noise, for every shape and type."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import parser

from workers.inference import constant_noise

OPSET = 17


def graph(body: str, *, result: str = "float[a, b]", opset: int = OPSET) -> onnx.ModelProto:
    """A graph of one input `x` and one output `y`."""
    return parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]> g (float[a, b] x) => ({result} y) {{ {body} }}'
    )


def answers(model: onnx.ModelProto, *shape: int, count: int = 1) -> list[NDArray[np.float32]]:
    """What the graph says, asked so often in a session of its own."""
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [np.asarray(session.run(None, {"x": np.zeros(shape, np.float32)})[0]) for _ in range(count)]


def said(model: onnx.ModelProto, *shape: int) -> NDArray[np.float32]:
    return answers(model, *shape)[0]


NORMAL = "y = RandomNormalLike <dtype = 1> (x)"
UNIFORM = "y = RandomUniformLike <dtype = 1> (x)"


@pytest.mark.parametrize("body", [NORMAL, UNIFORM])
def test_the_same_input_gives_the_same_output_each_time(body: str) -> None:
    first, second = answers(graph(body), 3, 9, count=2)
    assert not np.array_equal(first, second), "the original draws anew each time, or this test proves nothing"
    fixed, again = graph(body), graph(body)
    assert constant_noise.fix(fixed) == constant_noise.fix(again)
    assert fixed.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)
    first, second = answers(fixed, 3, 9, count=2)
    assert np.array_equal(first, second)
    assert np.array_equal(first, said(again, 3, 9))


@pytest.mark.parametrize(
    ("body", "mean", "deviation"),
    [
        (NORMAL, 0.0, 1.0),
        (UNIFORM, 0.5, 12**-0.5),
        ("y = RandomNormalLike <dtype = 1, mean = 2.0, scale = 0.5> (x)", 2.0, 0.5),
        ("y = RandomUniformLike <dtype = 1, low = -3.0, high = 1.0> (x)", -1.0, 4 * 12**-0.5),
        ("y = RandomNormal <shape = [300, 40], mean = 1.0> ()", 1.0, 1.0),
        ("y = RandomUniform <shape = [300, 40], high = 2.0> ()", 1.0, 2 * 12**-0.5),
    ],
)
def test_it_has_the_distribution_of_the_operator(body: str, mean: float, deviation: float) -> None:
    model = graph(body)
    constant_noise.fix(model)
    drawn = said(model, 300, 40)
    assert drawn.shape == (300, 40)
    assert drawn.mean() == pytest.approx(mean, abs=0.05)
    assert drawn.std() == pytest.approx(deviation, rel=0.02)
    whiteness = np.corrcoef(drawn.ravel()[:-9], drawn.ravel()[9:])[0, 1]
    assert abs(whiteness) < 0.04


@pytest.mark.parametrize(
    "count",
    [0, 1, constant_noise.BUFFER - 1, constant_noise.BUFFER, constant_noise.BUFFER + 1, 2 * constant_noise.BUFFER + 5],
)
def test_the_buffer_is_repeated_to_the_required_length(count: int) -> None:
    model = graph(NORMAL)
    constant_noise.fix(model)
    whole = said(model, 1, constant_noise.BUFFER).ravel()
    assert np.array_equal(said(model, 1, count).ravel(), np.resize(whole, count))


def test_two_operators_have_different_numbers() -> None:
    model = graph(
        "one = RandomNormalLike <dtype = 1> (x) two = RandomNormalLike <dtype = 1> (x) y = Sub (one, two)",
    )
    found = constant_noise.fix(model)
    assert len(found.fixed) == 2
    assert said(model, 100, 100).std() == pytest.approx(2**0.5, rel=0.05)


def test_without_a_stated_type_the_noise_has_the_inputs_type() -> None:
    model = graph("half = Cast <to = 10> (x) y = RandomNormalLike (half)", result="float16[a, b]")
    constant_noise.fix(model)
    assert said(model, 2, 2).dtype == np.float16


def test_the_size_of_the_graph_does_not_depend_on_the_text() -> None:
    model = graph(NORMAL)
    constant_noise.fix(model)
    assert model.ByteSize() < 4.3e6


LOOP = """zero = Constant <value = float {0}> () n = Constant <value = int64 {2}> () on = Constant <value = bool {1}> ()
  y = Loop (n, on, x) <body = b (int64 i, bool c, float[a, b] v) => (bool d, float[a, b] w)
    { d = Identity (c) w = RandomNormalLike <dtype = 1> (v) }>"""


@pytest.mark.parametrize(
    ("body", "opset"),
    [
        pytest.param(LOOP, OPSET, id="a loop draws anew in each round"),
        pytest.param("y = Bernoulli (x)", OPSET, id="its input decides"),
        pytest.param(NORMAL, 14, id="too old a graph"),
    ],
)
def test_an_operator_that_cannot_be_constant_is_left_and_named(body: str, opset: int) -> None:
    model = graph(body, opset=opset)
    before = model.SerializeToString(deterministic=True)
    found = constant_noise.fix(model)
    assert found.fixed == ()
    assert len(found.left) == constant_noise.random_operators(model) == 1
    assert model.SerializeToString(deterministic=True) == before


def test_a_graph_without_random_operators_is_unchanged() -> None:
    model = graph("y = Identity (x)")
    before = model.SerializeToString(deterministic=True)
    assert constant_noise.fix(model) == constant_noise.Noise(fixed=(), left=())
    assert model.SerializeToString(deterministic=True) == before
