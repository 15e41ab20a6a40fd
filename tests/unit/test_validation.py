"""Which outputs of a model count as speech."""

import numpy as np
import pytest

from chorus.errors import AudioError
from workers.inference.validation import FRAME, check_outputs, check_speech

TWO = np.array([2, 2, 2], np.int64)


def tone(frames: float, peak: float = 0.5) -> np.ndarray:
    """A square wave: two samples up, two samples down."""
    return np.resize(np.array([peak, peak, -peak, -peak], np.float32), int(frames * FRAME))


@pytest.mark.parametrize(
    ("frames", "phonemes", "speed"),
    [(5, "a" * 10, 1.0), (600, "a" * 10, 1.0), (300, "a" * 10, 2.0), (1200, "a" * 10, 0.5), (30, "a" * 10, 1.0)],
)
def test_every_plausible_length_passes(frames: float, phonemes: str, speed: float) -> None:
    check_speech(tone(frames), phonemes=phonemes, speed=speed)


@pytest.mark.parametrize(("frames", "speed"), [(4.9, 1.0), (601, 1.0), (301, 2.0), (1201, 0.5), (0, 1.0)])
def test_an_implausible_length_is_refused(frames: float, speed: float) -> None:
    with pytest.raises(AudioError, match="for 10 tokens"):
        check_speech(tone(frames), phonemes="a" * 10, speed=speed)


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf])
def test_a_single_nan_is_refused(sample: float) -> None:
    audio = tone(30)
    audio[-1] = sample
    with pytest.raises(AudioError, match="not numbers"):
        check_speech(audio, phonemes="a" * 10, speed=1)


def test_quiet_speech_passes_and_only_punctuation_may_be_silent() -> None:
    check_speech(tone(30, peak=-0.0011), phonemes="a" * 10, speed=1)
    check_speech(tone(30, peak=0), phonemes=". , … —  ", speed=1)
    with pytest.raises(AudioError, match="silent on 'ˈa"):
        check_speech(tone(30, peak=0.0009), phonemes="ˈa, b. c d", speed=1)


def test_a_peak_at_full_scale_passes_and_constant_full_scale_is_refused() -> None:
    audio = tone(30, peak=0.3)
    audio[: len(audio) // 20] = tone(30, peak=1.2)[: len(audio) // 20]
    check_speech(audio, phonemes="a" * 10, speed=1)
    with pytest.raises(AudioError, match="12% of what the model returned for 'aaaaaaaaaa' is at full scale"):
        check_speech(np.where(np.arange(len(audio)) % 13, audio, 1), phonemes="a" * 10, speed=1)


def test_a_constant_offset_is_refused() -> None:
    check_speech(tone(30, peak=0.3) + np.float32(0.24), phonemes="a" * 10, speed=1)
    with pytest.raises(AudioError, match=r"is 0\.26 away from zero on average"):
        check_speech(tone(30, peak=0.3) - np.float32(0.26), phonemes="a" * 10, speed=1)


def test_a_square_wave_at_full_scale_is_refused() -> None:
    check_speech(tone(30, peak=0.89), phonemes="a" * 10, speed=1)
    with pytest.raises(AudioError, match="louder than a voice can be"):
        check_speech(tone(30, peak=0.95), phonemes="a" * 10, speed=1)


@pytest.mark.parametrize(
    ("audio", "frames", "sentence"),
    [
        (np.float32(0), TWO, r"shape \[\]"),
        (np.zeros((2, 600), np.float32), TWO, r"shape \[2, 600\]"),
        (np.zeros((1, 0), np.float32), TWO, "no audio"),
        (np.zeros(600), TWO, "float64 for audio"),
        (np.zeros(600, np.int16), TWO, "int16 for audio"),
        (np.zeros(600, np.float32), TWO * 0, "no lengths of time"),
        (np.zeros(600, np.float32), np.array([4, -1]), "no lengths of time"),
        (np.zeros(600, np.float32), np.array([], np.int64), "no lengths of time"),
    ],
)
def test_outputs_of_another_form_are_refused(audio: np.ndarray, frames: np.ndarray, sentence: str) -> None:
    with pytest.raises(AudioError, match=sentence):
        check_outputs([audio, frames])


@pytest.mark.parametrize("shape", [(600,), (1, 600), (1, 1, 600)])
def test_one_row_of_samples_passes_with_any_extra_dimensions(shape: tuple[int, ...]) -> None:
    check_outputs([np.zeros(shape, np.float32), TWO])
