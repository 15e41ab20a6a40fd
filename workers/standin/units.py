"""Averages recorded sounds: their spectra by the previous and by the next sound, and their lengths.

Knows nothing of the graph that stores the averages, except the names of its tables.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.standin.analysis import HOP, RATE_HZ, SpectralFrames, centres_hz
from workers.standin.recording import RecordedSound, Recording
from workers.standin.symbols import KINDS, PAUSE

FRAMES = 12
"""Spectral frames per sound, whatever its length."""
BANDS = len(centres_hz())
STEP_DB = 0.5
_VOICE_STEPS = 100
_FEWEST = 2
"""The least examples of a pair of sounds; with fewer, the average over all neighbours is used."""
_RIDGE = 2.0

Steps = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Logarithms of seconds whose sum gives a sound's length; `[kinds]` each."""

    own: NDArray[np.float32]
    """The sound's own length."""
    stressed: NDArray[np.float32]
    """Added for a vowel with primary stress; half of it with secondary."""
    final: NDArray[np.float32]
    """Added before a pause."""
    before: NDArray[np.float32]
    """Added by the kind of the previous sound."""
    after: NDArray[np.float32]
    """Added by the kind of the next sound."""


@dataclass(frozen=True, kw_only=True)
class Units:
    """The measurements of flite's voice that the model stores."""

    steps: Steps
    """`[units, FRAMES, BANDS + 1]`: levels in steps of STEP_DB, and as the last value the voiced share in percent."""
    entering: NDArray[np.int16]
    """The unit of a kind after another kind: `[kinds, kinds]`, indexed by the previous kind first."""
    leaving: NDArray[np.int16]
    """The unit of a kind before another kind: `[kinds, kinds]`, indexed by the kind itself first."""
    lengths: Lengths


@dataclass(frozen=True, kw_only=True)
class Example:
    """One recorded sound and its neighbours."""

    before: int
    kind: int
    after: int
    stress: int
    length_s: float
    frames: NDArray[np.float64]
    """`[FRAMES, BANDS + 1]`."""


def examples(recording: Recording, frames: SpectralFrames) -> Iterator[Example]:
    """The sounds of a recording whose neighbours are known."""
    levels_db, voiced = (one.astype(np.float64) for one in (frames.levels_db, frames.voiced))
    seen = np.column_stack([levels_db / STEP_DB, voiced * _VOICE_STEPS])
    sounds = recording.sounds
    for before, sound, after in zip(sounds, sounds[1:], sounds[2:], strict=False):
        if sound.kind > PAUSE and min(before.kind, after.kind) >= PAUSE:
            yield Example(
                before=before.kind,
                kind=sound.kind,
                after=after.kind,
                stress=sound.stress,
                length_s=sound.end_s - sound.begin_s,
                frames=_stretched(seen, sound),
            )


def _stretched(seen: NDArray[np.float64], sound: RecordedSound) -> NDArray[np.float64]:
    shares = (np.arange(FRAMES) + 0.5) / FRAMES
    places = (sound.begin_s + shares * (sound.end_s - sound.begin_s)) * RATE_HZ / HOP
    whole = np.clip(places.astype(int), 0, len(seen) - 2)
    part = (places - whole).clip(0, 1)[:, None]
    return np.asarray(seen[whole] * (1 - part) + seen[whole + 1] * part)


def average(given: Iterable[Example]) -> Units:
    """Average the examples: by kind, by kind and previous sound, and by kind and next sound."""
    sums: dict[tuple[int, int, int], NDArray[np.float64]] = defaultdict(lambda: np.zeros((FRAMES, BANDS + 1)))
    counts: dict[tuple[int, int, int], int] = defaultdict(int)
    rows = []
    for one in given:
        for key in ((one.kind, -1, -1), (one.kind, one.before, -1), (one.kind, -1, one.after)):
            sums[key] += one.frames
            counts[key] += 1
        rows.append((one.kind, one.before, one.after, one.stress, np.log(one.length_s)))
    alone = [(kind, -1, -1) for kind in range(1, len(KINDS))]
    pairs = sorted(key for key, count in counts.items() if count >= _FEWEST and key not in set(alone))
    places = {key: place for place, key in enumerate([*alone, *pairs])}
    steps = np.array([sums[key] / max(1, counts[key]) for key in places])
    entering, leaving = (np.zeros((len(KINDS), len(KINDS)), np.int16) for _ in range(2))
    for kind in range(1, len(KINDS)):
        for other in range(len(KINDS)):
            entering[other, kind] = places.get((kind, other, -1), kind - 1)
            leaving[kind, other] = places.get((kind, -1, other), kind - 1)
    return Units(
        steps=np.round(steps).clip(-127, 127).astype(np.int8),
        entering=entering,
        leaving=leaving,
        lengths=_lengths(np.array(rows)),
    )


def _lengths(rows: NDArray[np.float64]) -> Lengths:
    """Fit the logarithms of the lengths by least squares."""
    kinds, width = rows[:, :3].astype(int), len(KINDS)
    facts = np.zeros((len(rows), 5 * width))
    every = np.arange(len(rows))
    facts[every, kinds[:, 0]] = 1
    facts[every, width + kinds[:, 0]] = rows[:, 3] / 2
    facts[every, 2 * width + kinds[:, 0]] = kinds[:, 2] == PAUSE
    facts[every, 3 * width + kinds[:, 1]] = 1
    facts[every, 4 * width + kinds[:, 2]] = 1
    mean = rows[:, 4].mean()
    found = np.linalg.solve(facts.T @ facts + _RIDGE * np.eye(5 * width), facts.T @ (rows[:, 4] - mean))
    found[:width] += mean
    own, stressed, final, before, after = np.round(found, 2).astype(np.float32).reshape(5, width)
    return Lengths(own=own, stressed=stressed, final=final, before=before, after=after)
