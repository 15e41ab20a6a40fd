"""Sentences as flite speaks them, cut into Kokoro's symbols. Knows nothing of spectra or graphs.

Both read the same text, but not alike: the two lists of sounds are laid beside each other where they agree best.
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
_MISSED, _OTHER = 1.0, 1.5
"""What it costs to leave a sound without partner, and to pair two that are different."""


@dataclass(frozen=True, kw_only=True)
class RecordedSentence:
    """One sound of a sentence."""

    kind: int
    begin_s: float
    end_s: float
    stress: int
    """2 on a vowel with primary stress, 1 with secondary, else 0."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A sentence, spoken."""

    samples: NDArray[np.int16]
    sounds: tuple[RecordedSentence, ...]
    """In order; pauses are among them."""


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    symbol: str
    kind: int
    stress: int


@dataclass(frozen=True, kw_only=True)
class _Heard:
    phone: str
    begin_s: float
    end_s: float


def record(text: str, phonemes: str) -> Recording:
    """Let flite speak a sentence whose phonemes are these."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["flite", "-voice", VOICE, "-psdur", "-t", text, "-o", file.name]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own words
        with wave.open(file.name) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    heard, begin = [], 0.0
    for phone, end in _SEGMENT.findall(told):
        heard.append(_Heard(phone=phone, begin_s=begin, end_s=float(end)))
        begin = float(end)
    return Recording(samples=samples, sounds=tuple(_aligned(_wanted(phonemes), heard)))


def _wanted(phonemes: str) -> list[_Wanted]:
    """The sounds asked for, a pause at either end."""
    pause = _Wanted(symbol="", kind=PAUSE, stress=0)
    found, stress = [pause], 0
    for symbol in phonemes:
        kind = kind_of(symbol)
        stress = {"ˈ": 2, "ˌ": 1, " ": 0}.get(symbol, stress)
        if kind is None:
            continue
        vowel = symbol in VOWELS
        found.append(_Wanted(symbol=symbol, kind=kind, stress=stress if vowel else 0))
        stress = 0 if vowel else stress
    return found if found[-1].kind == PAUSE else [*found, pause]


def _cost(wanted: _Wanted, phone: str) -> float:
    if wanted.kind == PAUSE or phone == "pau":
        return 0.0 if wanted.kind == PAUSE and phone == "pau" else 3.0
    names = FLITES[wanted.symbol].split()
    if phone in names:
        return 0.1 * names.index(phone)
    vowel = phone[0] in "aeiou"
    return _OTHER if vowel == (wanted.symbol in VOWELS) else 3.0


def _aligned(wanted: list[_Wanted], heard: list[_Heard]) -> list[RecordedSentence]:
    """Pairs of least cost; a vowel and the r behind it may share one sound, as flite has one for both."""
    rows, columns = len(wanted) + 1, len(heard) + 1
    costs = np.full((rows, columns), np.inf)
    steps = np.zeros((rows, columns, 2), int)
    costs[0, 0] = 0
    for row in range(rows):
        for column in range(columns):
            for down, right in ((1, 1), (1, 0), (0, 1), (2, 1)):
                if row < down or column < right:
                    continue
                cost = costs[row - down, column - right] + _step_cost(wanted, heard, row, column, down, right)
                if cost < costs[row, column]:
                    costs[row, column], steps[row, column] = cost, (down, right)
    return _followed(wanted, heard, steps)


def _step_cost(wanted: list[_Wanted], heard: list[_Heard], row: int, column: int, down: int, right: int) -> float:
    if (down, right) == (1, 1):
        return _cost(wanted[row - 1], heard[column - 1].phone)
    if (down, right) == (2, 1):
        shares = heard[column - 1].phone == "er" and wanted[row - 1].symbol == "ɹ" and wanted[row - 2].symbol in "ɜəɪᵊ"
        return 0.0 if shares else float("inf")
    return _MISSED


def _followed(wanted: list[_Wanted], heard: list[_Heard], steps: NDArray[np.int_]) -> list[RecordedSentence]:
    row, column = len(wanted), len(heard)
    found: list[RecordedSentence] = []
    while row or column:
        down, right = steps[row, column]
        if right and down:
            found += reversed(_shared(wanted[row - down : row], heard[column - 1]))
        elif right:
            # A sound that nobody asked for ends what could be said of its neighbours.
            found.append(
                RecordedSentence(kind=-1, begin_s=heard[column - 1].begin_s, end_s=heard[column - 1].end_s, stress=0)
            )
        row, column = row - down, column - right
    return found[::-1]


def _shared(wanted: list[_Wanted], sound: _Heard) -> list[RecordedSentence]:
    """A sound of flite's as one sound of ours, or as two of the same length."""
    length_s = (sound.end_s - sound.begin_s) / len(wanted)
    return [
        RecordedSentence(
            kind=one.kind,
            begin_s=sound.begin_s + number * length_s,
            end_s=sound.begin_s + (number + 1) * length_s,
            stress=one.stress,
        )
        for number, one in enumerate(wanted)
    ]
