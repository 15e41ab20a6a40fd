"""When each token of the stand-in voice sounds, and for how long. Knows nothing of how it sounds."""

from dataclasses import dataclass

import numpy as np

from workers.standin.graph import END, Graph, Tensor
from workers.standin.sounds import LENGTH_MARK, PRIMARY_STRESS, by_token

STEPS = 3
"""Control steps in a frame: 8 ms each, short enough for the burst of a p."""
_STRETCH_OF_STRESS = 0.2
_FRAMES_OF_LENGTH_MARK = 1.3
_FRAMES_OF_ANY_MARK = 0.5
_FAR = 10_000
"""Beyond every place of a token."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which token sounds when."""

    duration: Tensor
    """Frames per token, `[n]`."""
    steps: Tensor
    """0, 1, 2, … as floats; this and the rest are `[steps]`."""
    progress: Tensor
    """From 0 at the start of the segment to 1 at its end."""
    token: Tensor
    """Which token's sound is heard, by its id."""
    is_last: Tensor
    """1 in the last stretch of that sound, else 0."""
    accent: Tensor
    """1 where a stressed vowel sounds."""


def plan(graph: Graph, ids: Tensor, speed: Tensor) -> Plan:
    """The plan of these token ids, `[n]`."""
    stressed = _stressed(graph, ids)
    ends = _ends(graph, ids, stressed, speed)
    starts = graph.op("Concat", graph.constant([0]), ends.cut(0, -1), axis=0)
    total = ends.cut(-1, END).to("int64") * graph.integers(STEPS)
    steps = graph.op("Range", graph.index(0), total.shaped(), graph.index(1)).to("float")
    passed = graph.op("GreaterOrEqual", steps.shaped(-1, 1), (ends * float(STEPS)).shaped(1, -1)).to("float")
    place = graph.op("ReduceSum", passed, graph.integers(1), keepdims=0).to("int64")
    left = (ends.at(place) - (steps + 0.5) / float(STEPS)) / (ends - starts).at(place)
    last_share = graph.constant([symbol.last_share for symbol in by_token()]).at(ids.at(place))
    return Plan(
        duration=(ends - starts).to("int64"),
        steps=steps,
        progress=steps / total.to("float"),
        token=ids.at(_sounding(graph, ids)).at(place),
        is_last=graph.op("Less", left, last_share).to("int64"),
        accent=stressed.at(place),
    )


def _ends(graph: Graph, ids: Tensor, stressed: Tensor, speed: Tensor) -> Tensor:
    """Where each token ends, in frames. Ends are rounded, not lengths, so that a sentence keeps the speed exactly."""
    frames = graph.constant([symbol.frames for symbol in by_token()]).at(ids)
    following = graph.op("Equal", ids.cut(1, END), graph.integers(LENGTH_MARK)).to("float")
    held = graph.op("Concat", following, graph.constant([0]), axis=0) * _FRAMES_OF_LENGTH_MARK
    # Marks last at any speed: a model that gave a token no time at all could not be told from one that cut it.
    lengths = (frames * (stressed * _STRETCH_OF_STRESS + 1.0) + held) / speed + _marks(graph, ids) * _FRAMES_OF_ANY_MARK
    ends = graph.op("Round", graph.op("CumSum", lengths, graph.index(0)))
    # Even a lone mark has a frame: short silence is an answer, a failed run is not.
    return graph.op("Max", ends, 1.0)


def _marks(graph: Graph, ids: Tensor) -> Tensor:
    return graph.constant(np.array([symbol.mark for symbol in by_token()])).at(ids)


def _sounding(graph: Graph, ids: Tensor) -> Tensor:
    """The place whose sound is heard at each place, `[n]`: a mark's is the next that has one, and no gap opens."""
    count = graph.op("Shape", ids)
    places = graph.op("Range", graph.index(0), count.shaped(), graph.index(1)).to("float")
    candidates = (places + _marks(graph, ids) * float(_FAR)).shaped(1, -1)
    ahead = graph.op("GreaterOrEqual", places.shaped(1, -1), places.shaped(-1, 1))
    nearest = graph.op("ReduceMin", graph.op("Where", ahead, candidates, float(_FAR)), axes=[1], keepdims=0)
    return graph.op("Min", nearest.to("int64"), count - graph.integers(1))


def _stressed(graph: Graph, ids: Tensor) -> Tensor:
    """1 for a vowel up to three places behind a stress mark: few syllables begin with more than two consonants."""
    marks = graph.op("Equal", ids, graph.integers(PRIMARY_STRESS)).to("float").shaped(1, 1, -1)
    behind = graph.op("MaxPool", marks, kernel_shape=[4], pads=[3, 0]).shaped(-1)
    return behind * graph.constant([symbol.vowel for symbol in by_token()]).at(ids)
