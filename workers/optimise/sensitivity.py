"""What int8 costs and gains, block by block: each alone, then the least sensitive ones together.

The harmonic source is held and the noise is constant, so that samples can be compared. Knows no files and no manifest.
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
from workers.optimise.int8 import blocks, edges, quantised
from workers.optimise.observing import Feed

Finish = Callable[[onnx.ModelProto], onnx.ModelProto]

_ROUNDS = 2


def unchanged(model: onnx.ModelProto) -> onnx.ModelProto:
    """Nothing becomes of it."""
    return model


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The model with these blocks in int8."""

    blocks: tuple[str, ...]
    convolutions: int
    weight_bits: int
    snr_db: float
    """How far below the speech lies what int8 adds to it."""
    quality: Quality
    speed_ratio: float
    """How many times faster the whole model was than without int8, on one thread."""

    @property
    def name(self) -> str:
        """For people."""
        return " + ".join(self.blocks)

    def __str__(self) -> str:
        """One line of the sweep."""
        return (
            f"{self.name} in int8 ({self.convolutions} convolutions): "
            f"{self.snr_db:.1f} dB, {self.speed_ratio:.2f} × as fast"
        )


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Everything that was heard."""

    alone: tuple[Heard, ...]
    """Each block by itself, the least sensitive first."""
    together: tuple[Heard, ...]
    """Of those that are faster in int8: the first, the first two, and so on; none where nothing is."""
    everything: Heard
    """All of them, whether they gain by it or not."""

    def heard(self) -> tuple[Heard, ...]:
        """All that were heard, each once."""
        return tuple(dict.fromkeys((*self.alone, *self.together, self.everything)))


class Ear:
    """A model that can be heard with some of its blocks in int8."""

    def __init__(self, model: onnx.ModelProto, feeds: Sequence[Feed], finish: Finish = unchanged) -> None:
        """Ranges are taken from all feeds, which takes as long as it takes to say them; the first is listened to.

        `finish` is what becomes of every graph before it is heard, the one without int8 as well.
        """
        self.finish = finish
        self.blocks: Mapping[str, tuple[str, ...]] = blocks(model)
        every = [name for members in self.blocks.values() for name in members]
        self.ranges = observing.ranges(model, edges(model, every), feeds)
        self.feed, self.still = dict(feeds[0]), model
        source = observing.source_of(model)
        if source is not None:
            self.feed[source] = observing.listened(model, source, feeds[0])
            self.still = observing.held(model, source)

    def convolutions(self, names: Iterable[str]) -> tuple[str, ...]:
        """All of these blocks."""
        return tuple(member for name in names for member in self.blocks[name])

    def heard(self, names: Sequence[str], weight_bits: int = 8) -> Heard:
        """The model with these blocks in int8, beside the model as it is."""
        chosen = self.convolutions(names)
        reference, plain_s = self._reference
        rendering, taken_s = self._spoken(quantised(self.still, chosen, self.ranges, weight_bits=weight_bits))
        return Heard(
            blocks=tuple(names),
            convolutions=len(chosen),
            weight_bits=weight_bits,
            snr_db=observing.snr_db(reference.audio, rendering.audio),
            quality=compare(reference, rendering),
            speed_ratio=plain_s / taken_s,
        )

    @cached_property
    def _reference(self) -> tuple[Rendering, float]:
        return self._spoken(self.still)

    def _spoken(self, model: onnx.ModelProto) -> tuple[Rendering, float]:
        session, taken_s = observing.opened(self.finish(model)), list[float]()
        for _ in range(_ROUNDS):
            began_s = time.thread_time()
            outputs = session.run(None, self.feed)
            taken_s.append(time.thread_time() - began_s)
        audio: NDArray[np.float32] = np.asarray(outputs[0], np.float32).ravel()
        frames = tuple(int(one) for one in np.asarray(outputs[1]).ravel())
        return Rendering(audio=audio, frames=frames), min(taken_s)


def sweep(ear: Ear) -> Sweep:
    """Hear every block alone, then the bearable ones together, one more each time."""
    largest = max(ear.blocks, key=lambda name: len(ear.blocks[name]))
    # Seven bits where they say the largest block better: a coarser weight costs less there than clipped sums.
    first = max((ear.heard([largest], bits) for bits in (8, 7)), key=lambda one: one.snr_db)
    others = [ear.heard([name], first.weight_bits) for name in ear.blocks if name != largest]
    sets = prefixes([first, *others])
    together = tuple(
        next((one for one in (first, *others) if one.blocks == names), None) or ear.heard(names, first.weight_bits)
        for names in sets
    )
    return Sweep(
        alone=tuple(sorted((first, *others), key=_least_sensitive)),
        together=together,
        everything=ear.heard(tuple(ear.blocks), first.weight_bits),
    )


def prefixes(alone: Iterable[Heard]) -> list[tuple[str, ...]]:
    """The blocks that gain by int8, the least sensitive first: one, two, and so on to all of them."""
    order = [one.blocks[0] for one in sorted(alone, key=_least_sensitive) if one.speed_ratio > 1]
    return [tuple(order[:count]) for count in range(1, len(order) + 1)]


def _least_sensitive(one: Heard) -> float:
    return -one.snr_db
