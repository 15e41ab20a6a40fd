"""The quality measures, with signals whose result is known."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from chorus.wire import RATE_HZ
from workers.inference.quality import Bounds, Quality, Rendering, compare, level_db, mel_filters, worst

SECONDS = np.arange(RATE_HZ) / RATE_HZ
HARMONICS = 20


def voice(hz: float = 150.0, *, level: float = 0.02, phases: float = 0.0) -> np.ndarray:
    """A second of a voiced sound; `phases` says by how much its harmonics are out of step."""
    steps = np.random.default_rng(1).uniform(-phases, phases, HARMONICS)
    return sum(
        level / math.sqrt(n) * np.sin(2 * np.pi * hz * n * SECONDS + step) for n, step in enumerate(steps, start=1)
    )


def noise(seed: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(4 * RATE_HZ)


def measured(reference: np.ndarray, rendering: np.ndarray) -> Quality:
    return compare(Rendering(audio=reference), Rendering(audio=rendering))


def test_a_rendering_has_distance_zero_from_itself() -> None:
    found = compare(Rendering(audio=voice(), frames=(3, 4)), Rendering(audio=voice(), frames=(3, 4)))
    assert {name: value for name, value in asdict(found).items() if value and name != "dc"} == {}
    assert found.within(replace(Bounds(), **dict.fromkeys(asdict(Bounds()), 1e-6)))


def test_different_phases_give_no_distance() -> None:
    straight, turned = voice(), voice(phases=math.pi)
    assert np.sum((straight - turned) ** 2) > np.sum(straight**2)
    found = measured(straight, turned)
    assert found.mel_cepstral_db is not None
    assert found.mel_cepstral_db < 0.2
    assert found.f0_cents == pytest.approx(0, abs=0.5)
    assert found.within(Bounds())


def test_audio_louder_by_six_decibels_differs_only_in_loudness() -> None:
    found = measured(noise(1), 2 * noise(1))
    assert found.loudness_db == pytest.approx(6.02, abs=0.01)
    assert found.log_spectral_db == pytest.approx(6.02, abs=0.05)
    assert found.mel_cepstral_db == pytest.approx(0, abs=1e-6)
    assert found.beyond(Bounds()) == ("log_spectral_db 6.021 > 4", "loudness_db 6.021 > 0.5")


def test_the_distance_of_two_noises_matches_theory() -> None:
    # The logarithm of an exponential variable deviates by 10 / ln 10 · π / √6 dB, the difference of two by √2 of it.
    theory = 10 / math.log(10) * math.pi / math.sqrt(6) * math.sqrt(2)
    assert measured(noise(1), noise(2)).log_spectral_db == pytest.approx(theory, rel=0.02)


@pytest.mark.parametrize("hz", [75.0, 120.0, 210.0, 390.0])
@pytest.mark.parametrize("cents", [0.0, 25.0, 100.0])
def test_pitch_is_measured_in_cents_over_the_range_of_voices(hz: float, cents: float) -> None:
    found = measured(voice(hz), voice(hz * 2 ** (cents / 1200)))
    assert found.f0_cents == pytest.approx(cents, abs=2)
    assert found.voicing_apart == 0


def test_noise_has_no_pitch() -> None:
    found = measured(noise(1), noise(1))
    assert found.f0_cents is None
    assert found.voicing_apart == 0


def test_missing_voicing_in_half_the_time_is_detected() -> None:
    half = RATE_HZ // 2
    hoarse = np.concatenate([voice()[:half], noise(1)[:half]])
    assert measured(voice(), hoarse).voicing_apart == pytest.approx(0.5, abs=0.05)


def test_another_timbre_changes_the_cepstra_and_loudness_does_not() -> None:
    steps = np.diff(voice(), prepend=0)
    brighter = steps * np.sqrt((voice() ** 2).mean() / (steps**2).mean())
    found = measured(voice(), brighter)
    assert found.mel_cepstral_db is not None
    assert found.mel_cepstral_db > Bounds().mel_cepstral_db
    assert found.loudness_db == pytest.approx(0, abs=0.2)


def test_every_frequency_of_speech_belongs_to_a_band() -> None:
    # Bands lie so close at the bottom that some hold no bin of their own; none of the bins is lost for it.
    assert mel_filters().sum(axis=0)[1:-1].min() > 0
    assert mel_filters().max() <= 1


def test_clipping_and_dc_are_measured_in_the_rendering_alone() -> None:
    ugly = voice() + 0.25
    ugly[:240] = 1.0
    found = measured(voice(), ugly)
    assert found.clipped == pytest.approx(240 / RATE_HZ)
    assert found.dc == pytest.approx(0.2575, abs=0.001)
    assert measured(ugly, voice()).clipped == 0


def test_sound_in_a_pause_is_detected() -> None:
    paused = np.concatenate([voice(), np.zeros(RATE_HZ)])
    filled = np.concatenate([voice(), 0.05 * noise(1)[:RATE_HZ]])
    assert measured(paused, filled).silence == pytest.approx(0.5, abs=0.02)
    assert measured(paused, filled).loudness_db is not None


def test_lengths_and_durations_must_match_exactly() -> None:
    longer = Rendering(audio=np.pad(voice(), (0, 600)), frames=(3, 5, 2))
    found = compare(Rendering(audio=voice(), frames=(3, 4, 2)), longer)
    assert found.length == pytest.approx(600 / RATE_HZ)
    assert found.tokens_moved == pytest.approx(1 / 3)
    assert found.beyond(Bounds())[:2] == ("length 0.025 > 0", "tokens_moved 0.3333 > 0")


def test_silence_has_no_spectrum_to_compare() -> None:
    found = measured(np.zeros(100), np.zeros(100))
    assert (found.log_spectral_db, found.mel_cepstral_db, found.f0_cents, found.loudness_db) == (None,) * 4
    assert level_db(np.zeros(100)) is None
    assert found.within(Bounds())


def test_the_level_of_a_full_sine_is_three_decibels_down() -> None:
    assert level_db(np.sin(2 * np.pi * 100 * SECONDS)) == pytest.approx(-3.01, abs=0.02)


def test_of_a_set_the_worst_value_of_each_measure_counts() -> None:
    quiet, loud = measured(noise(1), 0.5 * noise(1)), measured(voice(), voice(160))
    together = worst([quiet, loud])
    assert together.loudness_db == quiet.loudness_db
    assert together.f0_cents == loud.f0_cents
    assert together.tokens_moved is None
