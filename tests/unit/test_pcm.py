"""Audio is converted without distortion on the way from the engine to a file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import OptionError
from tasks.audio.pcm import digest, samples, silence, silent_frames, split_speed, stretch, to_pcm

RATE_HZ = 24_000


def tone(frames: int, pitch_hz: float = 440) -> bytes:
    return to_pcm((0.3 * np.sin(2 * np.pi * pitch_hz * np.arange(frames) / RATE_HZ)).astype(np.float32))


def pitch_of(pcm: bytes) -> float:
    wave = samples(pcm)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size)))
    return float(spectrum.argmax() * RATE_HZ / wave.size)


def test_peaks_are_clipped_and_never_wrap_around() -> None:
    audio = np.array([0, 1, -1, 1.5, -1.5, 40, -40, 0.5 / 32767, 1.5 / 32767], dtype=np.float32)
    assert samples(to_pcm(audio)).tolist() == [0, 32767, -32767, 32767, -32767, 32767, -32767, 0, 2]


@given(st.lists(st.floats(-3, 3, width=32), max_size=50))
def test_pcm_keeps_every_sample_to_half_a_step(values: list[float]) -> None:
    audio = np.array(values, dtype=np.float32)
    wave = samples(to_pcm(audio))
    assert wave.size == audio.size
    assert np.all(np.abs(wave / 32767 - np.clip(audio, -1, 1)) <= 0.51 / 32767)


@pytest.mark.parametrize(("pause_ms", "frames"), [(0, 0), (1, 24), (250, 6000), (0.02, 0), (1000, 24000)])
def test_a_pause_is_silent_and_has_the_requested_length(pause_ms: float, frames: int) -> None:
    assert silence(pause_ms) == bytes(2 * frames)


def test_the_first_sound_is_found_after_silence_and_faint_noise() -> None:
    quiet = (-20).to_bytes(2, "little", signed=True) * 100
    assert silent_frames(silence(10) + quiet + b"\0\x10" + tone(1000)) == 340
    assert silent_frames(quiet) == 100
    assert silent_frames(b"") == 0
    assert silent_frames(b"\0\x80") == 0


def test_a_digest_depends_only_on_the_bytes() -> None:
    assert digest(tone(10)) == digest(tone(10)) != digest(tone(11))


@given(st.floats(0.25, 4.0))
def test_model_and_stretching_together_give_the_requested_speed(speed: float) -> None:
    model, factor = split_speed(speed)
    assert model * factor == pytest.approx(speed)
    assert 0.5 <= model <= 2.0
    assert factor == 1.0 or not 0.5 <= speed <= 2.0


@pytest.mark.parametrize("speed", [0.24, 4.01, 0, -1, float("nan"), float("inf")])
def test_a_speed_out_of_range_is_refused_with_the_range(speed: float) -> None:
    with pytest.raises(OptionError, match=r"0\.25 to 4\.0"):
        split_speed(speed)


@pytest.mark.parametrize("factor", [0.25, 0.3, 0.5, 0.8, 1.0, 1.3, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("frames", [0, 1, 100, 1000, 24_013])
def test_a_stretched_segment_has_exactly_the_requested_length(frames: int, factor: float) -> None:
    assert len(stretch(tone(frames), factor)) == 2 * round(frames / factor)


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.7, 2.0, 4.0])
def test_stretching_keeps_the_pitch_and_the_last_word(factor: float) -> None:
    made = stretch(tone(24_000, 440) + silence(500) + tone(12_000, 880), factor)
    assert pitch_of(made[: 2 * round(24_000 / factor)]) == pytest.approx(440, rel=0.03)
    last = made[-2 * round(10_000 / factor) :]
    assert pitch_of(last) == pytest.approx(880, rel=0.03)
    assert silent_frames(made[-2 * round(240 / factor) :]) < 50


def test_stretching_twice_gives_the_same_samples() -> None:
    noise = np.random.default_rng(7).integers(-9000, 9000, 30_000).astype("<i2").tobytes()
    assert stretch(noise, 1.6) == stretch(noise, 1.6)
