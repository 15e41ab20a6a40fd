"""Schedules the sounds of the stand-in voice: when each begins and how long it lasts. Knows nothing of spectra."""

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
"""Synthesis steps per frame of `duration`: 8 ms each, short enough for the burst of a p."""
STEPS_A_SECOND = 40 * STEPS
_PACE = 0.92
"""Relative to flite, which is a little fast for reading aloud."""
_LENGTH_MARK_FACTOR = 1.35
_LEAST_FRAMES = 0.55
"""The least frames per token on average: with fewer, the audio would be taken for one with missing text."""
_REACH = 4
"""The greatest distance from a stress mark to its vowel: few syllables begin with more than three consonants."""


@dataclass(frozen=True, kw_only=True)
class Sounds:
    """The sounds of a text in order, without stress and length marks: tensors of `[sounds]`."""

    token: Tensor
    kind: Tensor
    before: Tensor
    """The kind of the previous sound; a pause for the first sound."""
    after: Tensor
    """The kind of the next sound; a pause for the last sound."""
    accent: Tensor
    """1 for a vowel with primary stress, 0.5 with secondary, else 0."""
    starts: Tensor
    """In steps, as floats."""
    ends: Tensor


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Which sound is spoken at each step."""

    duration: Tensor
    """Frames per token, `[tokens]`."""
    sounds: Sounds
    times: Tensor
    """The middle of each step, in steps, as floats; this and the rest are `[steps]`."""
    place: Tensor
    """The index of the sound at each step."""
    share: Tensor
    """How much of that sound has passed, 0 to 1."""


def schedule(graph: Graph, ids: Tensor, pace: Tensor, lengths: Lengths) -> Schedule:
    """The schedule of these token ids, `[tokens]`, at `pace` times the usual speed."""
    places = _audible_places(graph, ids)
    tokens = ids.at(places)
    kinds = graph.constant([kind or PAUSE for kind in kinds_by_token()], np.int64).at(tokens)
    edge = graph.constant([PAUSE], np.int64)
    before = graph.op("Concat", edge, kinds.cut(0, -1), axis=0)
    after = graph.op("Concat", kinds.cut(1, END), edge, axis=0)
    accent = _stressed(graph, ids).at(places)
    seconds = _sound_s(graph, lengths, kinds, before, after, accent) * _length_factors(graph, ids).at(places)
    pauses = graph.constant(_pauses()).at(tokens)
    seconds = graph.op("Where", graph.op("Equal", kinds, graph.constant(PAUSE, np.int64)), pauses, seconds)
    ends, frames = _ends(graph, seconds / (pace * _PACE), graph.op("Shape", ids))
    starts = graph.op("Concat", graph.constant([0]), ends.cut(0, -1), axis=0)
    sounds = Sounds(token=tokens, kind=kinds, before=before, after=after, accent=accent, starts=starts, ends=ends)
    return _schedule_steps(graph, sounds, frames, _frames_per_token(graph, ids, places, ends))


def _audible_places(graph: Graph, ids: Tensor) -> Tensor:
    """The places of the tokens that are a sound or a pause; the first and the last token always are."""
    sounding = graph.constant([float(kind is not None) for kind in kinds_by_token()]).at(ids)
    edges = graph.op("Concat", graph.constant([1]), sounding.cut(1, -1), graph.constant([1]), axis=0)
    return graph.op("NonZero", edges).shaped(-1)


def _pauses() -> list[float]:
    """Seconds of silence by token; a mark at either end gets the length of a pad."""
    named = {VOCABULARY[symbol]: seconds for symbol, seconds in PAUSES_S.items()}
    return [named.get(token, PAD_S) for token in range(TOKENS)]


def _stressed(graph: Graph, ids: Tensor) -> Tensor:
    """1 for the first vowel behind a primary stress mark, 0.5 behind a secondary one, else 0."""
    vowel = graph.constant([float(KINDS[kind or PAUSE] in VOWELS) for kind in kinds_by_token()]).at(ids)
    # For each place, the number of vowels up to it.
    number = graph.op("CumSum", vowel, graph.index(0))
    found = []
    for mark in (PRIMARY, SECONDARY):
        marked = graph.op("Equal", ids, graph.integers(mark)).to("float") * (number + 1.0)
        reached = graph.op("MaxPool", marked.shaped(1, 1, -1), kernel_shape=[_REACH + 1], pads=[_REACH, 0]).shaped(-1)
        found.append(graph.op("Equal", reached, number).to("float") * vowel)
    primary, secondary = found
    return graph.op("Max", primary, secondary * 0.5)


def _length_factors(graph: Graph, ids: Tensor) -> Tensor:
    """The factor of each place's length: larger than one if a length mark follows."""
    marked = graph.op("Equal", ids.cut(1, END), graph.integers(LENGTH)).to("float")
    return graph.op("Concat", marked, graph.constant([0]), axis=0) * (_LENGTH_MARK_FACTOR - 1) + 1.0


def _sound_s(graph: Graph, lengths: Lengths, kinds: Tensor, before: Tensor, after: Tensor, accent: Tensor) -> Tensor:
    def table(name: str) -> Tensor:
        return graph.stored(f"lengths.{name}", getattr(lengths, name))

    own, stressed, final = (table(name).at(kinds) for name in ("own", "stressed", "final"))
    is_final = graph.op("Equal", after, graph.constant(PAUSE, np.int64)).to("float")
    neighbours = table("before").at(before) + table("after").at(after)
    return graph.op("Exp", own + stressed * accent + final * is_final + neighbours)


def _ends(graph: Graph, seconds: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """The end of each sound, in steps, stretched so that the last ends with a frame; and the number of frames."""
    ends = graph.op("CumSum", seconds, graph.index(0)) * float(STEPS_A_SECOND)
    last = ends.cut(-1, END)
    least = count.to("float") * _LEAST_FRAMES + 1.0
    frames = graph.op("Max", graph.op("Ceil", last / float(STEPS)), graph.op("Ceil", least))
    return ends * (frames * float(STEPS) / last), frames


def _frames_per_token(graph: Graph, ids: Tensor, places: Tensor, ends: Tensor) -> Tensor:
    """Frames per token: those of its sound; 0 for a mark."""
    rounded = graph.op("Round", ends / float(STEPS))
    frames = (rounded - graph.op("Concat", graph.constant([0]), rounded.cut(0, -1), axis=0)).to("int64")
    return graph.op("ScatterElements", ids * graph.integers(0), places, frames, axis=0)


def _schedule_steps(graph: Graph, sounds: Sounds, frames: Tensor, duration: Tensor) -> Schedule:
    count = frames.to("int64").shaped() * graph.index(STEPS)
    times = graph.op("Range", graph.index(0), count, graph.index(1)).to("float") + 0.5
    passed = graph.op("GreaterOrEqual", times.shaped(-1, 1), sounds.ends.shaped(1, -1)).to("float")
    found = graph.op("ReduceSum", passed, graph.integers(1), keepdims=0).to("int64")
    place = graph.op("Min", found, graph.op("Shape", sounds.kind) - graph.integers(1))
    starts, ends = sounds.starts.at(place), sounds.ends.at(place)
    share = ((times - starts) / graph.op("Max", ends - starts, 1e-3)).clipped(0.0, 1.0)
    return Schedule(duration=duration, sounds=sounds, times=times, place=place, share=share)
