"""The stand-in voice has Kokoro's interface, never fails, and its audio has the measurable properties of speech.

Whether its words are intelligible is tested in tests/voice and tests/acceptance.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kokoro_onnx import Kokoro
from kokoro_onnx.config import DEFAULT_VOCAB
from kokoro_onnx.session import embedded_vocab
from numpy.typing import NDArray

from chorus.standing_in import NAME
from chorus.vocabulary import SOUNDS
from workers.standin import MODEL, VOICES
from workers.standin.analysis import analyse
from workers.standin.build import build, build_voices, sentences, stored
from workers.standin.recording import record
from workers.standin.speakers import NAMES
from workers.standin.symbols import KINDS, PAUSE, VOWELS, kind_of
from workers.standin.units import STEP_DB, examples

RATE_HZ = 24_000
FRAME = 600
TEXT = "ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˌOvəɹ ðə lˈAzi dˈɔɡ, ænd ˈɔl ðə ʧˈɪldɹᵊn lˈæft æt hˈɪm fɔɹ ə lˈɔŋ tˈIm."


@dataclass(frozen=True)
class Said:
    audio: NDArray[np.float32]
    duration: NDArray[np.int64]

    def of(self, token: int) -> NDArray[np.float32]:
        """The samples of the token at this place, the pad counted."""
        ends = np.cumsum(self.duration) * FRAME
        return self.audio[ends[token - 1] if token else 0 : ends[token]]


class Voice:
    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
        with np.load(VOICES) as voices:
            self.styles = {name: voices[name] for name in ("af_heart", "am_adam", "bm_lewis", "zf_xiaoyi")}

    def raw(self, tokens: list[int], style: NDArray[np.float32], speed: float) -> Said:
        feed = {"tokens": np.array([tokens], np.int64), "style": style, "speed": np.array([speed], np.float32)}
        return Said(*self.session.run(None, feed))

    def say(self, phonemes: str, name: str = "af_heart", speed: float = 1.0) -> Said:
        return self.raw([0, *(DEFAULT_VOCAB[symbol] for symbol in phonemes), 0], self.styles[name][0], speed)


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice()


@pytest.fixture(scope="module")
def kokoro(voice: Voice) -> Iterator[Kokoro]:
    kokoro = Kokoro.from_session(voice.session, str(VOICES))
    yield kokoro
    kokoro.voices.close()


def loudness_db(audio: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-20))


def share_of_power(audio: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(audio)) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / RATE_HZ)
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum())


def pitch_hz(audio: NDArray[np.float32]) -> float:
    """Of steady voice: where it is most like itself, from 70 to 350 Hz."""
    likeness = np.correlate(audio, audio, "full")[len(audio) - 1 :]
    shortest, longest = RATE_HZ // 350, RATE_HZ // 70
    return RATE_HZ / (shortest + int(np.argmax(likeness[shortest:longest])))


@given(
    tokens=st.lists(st.integers(0, 177), min_size=2, max_size=512),
    speed=st.floats(0.5, 2.0, width=32),
    loudness=st.sampled_from([0.0, 0.15, 1.0, 30.0]),
)
@settings(max_examples=40, deadline=None)
def test_any_tokens_at_any_speed_give_playable_audio(
    voice: Voice, tokens: list[int], speed: float, loudness: float
) -> None:
    style = np.random.default_rng(1).normal(0, 1, (1, 256)).astype(np.float32) * np.float32(loudness)
    said = voice.raw(tokens, style, speed)
    assert said.audio.dtype == np.float32
    assert said.audio.ndim == 1
    assert np.isfinite(said.audio).all()
    assert np.abs(said.audio).max() <= 0.7
    assert abs(said.audio.mean()) < 2e-3
    assert said.duration.shape == (len(tokens),)
    assert said.duration.min() >= 0
    assert said.duration.sum() * FRAME == len(said.audio)
    # As many frames as the farm's own validation asks for, even of marks alone.
    assert said.duration.sum() >= 0.5 * (len(tokens) - 2)


def test_a_fully_voiced_sound_gives_no_nan(voice: Voice) -> None:
    # onnxruntime's Sigmoid gave 1.0000001 here, and what was left of 1 had no root.
    phonemes = (
        "wˈʌn lˈæst tˈIm, ɐn ˈOld kˈæptᵊn kˈWntᵻd ɐ lˈIn bəhˈInd ðə dˈɔɹ, ænd ˈɛvɹiwən pˈAntᵻd ɐ dˈɛzəɹt ʌv sˈænd ˌɔn "
        "ðə lˈɔŋ pˈɪɹ, ænd nˈObˌɑdi pˈAntᵻd ɐ dˈɛzəɹt ʌv sˈænd bəfˈɔɹ dˈɔn."
    )
    assert np.isfinite(voice.say(phonemes).audio).all()


def test_every_symbol_with_a_sound_is_audible_alone(voice: Voice) -> None:
    silent = [symbol for symbol in DEFAULT_VOCAB if np.abs(voice.say(symbol).audio).max() < 0.005]
    assert not [symbol for symbol in silent if symbol.isalpha() and symbol not in "ˈˌːᵝʲ"]
    assert {"ˈ", " ", "(", "ː", ".", "?"} <= set(silent)


def test_every_symbol_has_its_own_sound_or_the_nearest() -> None:
    kinds = {symbol: kind_of(symbol) for symbol in SOUNDS}
    assert not [symbol for symbol, kind in kinds.items() if not kind]
    vowels = {symbol for symbol, kind in kinds.items() if KINDS[kind or PAUSE] in VOWELS}
    assert vowels == set("AIOQWYaeiouyæøœɐɑɒɔəɚɛɜɤɨɪɯʊʌᵊᵻ")
    assert [KINDS[kinds[symbol] or PAUSE] for symbol in "rɾçøɲ"] == list("ɹTʃɜn")


@pytest.mark.parametrize("name", ["af_heart", "am_adam", "bm_lewis", "zf_xiaoyi"])
@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_ordinary_text_is_as_loud_as_speech(voice: Voice, name: str, speed: float) -> None:
    assert -25 < loudness_db(voice.say(TEXT, name, speed).audio) < -21


def test_it_speaks_about_as_fast_as_people_read_aloud(voice: Voice) -> None:
    words_a_minute = len(TEXT.split()) / (len(voice.say(TEXT).audio) / RATE_HZ) * 60
    assert 140 < words_a_minute < 190


def test_half_the_speed_takes_twice_the_time(voice: Voice) -> None:
    slow, usual, fast = (len(voice.say(TEXT, speed=speed).audio) for speed in (0.5, 1.0, 2.0))
    assert 1.9 < slow / usual < 2.1
    assert 1.9 < usual / fast < 2.1


def test_speaking_takes_at_most_a_twentieth_of_the_audios_length_on_one_core(voice: Voice) -> None:
    voice.say(TEXT)
    began_s = time.process_time()
    said = voice.say(TEXT)
    assert time.process_time() - began_s < 0.05 * len(said.audio) / RATE_HZ


def test_the_same_segment_gives_the_same_samples(voice: Voice) -> None:
    assert voice.say(TEXT).audio.tobytes() == voice.say(TEXT).audio.tobytes()


def test_female_voices_are_higher_than_male_ones(voice: Voice) -> None:
    woman, man = (pitch_hz(voice.say("ɑɑɑ", name).of(2)) for name in ("af_heart", "am_adam"))
    assert 160 < woman < 260
    assert 80 < man < 140


def test_the_pitch_falls_over_a_phrase(voice: Voice) -> None:
    said = voice.say("ɑ" * 16, "am_adam")
    assert pitch_hz(said.of(12)) < 0.95 * pitch_hz(said.of(2))


def test_a_stressed_vowel_is_higher_and_longer(voice: Voice) -> None:
    plain, stressed = (voice.say(text, "am_adam") for text in ("ɑmɑmɑmɑmɑ", "ɑmɑmˈɑmɑmɑ"))
    assert pitch_hz(stressed.of(6)) > 1.05 * pitch_hz(plain.of(5))
    assert len(stressed.of(6)) > len(plain.of(5))


def test_a_stress_mark_reaches_one_vowel(voice: Voice) -> None:
    said = voice.say("mˈɑmɑmɑmɑ", "am_adam")
    assert len(said.of(3)) > len(said.of(5))


def test_the_pitch_falls_in_statements_rises_in_questions_and_less_at_commas(voice: Voice) -> None:
    ends = {mark: pitch_hz(voice.say(f"ɑmɑmɑmɑmɑ{mark}", "am_adam").of(9)) for mark in ".,?"}
    assert ends["."] < 0.95 * ends[","]
    assert ends[","] < 0.9 * ends["?"]


@pytest.mark.parametrize(
    ("symbol", "low_hz", "high_hz"), [("m", 80, 500), ("s", 2500, 12_000), ("ʃ", 1500, 8000), ("f", 2500, 12_000)]
)
def test_a_consonants_power_is_in_its_frequency_range(voice: Voice, symbol: str, low_hz: float, high_hz: float) -> None:
    assert share_of_power(voice.say(f"ɑ{symbol}ɑ", "am_adam").of(2), low_hz, high_hz) > 0.6


@pytest.mark.parametrize(
    ("symbol", "other", "low_hz", "high_hz"),
    [
        ("ɑ", "i", 600, 1500),
        ("i", "u", 1900, 2600),
        ("æ", "ɔ", 1500, 2600),
        ("ɔ", "ʊ", 600, 1000),
        ("ɜ", "ɛ", 1000, 1500),
    ],
)
def test_vowels_differ_at_their_formants(voice: Voice, symbol: str, other: str, low_hz: float, high_hz: float) -> None:
    own, others = (share_of_power(voice.say(f"h{vowel}d").of(2), low_hz, high_hz) for vowel in (symbol, other))
    assert own > 4 * others


def test_punctuation_is_silence(voice: Voice) -> None:
    pause = voice.say("ɑmɑ, ɑmɑ.").of(4)
    assert len(pause) > 0.1 * RATE_HZ
    assert np.abs(pause[len(pause) // 3 : -len(pause) // 3]).max() < 1e-3


def test_a_hiss_has_power_above_the_measured_range(voice: Voice) -> None:
    assert share_of_power(voice.say("sss").of(2), 8000, 12_000) > 0.05
    assert share_of_power(voice.say("ɑɑɑ").of(2), 8000, 12_000) < 1e-3


def test_a_voiced_hiss_is_noise_at_high_frequencies(voice: Voice) -> None:
    """Its voice stays below: above 3 kHz its loudness does not beat with the pulses, as a vowel's does above 1 kHz."""
    assert beating(voice.say("z" * 40, "am_adam").audio, 3000, 9000) < 0.3
    assert beating(voice.say("ɑ" * 40, "am_adam").audio, 1000, 4000) > 0.5


def beating(audio: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    """How alike the envelope of a band is from one period of the voice to the next, in the usual tenth of a second."""
    tenths = audio[: len(audio) // 2400 * 2400].reshape(-1, 2400)
    return float(np.median([likeness(tenth, low_hz, high_hz) for tenth in tenths]))


def likeness(audio: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    spectrum = np.fft.rfft(audio)
    hz = np.fft.rfftfreq(len(audio), 1 / RATE_HZ)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    envelope = np.convolve(np.abs(np.fft.irfft(spectrum)), np.ones(24) / 24, "same")
    envelope -= np.convolve(envelope, np.ones(400) / 400, "same")
    alike = np.correlate(envelope, envelope, "full")[len(envelope) - 1 :]
    return float(alike[RATE_HZ // 180 : RATE_HZ // 80].max() / alike[0])


def test_a_stress_mark_adds_no_gap(voice: Voice) -> None:
    said = voice.say("ɑˈɑɑ")
    assert said.duration[2] == 0
    inside = said.audio[(said.duration[:2].sum() - 2) * FRAME : (said.duration[:-1].sum() - 3) * FRAME]
    quietest = min(loudness_db(inside[at : at + 240]) for at in range(0, len(inside) - 240, 60))
    assert quietest > loudness_db(inside) - 6


def test_sounds_join_without_a_click(voice: Voice) -> None:
    """A step between two sounds would be loud at the top of the band for a millisecond, as no breath is."""
    audio = voice.say("ɑmiluwɔnɑvɛzɛɹu", "am_adam").audio
    assert click(audio) < 12
    stepped = audio.copy()
    stepped[len(stepped) // 2 :] += 0.02
    assert click(stepped) > 24


def click(audio: NDArray[np.float32]) -> float:
    """The loudest millisecond above 9 kHz against the usual one around it, in power."""
    spectrum = np.fft.rfft(audio)
    spectrum[np.fft.rfftfreq(len(audio), 1 / RATE_HZ) < 9000] = 0
    high = np.fft.irfft(spectrum)
    power = (high[: len(high) // 24 * 24].reshape(-1, 24) ** 2).mean(axis=1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(power, 12, mode="edge"), 25)
    return float((power / (np.median(around, axis=1) + 1e-10)).max())


def test_kokoro_onnx_accepts_it_as_kokoro(kokoro: Kokoro, voice: Voice) -> None:
    assert embedded_vocab(voice.session) == DEFAULT_VOCAB
    assert kokoro.has_timings
    audio, rate_hz, timings = kokoro.create_timed(
        TEXT,
        voice=kokoro.get_voice_style("bm_george"),
        is_phonemes=True,
        trim=False,
        sentence_pause=0,
        clause_pause=0,
    )
    assert rate_hz == RATE_HZ
    assert "".join(timing.phoneme for timing in timings) == TEXT
    assert timings[-1].end <= len(audio) / RATE_HZ


def test_its_metadata_names_it_as_a_stand_in(voice: Voice) -> None:
    assert voice.session.get_modelmeta().custom_metadata_map["name"] == NAME == "stand-in voice"


def test_every_published_voice_exists_and_no_two_are_equal(kokoro: Kokoro) -> None:
    assert kokoro.get_voices() == sorted(NAMES)
    assert len(NAMES) == 54
    styles = [kokoro.get_voice_style(name) for name in NAMES]
    assert {(style.shape, style.dtype.str) for style in styles} == {((510, 1, 256), "<f4")}
    assert len({style.tobytes() for style in styles}) == 54


def test_the_script_builds_both_files_from_the_stored_measurements(tmp_path: Path) -> None:
    """The voices by their numbers: how tightly they are packed is the zlib's of the day."""
    assert MODEL.read_bytes() == build(stored(), tmp_path / "model.onnx").read_bytes()
    with np.load(VOICES) as committed, np.load(build_voices(tmp_path / "voices.bin")) as fresh:
        assert committed.files == fresh.files
        assert all(np.array_equal(committed[name], fresh[name]) for name in committed.files)


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed: nothing to measure the voice on")
def test_the_stored_measurements_are_those_of_flites_speech() -> None:
    """A dozen sentences of the twelve hundred: their sounds are near what the model has for each, not its average."""
    units = stored()
    own, usual = [], []
    for text, phonemes in sentences()[:12]:
        recording = record(text, phonemes)
        for one in examples(recording, analyse(recording.samples)):
            unit = units.steps[units.entering[one.before, one.kind]].astype(float)
            own.append(np.abs(one.frames - unit)[:, :-1].mean() * STEP_DB)
            usual.append(np.abs(one.frames - units.steps.mean(axis=0))[:, :-1].mean() * STEP_DB)
    assert len(own) > 300
    assert np.mean(own) < 5
    assert np.mean(own) < 0.5 * np.mean(usual)


def test_every_sound_and_every_pair_of_the_sentences_has_a_unit() -> None:
    units = stored()
    assert len(KINDS) == 45
    assert np.unique(units.entering[:, 1:]).size > 1200
    assert units.entering[PAUSE, KINDS.index("s")] != units.entering[KINDS.index("ɑ"), KINDS.index("s")]


def test_both_files_have_the_pinned_digests() -> None:
    """Their digests are pinned by every unfinished job that the stand-in speaks: change them on purpose."""
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (MODEL, VOICES)]
    assert digests == [
        "25887935cdda2e8bb9c2b53ad8c18953384fc79e79f11c59f73b4efb39b56041",
        "5f8fb5cd388d1783c19e6c335a0bb8fb404de87ff36bc23c04a27ce46ac2ee01",
    ]
    assert MODEL.stat().st_size < 2_500_000
    assert VOICES.stat().st_size < 300_000
