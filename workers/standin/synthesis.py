"""How the stand-in voice sounds: measured spectra that move from sound to sound, filled with voice and with breath.

Every 8 ms the sources' spectra are multiplied by the measured one, and the waves laid over each other, so that nothing
clicks. Knows nothing of files.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from workers.standin.analysis import centres_hz
from workers.standin.arithmetic import Graph, Spectrum, Tensor
from workers.standin.intonation import Melody
from workers.standin.smoothing import smoothed
from workers.standin.speakers import Speaker
from workers.standin.symbols import KINDS
from workers.standin.timing import STEPS, Plan
from workers.standin.units import BANDS, FRAMES, STEP_DB, Units

RATE_HZ = 24_000
FRAME = 600
"""Samples of one frame of `duration`."""
HOP = FRAME // STEPS
WINDOW = 2 * HOP
FOURIER = 800
"""Samples of a transform: the window, and as much again for the filter to ring out."""
BINS = FOURIER // 2 + 1
NOISE_FRAMES = 192
"""The noise repeats after 1.6 s, which is long enough not to be heard as a rhythm."""
PEAK = 0.7
LOUDNESS_DB = 2.2
"""Set so that ordinary text comes out near -23 dBFS."""
_NEPERS = math.log(10) / 20
_SILENCE_DB = -90.0
_TOP_HZ = 7300.0
"""What was measured ends here: above, the level goes on as it was, and falls slowly."""
_TOP_DB_A_KHZ = -2.0
_VOICED_TOP_DB_A_KHZ = -1.2
"""On top of that, for each kHz up to which a sound is voice."""
_MELT = 3
"""Steps over which one look melts into the next."""
_SOFTEST_HZ = 400.0
_VOICE_TOPS_HZ = {
    "z": 900.0, "ʒ": 900.0, "v": 1400.0, "ð": 1800.0, "ʤ": 1200.0, "h": 1500.0, "b": 2500.0, "d": 2500.0,
    "ɡ": 2500.0, "m": 3000.0, "n": 3000.0, "ŋ": 3000.0,
    "s": 0.0, "ʃ": 0.0, "f": 0.0, "θ": 0.0, "p": 0.0, "t": 0.0, "k": 0.0, "ʧ": 0.0,
}  # fmt: skip
_VOICE_TOP_HZ = 4800.0
"""Up to where a sound is voice; above, it is breath, and so nothing buzzes."""


@dataclass(frozen=True, kw_only=True)
class Spectra:
    """What sounds at every step."""

    levels_db: Tensor
    """`[BANDS, steps]`."""
    voice_top_hz: Tensor
    """`[1, steps]`: below it voice, above it breath."""


def speech(graph: Graph, plan: Plan, melody: Melody, speaker: Speaker, units: Units) -> Tensor:
    """The samples, `[samples]`."""
    spectra, basis = _spectra(graph, plan, units), _Basis(graph)
    pitch_hz = speaker.pitch_hz * graph.op("Exp", melody.octaves * speaker.liveliness * math.log(2))
    voice, breath = _shares(spectra, speaker)
    excitation = basis.pulses(pitch_hz).scaled(voice) + basis.noise(plan).scaled(breath)
    loudness_db = melody.accent * 1.5 - melody.ending * 2.0 + speaker.loudness_db + LOUDNESS_DB
    levels = graph.op("Concat", spectra.levels_db + loudness_db, spectra.voice_top_hz / 1000.0, axis=0)
    spoken = excitation * basis.tract(levels, speaker)
    # The tangent rounds off what would be too loud, and leaves ordinary speech alone.
    return graph.op("Tanh", basis.wave(spoken) * (1.0 / PEAK)) * PEAK


def _spectra(graph: Graph, plan: Plan, units: Units) -> Spectra:
    """From the unit that comes from the sound before into the unit that goes into the next."""
    sounds, table = plan.sounds, graph.stored("units.steps", units.steps).shaped(-1, BANDS + 1)
    which = sounds.before * graph.integers(len(KINDS)) + sounds.kind
    entering = graph.stored("units.entering", units.entering).shaped(-1).at(which)
    leaving = (
        graph.stored("units.leaving", units.leaving)
        .shaped(-1)
        .at(sounds.kind * graph.integers(len(KINDS)) + sounds.after)
    )
    at = (plan.share * float(FRAMES) - 0.5).between(0.0, FRAMES - 1.001)
    look = graph.op("Floor", at)
    part = (at - look).shaped(-1, 1)
    weight = plan.share.shaped(-1, 1)
    first, last = (
        _looked_up(graph, table, unit.to("int64").at(plan.place), look, part) for unit in (entering, leaving)
    )
    mixed = graph.op("Transpose", first * (weight * -1.0 + 1.0) + last * weight, perm=[1, 0])
    silent = graph.op("Equal", sounds.kind, graph.constant(0, np.int64)).at(plan.place).shaped(1, -1)
    levels = graph.op("Where", silent, _SILENCE_DB, mixed.cut(0, BANDS) * STEP_DB)
    tops = graph.constant([0.0, *(_VOICE_TOPS_HZ.get(kind, _VOICE_TOP_HZ) for kind in KINDS[1:])]).at(sounds.kind)
    voiced = ((mixed.cut(BANDS, BANDS + 1) - 35.0) / 35.0).between(0.0, 1.0)
    top = tops.at(plan.place).shaped(1, -1) * voiced
    smooth = smoothed(graph, graph.op("Concat", levels, top, axis=0), _MELT)
    return Spectra(levels_db=smooth.cut(0, BANDS), voice_top_hz=smooth.cut(BANDS, BANDS + 1))


def _looked_up(graph: Graph, table: Tensor, unit: Tensor, look: Tensor, part: Tensor) -> Tensor:
    """Between two looks of a unit, `[steps, BANDS + 1]`."""
    row = unit * graph.integers(FRAMES) + look.to("int64")
    this, following = (table.at(one).to("float") for one in (row, row + graph.integers(1)))
    return this * (part * -1.0 + 1.0) + following * part


def _shares(spectra: Spectra, speaker: Speaker) -> tuple[Tensor, Tensor]:
    """How much of every bin is voice and how much breath; their powers add up to one."""
    graph = spectra.levels_db.graph
    hz = graph.constant(np.arange(BINS).reshape(-1, 1)) * (RATE_HZ / FOURIER)
    edge = spectra.voice_top_hz * speaker.clearness - _SOFTEST_HZ
    # onnxruntime's Sigmoid goes a hair beyond 1, and the root of what is then left would be no number.
    voice = graph.op("Sigmoid", (edge - hz) / 200.0).between(0.0, 1.0)
    return graph.op("Sqrt", voice), graph.op("Sqrt", voice * -1.0 + 1.0)


class _Basis:
    """Sines and cosines, and what needs them. Nearly all is constant: onnxruntime computes it once, at load."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        bins = graph.constant(np.arange(BINS).reshape(-1, 1))
        self._cosines, self._sines = self._waves(bins, FOURIER)
        ramp = graph.constant((np.arange(WINDOW) * 2 + 1).reshape(1, -1)) * (math.pi / WINDOW)
        # Hann for the pulses, which must add up to themselves; its root for noise, whose power must.
        self._window = graph.op("Cos", ramp) * -0.5 + 0.5
        self._root_window = graph.op("Sqrt", self._window)

    def _waves(self, bins: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of every bin, `[bins, length]`; angles stay small, or floats would lose them."""
        cycles = bins * self._graph.constant(np.arange(length).reshape(1, -1))
        wrapped = self._graph.op("Mod", cycles, float(FOURIER), fmod=1)
        angles = wrapped * (2 * math.pi / FOURIER)
        return self._graph.op("Cos", angles), self._graph.op("Sin", angles)

    def _forward(self, window: Tensor) -> Tensor:
        """The transform of one window as a matrix `[2 * bins, window]`."""
        real, imaginary = (wave.cut(0, WINDOW, axis=1) * window for wave in (self._cosines, self._sines))
        return self._graph.op("Concat", real, imaginary * -1.0, axis=0)

    def _halves(self, both: Tensor) -> Spectrum:
        return Spectrum(both.cut(0, BINS), both.cut(BINS, 2 * BINS))

    def pulses(self, pitch_hz: Tensor) -> Spectrum:
        """The voice's source, `[bins, steps]`: one pulse wherever the phase has gone once round."""
        graph = self._graph
        per_sample = graph.op("Expand", pitch_hz.shaped(-1, 1), graph.integers(1, HOP)).shaped(-1)
        phase = graph.op("CumSum", (per_sample / float(RATE_HZ)).to("double"), graph.index(0))
        rounds = graph.op("Floor", phase).to("float")
        pulses = rounds - graph.op("Concat", graph.constant([0]), rounds.cut(0, -1), axis=0)
        # Of power one, however high: a pulse that comes seldom is the bigger for it.
        even = pulses * graph.op("Sqrt", graph.op("Reciprocal", per_sample) * float(RATE_HZ))
        centred = graph.op("Pad", even.shaped(1, 1, -1), graph.integers(0, 0, HOP // 2, 0, 0, HOP // 2))
        kernels = graph.op("Unsqueeze", self._forward(self._window), graph.integers(1))
        return self._halves(graph.op("Squeeze", graph.op("Conv", centred, kernels, strides=[HOP]), graph.integers(0)))

    def noise(self, plan: Plan) -> Spectrum:
        """Noise of power one, `[bins, steps]`, stored as time and looped."""
        graph = self._graph
        size = NOISE_FRAMES * WINDOW
        stored = np.frombuffer(hashlib.shake_256(b"the breath of the stand-in voice").digest(size), np.int8)
        samples = graph.op("Cast", graph.constant(stored.reshape(WINDOW, NOISE_FRAMES), np.int8), to=1)
        spectra = self._forward(self._root_window) @ (samples / 74.0)
        which = graph.op("Mod", graph.op("Floor", plan.times).to("int64"), graph.integers(NOISE_FRAMES))
        return self._halves(spectra.at(which, axis=1))

    def tract(self, levels: Tensor, speaker: Speaker) -> Spectrum:
        """The filter of these levels with the least delay there is for them, `[bins, steps]`.

        The last row of the levels is no level: up to how many kHz the sound is voice.
        """
        graph = self._graph
        weights, slope_db = self._reading(speaker)
        delays = self._delays()
        magnitude = graph.op("Exp", (weights @ levels + slope_db) * _NEPERS)
        phase = ((delays @ weights) @ levels + delays @ slope_db) * _NEPERS
        return Spectrum(graph.op("Cos", phase), graph.op("Sin", phase)).scaled(magnitude)

    def _reading(self, speaker: Speaker) -> tuple[Tensor, Tensor]:
        """How a tract of this size reads each bin from the bands, `[bins, BANDS + 1]`, and what is added, in dB."""
        graph = self._graph
        hz = graph.constant(np.arange(BINS).reshape(-1, 1)) * (RATE_HZ / FOURIER)
        # The bin's own frequency in the voice that was measured.
        measured = (hz / speaker.tract).between(centres_hz()[0], _TOP_HZ)
        centres = np.array(centres_hz())
        below, above = (np.concatenate(pair) for pair in (([-1e6], centres[:-1]), (centres[1:], [1e6])))
        rising = (measured - graph.constant(below)) * graph.constant(np.round(1 / (centres - below), 9))
        falling = (measured * -1.0 + graph.constant(above)) * graph.constant(np.round(1 / (above - centres), 9))
        weights = graph.op("Max", graph.op("Min", rising, falling), 0.0)
        beyond_khz = (hz / speaker.tract - _TOP_HZ).between(0.0, 1e4) / 1000.0
        octaves = graph.op("Log", hz.between(250.0, 12_000.0) / 1000.0) / math.log(2)
        weights = graph.op("Concat", weights, beyond_khz * _VOICED_TOP_DB_A_KHZ, axis=1)
        return weights, beyond_khz * _TOP_DB_A_KHZ + octaves * speaker.brightness_db + self._no_dc_db(hz)

    def _no_dc_db(self, hz: Tensor) -> Tensor:
        """What leaves the lips is the flow's change: nothing at 0 Hz does."""
        return (hz - 60.0).between(-60.0, 0.0) * 0.8

    def _delays(self) -> Tensor:
        """The phase that belongs to a magnitude's logarithm, as a matrix `[bins, bins]`."""
        weights = np.full((BINS, 1), 2)
        weights[[0, -1]] = 1
        sines, cosines = (wave.cut(1, BINS - 1, axis=1) for wave in (self._sines, self._cosines))
        folded = self._graph.op("Transpose", cosines * self._graph.constant(weights), perm=[1, 0])
        return (sines @ folded) * (-2.0 / FOURIER)

    def wave(self, spectrum: Spectrum) -> Tensor:
        """Back to samples: every step's wave laid over its neighbours'."""
        graph = self._graph
        weights = np.full((BINS, 1), 2)
        weights[[0, -1]] = 1
        weight = graph.constant(weights) / float(FOURIER)
        inverse = graph.op("Concat", self._cosines * weight, self._sines * weight * -1.0, axis=0)
        stacked = graph.op("Concat", spectrum.re, spectrum.im, axis=0)
        kernels = graph.op("Unsqueeze", inverse, graph.integers(1))
        laid = graph.op("ConvTranspose", graph.op("Unsqueeze", stacked, graph.integers(0)), kernels, strides=[HOP])
        return laid.shaped(-1).cut(HOP // 2, HOP // 2 - FOURIER + HOP)
