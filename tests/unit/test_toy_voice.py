"""The toy voice encodes its token ids in its audio, and they can be read back exactly."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kokoro_onnx import Kokoro
from kokoro_onnx.config import DEFAULT_VOCAB
from kokoro_onnx.session import embedded_vocab
from numpy.typing import NDArray
from toy.build import MODEL, VOICE_NAMES, VOICES, build, build_voices
from toy.decode import decode

TOKENS = st.lists(st.integers(1, 177), min_size=0, max_size=510)
SPEEDS = st.sampled_from([0.5, 0.73, 1.0, 1.3, 1.9, 2.0])


def session(path: Path) -> ort.InferenceSession:
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def say(
    voice: ort.InferenceSession, tokens: list[int], speed: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    feed = {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": np.full((1, 256), 0.3, np.float32),
        "speed": np.array([speed], np.float32),
    }
    audio, duration = voice.run(None, feed)
    return audio, duration


def as_pcm(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.round(audio * 32767).astype(np.int16)


@pytest.fixture(scope="module")
def toy() -> ort.InferenceSession:
    return session(MODEL)


@pytest.fixture(scope="module")
def kokoro(toy: ort.InferenceSession) -> Iterator[Kokoro]:
    kokoro = Kokoro.from_session(toy, str(VOICES))
    yield kokoro
    kokoro.voices.close()


@given(tokens=TOKENS, speed=SPEEDS)
@settings(max_examples=60, deadline=None)
def test_any_tokens_are_read_back_from_their_audio(toy: ort.InferenceSession, tokens: list[int], speed: float) -> None:
    audio, duration = say(toy, tokens, speed)
    assert decode(as_pcm(audio)) == tokens
    assert duration.sum() * 600 == len(audio)
    assert duration.shape == (len(tokens) + 2,)


def test_every_token_is_audible_and_none_clips(toy: ort.InferenceSession) -> None:
    for token in range(1, 178):
        audio, _ = say(toy, [token])
        assert 0.1 < np.abs(audio).max() < 1
        assert audio.mean() == 0


def test_equal_neighbouring_tokens_are_distinguished(toy: ort.InferenceSession) -> None:
    assert decode(as_pcm(say(toy, [54, 54, 54])[0])) == [54, 54, 54]


def test_truncated_samples_are_read_as_well_as_rounded_ones(toy: ort.InferenceSession) -> None:
    audio, _ = say(toy, list(range(1, 178)))
    assert decode((audio * 32767).astype(np.int16)) == list(range(1, 178))


def test_pauses_between_segments_are_not_read_as_tokens(toy: ort.InferenceSession) -> None:
    pause = np.zeros(7001, np.int16)
    first, second = (as_pcm(say(toy, tokens)[0]) for tokens in ([43, 16], [16, 4]))
    assert decode(np.concatenate([pause, first, pause, second, pause])) == [43, 16, 16, 4]
    assert decode(pause) == []


@pytest.mark.parametrize("lost", [1, 299, 300, 600, 900])
def test_a_truncated_token_is_refused_with_its_place(toy: ort.InferenceSession, lost: int) -> None:
    pcm = as_pcm(say(toy, [50, 51])[0])
    sounding = pcm[1200:-1200]
    for cut in (sounding[:-lost], sounding[lost:]):
        with pytest.raises(ValueError, match="sample"):
            decode(cut)


def test_audio_with_a_missing_middle_is_refused(toy: ort.InferenceSession) -> None:
    pcm = as_pcm(say(toy, [50, 51, 52])[0])
    with pytest.raises(ValueError, match="cut"):
        decode(np.delete(pcm, slice(2000, 2600)))


def test_a_wrong_sample_is_refused(toy: ort.InferenceSession) -> None:
    pcm = as_pcm(say(toy, [50, 51, 52])[0])
    pcm[1500] += 2
    with pytest.raises(ValueError, match="sample 1200 is not a token"):
        decode(pcm)


@pytest.mark.parametrize(("speed", "frames"), [(0.5, 4), (1, 2), (2, 1), (4, 1)])
def test_the_speed_sets_the_frames_of_a_token(toy: ort.InferenceSession, speed: float, frames: int) -> None:
    assert say(toy, [50], speed)[1].tolist() == [frames] * 3


def test_a_slow_toy_voice_gives_the_same_samples(toy: ort.InferenceSession, tmp_path: Path) -> None:
    slow = build(tmp_path / "slow.onnx", work=3)
    assert slow.stat().st_size < 4096
    for ours, its in zip(say(toy, [7, 88, 177]), say(session(slow), [7, 88, 177]), strict=True):
        assert np.array_equal(ours, its)


def test_a_slow_toy_voice_really_computes(tmp_path: Path) -> None:
    """Read the loop's own end: a runtime that saw through it would make the kill tests race."""
    for work in (1, 40):
        model = onnx.load(build(tmp_path / "slow.onnx", work=work))
        loop = next(node for node in model.graph.node if node.op_type == "Loop")
        turns = next(node for node in model.graph.node if node.output[0] == loop.input[0])
        assert onnx.numpy_helper.to_array(turns.attribute[0].t) == work
        body = loop.attribute[0].g
        assert [node.op_type for node in body.node] == ["Identity", "MatMul"]


def test_the_script_builds_the_committed_toy_voice(tmp_path: Path) -> None:
    assert MODEL.read_bytes() == build(tmp_path / "toy.onnx").read_bytes()
    rebuilt = build_voices(tmp_path / "voices.bin")
    with np.load(VOICES) as committed, np.load(rebuilt) as fresh:
        assert sorted(committed.files) == sorted(fresh.files) == sorted(VOICE_NAMES)
        assert all(np.array_equal(committed[name], fresh[name]) for name in VOICE_NAMES)


def test_the_toy_is_small_and_named() -> None:
    assert MODEL.stat().st_size < 4096
    assert VOICES.stat().st_size < 30_000
    assert {"key": "name", "value": "toy voice"} in [
        {"key": entry.key, "value": entry.value} for entry in onnx.load(MODEL).metadata_props
    ]


def test_kokoro_onnx_accepts_the_toy_voice_as_kokoro(kokoro: Kokoro, toy: ort.InferenceSession) -> None:
    assert embedded_vocab(toy) == DEFAULT_VOCAB
    phonemes = "hˈɛlO, wˈɜɹld!"
    audio, rate_hz, timings = kokoro.create_timed(
        phonemes,
        voice=kokoro.get_voice_style("af_heart"),
        is_phonemes=True,
        trim=False,
        sentence_pause=0,
        clause_pause=0,
    )
    assert rate_hz == 24_000
    assert decode(as_pcm(audio)) == [DEFAULT_VOCAB[symbol] for symbol in phonemes]
    assert "".join(timing.phoneme for timing in timings) == phonemes


def test_the_toy_voices_digest_is_pinned() -> None:
    """A changed digest changes every job id and cache key of the tests that use it: change it on purpose."""
    assert hashlib.sha256(MODEL.read_bytes()).hexdigest() == (
        "e040fd05a8925c888476be932d86b7aba11ee2b1e19c52e1cd9d06736dd7d1ba"
    )
