"""How high the stand-in voice speaks: falling over a phrase, raised on stressed vowels, ending as its mark wants.

Heights are octaves about the speaker's own. Knows nothing of spectra.
"""

from dataclasses import dataclass

import numpy as np

from chorus.vocabulary import VOCABULARY
from workers.standin.arithmetic import Graph, Tensor
from workers.standin.smoothing import smoothed
from workers.standin.symbols import PAUSE, TOKENS
from workers.standin.timing import STEPS_A_SECOND, Plan

_ACCENT = 0.26
_BEGIN, _FALL = 0.10, 0.28
"""Where a phrase begins, and how far it falls to its end."""
_TURNS = {".": -0.30, "!": -0.32, "?": 0.70, ",": 0.22, ";": -0.05, ":": -0.08, "—": 0.10, "…": -0.15}
_USUAL_TURN = -0.20
_TURN_S = 0.32
"""The last of a phrase, in which the voice turns."""
_GLIDE = 17
"""Steps over which heights melt into each other: 140 ms, most of a syllable."""
_FAR = 1e6


@dataclass(frozen=True, kw_only=True)
class Melody:
    """`[1, steps]` each."""

    octaves: Tensor
    accent: Tensor
    """0 to 1: how much a stressed vowel is near."""
    ending: Tensor
    """0 to 1 over the last of a phrase."""


def melody(graph: Graph, plan: Plan) -> Melody:
    """The heights of a plan."""
    sounds = plan.sounds
    pauses = graph.op("Equal", sounds.kind, graph.constant(PAUSE, np.int64)).to("float")
    begins, ends, turns = _phrases(graph, plan, pauses)
    left = ends - plan.times
    ending = (left / (-_TURN_S * STEPS_A_SECOND) + 1.0).between(0.0, 1.0)
    passed = ((plan.times - begins) / graph.op("Max", ends - begins, 1.0)).between(0.0, 1.0)
    accent = sounds.accent.at(plan.place)
    heights = accent * _ACCENT + passed * -_FALL + _BEGIN + ending * turns
    rows = graph.op("Concat", *(row.shaped(1, -1) for row in (heights, accent, ending)), axis=0)
    smooth = smoothed(graph, rows, _GLIDE)
    octaves, accent, ending = (smooth.cut(row, row + 1) for row in range(3))
    return Melody(octaves=octaves, accent=accent, ending=ending)


def _phrases(graph: Graph, plan: Plan, pauses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For every step: where its phrase begins and ends, and how it turns at its end."""
    sounds = plan.sounds
    count = graph.op("Shape", sounds.kind)
    numbers = graph.op("Range", graph.index(0), count.shaped(), graph.index(1)).to("float")
    row, column = numbers.shaped(1, -1), numbers.shaped(-1, 1)
    silent = (pauses * -1.0 + 1.0).shaped(1, -1) * _FAR
    # The next pause of every sound is the nearest at or behind it; its last one the nearest before it.
    ahead = graph.op("Where", graph.op("GreaterOrEqual", row, column), row + silent, _FAR)
    behind = graph.op("Where", graph.op("Less", row, column), row - silent, -_FAR)
    last = count - graph.integers(1)
    following = graph.op("Min", graph.op("ReduceMin", ahead, axes=[1], keepdims=0).to("int64"), last)
    previous = graph.op("Max", graph.op("ReduceMax", behind, axes=[1], keepdims=0).to("int64"), graph.integers(0))
    begins, ends = sounds.ends.at(previous), sounds.starts.at(following)
    turns = graph.constant(_turns()).at(sounds.token.at(following))
    return begins.at(plan.place), ends.at(plan.place), turns.at(plan.place)


def _turns() -> list[float]:
    named = {VOCABULARY[symbol]: turn for symbol, turn in _TURNS.items()}
    return [named.get(token, _USUAL_TURN) for token in range(TOKENS)]
