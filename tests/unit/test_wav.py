"""A WAV file has one header at the beginning, and the header is correct."""

import io
import os
import struct
import wave
from pathlib import Path

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import FarmError, OutputError
from chorus.wav import WavWriter, _move_up, is_long, streaming_header, wav_file, wav_header

PCM = st.binary(max_size=200).map(lambda data: data[: len(data) // 2 * 2])
LAST_SHORT = (0xFFFFFFFF - 36) // 2


@given(blocks=st.lists(PCM))
def test_a_file_has_one_exact_header_and_then_the_samples(blocks: list[bytes]) -> None:
    file = io.BytesIO()
    with WavWriter(file) as writer:
        for block in blocks:
            writer.write(block)
    payload = b"".join(blocks)
    assert file.getvalue() == wav_header(len(payload) // 2) + payload


@given(frames=st.integers(0, LAST_SHORT))
def test_a_short_header_has_44_bytes_and_true_sizes(frames: int) -> None:
    header = wav_header(frames)
    riff, riff_bytes, _, _, _, data, data_bytes = struct.unpack("<4sI4s4s20s4sI", header)
    assert (len(header), riff, data) == (44, b"RIFF", b"data")
    assert (riff_bytes, data_bytes) == (36 + 2 * frames, 2 * frames)


def test_other_readers_understand_the_header() -> None:
    file = io.BytesIO(wav_header(3) + bytes(6))
    with wave.open(file) as reader:
        assert reader.getparams()[:4] == (1, 2, 24_000, 3)


def test_past_four_gigabytes_the_header_is_rf64_with_64_bit_sizes(tmp_path: Path) -> None:
    assert not is_long(LAST_SHORT)
    assert wav_header(LAST_SHORT + 1)[:4] == b"RF64"
    path = tmp_path / "long.wav"
    frames = 3_000_000_000
    path.write_bytes(wav_header(frames))
    os.truncate(path, len(wav_header(frames)) + 2 * frames)  # a hole: no disk is filled
    info = soundfile.info(path)
    assert (info.frames, info.samplerate, info.format) == (frames, 24_000, "RF64")


def test_a_wrong_announced_length_is_corrected_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    with wav_file(path, frames=3_000_000_000) as writer:
        writer.write(b"\1\0" * 10)
    assert soundfile.info(path).frames == 10
    assert path.read_bytes().endswith(b"data\xff\xff\xff\xff" + b"\1\0" * 10)


@given(head=st.binary(max_size=50), payload=st.binary(max_size=300), by=st.integers(1, 40), copy=st.integers(1, 64))
def test_making_room_for_a_longer_header_loses_no_byte(head: bytes, payload: bytes, by: int, copy: int) -> None:
    file = io.BytesIO(head + payload)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chorus.wav._COPY_BYTES", copy)
        _move_up(file, start=len(head), end=len(head + payload), by=by)
    assert file.getvalue()[len(head) + by :] == payload


def through_a_pipe(pcm: bytes, frames: int | None) -> bytes:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as sink, WavWriter(sink, frames=frames) as writer:
        writer.write(pcm)
    with os.fdopen(reading, "rb") as source:
        return source.read()


def test_a_pipe_gets_a_header_with_an_open_length() -> None:
    assert through_a_pipe(b"\1\0\2\0", None) == streaming_header() + b"\1\0\2\0"
    assert streaming_header().count(b"\xff\xff\xff\xff") == 2
    assert len(streaming_header()) == 44


def test_a_pipe_whose_length_is_known_gets_an_exact_header() -> None:
    assert through_a_pipe(b"\1\0\2\0", 2) == wav_header(2) + b"\1\0\2\0"


def test_a_pipe_with_fewer_samples_than_announced_is_an_error() -> None:
    with pytest.raises(FarmError, match="announced 3 frames, but 2"):
        through_a_pipe(b"\1\0\2\0", 3)


def test_half_a_sample_is_refused() -> None:
    with WavWriter(io.BytesIO()) as writer, pytest.raises(FarmError, match="within a sample"):
        writer.write(b"\0\0\0")


def test_existing_content_of_a_stream_is_kept() -> None:
    file = io.BytesIO(b"before")
    file.seek(6)
    with WavWriter(file) as writer:
        writer.write(b"\1\0")
    assert file.getvalue() == b"before" + wav_header(1) + b"\1\0"


def test_a_wav_that_fails_midway_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(FarmError), wav_file(tmp_path / "half.wav") as writer:
        writer.write(bytes(11))
    assert list(tmp_path.iterdir()) == []


def test_a_wav_in_a_missing_folder_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none/out\.wav cannot be written"), wav_file(tmp_path / "none" / "out.wav"):
        pass
