"""Recognises English speech with pocketsphinx and the model of its package, and counts word errors.

Knows no other language, and nothing of voices or jobs.
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
"""Silence before and after the speech, which the recogniser needs."""
_LOUDNESS = 0.1
_WORDS = re.compile(r"[a-z]+(?:'[a-z]+)*")


@dataclass(frozen=True, kw_only=True)
class RecognisedWord:
    """A recognised word and its place in the recording."""

    word: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class WordErrors:
    """The number of expected words, and of errors: missing, wrong and additional words."""

    words: int = 0
    errors: int = 0

    @property
    def share(self) -> float:
        """The word error rate."""
        return self.errors / max(1, self.words)

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(words=self.words + other.words, errors=self.errors + other.errors)


def recognise(samples: NDArray[np.floating[Any]], rate_hz: int, *, fast: bool = False) -> tuple[RecognisedWord, ...]:
    """The words in a recording of one voice, with samples between -1 and 1; a few sentences at most.

    With `fast`, it makes one pass with fewer hypotheses and takes half the time.
    """
    around = np.zeros(round(_AROUND_S * RATE_HZ))
    sound = np.concatenate([around, resampled(samples, rate_hz), around])
    sound *= _LOUDNESS / (np.sqrt(np.mean(sound**2)) + 1e-9)
    decoder = _decoder(fast)
    decoder.start_utt()
    decoder.process_raw((sound.clip(-1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    return tuple(
        RecognisedWord(
            word=re.sub(r"\(\d+\)$", "", one.word),
            begin_s=one.start_frame / 100 - _AROUND_S,
            end_s=(one.end_frame + 1) / 100 - _AROUND_S,
        )
        for one in decoder.seg() or ()
        if one.word[0] not in "<["
    )


def resampled(samples: NDArray[np.floating[Any]], rate_hz: int) -> NDArray[np.float64]:
    """The recording at the recogniser's sample rate, without the frequencies above it."""
    wanted = round(len(samples) * RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(samples.astype(np.float64))[: wanted // 2 + 1]
    return np.fft.irfft(spectrum, wanted) * (wanted / len(samples))


def words(text: str) -> list[str]:
    """The words of a text as the recogniser writes them."""
    return _WORDS.findall(text.lower().replace("’", "'"))


def count(expected: Sequence[str], recognised: Sequence[str]) -> WordErrors:
    """Count the missing, wrong and additional words."""
    return WordErrors(words=len(expected), errors=distance(expected, recognised))


def distance(expected: Sequence[str], recognised: Sequence[str]) -> int:
    """The least number of words to insert, delete or replace."""
    row = list(range(len(recognised) + 1))
    for place, word in enumerate(expected, 1):
        before, row[0] = row[0], place
        for other, one in enumerate(recognised, 1):
            before, row[other] = row[other], min(before + (word != one), row[other] + 1, row[other - 1] + 1)
    return row[-1]


@cache
def _decoder(fast: bool) -> Any:
    from pocketsphinx import Decoder  # noqa: PLC0415 - 40 MB of model, and not on every machine

    options = {"fwdflat": False, "maxhmmpf": 3000} if fast else {}
    return Decoder(samprate=RATE_HZ, loglevel="FATAL", **options)
