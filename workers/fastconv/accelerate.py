"""Runs the steps of fast convolution in order (fold, choose tile sizes, rewrite) and reports what was done.

Knows nothing of files, voices or settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx

from workers.fastconv.editable_graph import EditableGraph, histogram
from workers.fastconv.fold import Folds, fold
from workers.fastconv.proof import harmonic_source
from workers.fastconv.rewrite import ConvolutionKind, Layer, convolutions, kind_of, rewrite
from workers.fastconv.selection import TileChoice, choice_by_measurement
from workers.fastconv.uses import uses


@dataclass(frozen=True, kw_only=True)
class Accelerated:
    """A model after `accelerate`, and what was done to it."""

    model: onnx.ModelProto
    """The rewritten model; the input model itself if nothing was changed."""
    layers: tuple[Layer, ...]
    """The convolutions that were rewritten as tiles."""
    folds: Folds
    choice: TileChoice
    """The tile size and the gain of each kind. Passed to `accelerate` again, it gives the same graph without
    measuring."""
    before: Mapping[str, int]
    """The number of nodes per operator before rewriting."""
    after: Mapping[str, int]
    """The number of nodes per operator after rewriting."""

    @property
    def changed(self) -> bool:
        """Whether the model was rewritten."""
        return bool(self.layers or self.folds.any)

    def __str__(self) -> str:
        """One sentence for users."""
        if not self.changed:
            return f"Nothing to gain: none of its {len(self.choice.chosen)} kinds of convolution is faster as tiles."
        nodes = f"{sum(self.before.values())} nodes became {sum(self.after.values())}"
        return f"{len(self.layers)} convolutions run as tiles, {self.folds}; {nodes}."


def accelerate(
    model: onnx.ModelProto, choice: TileChoice | None = None, feeds: Mapping[str, Any] | None = None
) -> Accelerated:
    """A copy of the model that computes the same speech with fewer multiplications; the input model is not changed.

    Without a choice, each kind of convolution is measured on this machine, which takes a few seconds, with the signal
    lengths of a run on `feeds`. The nodes that compute the harmonic source are not rewritten: a change in the last
    digit would change its phase, which is inaudible but would make the two models' samples incomparable.
    """
    if choice is None:
        choice = choice_by_measurement(uses(_editable(model), model, feeds))
    graph = _editable(model)
    folds = fold(graph)
    layers = rewrite(graph, choice.tile)
    done = graph.to_model() if layers or folds.any else model
    return Accelerated(
        model=done, layers=layers, folds=folds, choice=choice, before=histogram(model), after=histogram(done)
    )


def kinds(model: onnx.ModelProto) -> frozenset[ConvolutionKind]:
    """The kinds of convolution in this model that can be rewritten as tiles."""
    return frozenset(kind_of(conv) for _, conv in convolutions(_editable(model)))


def _editable(model: onnx.ModelProto) -> EditableGraph:
    graph = EditableGraph(model)
    source = harmonic_source(model)
    if source is not None:
        graph.protect(source)
    return graph
