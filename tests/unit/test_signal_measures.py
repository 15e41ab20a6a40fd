"""Every measure of a sound notices the sound that was spoiled for it, and finds no fault in the good one."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import speaking
from benchmarks.signal_measures import BANDS_HZ, Signal, bands_db, measured, seam
from chorus.wire import RATE_HZ
from workers import standin

Sound = NDArray[np.floating]
TEXT = "The weather was fine in the morning, and she opened the window. Nobody answered when we knocked at the door."


@pytest.fixture(scope="module")
def sound() -> Sound:
    """The stand-in voice."""
    speak = speaking.ours(standin.MODEL, standin.VOICES, form="as it is")
    return speak(speaking.pieces(TEXT, "am_adam"), "am_adam", 1.0).audio.astype(np.float64)


@pytest.fixture(scope="module")
def good(sound: Sound) -> Signal:
    return measured(sound)


def noise(like: Sound, below_db: float) -> Sound:
    rms = math.sqrt(float(np.mean(like**2)))
    return like + rms * 10 ** (-below_db / 20) * np.random.default_rng(1).standard_normal(like.size)


def test_the_good_sound_has_no_fault(good: Signal) -> None:
    assert good.flat < 1e-3
    assert good.dc < 0.002
    assert good.dropouts == 0
    assert good.floor_db is not None
    assert good.floor_db < -25
    assert good.end_db is not None
    assert good.end_db < -30
    assert good.jumps < 0.05
    assert good.click_db is None, "there are no joins in it"


def test_24_khz_played_as_16_khz_lacks_its_highest_octave(sound: Sound, good: Signal) -> None:
    spoiled = measured(slowed(sound, RATE_HZ / 16_000))
    assert good.top_db is not None
    assert spoiled.top_db is not None
    assert spoiled.top_db < good.top_db - 20


def slowed(sound: Sound, factor: float) -> Sound:
    spectrum = np.fft.rfft(sound)
    wanted = round(sound.size * factor)
    padded = np.zeros(wanted // 2 + 1, complex)
    both = min(padded.size, spectrum.size)
    padded[:both] = spectrum[:both]
    return np.fft.irfft(padded, wanted) * factor


def test_clipping_at_a_tenth_of_the_peak_is_flat(sound: Sound) -> None:
    most = 0.1 * np.abs(sound).max()
    assert measured(np.clip(sound, -most, most)).flat > 0.01


def test_each_dropout_of_50_ms_within_a_word_is_counted(sound: Sound, good: Signal) -> None:
    assert good.dropouts == 0
    loud = np.sqrt(np.mean(sound[: sound.size // 1200 * 1200].reshape(-1, 1200) ** 2, axis=1))
    spoiled = sound.copy()
    places = [int(np.argmax(loud[at : at + 30])) + at for at in range(0, 120, 30)]
    for place in places:
        spoiled[1200 * place : 1200 * (place + 1)] = 0
    assert measured(spoiled).dropouts == len(places) == 4


def test_a_hole_counts_if_the_sound_is_loud_on_one_side_of_it_and_a_pause_does_not() -> None:
    loud = 0.3 * np.sin(np.arange(RATE_HZ) / 20)
    hole = np.zeros(RATE_HZ // 20)
    faint = loud * np.geomspace(1, 1e-4, loud.size)
    assert measured(np.concatenate([faint, hole, loud])).dropouts == 1
    assert measured(np.concatenate([loud, hole, faint[::-1]])).dropouts == 1
    assert measured(np.concatenate([faint, hole, faint[::-1]])).dropouts == 0


def test_noise_10_db_below_the_voice_raises_the_floor(sound: Sound) -> None:
    spoiled = measured(noise(sound, 10))
    assert spoiled.floor_db is not None
    assert spoiled.floor_db > -15


def test_an_offset_is_seen(sound: Sound) -> None:
    assert measured(sound + 0.01).dc == pytest.approx(0.01, abs=0.002)


def test_a_sound_whose_last_30_percent_are_cut_ends_loud(sound: Sound) -> None:
    spoiled = measured(sound[: round(0.7 * sound.size)])
    assert spoiled.end_db is not None
    assert spoiled.end_db > -20
    assert spoiled.tail_ms < 5


def test_silence_at_the_ends_is_measured_in_milliseconds(sound: Sound, good: Signal) -> None:
    silence = np.zeros(RATE_HZ // 10)
    spoiled = measured(np.concatenate([silence, sound, silence, silence]))
    assert spoiled.head_ms == pytest.approx(good.head_ms + 100, abs=0.1)
    assert spoiled.tail_ms == pytest.approx(good.tail_ms + 200, abs=0.1)


def test_a_step_where_two_pieces_meet_is_a_click(sound: Sound) -> None:
    begin = int(np.argmax(np.abs(sound)))
    cut = np.concatenate([sound[: begin + 1], -sound[begin:]])
    clean, spoiled = measured(sound, [begin]).click_db, measured(cut, [begin + 1]).click_db
    assert clean is not None
    assert spoiled is not None
    assert clean < 3 < spoiled


def test_a_seam_tells_how_much_louder_and_higher_the_second_piece_is(sound: Sound) -> None:
    half = sound[: int(np.argmax(np.abs(sound))) + 3000]
    same = seam(np.concatenate([half, half[::-1]]), half.size)
    assert same == (pytest.approx(0, abs=0.1), pytest.approx(0, abs=30))
    louder, higher = seam(np.concatenate([half, 2 * slowed(half, 0.8)[::-1]]), half.size)
    assert louder is not None
    assert 4 < louder < 8
    assert higher is not None
    assert higher == pytest.approx(1200 * math.log2(1.25), abs=100)


def test_a_pitch_that_leaps_to_and_fro_is_counted(sound: Sound, good: Signal) -> None:
    higher = slowed(sound, 0.6)
    block = RATE_HZ // 10
    blocks = [(sound, higher)[at % 2][at * block : (at + 1) * block] for at in range(higher.size // block)]
    assert measured(np.concatenate(blocks)).jumps > good.jumps + 0.05


def test_a_duller_sound_has_lower_bands(sound: Sound) -> None:
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(sound.size, 1 / RATE_HZ)
    dull = np.fft.irfft(np.where(hz > 1000, spectrum * 10 ** (-3.5 / 20), spectrum), sound.size)
    bright, dark = bands_db([sound]), bands_db([dull])
    for band in BANDS_HZ[2:4]:
        assert bright[band] - dark[band] == pytest.approx(3.5, abs=0.3)
    assert bright[BANDS_HZ[0]] - dark[BANDS_HZ[0]] == pytest.approx(0, abs=0.3)


def test_silence_has_no_level_and_no_fault() -> None:
    silent = measured(np.zeros(RATE_HZ), [RATE_HZ // 2])
    assert {name for name, value in asdict(silent).items() if value is None} == {
        *("level_db", "floor_db", "end_db", "click_db", "bright_db", "top_db")
    }
    assert silent.dropouts == 0
    assert silent.head_ms == 1000
