"""Speech as the stand-in voice stores it: levels of narrow bands, and how much of it is voice. Needs only numpy."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
"""Of flite's voices."""
HOP = 80
"""Samples from one look to the next: 5 ms."""
_WINDOW = 320
"""20 ms: two periods of a low voice, so that its single pulses do not show."""
_FOURIER = 512
_FIRST_HZ, _LEAST_STEP_HZ, _STEP = 60.0, 110.0, 0.075
"""Bands overlap by half and are twice a step wide: 220 Hz at least, or the harmonics of a voice would show in them."""
_FLOOR = 1e-9
_LONG_WINDOW = 640
_LOWEST_HZ, _HIGHEST_HZ = 60, 250


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What one recording is, every 5 ms."""

    levels_db: NDArray[np.float32]
    """`[looks, bands]`."""
    voiced: NDArray[np.float32]
    """How much it is like itself a period later, 0 to 1."""


@cache
def centres_hz() -> tuple[float, ...]:
    """The middle of each band."""
    centres = [_FIRST_HZ]
    while (following := centres[-1] + max(_LEAST_STEP_HZ, _STEP * centres[-1])) < RATE_HZ / 2:
        centres.append(following)
    return tuple(round(centre, 1) for centre in centres)


def look(samples: NDArray[np.int16]) -> Looks:
    """Analyse a recording."""
    scaled = samples.astype(np.float64) / 32768
    short = _framed(scaled, _WINDOW) * np.hanning(_WINDOW + 1)[:-1]
    power = np.abs(np.fft.rfft(short, _FOURIER)) ** 2 / np.sum(np.hanning(_WINDOW + 1) ** 2)
    levels_db = 10 * np.log10(power @ _triangles() + _FLOOR)
    voiced = _voiced(_framed(scaled, _LONG_WINDOW))
    return Looks(levels_db=levels_db.astype(np.float32), voiced=voiced.astype(np.float32))


def _framed(samples: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Windows of this width about each look, the ends filled with silence."""
    padded = np.concatenate([np.zeros(width // 2), samples, np.zeros(width // 2)])
    return np.lib.stride_tricks.sliding_window_view(padded, width)[::HOP]


@cache
def _triangles() -> NDArray[np.float64]:
    """What each bin counts in each band, `[bins, bands]`."""
    hz = np.arange(_FOURIER // 2 + 1)[:, None] * RATE_HZ / _FOURIER
    centres = np.array(centres_hz())
    edges = np.concatenate([[centres[0] - _LEAST_STEP_HZ], centres, [centres[-1] * (1 + _STEP)]])
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(weights / weights.sum(axis=0))


def _voiced(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    spectra = np.abs(np.fft.rfft(frames, 2 * _LONG_WINDOW)) ** 2
    likeness = np.fft.irfft(spectra)
    lags = slice(RATE_HZ // _HIGHEST_HZ, RATE_HZ // _LOWEST_HZ)
    # A longer lag has less to compare; what is lost by that is no lack of voice.
    shares = 1 - np.arange(_LONG_WINDOW)[lags] / _LONG_WINDOW
    best = (likeness[:, lags] / shares).max(axis=1) / (likeness[:, 0] + 1e-3)
    return np.asarray(np.clip(best, 0, 1))
