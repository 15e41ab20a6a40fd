"""Analyses recorded speech as the stand-in voice stores it: levels of narrow bands and the share of voiced sound.

Knows nothing of phonemes or graphs, and needs only numpy.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
"""The sample rate of flite's voices."""
HOP = 80
"""Samples from one spectral frame to the next: 5 ms."""
_WINDOW = 320
"""20 ms: two periods of a low voice, so that single pulses of the voice do not show."""
_FOURIER = 512
_FIRST_HZ, _LEAST_STEP_HZ, _STEP = 60.0, 110.0, 0.075
"""Bands overlap by half and are two steps wide, at least 220 Hz, so that single harmonics of a voice do not show."""
_FLOOR = 1e-9
_LONG_WINDOW = 640
_LOWEST_HZ, _HIGHEST_HZ = 60, 250


@dataclass(frozen=True, kw_only=True)
class SpectralFrames:
    """The analysis of one recording, a frame every 5 ms."""

    levels_db: NDArray[np.float32]
    """`[frames, bands]`."""
    voiced: NDArray[np.float32]
    """The autocorrelation at the best pitch period, 0 to 1."""


@cache
def centres_hz() -> tuple[float, ...]:
    """The centre frequency of each band."""
    centres = [_FIRST_HZ]
    while (following := centres[-1] + max(_LEAST_STEP_HZ, _STEP * centres[-1])) < RATE_HZ / 2:
        centres.append(following)
    return tuple(round(centre, 1) for centre in centres)


def analyse(samples: NDArray[np.int16]) -> SpectralFrames:
    """Analyse a recording."""
    scaled = samples.astype(np.float64) / 32768
    short = _framed(scaled, _WINDOW) * np.hanning(_WINDOW + 1)[:-1]
    power = np.abs(np.fft.rfft(short, _FOURIER)) ** 2 / np.sum(np.hanning(_WINDOW + 1) ** 2)
    levels_db = 10 * np.log10(power @ _triangles() + _FLOOR)
    voiced = _voiced(_framed(scaled, _LONG_WINDOW))
    return SpectralFrames(levels_db=levels_db.astype(np.float32), voiced=voiced.astype(np.float32))


def _framed(samples: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Windows of this width, centred on each frame; both ends are padded with silence."""
    padded = np.concatenate([np.zeros(width // 2), samples, np.zeros(width // 2)])
    return np.lib.stride_tricks.sliding_window_view(padded, width)[::HOP]


@cache
def _triangles() -> NDArray[np.float64]:
    """The weight of each frequency bin in each band, `[bins, bands]`."""
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
    # At a longer lag fewer samples overlap; dividing by their share corrects for that.
    shares = 1 - np.arange(_LONG_WINDOW)[lags] / _LONG_WINDOW
    best = (likeness[:, lags] / shares).max(axis=1) / (likeness[:, 0] + 1e-3)
    return np.asarray(np.clip(best, 0, 1))
