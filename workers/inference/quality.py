"""How far one rendering of some phonemes is from another, in measures that agree with hearing.

Knows nothing of models or sessions. Samples are never compared one by one: phases in Kokoro's source lie at the jump
from +π to -π, so that two fp32 builds of one model differ by half their amplitude in places, which nobody can hear.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chorus.wire import RATE_HZ

Audio = NDArray[np.floating]

# 43 ms resolve the harmonics of a deep voice, so that their phases do not matter; two hops are one of Kokoro's frames.
_WINDOW, _HOP = 1024, 300
# A bin this far below a rendering's loudest one is neither heard nor stable.
_FLOOR_DB = -80.0
# A frame this quiet is a pause: -60 dBFS, as in validation.
_SILENT_RMS = 1e-3
_MELS, _CEPSTRA = 80, 13
_MCD_SCALE = 10 / math.log(10) * math.sqrt(2)
# The range of speaking voices, and how similar a period must be to the next one to count as voiced.
_F0_LOWEST_HZ, _F0_HIGHEST_HZ = 60, 420
_VOICED = 0.5
# Of several lags that fit about equally well, the shortest is the period; the others are its multiples.
_AS_GOOD = 0.9
_FULL_SCALE = 1 - 2**-15
_CENTS_PER_OCTAVE = 1200


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendering:
    """What a model made of some phonemes."""

    audio: Audio
    """One row of samples at 24 kHz."""
    frames: Sequence[int] = ()
    """How many frames each token lasts; empty if the model does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The most that a lossy rendering may differ from the reference: below it an ear does not tell them apart."""

    length: float = 0.0
    """Lengths come from the encoder, which no variant changes: a difference is a fault and not a loss of quality."""
    tokens_moved: float = 0.0
    """The same, for each token."""
    log_spectral_db: float = 4.0
    """Half of the 7.9 dB that lie between two recordings of the same noise, or between one breath and the next."""
    mel_cepstral_db: float = 2.0
    """Good voice codecs reach 1 to 3 dB; two takes of a sentence by one speaker differ by 4 to 6."""
    f0_cents: float = 10.0
    """A tenth of a semitone: trained ears tell tones apart from 5 to 10 cents on, and speech is not a steady tone."""
    voicing_apart: float = 0.05
    """Frames voiced in one of the two only: onsets may move by a frame; hoarseness changes more frames than that."""
    loudness_db: float = 0.5
    """Half of the just audible difference between two sentences: variants could be mixed at a paragraph's end."""
    clipped: float = 1e-4
    """At most two samples of a second, as in one click."""
    dc: float = 0.002
    """A step of -54 dBFS where two segments meet is not heard as a click."""
    silence: float = 0.02
    """Noise that fills pauses, or gaps within words: at most a fiftieth of the time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """One rendering compared with a reference. What could not be measured is None, never 0."""

    length: float
    """How much longer or shorter, as a share of the reference."""
    tokens_moved: float | None
    """Share of tokens that last longer or shorter."""
    log_spectral_db: float | None
    """Root mean square over frequencies, mean over the frames that are audible in the reference."""
    mel_cepstral_db: float | None
    """Distance of 13 mel-cepstra without the one for loudness, mean over the same frames."""
    f0_cents: float | None
    """Median difference of pitch, where both are voiced."""
    voicing_apart: float
    """Share of frames that are voiced in one of the two only."""
    loudness_db: float | None
    """Difference of the level of all audible frames, up or down."""
    clipped: float
    """Share of samples at full scale or beyond, in this rendering."""
    dc: float
    """Its mean, up or down; 1 is full scale."""
    silence: float
    """Difference of the shares of silent frames."""

    def beyond(self, bounds: Bounds) -> tuple[str, ...]:
        """The measures beyond their bounds, each as `mel_cepstral_db 3.10 > 2.00`; None is within bounds."""
        pairs = ((field.name, getattr(self, field.name), getattr(bounds, field.name)) for field in fields(bounds))
        return tuple(
            f"{name} {value:.4g} > {most:.4g}" for name, value, most in pairs if value is not None and value > most
        )

    def within(self, bounds: Bounds) -> bool:
        """Whether no measure is beyond its bound."""
        return not self.beyond(bounds)


def compare(reference: Rendering, rendering: Rendering) -> Quality:
    """Compare `rendering` with `reference`; if their lengths differ, over the frames that both have."""
    ours, theirs = _frames(rendering.audio), _frames(reference.audio)
    common = min(len(ours), len(theirs))
    heard = _rms(theirs[:common]) >= _SILENT_RMS
    ours_heard, theirs_heard = _power(ours[:common][heard]), _power(theirs[:common][heard])
    our_pitch, their_pitch = _pitch_hz(ours[:common]), _pitch_hz(theirs[:common])
    return Quality(
        length=abs(rendering.audio.size / reference.audio.size - 1),
        tokens_moved=_tokens_moved(reference.frames, rendering.frames),
        log_spectral_db=log_spectral_db(theirs_heard, ours_heard),
        mel_cepstral_db=mel_cepstral_db(theirs_heard, ours_heard),
        f0_cents=_cents(their_pitch, our_pitch),
        voicing_apart=_share(np.isnan(our_pitch) != np.isnan(their_pitch)),
        loudness_db=_difference(level_db(reference.audio), level_db(rendering.audio)),
        clipped=clipped(rendering.audio),
        dc=dc(rendering.audio),
        silence=abs(_silent(ours) - _silent(theirs)),
    )


def worst(qualities: Iterable[Quality]) -> Quality:
    """The worst of each measure over several sentences: a bound has to hold for every sentence, not for their mean."""
    every = list(qualities)
    found: dict[str, Any] = {
        field.name: _largest(getattr(one, field.name) for one in every) for field in fields(Quality)
    }
    return Quality(**found)


def clipped(audio: Audio) -> float:
    """Share of samples that are at full scale in sixteen bits."""
    return _share(np.abs(audio) >= _FULL_SCALE)


def dc(audio: Audio) -> float:
    """How far the mean is from zero."""
    return abs(float(np.mean(audio, dtype=np.float64))) if audio.size else 0.0


def level_db(audio: Audio) -> float | None:
    """The level of the audible frames in dB, full scale being 0; None if no frame is audible."""
    rms = _rms(_frames(audio))
    heard = rms[rms >= _SILENT_RMS]
    return 10 * math.log10(float(np.mean(heard**2))) if heard.size else None


def pitch_hz(audio: Audio) -> NDArray[np.float64]:
    """The pitch of each frame of 12.5 ms; NaN where it is unvoiced or silent."""
    return _pitch_hz(_frames(audio))


def log_spectral_db(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Distance between two sets of power spectra, a row for each frame; None if there is no frame."""
    if not len(one):
        return None
    return float(np.sqrt(((_decibels(one) - _decibels(other)) ** 2).mean(axis=1)).mean())


def mel_cepstral_db(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Mel-cepstral distortion between two sets of power spectra, as in the literature but without alignment."""
    if not len(one):
        return None
    apart = _cepstra(one) - _cepstra(other)
    return float(_MCD_SCALE * np.sqrt((apart**2).sum(axis=1)).mean())


def _frames(audio: Audio) -> NDArray[np.float64]:
    """Overlapping frames, a row each; audio shorter than one frame is padded with silence."""
    whole = np.pad(np.asarray(audio, np.float64), (0, max(0, _WINDOW - audio.size)))
    return np.lib.stride_tricks.sliding_window_view(whole, _WINDOW)[::_HOP]


def _rms(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt((frames**2).mean(axis=1)))


def _silent(frames: NDArray[np.float64]) -> float:
    return _share(_rms(frames) < _SILENT_RMS)


def _power(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2)


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(power, power.max() * 10 ** (_FLOOR_DB / 10))))


def _cepstra(power: NDArray[np.float64]) -> NDArray[np.float64]:
    bands = power @ mel_filters().T
    logs = np.log(np.sqrt(np.maximum(bands, bands.max() * 10 ** (_FLOOR_DB / 10))))
    order, place = np.arange(1, _CEPSTRA + 1)[:, None], np.arange(_MELS) + 0.5
    return np.asarray(logs @ (np.cos(np.pi * order * place / _MELS) / _MELS * 2).T)


def mel_filters() -> NDArray[np.float64]:
    """Triangular filters, evenly spread over the mel scale, a row each."""
    highest = 2595 * math.log10(1 + RATE_HZ / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, _MELS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_WINDOW, 1 / RATE_HZ)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _pitch_hz(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pitch of each frame by its autocorrelation; NaN where it is unvoiced or silent."""
    centred = frames - frames.mean(axis=1, keepdims=True)
    shortest, longest = RATE_HZ // _F0_HIGHEST_HZ, RATE_HZ // _F0_LOWEST_HZ
    spectrum = np.abs(np.fft.rfft(centred, 2 * _WINDOW, axis=1)) ** 2
    alike = np.fft.irfft(spectrum, axis=1)[:, : longest + 2]
    # The larger the lag, the less the two copies overlap.
    alike = alike / np.maximum(alike[:, :1], 1e-12) / (1 - np.arange(longest + 2) / _WINDOW)
    alike[_rms(frames) < _SILENT_RMS] = 0
    return np.array([_lag_to_hz(row, shortest) for row in alike])


def _lag_to_hz(alike: NDArray[np.float64], shortest: int) -> float:
    inner = alike[shortest:-1]
    peaks = np.flatnonzero((inner > alike[shortest - 1 : -2]) & (inner >= alike[shortest + 1 :])) + shortest
    if not peaks.size or alike[peaks].max() < _VOICED:
        return math.nan
    lag = int(peaks[alike[peaks] >= _AS_GOOD * alike[peaks].max()][0])
    before, at, after = alike[lag - 1 : lag + 2]
    # The top of a parabola through three points, which lies between samples.
    return float(RATE_HZ / (lag + (before - after) / (2 * (before - 2 * at + after))))


def _cents(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    both = ~np.isnan(one) & ~np.isnan(other)
    if not both.any():
        return None
    return float(np.median(np.abs(_CENTS_PER_OCTAVE * np.log2(other[both] / one[both]))))


def _tokens_moved(one: Sequence[int], other: Sequence[int]) -> float | None:
    if not len(one) or not len(other):
        return None
    if len(one) != len(other):
        return 1.0
    return _share(np.asarray(one) != np.asarray(other))


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else abs(one - other)


def _share(which: NDArray[np.bool_]) -> float:
    return float(which.mean()) if which.size else 0.0


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
