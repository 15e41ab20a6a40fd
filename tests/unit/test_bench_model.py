"""The Kokoro graph without weights is complete, and the script that fills it draws the same weights on every machine.

Filling all 325 MB would take too long here, so only the smallest tensors are filled.
"""

import hashlib

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from benchmarks.make_kokoro_shaped import SKELETON, SPEC_KEY, Draw, draws, fill, weights

SMALL = 1000


@pytest.fixture
def skeleton() -> onnx.ModelProto:
    return onnx.load(SKELETON)


@pytest.fixture
def small(skeleton: onnx.ModelProto) -> onnx.ModelProto:
    """The skeleton with its large tensors left out, so that filling takes no time."""
    kept = [tensor for tensor in skeleton.graph.initializer if np.prod(tensor.dims) <= SMALL]
    del skeleton.graph.initializer[:]
    skeleton.graph.initializer.extend(kept)
    return skeleton


def test_the_skeleton_has_kokoros_shape(skeleton: onnx.ModelProto) -> None:
    assert [value.name for value in skeleton.graph.input] == ["tokens", "style", "speed"]
    assert [value.name for value in skeleton.graph.output] == ["audio", "duration"]


def test_the_skeleton_has_no_weights_and_lists_the_missing_ones(skeleton: onnx.ModelProto) -> None:
    tensors = {tensor.name: tensor for tensor in skeleton.graph.initializer}
    empty = {name for name, one in tensors.items() if not (one.raw_data or one.float_data or one.int64_data)}
    assert {name for name in empty if np.prod(tensors[name].dims) > 1} == draws(skeleton).keys()
    assert sum(int(np.prod(tensors[name].dims)) for name in draws(skeleton)) == 81_099_292
    assert SKELETON.stat().st_size < 1_100_000


def test_filling_leaves_no_tensor_empty(small: onnx.ModelProto) -> None:
    filled = fill(small)
    names = [tensor.name for tensor in filled.graph.initializer if tensor.name in draws(filled)]
    assert len(names) == 42
    for tensor in filled.graph.initializer:
        assert numpy_helper.to_array(tensor).shape == tuple(tensor.dims)


def test_the_weights_are_the_same_on_every_machine(small: onnx.ModelProto) -> None:
    sha = hashlib.sha256()
    for tensor in fill(small).graph.initializer:
        sha.update(tensor.SerializeToString(deterministic=True))
    assert sha.hexdigest() == "2b83b6a081f0cce5472e30a65f1acf1f8b1c090345231096e8d79bd599fbf324"


def test_a_tensors_weights_do_not_depend_on_other_tensors() -> None:
    draw = Draw(kind="normal", centre=0.5, spread=0.1)
    assert np.array_equal(weights("one", (30, 20), draw), weights("one", (30, 20), draw))
    assert not np.array_equal(weights("one", (30, 20), draw), weights("two", (30, 20), draw))


@pytest.mark.parametrize(("kind", "deviation"), [("normal", 0.1), ("uniform", 0.1 / np.sqrt(3))])
def test_weights_have_the_declared_distribution(kind: str, deviation: float) -> None:
    drawn = weights("any", (100, 100), Draw(kind=kind, centre=0.5, spread=0.1))  # type: ignore[arg-type]
    assert drawn.dtype == np.float32
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.std() == pytest.approx(deviation, rel=0.05)


def test_another_graph_is_refused(skeleton: onnx.ModelProto) -> None:
    del skeleton.metadata_props[:]
    with pytest.raises(ValueError, match=SPEC_KEY):
        fill(skeleton)
