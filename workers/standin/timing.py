"""When each sound of the stand-in voice is heard, and for how long. Knows nothing of how it sounds."""

from dataclasses import dataclass

import numpy as np

from chorus.vocabulary import VOCABULARY
from workers.standin.arithmetic import END, Graph, Tensor
from workers.standin.symbols import (
    KINDS,
    LENGTH,
    PAD_S,
    PAUSE,
    PAUSES_S,
    PRIMARY,
    SECONDARY,
    TOKENS,
    VOWELS,
    kinds_by_token,
)
from workers.standin.units import Lengths

STEPS = 3
"""Steps of the synthesis in a frame: 8 ms each, short enough for the burst of a p."""
STEPS_A_SECOND = 40 * STEPS
_PACE = 0.92
"""Of flite's own, which is on the fast side of reading aloud."""
_HOLD_OF_LENGTH_MARK = 1.35
_LEAST_FRAMES = 0.55
"""Of each token, on average: fewer would look like a model that cut its text."""
_REACH = 4
"""A stress mark's vowel is at most so many places behind it: few syllables begin with more than three consonants."""


@dataclass(frozen=True, kw_only=True)
class Sounds:
    """What is heard, one sound after another, marks left out: tensors of `[sounds]`."""

    token: Tensor
    kind: Tensor
    before: Tensor
    """The kind of the sound before it; this and the next are pauses at either end."""
    after: Tensor
    accent: Tensor
    """1 for a vowel with primary stress, half with secondary."""
    starts: Tensor
    """In steps, as floats."""
    ends: Tensor


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which sound is heard when."""

    duration: Tensor
    """Frames per token, `[tokens]`."""
    sounds: Sounds
    times: Tensor
    """The middle of each step, in steps, as floats; this and the rest are `[steps]`."""
    place: Tensor
    """Which of the sounds is heard."""
    share: Tensor
    """How much of it has passed, 0 to 1."""


def plan(graph: Graph, ids: Tensor, pace: Tensor, lengths: Lengths) -> Plan:
    """The plan of these token ids, `[tokens]`, when everything is `pace` times as fast as usual."""
    places = _heard(graph, ids)
    tokens = ids.at(places)
    kinds = graph.constant([kind or PAUSE for kind in kinds_by_token()], np.int64).at(tokens)
    edge = graph.constant([PAUSE], np.int64)
    before = graph.op("Concat", edge, kinds.cut(0, -1), axis=0)
    after = graph.op("Concat", kinds.cut(1, END), edge, axis=0)
    accent = _stressed(graph, ids).at(places)
    seconds = _spoken_s(graph, lengths, kinds, before, after, accent) * _held(graph, ids).at(places)
    pauses = graph.constant(_pauses()).at(tokens)
    seconds = graph.op("Where", graph.op("Equal", kinds, graph.constant(PAUSE, np.int64)), pauses, seconds)
    ends, frames = _ends(graph, seconds / (pace * _PACE), graph.op("Shape", ids))
    starts = graph.op("Concat", graph.constant([0]), ends.cut(0, -1), axis=0)
    sounds = Sounds(token=tokens, kind=kinds, before=before, after=after, accent=accent, starts=starts, ends=ends)
    return _paced(graph, sounds, frames, _spread(graph, ids, places, ends))


def _heard(graph: Graph, ids: Tensor) -> Tensor:
    """The places of the tokens that have a sound or a silence of their own; the first and the last always have."""
    sounding = graph.constant([float(kind is not None) for kind in kinds_by_token()]).at(ids)
    edges = graph.op("Concat", graph.constant([1]), sounding.cut(1, -1), graph.constant([1]), axis=0)
    return graph.op("NonZero", edges).shaped(-1)


def _pauses() -> list[float]:
    """Seconds of silence by token; a mark that stands at an end is as short as a pad."""
    named = {VOCABULARY[symbol]: seconds for symbol, seconds in PAUSES_S.items()}
    return [named.get(token, PAD_S) for token in range(TOKENS)]


def _stressed(graph: Graph, ids: Tensor) -> Tensor:
    """1 for the first vowel behind a primary mark, half for the first behind a secondary one."""
    vowel = graph.constant([float(KINDS[kind or PAUSE] in VOWELS) for kind in kinds_by_token()]).at(ids)
    # Which vowel of the segment each place is, or comes after.
    number = graph.op("CumSum", vowel, graph.index(0))
    found = []
    for mark in (PRIMARY, SECONDARY):
        marked = graph.op("Equal", ids, graph.integers(mark)).to("float") * (number + 1.0)
        reached = graph.op("MaxPool", marked.shaped(1, 1, -1), kernel_shape=[_REACH + 1], pads=[_REACH, 0]).shaped(-1)
        found.append(graph.op("Equal", reached, number).to("float") * vowel)
    primary, secondary = found
    return graph.op("Max", primary, secondary * 0.5)


def _held(graph: Graph, ids: Tensor) -> Tensor:
    """How many times as long each place lasts, for the length mark behind it."""
    marked = graph.op("Equal", ids.cut(1, END), graph.integers(LENGTH)).to("float")
    return graph.op("Concat", marked, graph.constant([0]), axis=0) * (_HOLD_OF_LENGTH_MARK - 1) + 1.0


def _spoken_s(graph: Graph, lengths: Lengths, kinds: Tensor, before: Tensor, after: Tensor, accent: Tensor) -> Tensor:
    def table(name: str) -> Tensor:
        return graph.stored(f"lengths.{name}", getattr(lengths, name))

    own, stressed, final = (table(name).at(kinds) for name in ("own", "stressed", "final"))
    is_final = graph.op("Equal", after, graph.constant(PAUSE, np.int64)).to("float")
    neighbours = table("before").at(before) + table("after").at(after)
    return graph.op("Exp", own + stressed * accent + final * is_final + neighbours)


def _ends(graph: Graph, seconds: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Where each sound ends, in steps, the last exactly with a frame; and how many frames there are."""
    ends = graph.op("CumSum", seconds, graph.index(0)) * float(STEPS_A_SECOND)
    last = ends.cut(-1, END)
    least = count.to("float") * _LEAST_FRAMES + 1.0
    frames = graph.op("Max", graph.op("Ceil", last / float(STEPS)), graph.op("Ceil", least))
    return ends * (frames * float(STEPS) / last), frames


def _spread(graph: Graph, ids: Tensor, places: Tensor, ends: Tensor) -> Tensor:
    """Frames per token: those of its sound, none for a mark."""
    rounded = graph.op("Round", ends / float(STEPS))
    frames = (rounded - graph.op("Concat", graph.constant([0]), rounded.cut(0, -1), axis=0)).to("int64")
    return graph.op("ScatterElements", ids * graph.integers(0), places, frames, axis=0)


def _paced(graph: Graph, sounds: Sounds, frames: Tensor, duration: Tensor) -> Plan:
    count = frames.to("int64").shaped() * graph.index(STEPS)
    times = graph.op("Range", graph.index(0), count, graph.index(1)).to("float") + 0.5
    passed = graph.op("GreaterOrEqual", times.shaped(-1, 1), sounds.ends.shaped(1, -1)).to("float")
    found = graph.op("ReduceSum", passed, graph.integers(1), keepdims=0).to("int64")
    place = graph.op("Min", found, graph.op("Shape", sounds.kind) - graph.integers(1))
    starts, ends = sounds.starts.at(place), sounds.ends.at(place)
    share = ((times - starts) / graph.op("Max", ends - starts, 1e-3)).between(0.0, 1.0)
    return Plan(duration=duration, sounds=sounds, times=times, place=place, share=share)
