"""How the stand-in voice sounds: voice and noise through formants that move from sound to sound.

A formant synthesiser in the frequency domain: every 8 ms the sources' spectra are multiplied by the filters', and the
waves laid over each other, so that nothing clicks. Knows nothing of files.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from workers.standin.graph import END, Graph, Spectrum, Tensor
from workers.standin.sounds import by_token
from workers.standin.timing import STEPS, Plan

RATE_HZ = 24_000
FRAME = 600
"""Samples of one frame of `duration`."""
HOP = FRAME // STEPS
WINDOW = 2 * HOP
FOURIER = 800
"""Samples of a transform: the window, and as much again for the formants to ring out."""
BINS = FOURIER // 2 + 1
NOISE_FRAMES = 192
"""The noise repeats after 1.6 s, which is long enough not to be heard as a rhythm."""
GLIDE_STEPS = 9
"""Formants move over about 70 ms from one sound to the next; levels over 25 ms."""
PEAK = 0.7
SECOND_POLE = 0.75
"""Of the voice's source, which so falls by 12 dB an octave; the lips give 6 of them back."""
PULSE = 16.0
"""Height of a pulse at 1 Hz; with it the voice stands right against the noise."""
LOUDNESS = 5.8
"""Set so that ordinary text comes out near -23 dBFS."""

_GLIDING = ("f1_hz", "f2_hz", "f3_hz")
_LEVELS = ("voice", "breath", "noise", "noise_hz", "noise_width_hz")
_BANDWIDTHS_HZ = (80.0, 100.0, 150.0, 250.0, 300.0)
_HIGHER_FORMANTS_HZ = (3500.0, 4500.0)


@dataclass(frozen=True)
class Controls:
    """What steers the synthesis: tensors of `[1, steps]`."""

    formants: tuple[Tensor, Tensor, Tensor]
    accent: Tensor
    voice: Tensor
    breath: Tensor
    noise: Tensor
    noise_hz: Tensor
    noise_width_hz: Tensor


@dataclass(frozen=True)
class Speaker:
    """What the style says of the speaker; all clipped, so that a style of the real model speaks as well."""

    pitch_hz: Tensor
    tract: Tensor
    """Formants relative to the table's."""
    tilt: Tensor
    """The pole that makes a voice dull (near 1) or bright."""


def speech(graph: Graph, plan: Plan, style: Tensor) -> Tensor:
    """The samples, `[samples]`: sources through filters, step by step."""
    speaker, controls, basis = _speaker(style), _controls(graph, plan), _Basis(graph)
    breath = basis.noise(plan)
    voice = basis.pulses(_pitch(plan, controls, speaker))
    excitation = voice.scaled(controls.voice) + breath.scaled(controls.breath)
    spoken = excitation * basis.tract(controls, speaker) + breath.scaled(controls.noise) * basis.lips(controls)
    # The tangent rounds off what would be too loud, and leaves ordinary speech alone.
    return graph.op("Tanh", basis.wave(spoken) * (LOUDNESS / PEAK)) * PEAK


def _speaker(style: Tensor) -> Speaker:
    pitch, tract, dullness = (style.cut(index, index + 1, axis=1) for index in range(3))
    octaves = pitch.between(-0.7, 0.8) * math.log(2)
    return Speaker(
        pitch_hz=style.graph.op("Exp", octaves) * 150.0,
        tract=tract.between(-0.15, 0.2) + 1.0,
        tilt=dullness.between(-1.0, 1.0) * 0.03 + 0.93,
    )


def _controls(graph: Graph, plan: Plan) -> Controls:
    sounds = [(symbol.first, symbol.last) for symbol in by_token()]
    table = graph.constant([[getattr(sound, name) for name in _GLIDING + _LEVELS] for pair in sounds for sound in pair])
    row = plan.token * graph.integers(2) + plan.is_last
    targets = graph.op("Transpose", table.at(row), perm=[1, 0])
    gliding = graph.op("Concat", targets.cut(0, len(_GLIDING)), plan.accent.shaped(1, -1), axis=0)
    smooth = _smoothed(graph, gliding, GLIDE_STEPS)
    levels = _smoothed(graph, targets.cut(len(_GLIDING), END), STEPS)
    first, second, third, accent = (smooth.cut(row, row + 1) for row in range(len(_GLIDING) + 1))
    return Controls((first, second, third), accent, *(levels.cut(row, row + 1) for row in range(len(_LEVELS))))


def _smoothed(graph: Graph, rows: Tensor, width: int) -> Tensor:
    """Each row under a triangular window: targets become movements."""
    triangle = np.minimum(np.arange(1, width + 1), np.arange(width, 0, -1))
    side = width // 2
    padded = graph.op("Pad", rows, graph.integers(0, side, 0, side), mode="edge")
    kernel = graph.constant(triangle.reshape(1, 1, -1)) / float(triangle.sum())
    return graph.op(
        "Squeeze", graph.op("Conv", graph.op("Unsqueeze", padded, graph.integers(1)), kernel), graph.integers(1)
    )


def _pitch(plan: Plan, controls: Controls, speaker: Speaker) -> Tensor:
    """Falling over the segment, raised on stressed vowels."""
    return speaker.pitch_hz * (controls.accent * 0.12 + 1.0) * (plan.progress * -0.22 + 1.1).shaped(1, -1)


class _Basis:
    """Sines and cosines, and what needs them. All of it is constant: onnxruntime computes it once, at load."""

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
        # A low voice's pulses are as much bigger as they are rarer: so high and low are equally loud.
        even = pulses / per_sample * PULSE
        centred = graph.op("Pad", even.shaped(1, 1, -1), graph.integers(0, 0, HOP // 2, 0, 0, HOP // 2))
        kernels = graph.op("Unsqueeze", self._forward(self._window), graph.integers(1))
        return self._halves(graph.op("Squeeze", graph.op("Conv", centred, kernels, strides=[HOP]), graph.integers(0)))

    def noise(self, plan: Plan) -> Spectrum:
        """Noise, `[bins, steps]`, stored as time and looped."""
        graph = self._graph
        size = NOISE_FRAMES * WINDOW
        stored = np.frombuffer(hashlib.shake_256(b"the breath of the stand-in voice").digest(size), np.int8)
        samples = graph.op("Cast", graph.constant(stored.reshape(WINDOW, NOISE_FRAMES), np.int8), to=1)
        spectra = self._forward(self._root_window) @ (samples * 0.0004)
        which = graph.op("Mod", plan.steps.to("int64"), graph.integers(NOISE_FRAMES))
        return self._halves(spectra.at(which, axis=1))

    def _delays(self) -> tuple[Spectrum, Spectrum]:
        """One sample and two samples of delay."""
        first, second = (
            Spectrum(self._cosines.cut(n, n + 1, axis=1), self._sines.cut(n, n + 1, axis=1) * -1.0) for n in (1, 2)
        )
        return first, second

    def _resonance(self, hz: Tensor, width_hz: Tensor) -> tuple[Spectrum, Tensor, Tensor]:
        """The denominator of a resonance, its sum (which is its gain at 0 Hz), and its pole's radius."""
        graph = self._graph
        radius = graph.op("Exp", width_hz * (-math.pi / RATE_HZ))
        middle = radius * graph.op("Cos", hz * (2 * math.pi / RATE_HZ)) * -2.0
        tail = radius * radius
        first, second = self._delays()
        denominator = Spectrum(first.re * middle + second.re * tail + 1.0, first.im * middle + second.im * tail)
        return denominator, middle + tail + 1.0, radius

    def _radiated(self) -> Spectrum:
        """What leaves the lips is the flow's change: no DC does."""
        first, _ = self._delays()
        return Spectrum(first.re * -1.0 + 1.0, first.im * -1.0)

    def tract(self, controls: Controls, speaker: Speaker) -> Spectrum:
        """Glottis, five formants, lips: `[bins, steps]`."""
        graph = self._graph
        first, _ = self._delays()
        pole = Spectrum(first.re * speaker.tilt * -1.0 + 1.0, first.im * speaker.tilt * -1.0)
        second_pole = Spectrum(first.re * -SECOND_POLE + 1.0, first.im * -SECOND_POLE)
        below, gain = pole * second_pole, (speaker.tilt * -1.0 + 1.0) * (1 - SECOND_POLE)
        higher = [graph.constant([[hz]]) for hz in _HIGHER_FORMANTS_HZ]
        # Fixed ones first: while they stand for all steps at once, they cost next to nothing.
        for hz, width_hz in zip((*higher, *controls.formants), np.roll(_BANDWIDTHS_HZ, 2), strict=True):
            denominator, unity, _ = self._resonance(hz * speaker.tract, graph.constant([[width_hz]]))
            below, gain = below * denominator, gain * unity
        return self._radiated().over(below).scaled(gain * 30.0)

    def lips(self, controls: Controls) -> Spectrum:
        """One broad resonance of the noise, as loud whatever its width."""
        denominator, _, radius = self._resonance(controls.noise_hz, controls.noise_width_hz)
        loss = radius * radius * -1.0 + 1.0
        return self._radiated().over(denominator).scaled(self._graph.op("Sqrt", loss))

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
