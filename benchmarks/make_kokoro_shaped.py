"""Fills Kokoro's graph with seeded random weights: the model has Kokoro's computing cost, but speaks noise.

    .venv/bin/python benchmarks/make_kokoro_shaped.py OUT.onnx        # 325 MB, the same bytes everywhere

It serves to measure speed and memory and to test changes of the graph; it says nothing about the quality of speech. The
graph beside this file is Kokoro-82M's own, without its 81.8 million parameters. Its metadata holds the distribution of
each tensor.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

SKELETON = Path(__file__).parents[1] / "workers" / "models" / "kokoro-skeleton.onnx"
SPEC_KEY = "chorus.skeleton"
DIGEST = "a4e056d3a72f5ed77389600c680e45896422a4de06b3dc1cdab3e7a73cd68ee3"
_SEED = 82
# With random weights alone, every token would have the model's maximum duration. With this bias a token lasts three
# frames of 25 ms on average, as in real speech. The decoder does most of the work, and its work grows with the number
# of frames.
_DURATION_BIAS, _DURATION_BIAS_VALUE = "m.predictor.duration_proj.linear_layer.bias", -4.25


@dataclass(frozen=True, kw_only=True)
class Draw:
    """The distribution of one tensor's values."""

    kind: Literal["uniform", "normal"]
    centre: float
    spread: float
    """Half the width of a uniform draw, the deviation of a normal one."""


def draws(skeleton: onnx.ModelProto) -> dict[str, Draw]:
    """The distributions of the missing weights by tensor name, from the skeleton's metadata."""
    spec = next((entry.value for entry in skeleton.metadata_props if entry.key == SPEC_KEY), None)
    if spec is None:
        raise ValueError(f"The graph has no {SPEC_KEY} in its metadata: it is not the skeleton of this folder.")
    return {
        name: Draw(kind=kind, centre=centre, spread=spread) for name, (kind, centre, spread) in json.loads(spec).items()
    }


def weights(name: str, shape: tuple[int, ...], draw: Draw) -> NDArray[np.float32]:
    """The values of one tensor. Its name is part of the seed, so that they do not depend on the order of filling."""
    source = np.random.default_rng([_SEED, *name.encode()])
    numbers = source.uniform(-1, 1, shape) if draw.kind == "uniform" else source.standard_normal(shape)
    return (draw.centre + draw.spread * numbers).astype(np.float32)


def fill(skeleton: onnx.ModelProto) -> onnx.ModelProto:
    """Fill in all weights of the skeleton; it is changed in place."""
    missing = draws(skeleton)
    for tensor in skeleton.graph.initializer:
        shape = tuple(tensor.dims)
        if tensor.name in missing:
            values = weights(tensor.name, shape, missing[tensor.name])
        elif tensor.name == _DURATION_BIAS:
            values = np.full(shape, _DURATION_BIAS_VALUE, np.float32)
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return skeleton


def main() -> int:
    """Write the model, and say whether it is identical to the one that the published figures were measured with."""
    parser = argparse.ArgumentParser(description="Build the benchmark model: Kokoro's graph with random weights.")
    parser.add_argument("out", type=Path, metavar="OUT.onnx", help="where to write it, 325 MB")
    out: Path = parser.parse_args().out
    onnx.save(fill(onnx.load(SKELETON)), out)
    with out.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    print(f"{digest}  {out}")
    if digest != DIGEST:
        print(f"Expected {DIGEST}: another numpy or onnx drew other weights. Timings are valid, digests are not.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
