"""Records sentences with flite and assigns their parts to Kokoro's symbols. Knows nothing of spectra or graphs.

flite and misaki read the same text, but not always alike. So their two lists of sounds are aligned at minimum cost.
"""

import re
import subprocess
import tempfile
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.standin.symbols import FLITES, PAUSE, VOWELS, kind_of

VOICE = "rms"
_SEGMENT = re.compile(r"(\w+):([\d.]+)")
_UNPAIRED, _DIFFERENT = 1.0, 1.5
"""The cost of a sound without a counterpart, and of a pair of different sounds."""


@dataclass(frozen=True, kw_only=True)
class RecordedSound:
    """One sound of a recorded sentence."""

    kind: int
    """The number of the sound in `symbols.KINDS`; -1 for a sound of flite that has no counterpart."""
    begin_s: float
    end_s: float
    stress: int
    """2 on a vowel with primary stress, 1 with secondary, else 0."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recorded sentence."""

    samples: NDArray[np.int16]
    sounds: tuple[RecordedSound, ...]
    """Its sounds in order, pauses included."""


@dataclass(frozen=True, kw_only=True)
class _ExpectedSound:
    symbol: str
    kind: int
    stress: int


@dataclass(frozen=True, kw_only=True)
class _SpokenSound:
    phone: str
    begin_s: float
    end_s: float


def record(text: str, phonemes: str) -> Recording:
    """Let flite speak a sentence, and align its sounds with these phonemes."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["flite", "-voice", VOICE, "-psdur", "-t", text, "-o", file.name]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own words
        with wave.open(file.name) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    spoken, begin = [], 0.0
    for phone, end in _SEGMENT.findall(printed):
        spoken.append(_SpokenSound(phone=phone, begin_s=begin, end_s=float(end)))
        begin = float(end)
    return Recording(samples=samples, sounds=tuple(_aligned(_expected(phonemes), spoken)))


def _expected(phonemes: str) -> list[_ExpectedSound]:
    """The sounds of these phonemes, with a pause at either end."""
    pause = _ExpectedSound(symbol="", kind=PAUSE, stress=0)
    found, stress = [pause], 0
    for symbol in phonemes:
        kind = kind_of(symbol)
        stress = {"ˈ": 2, "ˌ": 1, " ": 0}.get(symbol, stress)
        if kind is None:
            continue
        vowel = symbol in VOWELS
        found.append(_ExpectedSound(symbol=symbol, kind=kind, stress=stress if vowel else 0))
        stress = 0 if vowel else stress
    return found if found[-1].kind == PAUSE else [*found, pause]


def _cost(expected: _ExpectedSound, phone: str) -> float:
    if expected.kind == PAUSE or phone == "pau":
        return 0.0 if expected.kind == PAUSE and phone == "pau" else 3.0
    names = FLITES[expected.symbol].split()
    if phone in names:
        return 0.1 * names.index(phone)
    vowel = phone[0] in "aeiou"
    return _DIFFERENT if vowel == (expected.symbol in VOWELS) else 3.0


def _aligned(expected: list[_ExpectedSound], spoken: list[_SpokenSound]) -> list[RecordedSound]:
    """The alignment of least cost; a vowel and an r behind it may share one sound, since flite has one for both."""
    rows, columns = len(expected) + 1, len(spoken) + 1
    costs = np.full((rows, columns), np.inf)
    steps = np.zeros((rows, columns, 2), int)
    costs[0, 0] = 0
    for row in range(rows):
        for column in range(columns):
            for down, right in ((1, 1), (1, 0), (0, 1), (2, 1)):
                if row < down or column < right:
                    continue
                cost = costs[row - down, column - right] + _step_cost(expected, spoken, row, column, down, right)
                if cost < costs[row, column]:
                    costs[row, column], steps[row, column] = cost, (down, right)
    return _path(expected, spoken, steps)


def _step_cost(
    expected: list[_ExpectedSound], spoken: list[_SpokenSound], row: int, column: int, down: int, right: int
) -> float:
    if (down, right) == (1, 1):
        return _cost(expected[row - 1], spoken[column - 1].phone)
    if (down, right) == (2, 1):
        shares = (
            spoken[column - 1].phone == "er" and expected[row - 1].symbol == "ɹ" and expected[row - 2].symbol in "ɜəɪᵊ"
        )
        return 0.0 if shares else float("inf")
    return _UNPAIRED


def _path(expected: list[_ExpectedSound], spoken: list[_SpokenSound], steps: NDArray[np.int_]) -> list[RecordedSound]:
    row, column = len(expected), len(spoken)
    found: list[RecordedSound] = []
    while row or column:
        down, right = steps[row, column]
        if right and down:
            found += reversed(_divided(expected[row - down : row], spoken[column - 1]))
        elif right:
            # flite spoke a sound that was not expected: the neighbouring sounds cannot be used as examples.
            found.append(
                RecordedSound(kind=-1, begin_s=spoken[column - 1].begin_s, end_s=spoken[column - 1].end_s, stress=0)
            )
        row, column = row - down, column - right
    return found[::-1]


def _divided(expected: list[_ExpectedSound], sound: _SpokenSound) -> list[RecordedSound]:
    """One sound of flite as one expected sound, or as two of equal length."""
    length_s = (sound.end_s - sound.begin_s) / len(expected)
    return [
        RecordedSound(
            kind=one.kind,
            begin_s=sound.begin_s + number * length_s,
            end_s=sound.begin_s + (number + 1) * length_s,
            stress=one.stress,
        )
        for number, one in enumerate(expected)
    ]
