"""Synthesises the stand-in voice: pulses and noise, filtered by measured spectra that move from sound to sound.

Every 8 ms the spectra of both sources are multiplied by the measured spectrum, and the resulting waves are overlapped
and added, so that nothing clicks. Knows nothing of files.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from workers.standin.analysis import centres_hz
from workers.standin.arithmetic import Graph, Spectrum, Tensor
from workers.standin.intonation import Intonation
from workers.standin.smoothing import smoothed
from workers.standin.speakers import Speaker
from workers.standin.symbols import KINDS
from workers.standin.timing import STEPS, Schedule
from workers.standin.units import BANDS, FRAMES, STEP_DB, Units

RATE_HZ = 24_000
FRAME = 600
"""Samples per frame of the output `duration`."""
HOP = FRAME // STEPS
WINDOW = 2 * HOP
FOURIER = 800
"""Samples of a transform: the window, and as much again for the filter's decay."""
BINS = FOURIER // 2 + 1
NOISE_FRAMES = 192
"""The noise repeats after 1.6 s, long enough not to be heard as a rhythm."""
PEAK = 0.7
LOUDNESS_DB = 2.2
"""Chosen so that ordinary text has about -23 dBFS."""
_NEPERS = math.log(10) / 20
_SILENCE_DB = -90.0
_TOP_HZ = 7300.0
"""The measurements end here: above, the level continues and falls slowly."""
_TOP_DB_A_KHZ = -2.0
_VOICED_TOP_DB_A_KHZ = -1.2
"""The additional fall for each kHz up to which the sound is voiced."""
_SMOOTHING = 3
"""Steps over which the spectrum is smoothed."""
_SOFTEST_HZ = 400.0
_VOICE_TOPS_HZ = {
    "z": 900.0, "ʒ": 900.0, "v": 1400.0, "ð": 1800.0, "ʤ": 1200.0, "h": 1500.0, "b": 2500.0, "d": 2500.0,
    "ɡ": 2500.0, "m": 3000.0, "n": 3000.0, "ŋ": 3000.0,
    "s": 0.0, "ʃ": 0.0, "f": 0.0, "θ": 0.0, "p": 0.0, "t": 0.0, "k": 0.0, "ʧ": 0.0,
}  # fmt: skip
_VOICE_TOP_HZ = 4800.0
"""The frequency up to which a sound is voiced, unless the table above has another; above it is noise, so nothing
buzzes."""


@dataclass(frozen=True, kw_only=True)
class Spectra:
    """The spectrum at every step."""

    levels_db: Tensor
    """`[BANDS, steps]`."""
    voice_top_hz: Tensor
    """`[1, steps]`: the sound is voiced below this frequency, noise above it."""


def speech(graph: Graph, schedule: Schedule, intonation: Intonation, speaker: Speaker, units: Units) -> Tensor:
    """The speech of these scheduled sounds, `[samples]`."""
    spectra, basis = _spectra(graph, schedule, units), _FourierBasis(graph)
    pitch_hz = speaker.pitch_hz * graph.op("Exp", intonation.octaves * speaker.liveliness * math.log(2))
    voice, breath = _shares(spectra, speaker)
    excitation = basis.pulses(pitch_hz).scaled(voice) + basis.noise(schedule).scaled(breath)
    loudness_db = intonation.accent * 1.5 - intonation.ending * 2.0 + speaker.loudness_db + LOUDNESS_DB
    levels = graph.op("Concat", spectra.levels_db + loudness_db, spectra.voice_top_hz / 1000.0, axis=0)
    spoken = excitation * basis.tract(levels, speaker)
    # tanh limits peaks and leaves ordinary speech nearly unchanged.
    return graph.op("Tanh", basis.wave(spoken) * (1.0 / PEAK)) * PEAK


def _spectra(graph: Graph, schedule: Schedule, units: Units) -> Spectra:
    """The spectra: each sound fades from its unit after the previous sound to its unit before the next sound."""
    sounds, table = schedule.sounds, graph.stored("units.steps", units.steps).shaped(-1, BANDS + 1)
    which = sounds.before * graph.integers(len(KINDS)) + sounds.kind
    entering = graph.stored("units.entering", units.entering).shaped(-1).at(which)
    leaving = (
        graph.stored("units.leaving", units.leaving)
        .shaped(-1)
        .at(sounds.kind * graph.integers(len(KINDS)) + sounds.after)
    )
    at = (schedule.share * float(FRAMES) - 0.5).clipped(0.0, FRAMES - 1.001)
    frame = graph.op("Floor", at)
    part = (at - frame).shaped(-1, 1)
    weight = schedule.share.shaped(-1, 1)
    first, last = (
        _interpolated(graph, table, unit.to("int64").at(schedule.place), frame, part) for unit in (entering, leaving)
    )
    mixed = graph.op("Transpose", first * (weight * -1.0 + 1.0) + last * weight, perm=[1, 0])
    silent = graph.op("Equal", sounds.kind, graph.constant(0, np.int64)).at(schedule.place).shaped(1, -1)
    levels = graph.op("Where", silent, _SILENCE_DB, mixed.cut(0, BANDS) * STEP_DB)
    tops = graph.constant([0.0, *(_VOICE_TOPS_HZ.get(kind, _VOICE_TOP_HZ) for kind in KINDS[1:])]).at(sounds.kind)
    voiced = ((mixed.cut(BANDS, BANDS + 1) - 35.0) / 35.0).clipped(0.0, 1.0)
    top = tops.at(schedule.place).shaped(1, -1) * voiced
    smooth = smoothed(graph, graph.op("Concat", levels, top, axis=0), _SMOOTHING)
    return Spectra(levels_db=smooth.cut(0, BANDS), voice_top_hz=smooth.cut(BANDS, BANDS + 1))


def _interpolated(graph: Graph, table: Tensor, unit: Tensor, frame: Tensor, part: Tensor) -> Tensor:
    """Interpolate between two frames of a unit, `[steps, BANDS + 1]`."""
    row = unit * graph.integers(FRAMES) + frame.to("int64")
    this, following = (table.at(one).to("float") for one in (row, row + graph.integers(1)))
    return this * (part * -1.0 + 1.0) + following * part


def _shares(spectra: Spectra, speaker: Speaker) -> tuple[Tensor, Tensor]:
    """The factors of voice and of noise in every bin; their squares add up to one."""
    graph = spectra.levels_db.graph
    hz = graph.constant(np.arange(BINS).reshape(-1, 1)) * (RATE_HZ / FOURIER)
    edge = spectra.voice_top_hz * speaker.clearness - _SOFTEST_HZ
    # onnxruntime's Sigmoid can slightly exceed 1, and the square root of a negative remainder would be NaN.
    voice = graph.op("Sigmoid", (edge - hz) / 200.0).clipped(0.0, 1.0)
    return graph.op("Sqrt", voice), graph.op("Sqrt", voice * -1.0 + 1.0)


class _FourierBasis:
    """Tables of sines and cosines, and the steps that use them. onnxruntime computes the constant parts at load."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        bins = graph.constant(np.arange(BINS).reshape(-1, 1))
        self._cosines, self._sines = self._waves(bins, FOURIER)
        ramp = graph.constant((np.arange(WINDOW) * 2 + 1).reshape(1, -1)) * (math.pi / WINDOW)
        # Overlapping Hann windows add up to one: right for pulses. For noise the powers must add up: the square root.
        self._window = graph.op("Cos", ramp) * -0.5 + 0.5
        self._root_window = graph.op("Sqrt", self._window)

    def _waves(self, bins: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of every bin, `[bins, length]`; large angles would lose digits and are reduced."""
        cycles = bins * self._graph.constant(np.arange(length).reshape(1, -1))
        wrapped = self._graph.op("Mod", cycles, float(FOURIER), fmod=1)
        angles = wrapped * (2 * math.pi / FOURIER)
        return self._graph.op("Cos", angles), self._graph.op("Sin", angles)

    def _forward(self, window: Tensor) -> Tensor:
        """The transform of one window as a matrix `[2 * bins, window]`."""
        real, imaginary = (wave.cut(0, WINDOW, axis=1) * window for wave in (self._cosines, self._sines))
        return self._graph.op("Concat", real, imaginary * -1.0, axis=0)

    def _complex(self, both: Tensor) -> Spectrum:
        return Spectrum(both.cut(0, BINS), both.cut(BINS, 2 * BINS))

    def pulses(self, pitch_hz: Tensor) -> Spectrum:
        """The voice's source, `[bins, steps]`: a pulse at each full cycle of the pitch."""
        graph = self._graph
        per_sample = graph.op("Expand", pitch_hz.shaped(-1, 1), graph.integers(1, HOP)).shaped(-1)
        phase = graph.op("CumSum", (per_sample / float(RATE_HZ)).to("double"), graph.index(0))
        rounds = graph.op("Floor", phase).to("float")
        pulses = rounds - graph.op("Concat", graph.constant([0]), rounds.cut(0, -1), axis=0)
        # Power one at any pitch: the longer the period, the larger the pulse.
        even = pulses * graph.op("Sqrt", graph.op("Reciprocal", per_sample) * float(RATE_HZ))
        centred = graph.op("Pad", even.shaped(1, 1, -1), graph.integers(0, 0, HOP // 2, 0, 0, HOP // 2))
        kernels = graph.op("Unsqueeze", self._forward(self._window), graph.integers(1))
        return self._complex(graph.op("Squeeze", graph.op("Conv", centred, kernels, strides=[HOP]), graph.integers(0)))

    def noise(self, schedule: Schedule) -> Spectrum:
        """Noise of power one, `[bins, steps]`; it is stored as samples and repeats."""
        graph = self._graph
        size = NOISE_FRAMES * WINDOW
        stored = np.frombuffer(hashlib.shake_256(b"the breath of the stand-in voice").digest(size), np.int8)
        samples = graph.op("Cast", graph.constant(stored.reshape(WINDOW, NOISE_FRAMES), np.int8), to=1)
        spectra = self._forward(self._root_window) @ (samples / 74.0)
        which = graph.op("Mod", graph.op("Floor", schedule.times).to("int64"), graph.integers(NOISE_FRAMES))
        return self._complex(spectra.at(which, axis=1))

    def tract(self, levels: Tensor, speaker: Speaker) -> Spectrum:
        """The minimum-phase filter with these levels, `[bins, steps]`.

        The last row of `levels` is not a level but the frequency, in kHz, up to which the sound is voiced.
        """
        graph = self._graph
        weights, slope_db = self._reading(speaker)
        delays = self._minimum_phase()
        magnitude = graph.op("Exp", (weights @ levels + slope_db) * _NEPERS)
        phase = ((delays @ weights) @ levels + delays @ slope_db) * _NEPERS
        return Spectrum(graph.op("Cos", phase), graph.op("Sin", phase)).scaled(magnitude)

    def _reading(self, speaker: Speaker) -> tuple[Tensor, Tensor]:
        """The weights that interpolate each bin from the bands for this tract, `[bins, BANDS + 1]`, and dB to add."""
        graph = self._graph
        hz = graph.constant(np.arange(BINS).reshape(-1, 1)) * (RATE_HZ / FOURIER)
        # The frequency in the measured voice that corresponds to each bin.
        measured = (hz / speaker.tract).clipped(centres_hz()[0], _TOP_HZ)
        centres = np.array(centres_hz())
        below, above = (np.concatenate(pair) for pair in (([-1e6], centres[:-1]), (centres[1:], [1e6])))
        rising = (measured - graph.constant(below)) * graph.constant(np.round(1 / (centres - below), 9))
        falling = (measured * -1.0 + graph.constant(above)) * graph.constant(np.round(1 / (above - centres), 9))
        weights = graph.op("Max", graph.op("Min", rising, falling), 0.0)
        beyond_khz = (hz / speaker.tract - _TOP_HZ).clipped(0.0, 1e4) / 1000.0
        octaves = graph.op("Log", hz.clipped(250.0, 12_000.0) / 1000.0) / math.log(2)
        weights = graph.op("Concat", weights, beyond_khz * _VOICED_TOP_DB_A_KHZ, axis=1)
        return weights, beyond_khz * _TOP_DB_A_KHZ + octaves * speaker.brightness_db + self._low_cut_db(hz)

    def _low_cut_db(self, hz: Tensor) -> Tensor:
        """An attenuation below 60 Hz: lips radiate the change of the air flow, so there is no sound at 0 Hz."""
        return (hz - 60.0).clipped(-60.0, 0.0) * 0.8

    def _minimum_phase(self) -> Tensor:
        """The matrix `[bins, bins]` that computes the minimum phase from the logarithm of a magnitude."""
        weights = np.full((BINS, 1), 2)
        weights[[0, -1]] = 1
        sines, cosines = (wave.cut(1, BINS - 1, axis=1) for wave in (self._sines, self._cosines))
        folded = self._graph.op("Transpose", cosines * self._graph.constant(weights), perm=[1, 0])
        return (sines @ folded) * (-2.0 / FOURIER)

    def wave(self, spectrum: Spectrum) -> Tensor:
        """The samples of a spectrum, by overlap-add."""
        graph = self._graph
        weights = np.full((BINS, 1), 2)
        weights[[0, -1]] = 1
        weight = graph.constant(weights) / float(FOURIER)
        inverse = graph.op("Concat", self._cosines * weight, self._sines * weight * -1.0, axis=0)
        stacked = graph.op("Concat", spectrum.re, spectrum.im, axis=0)
        kernels = graph.op("Unsqueeze", inverse, graph.integers(1))
        laid = graph.op("ConvTranspose", graph.op("Unsqueeze", stacked, graph.integers(0)), kernels, strides=[HOP])
        return laid.shaped(-1).cut(HOP // 2, HOP // 2 - FOURIER + HOP)
