"""The whole of it: fold, choose, tile, and say what was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx

from workers.fastconv.editable_graph import Workbench, histogram
from workers.fastconv.fold import Folds, fold
from workers.fastconv.proof import harmonic_source
from workers.fastconv.rewrite import ConvolutionKind, Layer, convolutions, kind_of, rewrite
from workers.fastconv.selection import TileChoice, measured
from workers.fastconv.uses import uses


@dataclass(frozen=True, kw_only=True)
class Accelerated:
    """A model after `accelerate`, and what was done to it."""

    model: onnx.ModelProto
    """The one that was given, where nothing was done."""
    layers: tuple[Layer, ...]
    """Convolutions that are tiles now."""
    folds: Folds
    choice: TileChoice
    """Which kinds were taken and with what gain; given again, it makes the same graph without measuring."""
    before: Mapping[str, int]
    """How many nodes of each operator there were."""
    after: Mapping[str, int]

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return bool(self.layers or self.folds.any)

    def __str__(self) -> str:
        """One sentence."""
        if not self.changed:
            return f"Nothing to gain: of {len(self.choice.chosen)} kinds of convolution none pays as tiles here."
        nodes = f"{sum(self.before.values())} nodes became {sum(self.after.values())}"
        return f"{len(self.layers)} convolutions run as tiles, {self.folds}; {nodes}."


def accelerate(
    model: onnx.ModelProto, choice: TileChoice | None = None, feeds: Mapping[str, Any] | None = None
) -> Accelerated:
    """A model that says the same with fewer multiplications; the one given is left as it was.

    Without a choice this machine is measured, for a few seconds, at the lengths that a run on `feeds` shows. What the
    harmonic source is made from keeps every bit: a last digit there is another phase, though nobody would hear it.
    """
    if choice is None:
        choice = measured(uses(_on_the_bench(model), model, feeds))
    bench = _on_the_bench(model)
    folds = fold(bench)
    layers = rewrite(bench, choice.tile)
    done = bench.finish() if layers or folds.any else model
    return Accelerated(
        model=done, layers=layers, folds=folds, choice=choice, before=histogram(model), after=histogram(done)
    )


def kinds(model: onnx.ModelProto) -> frozenset[ConvolutionKind]:
    """All kinds of convolution in this model that could be tiled."""
    return frozenset(kind_of(conv) for _, conv in convolutions(_on_the_bench(model)))


def _on_the_bench(model: onnx.ModelProto) -> Workbench:
    bench = Workbench(model)
    source = harmonic_source(model)
    if source is not None:
        bench.leave_alone(source)
    return bench
