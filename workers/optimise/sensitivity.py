"""Measures the loss and the gain of int8 for each block alone, and for the least sensitive blocks together.

All graphs get the same harmonic source and constant noise, so that their samples can be compared. Knows nothing of
files or manifests.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
from numpy.typing import NDArray

from workers.inference.quality import Quality, Rendering, compare
from workers.optimise import observing
from workers.optimise.int8 import blocks, convolution_tensors, quantised
from workers.optimise.observing import Feed

GraphPass = Callable[[onnx.ModelProto], onnx.ModelProto]
"""Rewrites a graph before it is measured."""

_ROUNDS = 2


def unchanged(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph pass that changes nothing."""
    return model


@dataclass(frozen=True, kw_only=True)
class Int8Measurement:
    """The loss and the speed of the model with these blocks in int8."""

    blocks: tuple[str, ...]
    convolutions: int
    weight_bits: int
    snr_db: float
    """How far below the speech the error of int8 lies."""
    quality: Quality
    speed_ratio: float
    """Speed of the whole model relative to the one without int8, on one thread."""

    @property
    def name(self) -> str:
        """The blocks, as text."""
        return " + ".join(self.blocks)

    def __str__(self) -> str:
        """One line for users."""
        return (
            f"{self.name} in int8 ({self.convolutions} convolutions): "
            f"noise {self.snr_db:.1f} dB below the speech, {self.speed_ratio:.2f} × as fast"
        )


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """All measurements."""

    alone: tuple[Int8Measurement, ...]
    """Each block by itself, the least sensitive first."""
    together: tuple[Int8Measurement, ...]
    """The blocks that are faster in int8: the least sensitive one, the two least sensitive ones, and so on."""
    everything: Int8Measurement
    """All blocks, whether they are faster in int8 or not."""

    def all(self) -> tuple[Int8Measurement, ...]:
        """All measurements, each once."""
        return tuple(dict.fromkeys((*self.alone, *self.together, self.everything)))


class Int8Evaluator:
    """Measures a model with some of its blocks in int8."""

    def __init__(self, model: onnx.ModelProto, feeds: Sequence[Feed], graph_pass: GraphPass = unchanged) -> None:
        """Observe the ranges of the tensors in a run on each of the feeds; measurements use the first feed.

        `graph_pass` is applied to every graph before it is measured, also to the one without int8.
        """
        self.graph_pass = graph_pass
        self.blocks: Mapping[str, tuple[str, ...]] = blocks(model)
        every = [name for members in self.blocks.values() for name in members]
        self.ranges = observing.ranges(model, convolution_tensors(model, every), feeds)
        self.feed, self.model = dict(feeds[0]), model
        source = observing.harmonic_source(model)
        if source is not None:
            self.feed[source] = observing.tensor_value(model, source, feeds[0])
            self.model = observing.with_input(model, source)

    def convolutions(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names of all convolutions in these blocks."""
        return tuple(member for name in names for member in self.blocks[name])

    def measure(self, names: Sequence[str], weight_bits: int = 8) -> Int8Measurement:
        """Compare the model with these blocks in int8 with the model without int8."""
        chosen = self.convolutions(names)
        reference, plain_s = self._reference
        rendering, taken_s = self._run(quantised(self.model, chosen, self.ranges, weight_bits=weight_bits))
        return Int8Measurement(
            blocks=tuple(names),
            convolutions=len(chosen),
            weight_bits=weight_bits,
            snr_db=observing.snr_db(reference.audio, rendering.audio),
            quality=compare(reference, rendering),
            speed_ratio=plain_s / taken_s,
        )

    @cached_property
    def _reference(self) -> tuple[Rendering, float]:
        return self._run(self.model)

    def _run(self, model: onnx.ModelProto) -> tuple[Rendering, float]:
        """The speech of a graph, and its shortest processor time."""
        session, taken_s = observing.opened(self.graph_pass(model)), list[float]()
        for _ in range(_ROUNDS):
            began_s = time.thread_time()
            outputs = session.run(None, self.feed)
            taken_s.append(time.thread_time() - began_s)
        audio: NDArray[np.float32] = np.asarray(outputs[0], np.float32).ravel()
        frames = tuple(int(one) for one in np.asarray(outputs[1]).ravel())
        return Rendering(audio=audio, frames=frames), min(taken_s)


def sweep(evaluator: Int8Evaluator) -> Sweep:
    """Measure each block alone, then the blocks that are faster in int8 together, adding one at a time."""
    largest = max(evaluator.blocks, key=lambda name: len(evaluator.blocks[name]))
    # Weights of 7 bits are used if the largest block is more exact with them: then clipped sums cost more than coarser
    # weights.
    first = max((evaluator.measure([largest], bits) for bits in (8, 7)), key=lambda one: one.snr_db)
    others = [evaluator.measure([name], first.weight_bits) for name in evaluator.blocks if name != largest]
    sets = prefixes([first, *others])
    together = tuple(
        next((one for one in (first, *others) if one.blocks == names), None)
        or evaluator.measure(names, first.weight_bits)
        for names in sets
    )
    return Sweep(
        alone=tuple(sorted((first, *others), key=_sensitivity)),
        together=together,
        everything=evaluator.measure(tuple(evaluator.blocks), first.weight_bits),
    )


def prefixes(alone: Iterable[Int8Measurement]) -> list[tuple[str, ...]]:
    """Sets of the blocks that are faster in int8: the least sensitive one, the two least sensitive ones, up to all."""
    order = [one.blocks[0] for one in sorted(alone, key=_sensitivity) if one.speed_ratio > 1]
    return [tuple(order[:count]) for count in range(1, len(order) + 1)]


def _sensitivity(one: Int8Measurement) -> float:
    return -one.snr_db
