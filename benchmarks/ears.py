"""A recogniser that hears speech: pocketsphinx with the English model of its package, and the counting of its errors.

It knows no other language, no voice and no job.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
_AROUND_S = 0.25
"""Silence before and behind, which the recogniser wants."""
_LOUDNESS = 0.1
_WORDS = re.compile(r"[a-z]+(?:'[a-z]+)*")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A word where it was heard."""

    word: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Count:
    """Words that were to be heard, and how many it took to make what was heard of them."""

    words: int = 0
    errors: int = 0

    @property
    def share(self) -> float:
        """The word error."""
        return self.errors / max(1, self.words)

    def __add__(self, other: "Count") -> "Count":
        return Count(words=self.words + other.words, errors=self.errors + other.errors)


def hear(samples: NDArray[np.floating[Any]], rate_hz: int, *, hastily: bool = False) -> tuple[Heard, ...]:
    """The words in a recording of one voice, between -1 and 1; a few sentences at most.

    Hastily, it listens once and weighs less, in half the time.
    """
    around = np.zeros(round(_AROUND_S * RATE_HZ))
    sound = np.concatenate([around, resampled(samples, rate_hz), around])
    sound *= _LOUDNESS / (np.sqrt(np.mean(sound**2)) + 1e-9)
    decoder = _decoder(hastily)
    decoder.start_utt()
    decoder.process_raw((sound.clip(-1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    return tuple(
        Heard(
            word=re.sub(r"\(\d+\)$", "", one.word),
            begin_s=one.start_frame / 100 - _AROUND_S,
            end_s=(one.end_frame + 1) / 100 - _AROUND_S,
        )
        for one in decoder.seg() or ()
        if one.word[0] not in "<["
    )


def resampled(samples: NDArray[np.floating[Any]], rate_hz: int) -> NDArray[np.float64]:
    """The same sound at the recogniser's rate, by leaving out what lies above it."""
    wanted = round(len(samples) * RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(samples.astype(np.float64))[: wanted // 2 + 1]
    return np.fft.irfft(spectrum, wanted) * (wanted / len(samples))


def words(text: str) -> list[str]:
    """A text as a recogniser would write it."""
    return _WORDS.findall(text.lower().replace("’", "'"))


def count(wanted: Sequence[str], heard: Sequence[str]) -> Count:
    """How many words are missing, wrong or too many."""
    return Count(words=len(wanted), errors=distance(wanted, heard))


def distance(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest words that have to be put in, taken out or replaced."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(wanted, 1):
        before, row[0] = row[0], place
        for other, one in enumerate(heard, 1):
            before, row[other] = row[other], min(before + (word != one), row[other] + 1, row[other - 1] + 1)
    return row[-1]


@cache
def _decoder(hastily: bool) -> Any:
    from pocketsphinx import Decoder  # noqa: PLC0415 - 40 MB of model, and not on every machine

    haste = {"fwdflat": False, "maxhmmpf": 3000} if hastily else {}
    return Decoder(samprate=RATE_HZ, loglevel="FATAL", **haste)
