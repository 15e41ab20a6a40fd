"""The stand-in voice has Kokoro's shape, never breaks, and sounds like speech as far as numbers can tell."""

import hashlib
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

from workers.standin import MODEL, NAME, VOICES
from workers.standin.build import build, build_voices
from workers.standin.voices import NAMES

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
def test_any_tokens_at_any_speed_give_sound_that_can_be_played(
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


def test_every_symbol_with_a_sound_is_heard_alone(voice: Voice) -> None:
    silent = [symbol for symbol in DEFAULT_VOCAB if np.abs(voice.say(symbol).audio).max() < 0.005]
    assert not [symbol for symbol in silent if symbol.isalpha() and symbol not in "ˈˌːᵝʲ"]


@pytest.mark.parametrize("name", ["af_heart", "am_adam", "bm_lewis", "zf_xiaoyi"])
@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_ordinary_text_is_as_loud_as_speech(voice: Voice, name: str, speed: float) -> None:
    assert -26 < loudness_db(voice.say(TEXT, name, speed).audio) < -20


def test_it_speaks_about_as_fast_as_people_read_aloud(voice: Voice) -> None:
    words_a_minute = len(TEXT.split()) / (len(voice.say(TEXT).audio) / RATE_HZ) * 60
    assert 130 < words_a_minute < 220


def test_half_the_speed_takes_twice_the_time(voice: Voice) -> None:
    slow, usual, fast = (len(voice.say(TEXT, speed=speed).audio) for speed in (0.5, 1.0, 2.0))
    assert 1.8 < slow / usual < 2.0
    assert 1.8 < usual / fast < 2.0


def test_the_same_segment_is_the_same_sound(voice: Voice) -> None:
    assert voice.say(TEXT).audio.tobytes() == voice.say(TEXT).audio.tobytes()


def test_women_speak_higher_than_men(voice: Voice) -> None:
    woman, man = (pitch_hz(voice.say("ɑɑɑ", name).of(2)) for name in ("af_heart", "am_adam"))
    assert 160 < woman < 260
    assert 80 < man < 140


def test_the_voice_falls_over_a_sentence(voice: Voice) -> None:
    said = voice.say("ɑ" * 12, "am_adam")
    assert pitch_hz(said.of(11)) < 0.9 * pitch_hz(said.of(2))


@pytest.mark.parametrize(
    ("symbol", "low_hz", "high_hz"),
    [("ɑ", 500, 1500), ("i", 80, 500), ("u", 150, 1200), ("m", 100, 500), ("s", 5000, 12_000), ("ʃ", 2000, 5500)],
)
def test_a_sound_has_its_power_where_that_sound_has_it(
    voice: Voice, symbol: str, low_hz: float, high_hz: float
) -> None:
    assert share_of_power(voice.say(symbol * 3, "am_adam").of(2), low_hz, high_hz) > 0.6


def test_i_is_brighter_than_u(voice: Voice) -> None:
    bright, dark = (share_of_power(voice.say(vowel * 3).of(2), 1800, 3800) for vowel in "iu")
    assert bright > 5 * dark


def test_punctuation_is_silence(voice: Voice) -> None:
    pause = voice.say("ɑmɑ, ɑmɑ.").of(4)
    assert len(pause) > 0.1 * RATE_HZ
    assert np.abs(pause[len(pause) // 3 : -len(pause) // 3]).max() < 1e-3


def test_a_stress_mark_opens_no_gap_and_lengthens_its_vowel(voice: Voice) -> None:
    plain, stressed = voice.say("ɑɑɑ"), voice.say("ɑˈɑɑ")
    assert stressed.duration[3] > plain.duration[2]
    assert stressed.duration[2] == 1
    inside = stressed.audio[(stressed.duration[0] + 1) * FRAME : -(stressed.duration[-1] + 1) * FRAME]
    quietest = min(loudness_db(inside[at : at + 240]) for at in range(0, len(inside) - 240, 60))
    assert quietest > loudness_db(inside) - 6


def test_sounds_join_without_a_click(voice: Voice) -> None:
    """Voice alone has no power at the top of the band; a step between two sounds would."""
    said = voice.say("ɑmiluwɔnɑ").audio
    assert share_of_power(said, 9000, 12_000) < 1e-5


def test_kokoro_onnx_takes_it_for_kokoro(kokoro: Kokoro, voice: Voice) -> None:
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


def test_every_published_voice_speaks_and_no_two_are_alike(kokoro: Kokoro) -> None:
    assert kokoro.get_voices() == sorted(NAMES)
    assert len(NAMES) == 54
    styles = [kokoro.get_voice_style(name) for name in NAMES]
    assert {(style.shape, style.dtype.str) for style in styles} == {((510, 1, 256), "<f4")}
    assert len({style.tobytes() for style in styles}) == 54


def test_both_files_are_what_the_script_builds(tmp_path: Path) -> None:
    """The voices by their numbers: how tightly they are packed is the zlib's of the day."""
    assert MODEL.read_bytes() == build(tmp_path / "model.onnx").read_bytes()
    with np.load(VOICES) as committed, np.load(build_voices(tmp_path / "voices.bin")) as fresh:
        assert committed.files == fresh.files
        assert all(np.array_equal(committed[name], fresh[name]) for name in committed.files)


def test_both_files_are_the_known_ones() -> None:
    """Their digests are pinned by every unfinished job that the stand-in speaks: change them on purpose."""
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (MODEL, VOICES)]
    assert digests == [
        "705624910db28b3bb413fa6e0e9e6efb0cc492aedf964d56e381afbbb508c951",
        "4fb11c79c08201ac6a7c1fc61a21366a5542fa5433d1bc0f6837ace4c84d465e",
    ]
    assert MODEL.stat().st_size < 2_500_000
    assert VOICES.stat().st_size < 300_000
