"""The pitch of the stand-in voice: it falls over a phrase, rises on stressed vowels, and ends by the punctuation mark.

Pitch is measured in octaves from the speaker's own pitch. Knows nothing of spectra.
"""

from dataclasses import dataclass

import numpy as np

from chorus.vocabulary import VOCABULARY
from workers.standin.arithmetic import Graph, Tensor
from workers.standin.smoothing import smoothed
from workers.standin.symbols import PAUSE, TOKENS
from workers.standin.timing import STEPS_A_SECOND, Schedule

_ACCENT = 0.26
_BEGIN, _FALL = 0.10, 0.28
"""The pitch at the beginning of a phrase, and the change until its end."""
_TURNS = {".": -0.30, "!": -0.32, "?": 0.70, ",": 0.22, ";": -0.05, ":": -0.08, "—": 0.10, "…": -0.15}
_USUAL_TURN = -0.20
_TURN_S = 0.32
"""The length of a phrase's ending, in which the pitch changes as the punctuation mark requires."""
_SMOOTHING = 17
"""Steps over which the pitch is smoothed: 140 ms, most of a syllable."""
_FAR = 1e6


@dataclass(frozen=True, kw_only=True)
class Intonation:
    """The course of pitch and stress; tensors of `[1, steps]`."""

    octaves: Tensor
    accent: Tensor
    """0 to 1: how near a stressed vowel is, and how strong its stress."""
    ending: Tensor
    """Rises from 0 to 1 over the ending of a phrase."""


def intonation(graph: Graph, schedule: Schedule) -> Intonation:
    """The intonation of the scheduled sounds."""
    sounds = schedule.sounds
    pauses = graph.op("Equal", sounds.kind, graph.constant(PAUSE, np.int64)).to("float")
    begins, ends, turns = _phrases(graph, schedule, pauses)
    left = ends - schedule.times
    ending = (left / (-_TURN_S * STEPS_A_SECOND) + 1.0).clipped(0.0, 1.0)
    passed = ((schedule.times - begins) / graph.op("Max", ends - begins, 1.0)).clipped(0.0, 1.0)
    accent = sounds.accent.at(schedule.place)
    heights = accent * _ACCENT + passed * -_FALL + _BEGIN + ending * turns
    rows = graph.op("Concat", *(row.shaped(1, -1) for row in (heights, accent, ending)), axis=0)
    smooth = smoothed(graph, rows, _SMOOTHING)
    octaves, accent, ending = (smooth.cut(row, row + 1) for row in range(3))
    return Intonation(octaves=octaves, accent=accent, ending=ending)


def _phrases(graph: Graph, schedule: Schedule, pauses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For every step: the beginning and the end of its phrase, and the change of pitch at the phrase's end."""
    sounds = schedule.sounds
    count = graph.op("Shape", sounds.kind)
    numbers = graph.op("Range", graph.index(0), count.shaped(), graph.index(1)).to("float")
    row, column = numbers.shaped(1, -1), numbers.shaped(-1, 1)
    silent = (pauses * -1.0 + 1.0).shaped(1, -1) * _FAR
    # The next pause of a sound is the nearest one at or behind it; the previous pause is the nearest one before it.
    ahead = graph.op("Where", graph.op("GreaterOrEqual", row, column), row + silent, _FAR)
    behind = graph.op("Where", graph.op("Less", row, column), row - silent, -_FAR)
    last = count - graph.integers(1)
    following = graph.op("Min", graph.op("ReduceMin", ahead, axes=[1], keepdims=0).to("int64"), last)
    previous = graph.op("Max", graph.op("ReduceMax", behind, axes=[1], keepdims=0).to("int64"), graph.integers(0))
    begins, ends = sounds.ends.at(previous), sounds.starts.at(following)
    turns = graph.constant(_turns()).at(sounds.token.at(following))
    return begins.at(schedule.place), ends.at(schedule.place), turns.at(schedule.place)


def _turns() -> list[float]:
    named = {VOCABULARY[symbol]: turn for symbol, turn in _TURNS.items()}
    return [named.get(token, _USUAL_TURN) for token in range(TOKENS)]
