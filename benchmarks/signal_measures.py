"""Measures of a sound that a recogniser does not notice: bands, clipping, noise, dropouts, offset, ends, joins, pitch.

Pure: samples in, numbers out. tests/unit/test_signal_measures.py proves each with a spoiled sound. Where the product
judges its own variants by the same measure, that one is used (workers/inference/quality.py).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chorus.wire import RATE_HZ
from workers.inference import quality

Audio = NDArray[np.floating[Any]]

BASE_HZ = (50, 600)
BANDS_HZ = ((600, 1000), (1000, 2000), (2000, 4000), (4000, 8000), (8000, 11000))
_WINDOW, _HOP = 1024, 512
# A frame this far below the loudest one says nothing of a voice's colour.
_LOUD = 1e-4
_FRAME_S = 0.02
# Below this a sample is digital silence; -60 dBFS, as in validation, is silence to an ear.
_NOTHING, _SILENT = 1e-4, 1e-3
_LEAST_DB = -80.0
_DROPOUT_S = (0.008, 0.3)
_EDGE_S, _EDGE_DB = 0.005, -20.0
_SEAM_S = 0.3
_JUMP_CENTS = 300
_CENTS = 1200


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """What is measured of one sound; None where there is nothing to measure."""

    level_db: float | None
    """Of the audible frames, against full scale."""
    peak: float
    flat: float
    """Share of samples at the highest peak: more than one in a thousand is clipping, at whatever level."""
    dc: float
    floor_db: float | None
    """The quietest twentieth of all frames that are no digital silence, against the level."""
    dropouts: int
    """Holes in full swing: 8 to 300 ms of digital silence that begin or end beside a loud sound."""
    head_ms: float
    """Silence before the first sound."""
    tail_ms: float
    """Silence after the last one."""
    end_db: float | None
    """The last 20 ms against the level: a sound that was cut ends loud."""
    click_db: float | None
    """The largest step at a join, against the thousandth largest step of the sound."""
    jumps: float
    """Share of neighbouring voiced frames between which the pitch leaps by more than three semitones."""
    bright_db: float | None
    """The bands from 2 to 8 kHz against 50 to 600 Hz."""
    top_db: float | None
    """The band from 8 to 11 kHz against 50 to 600 Hz."""

    FAULTS: ClassVar = frozenset(("peak", "flat", "dc", "floor_db", "dropouts", "end_db", "click_db", "jumps"))
    """Of these the worst of several sounds counts, of the others the middle."""


def measured(audio: Audio, joins: Sequence[int] = ()) -> Signal:
    """Everything, of one sound."""
    level = quality.level_db(audio)
    head, tail = silence_ms(audio)
    levels = bands_db([audio])
    high = [levels[band] for band in ((2000, 4000), (4000, 8000)) if band in levels]
    return Signal(
        level_db=level,
        peak=float(np.abs(audio).max(initial=0)),
        flat=flat(audio),
        dc=quality.dc(audio),
        floor_db=floor_db(audio, level),
        dropouts=dropouts(audio, level),
        head_ms=head,
        tail_ms=tail,
        end_db=end_db(audio, level),
        click_db=click_db(audio, joins),
        jumps=jumps(audio),
        bright_db=10 * math.log10(sum(10 ** (one / 10) for one in high)) if high else None,
        top_db=levels.get(BANDS_HZ[-1]),
    )


def bands_db(sounds: Sequence[Audio]) -> dict[tuple[int, int], float]:
    """The level of each band against that of 50 to 600 Hz, over the loud frames of all sounds; empty for silence."""
    power = np.zeros(_WINDOW // 2 + 1)
    for sound in sounds:
        padded = np.pad(np.asarray(sound, np.float64), (0, max(0, _WINDOW - sound.size)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
        spectra = np.abs(np.fft.rfft(frames, axis=1)) ** 2
        whole = spectra.sum(axis=1)
        power += spectra[whole > _LOUD * whole.max(initial=0)].sum(axis=0)
    hz = np.fft.rfftfreq(_WINDOW, 1 / RATE_HZ)

    def band(low: int, high: int) -> float:
        return float(power[(hz >= low) & (hz < high)].sum())

    base = band(*BASE_HZ)
    return {one: 10 * math.log10(max(band(*one) / base, 1e-12)) for one in BANDS_HZ} if base else {}


def flat(audio: Audio) -> float:
    """Share of samples within a thousandth of the highest peak."""
    peak = float(np.abs(audio).max(initial=0))
    return float(np.mean(np.abs(audio) >= 0.999 * peak)) if peak else 0.0


def floor_db(audio: Audio, level: float | None) -> float | None:
    """The quietest twentieth of the frames against the level."""
    rms = _rms(audio)
    rms = rms[rms > _NOTHING / 10]
    if level is None or not rms.size:
        return None
    return max(_LEAST_DB, 20 * math.log10(float(np.quantile(rms, 0.05))) - level)


def dropouts(audio: Audio, level: float | None) -> int:
    """How many holes there are that no mouth makes."""
    if level is None:
        return 0
    quiet = np.concatenate([[False], np.abs(audio) < _NOTHING, [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2)
    lengths = edges[:, 1] - edges[:, 0]
    holes = edges[(lengths >= _DROPOUT_S[0] * RATE_HZ) & (lengths <= _DROPOUT_S[1] * RATE_HZ)]
    near = round(_EDGE_S * RATE_HZ)
    loud = 10 ** ((level + _EDGE_DB) / 20)
    return sum(
        max(_one_rms(audio[max(0, begin - near) : begin]), _one_rms(audio[end : end + near])) > loud
        for begin, end in holes
    )


def silence_ms(audio: Audio) -> tuple[float, float]:
    """How long nothing is heard before the first sound, and after the last."""
    heard = np.flatnonzero(np.abs(audio) > _SILENT)
    if not heard.size:
        return 1000 * audio.size / RATE_HZ, 0.0
    return 1000 * float(heard[0]) / RATE_HZ, 1000 * float(audio.size - 1 - heard[-1]) / RATE_HZ


def end_db(audio: Audio, level: float | None) -> float | None:
    """How loud the last 20 ms are."""
    if level is None:
        return None
    last = _one_rms(audio[-round(_FRAME_S * RATE_HZ) :])
    return max(_LEAST_DB, 20 * math.log10(max(last, 1e-9)) - level)


def click_db(audio: Audio, joins: Sequence[int]) -> float | None:
    """The largest step where two pieces meet; None where none do."""
    steps = np.abs(np.diff(np.asarray(audio, np.float64)))
    usual = float(np.quantile(steps, 0.999)) if steps.size else 0.0
    if not joins or not usual:
        return None
    largest = max(float(steps[max(0, at - 2) : at + 1].max(initial=0)) for at in joins)
    return max(_LEAST_DB, 20 * math.log10(max(largest / usual, 1e-9)))


def seam(audio: Audio, at: int) -> tuple[float | None, float | None]:
    """How much louder, in dB, and higher, in cents, 0.3 s of sound after a join are than 0.3 s before it.

    Silence around the join is passed over. None where one side has no sound, or no pitch.
    """
    near = round(_SEAM_S * RATE_HZ)
    before, after = audio[:at], audio[at:]
    heard_before, heard_after = (np.flatnonzero(np.abs(side) > _SILENT) for side in (before, after))
    if not heard_before.size or not heard_after.size:
        return None, None
    before = before[max(0, heard_before[-1] + 1 - near) : heard_before[-1] + 1]
    after = after[heard_after[0] : heard_after[0] + near]
    louder = 20 * math.log10(_one_rms(after) / _one_rms(before))
    pitches = [quality.pitch_hz(side) for side in (before, after)]
    low, high = (one[~np.isnan(one)] for one in pitches)
    if not low.size or not high.size:
        return louder, None
    return louder, _CENTS * math.log2(float(np.median(high) / np.median(low)))


def jumps(audio: Audio) -> float:
    """How much of the voiced sound has a pitch that leaps."""
    pitch = quality.pitch_hz(audio)
    both = ~np.isnan(pitch[1:]) & ~np.isnan(pitch[:-1])
    if not both.any():
        return 0.0
    leaps = _CENTS * np.abs(np.log2(pitch[1:][both] / pitch[:-1][both]))
    return float(np.mean(leaps > _JUMP_CENTS))


def _rms(audio: Audio) -> NDArray[np.float64]:
    length = round(_FRAME_S * RATE_HZ)
    whole = np.asarray(audio[: audio.size // length * length], np.float64).reshape(-1, length)
    return np.asarray(np.sqrt((whole**2).mean(axis=1)))


def _one_rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(np.asarray(audio, np.float64) ** 2))) if audio.size else 0.0
