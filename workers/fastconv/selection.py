"""Which convolutions are worth tiling, and how large the tiles should be: as a rule for all machines, or measured.

The rule is what measuring came to on machines with AVX2 and with AVX-512 alike. It is the same everywhere and at any
time, so that every worker builds the same graph and a book is one PCM whoever speaks it. To measure, each kind runs
alone, as it is and as tiles, in turn, so that a busy machine disturbs all of them alike; the medians decide.
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
from workers.fastconv.editable_graph import Workbench
from workers.fastconv.rewrite import ConvolutionKind, rewrite
from workers.fastconv.uses import Use
from workers.inference.sessions import in_memory

WORTH = 1.1
"""Less gain than this is within what a measurement of milliseconds can be wrong by."""
WORTH_PER_MB = 0.0003
"""Weights for tiles are larger. A layer must save this share of the model's convolutions for each megabyte more: the
decoder's widest layers, short and of a thousand channels, would take 120 MB for one or two percent."""
ROUNDS = 5
_NARROW, _WIDE = 128, 256
# A longer signal takes more time to measure, and no other time for each sample.
_MOST_WORK = 1e9
_OPSET, _IR_VERSION = 17, 8


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The verdict on one kind of convolution."""

    kind: ConvolutionKind
    tile: int
    """Outputs in a tile; 0 where the convolution stays as it is."""
    ratio: float
    """How many times faster the best tile was than the plain convolution; 0 where nothing was measured."""


@dataclass(frozen=True, kw_only=True)
class TileChoice:
    """The verdicts on all kinds of a model; what is not mentioned stays as it is."""

    chosen: tuple[Chosen, ...] = ()

    def tile(self, kind: ConvolutionKind) -> int:
        """The size for this kind, or 0."""
        return next((one.tile for one in self.chosen if one.kind == kind), 0)

    def ratio(self, kind: ConvolutionKind) -> float:
        """The measured gain, or 0."""
        return next((one.ratio for one in self.chosen if one.kind == kind), 0.0)

    def record(self) -> list[dict[str, Any]]:
        """For a manifest: plain lists and numbers."""
        return [asdict(one) for one in self.chosen]

    @classmethod
    def recorded(cls, record: Iterable[Mapping[str, Any]]) -> Self:
        """The choice that `record` gave."""
        return cls(
            chosen=tuple(
                Chosen(kind=ConvolutionKind(**one["kind"]), tile=one["tile"], ratio=one["ratio"]) for one in record
            )
        )


def sizes(kernel: int) -> tuple[int, ...]:
    """Tiles worth trying. Beyond them the transforms cost more than the products save, on every machine measured."""
    if kernel <= 3:  # noqa: PLR2004
        return (4, 8)
    if kernel <= 8:  # noqa: PLR2004
        return (8, 16)
    return (24,) if kernel <= 16 else ()  # noqa: PLR2004


def everything(kinds: Iterable[ConvolutionKind]) -> TileChoice:
    """Tiles wherever they are possible, unmeasured: for tests, and for the same graph on every machine."""
    largest = {kind: max(sizes(kind.kernel), default=0) for kind in kinds}
    return TileChoice(chosen=tuple(Chosen(kind=kind, tile=tile, ratio=0.0) for kind, tile in largest.items() if tile))


def usual(kinds: Iterable[ConvolutionKind]) -> TileChoice:
    """Tiles where they pay on every machine measured; whether the whole pays on this one, the whole graph shows."""
    return TileChoice(chosen=tuple(Chosen(kind=kind, tile=_usual_tile(kind), ratio=0.0) for kind in sorted(kinds)))


def _usual_tile(kind: ConvolutionKind) -> int:
    """Narrower layers gain little, wider ones are short and take much memory; of a few taps there is little to save."""
    narrow, wide = min(kind.inputs, kind.outputs), max(kind.inputs, kind.outputs)
    few_taps = kind.kernel <= 3  # noqa: PLR2004
    pays = narrow >= _NARROW and wide <= _WIDE and (not few_taps or narrow == _WIDE or kind.dilation == 1)
    return max(sizes(kind.kernel), default=0) if pays else 0


def measured(uses: Mapping[ConvolutionKind, Use]) -> TileChoice:
    """Tiles where this machine gains by them, and gains enough for the memory that their weights take."""
    whole = sum(kind.multiplications * use.length * use.layers for kind, use in uses.items())
    verdicts = [(measure(kind, use.length), kind.multiplications * use.length) for kind, use in sorted(uses.items())]
    return TileChoice(chosen=tuple(within_memory(one, work / whole) for one, work in verdicts))


def within_memory(one: Chosen, share: float) -> Chosen:
    """The verdict, turned where a layer of this share of the work saves too little for its megabytes."""
    if not one.tile:
        return one
    more = algorithm(one.kind.kernel, one.tile).products - one.kind.kernel
    megabytes = 4e-6 * more * one.kind.inputs * one.kind.outputs
    saved = share * (1 - 1 / one.ratio)
    return one if saved >= WORTH_PER_MB * megabytes else replace(one, tile=0)


def measure(kind: ConvolutionKind, length: int) -> Chosen:
    """One kind against all its tiles."""
    tiles = sizes(kind.kernel)
    taken_s = times_s(kind, length, tiles)
    best = min(tiles, key=lambda tile: taken_s[tile], default=0)
    ratio = taken_s[0] / taken_s[best] if best else 0.0
    return Chosen(kind=kind, tile=best if ratio >= WORTH else 0, ratio=round(ratio, 3))


def times_s(kind: ConvolutionKind, length: int, tiles: Iterable[int]) -> Mapping[int, float]:
    """Seconds that one convolution takes as tiles of each size; 0 stands for the plain one."""
    plain = alone(kind)
    length = min(length, int(_MOST_WORK / kind.multiplications))
    sessions = {0: in_memory(plain.SerializeToString())}
    sessions |= {tile: in_memory(_tiled(plain, tile).SerializeToString()) for tile in tiles}
    return _medians(sessions, _signal(kind, length))


def alone(kind: ConvolutionKind) -> onnx.ModelProto:
    """A graph of one convolution with random weights that keeps the signal's length."""
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
    bench = Workbench(plain)
    rewrite(bench, lambda _: tile)
    return bench.finish()


def _signal(kind: ConvolutionKind, length: int) -> Mapping[str, Any]:
    return {"signal": np.random.default_rng(1).standard_normal((1, kind.inputs, length)).astype(np.float32)}


def _medians(sessions: Mapping[int, Any], feed: Mapping[str, Any]) -> Mapping[int, float]:
    """The median of each one's processor time, all of them in turn."""
    taken: dict[int, list[float]] = {tile: [] for tile in sessions}
    for turn in range(ROUNDS + 1):
        for tile, session in sessions.items():
            began = time.thread_time()  # one thread does it all: time lost to neighbours does not count
            session.run(None, feed)
            if turn:  # the first one only warms up
                taken[tile].append(time.thread_time() - began)
    return {tile: statistics.median(times) for tile, times in taken.items()}
