"""Decides which convolutions become tiles and how large the tiles are: by a fixed rule, or by measuring this machine.

The rule sums up measurements on machines with AVX2 and with AVX-512. Since it is the same everywhere, all workers build
the same graph and a book has identical PCM whichever worker speaks it. A measurement runs each kind of convolution by
itself, plain and as tiles, alternating so that other load affects all of them alike, and compares the medians.
"""

import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from workers.fastconv.algorithms import algorithm
from workers.fastconv.editable_graph import EditableGraph
from workers.fastconv.rewrite import ConvolutionKind, rewrite
from workers.fastconv.uses import Use
from workers.inference.sessions import in_memory

WORTH = 1.1
"""The least gain: a smaller one is within the error of measuring milliseconds."""
WORTH_PER_MB = 0.0003
"""Tiles need larger weights. For each additional megabyte a layer must save this share of the model's convolution
work: the decoder's widest layers, with short signals and a thousand channels, would take 120 MB to save one or two
percent."""
ROUNDS = 5
_NARROW, _WIDE = 128, 256
# A longer signal would take longer to measure, and its time per sample is the same.
_MOST_WORK = 1e9
_OPSET, _IR_VERSION = 17, 8


@dataclass(frozen=True, kw_only=True)
class KindChoice:
    """The decision for one kind of convolution."""

    kind: ConvolutionKind
    tile: int
    """Outputs per tile; 0 if the convolution stays unchanged."""
    ratio: float
    """Speed of the best tile relative to the plain convolution; 0 if it was not measured."""


@dataclass(frozen=True, kw_only=True)
class TileChoice:
    """The decisions for all kinds of a model; a kind that is missing stays unchanged."""

    chosen: tuple[KindChoice, ...] = ()

    def tile(self, kind: ConvolutionKind) -> int:
        """The tile size for this kind; 0 if it stays unchanged."""
        return next((one.tile for one in self.chosen if one.kind == kind), 0)

    def ratio(self, kind: ConvolutionKind) -> float:
        """The measured gain of this kind; 0 if it was not measured."""
        return next((one.ratio for one in self.chosen if one.kind == kind), 0.0)

    def record(self) -> list[dict[str, Any]]:
        """The choice as plain lists and numbers, for a manifest."""
        return [asdict(one) for one in self.chosen]

    @classmethod
    def from_record(cls, record: Iterable[Mapping[str, Any]]) -> Self:
        """The choice that `record` returned."""
        return cls(
            chosen=tuple(
                KindChoice(kind=ConvolutionKind(**one["kind"]), tile=one["tile"], ratio=one["ratio"]) for one in record
            )
        )


def tile_sizes(kernel: int) -> tuple[int, ...]:
    """The tile sizes worth trying. Larger ones were slower on every measured machine, because of their transforms."""
    if kernel <= 3:  # noqa: PLR2004
        return (4, 8)
    if kernel <= 8:  # noqa: PLR2004
        return (8, 16)
    return (24,) if kernel <= 16 else ()  # noqa: PLR2004


def tile_everything(kinds: Iterable[ConvolutionKind]) -> TileChoice:
    """The largest tiles for all kinds that can have tiles, without measuring. Used by tests."""
    largest = {kind: max(tile_sizes(kind.kernel), default=0) for kind in kinds}
    return TileChoice(
        chosen=tuple(KindChoice(kind=kind, tile=tile, ratio=0.0) for kind, tile in largest.items() if tile)
    )


def choice_by_rule(kinds: Iterable[ConvolutionKind]) -> TileChoice:
    """Tiles for the kinds that were faster on every measured machine.

    Whether the whole graph is faster on this machine has to be measured with the whole graph.
    """
    return TileChoice(
        chosen=tuple(KindChoice(kind=kind, tile=_tile_by_rule(kind), ratio=0.0) for kind in sorted(kinds))
    )


def _tile_by_rule(kind: ConvolutionKind) -> int:
    """Few channels or few taps save little; layers with many channels have short signals and need much memory."""
    narrow, wide = min(kind.inputs, kind.outputs), max(kind.inputs, kind.outputs)
    few_taps = kind.kernel <= 3  # noqa: PLR2004
    pays = narrow >= _NARROW and wide <= _WIDE and (not few_taps or narrow == _WIDE or kind.dilation == 1)
    return max(tile_sizes(kind.kernel), default=0) if pays else 0


def choice_by_measurement(uses: Mapping[ConvolutionKind, Use]) -> TileChoice:
    """Tiles for the kinds that are faster on this machine by enough to justify the memory of their weights."""
    whole = sum(kind.multiplications * use.length * use.layers for kind, use in uses.items())
    verdicts = [(measure(kind, use.length), kind.multiplications * use.length) for kind, use in sorted(uses.items())]
    return TileChoice(chosen=tuple(within_memory(one, work / whole) for one, work in verdicts))


def within_memory(one: KindChoice, share: float) -> KindChoice:
    """The same choice, but without tiles if a layer with this share of the work saves too little for its megabytes."""
    if not one.tile:
        return one
    more = algorithm(one.kind.kernel, one.tile).products - one.kind.kernel
    megabytes = 4e-6 * more * one.kind.inputs * one.kind.outputs
    saved = share * (1 - 1 / one.ratio)
    return one if saved >= WORTH_PER_MB * megabytes else replace(one, tile=0)


def measure(kind: ConvolutionKind, length: int) -> KindChoice:
    """Compare the plain convolution of this kind with all its tile sizes."""
    tiles = tile_sizes(kind.kernel)
    taken_s = times_s(kind, length, tiles)
    best = min(tiles, key=lambda tile: taken_s[tile], default=0)
    ratio = taken_s[0] / taken_s[best] if best else 0.0
    return KindChoice(kind=kind, tile=best if ratio >= WORTH else 0, ratio=round(ratio, 3))


def times_s(kind: ConvolutionKind, length: int, tiles: Iterable[int]) -> Mapping[int, float]:
    """The seconds that one convolution takes, by tile size; 0 is the plain convolution."""
    plain = single_convolution(kind)
    length = min(length, int(_MOST_WORK / kind.multiplications))
    sessions = {0: in_memory(plain.SerializeToString())}
    sessions |= {tile: in_memory(_tiled(plain, tile).SerializeToString()) for tile in tiles}
    return _medians(sessions, _signal(kind, length))


def single_convolution(kind: ConvolutionKind) -> onnx.ModelProto:
    """A graph with one convolution that has random weights and keeps the signal's length."""
    chance = np.random.default_rng(0)
    shape = (kind.outputs, kind.inputs, kind.kernel)
    weights = chance.standard_normal(shape).astype(np.float32) / np.float32(np.sqrt(kind.inputs * kind.kernel))
    reach = kind.dilation * (kind.kernel - 1)
    node = helper.make_node(
        "Conv", ["signal", "weights"], ["result"], name="conv", kernel_shape=[kind.kernel],
        dilations=[kind.dilation], pads=[reach // 2, reach - reach // 2],
    )  # fmt: skip
    graph = helper.make_graph(
        [node], "alone",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, [1, kind.inputs, "time"])],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, [1, kind.outputs, "time"])],
        [numpy_helper.from_array(weights, "weights")],
    )  # fmt: skip
    return helper.make_model(graph, ir_version=_IR_VERSION, opset_imports=[helper.make_opsetid("", _OPSET)])


def _tiled(plain: onnx.ModelProto, tile: int) -> onnx.ModelProto:
    graph = EditableGraph(plain)
    rewrite(graph, lambda _: tile)
    return graph.to_model()


def _signal(kind: ConvolutionKind, length: int) -> Mapping[str, Any]:
    return {"signal": np.random.default_rng(1).standard_normal((1, kind.inputs, length)).astype(np.float32)}


def _medians(sessions: Mapping[int, Any], feed: Mapping[str, Any]) -> Mapping[int, float]:
    """The median processor time of each session; the sessions take turns."""
    taken: dict[int, list[float]] = {tile: [] for tile in sessions}
    for turn in range(ROUNDS + 1):
        for tile, session in sessions.items():
            began = time.thread_time()  # the session has one thread; the time of other processes does not count
            session.run(None, feed)
            if turn:  # the first run is a warm-up
                taken[tile].append(time.thread_time() - began)
    return {tile: statistics.median(times) for tile, times in taken.items()}
