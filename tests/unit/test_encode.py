"""A finished file has the whole book and its metadata, and is either complete or does not exist."""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from av import VideoFrame
from disk import small_disk
from numpy.typing import NDArray

from broker.store import LocalStore
from chorus.errors import DiskError, FarmError, OptionError, OutputError
from chorus.request import FORMATS
from chorus.wav import wav_header
from tasks.audio import BookChapter, BookMeta, encode, encode_into
from tasks.audio.pcm import digest

RATE_HZ = 24_000
AAC_FRAME = 1024
Pcm = NDArray[np.int16]
# An mp4 says in its edit list where the sound ends, but PyAV decodes the last packet whole; LAME leaves a decoder a
# few samples more when they fit into no further packet. Ogg, FLAC and WAV end to the sample.
SPARE = {"m4b": AAC_FRAME, "mp3": 576}
LOSSLESS = ("wav", "flac")
COMPRESSED = tuple(form for form in FORMATS if form != "wav")
TITLES = ("The Crow and the Pitcher", "Zwölf Brüder", "羅生門", "नमक का दारोगा")


def sound(frames: int) -> Pcm:
    """Speech-like in what matters to a codec: low frequencies, and never the same twice."""
    noise = np.random.default_rng(3).normal(size=frames + 15)
    smooth = np.convolve(noise, np.ones(16) / 16, "valid")
    return (9000 * smooth * (1 + np.sin(np.arange(frames) / 3000))).astype("<i2")


def blocks(pcm: Pcm, frames: int = 10_007) -> Iterator[bytes]:
    return (pcm[at : at + frames].tobytes() for at in range(0, pcm.size, frames))


def decoded(path: Path) -> Pcm:
    """The file's sound at 24 kHz, as a player would hear it."""
    with av.open(str(path)) as container:
        made = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        rate_hz = container.streams.audio[0].rate
    wave = np.concatenate(made)[:: rate_hz // RATE_HZ]
    return wave if wave.dtype == np.int16 else np.clip(np.rint(wave * 32767), -32768, 32767).astype("<i2")


def divided(*frames: int) -> tuple[BookChapter, ...]:
    return tuple(
        BookChapter(title=TITLES[n % len(TITLES)], start=sum(frames[:n]), frames=length)
        for n, length in enumerate(frames)
    )


def png(width: int = 3, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x80\x40\x20" * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="image2pipe") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuvj420p"
        container.mux(stream.encode(VideoFrame(32, 16, "yuvj420p")))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("frames", [1, 960, 1024, 24_000, 72_777, 100_001])
def test_the_decoded_audio_is_as_long_as_the_spoken_audio(tmp_path: Path, form: str, frames: int) -> None:
    pcm = sound(frames)
    made = encode(blocks(pcm), BookMeta(title="Book"), form, tmp_path / "book")
    heard = decoded(tmp_path / "book")
    assert frames <= heard.size < frames + SPARE.get(form, 1)
    assert made.frames == frames
    assert made.bytes == (tmp_path / "book").stat().st_size
    assert made.sha256_pcm == digest(pcm.tobytes())


@pytest.mark.parametrize("form", FORMATS)
def test_the_first_and_the_last_word_keep_their_places(tmp_path: Path, form: str) -> None:
    pcm = sound(72_777)
    encode(blocks(pcm), BookMeta(title="Book"), form, tmp_path / "book")
    heard = decoded(tmp_path / "book")[: pcm.size]
    for part in (slice(0, 2000), slice(-600, None)):
        said, got = pcm[part].astype(float), heard[part].astype(float)
        assert np.corrcoef(said, got)[0, 1] > 0.95
    if form in LOSSLESS:
        assert np.array_equal(heard, pcm)


def test_the_edit_list_of_an_m4b_has_the_exact_length(tmp_path: Path) -> None:
    encode(blocks(sound(72_777)), BookMeta(title="Book"), "m4b", tmp_path / "book")
    with av.open(str(tmp_path / "book")) as container:
        stream = container.streams.audio[0]
        assert (stream.duration, stream.time_base.denominator, stream.start_time) == (72_777, RATE_HZ, 0)


def test_a_wav_consists_of_a_header_and_the_samples(tmp_path: Path) -> None:
    pcm = sound(5000)
    encode(blocks(pcm), BookMeta(title="Book", chapters=divided(5000)), "wav", tmp_path / "book")
    assert (tmp_path / "book").read_bytes() == wav_header(5000) + pcm.tobytes()


def test_a_flac_has_16_bits_and_states_its_length(tmp_path: Path) -> None:
    encode(blocks(sound(5000)), BookMeta(title="Book"), "flac", tmp_path / "book")
    info = soundfile.info(tmp_path / "book")
    assert (info.subtype, info.samplerate, info.channels, info.frames) == ("PCM_16", RATE_HZ, 1, 5000)


@pytest.mark.parametrize("form", COMPRESSED)
def test_chapters_are_read_back_in_order_with_titles_and_places(tmp_path: Path, form: str) -> None:
    lengths = (12_001, 30_000, 7, 50_000)
    book = BookMeta(title="Book", chapters=divided(*lengths))
    encode(blocks(sound(sum(lengths))), book, form, tmp_path / "book")
    with av.open(str(tmp_path / "book")) as container:
        found = container.chapters()
    assert [mark["metadata"]["title"] for mark in found] == list(TITLES)
    exact = 1 / RATE_HZ if form == "m4b" else 0.001
    for mark, chapter in zip(found, book.chapters, strict=True):
        assert mark["time_base"] is not None
        assert abs(mark["start"] * mark["time_base"] - chapter.start / RATE_HZ) <= exact


def test_chapters_of_an_m4b_are_exact_to_the_sample(tmp_path: Path) -> None:
    book = BookMeta(title="Book", chapters=divided(12_001, 30_000, 50_003))
    encode(blocks(sound(92_004)), book, "m4b", tmp_path / "book")
    with av.open(str(tmp_path / "book")) as container:
        assert [(mark["start"], mark["end"]) for mark in container.chapters()] == [
            (0, 12_001),
            (12_001, 42_001),
            (42_001, 92_004),
        ]


@pytest.mark.parametrize("form", COMPRESSED)
def test_tags_are_read_back(tmp_path: Path, form: str) -> None:
    book = BookMeta(
        title="Die Zeitmaschine — 時間",
        author="H. G. Wéllš",
        series="Erste Reisen #1",
        language="en-gb",
        date="1895",
        comment="af_heart, stand-in voice",
    )
    encode(blocks(sound(5000)), book, form, tmp_path / "book")
    with av.open(str(tmp_path / "book")) as container:
        stream = container.streams.audio[0]
        found = {name.lower(): value for name, value in {**stream.metadata, **container.metadata}.items()}
    assert found["title"] == found["album"] == "Die Zeitmaschine — 時間"
    assert found["artist"] == found["album_artist"] == "H. G. Wéllš"
    assert found["grouping"] == "Erste Reisen #1"
    assert found["genre"] == "Audiobook"
    assert found["date"] == "1895"
    assert found["language"] == "eng"
    assert found["comment"] == "af_heart, stand-in voice"


def test_an_m4b_is_marked_as_audiobook_and_can_be_streamed(tmp_path: Path) -> None:
    encode(blocks(sound(50_000)), BookMeta(title="Book"), "m4b", tmp_path / "book")
    data = (tmp_path / "book").read_bytes()
    with av.open(str(tmp_path / "book")) as container:
        assert container.metadata["major_brand"] == "M4B "
        assert container.metadata["media_type"] == "2"
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == ("aac", RATE_HZ, 1)
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("form", COMPRESSED)
@pytest.mark.parametrize("kind", ["png", "mjpeg"])
def test_the_cover_is_read_back_byte_for_byte(tmp_path: Path, form: str, kind: str) -> None:
    picture = png() if kind == "png" else jpeg()
    book = BookMeta(title="Book", cover=picture, chapters=divided(6000, 6001))
    encode(blocks(sound(12_001)), book, form, tmp_path / "book")
    with av.open(str(tmp_path / "book")) as container:
        (stream,) = container.streams.video
        assert stream.codec_context.name == kind
        assert bytes(next(iter(container.demux(stream)))) == picture
        assert len(container.chapters()) == 2
    assert 12_001 <= decoded(tmp_path / "book").size <= 12_001 + AAC_FRAME


@pytest.mark.parametrize(
    ("cover", "sentence"),
    [
        (b"GIF89a", "neither JPEG nor PNG"),
        (b"not a picture", "neither JPEG nor PNG"),
        (png()[:20], "damaged PNG"),
        (b"\xff\xd8\xff\xe0", "damaged JPEG"),
    ],
)
@pytest.mark.parametrize("form", ["m4b", "opus"])
def test_an_invalid_cover_is_refused_and_no_file_is_written(
    tmp_path: Path, form: str, cover: bytes, sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        encode(blocks(sound(10)), BookMeta(title="Book", cover=cover), form, tmp_path / "book")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", COMPRESSED)
def test_titles_are_changed_so_that_every_player_shows_them(tmp_path: Path, form: str) -> None:
    titles = ["a\nb\0\x1bc", "  ", "\ud800x", "é" * 300]
    chapters = tuple(BookChapter(title=title, start=n * 5000, frames=5000) for n, title in enumerate(titles))
    encode(blocks(sound(20_000)), BookMeta(title="T\n\u2028X", author="\0", chapters=chapters), form, tmp_path / "book")
    with av.open(str(tmp_path / "book")) as container:
        found = [mark["metadata"]["title"] for mark in container.chapters()]
        named = {**container.streams.audio[0].metadata, **container.metadata}
    assert found == ["a b c", "Chapter 2", "x", "é" * 126 + "…"]
    assert {name.lower(): value for name, value in named.items()}["title"] == "T X"


@pytest.mark.parametrize("form", FORMATS)
def test_equal_books_are_equal_files(tmp_path: Path, form: str) -> None:
    book = BookMeta(title="Book", cover=png(), chapters=divided(20_000, 10_000))
    pcm = sound(30_000)
    encode(blocks(pcm), book, form, tmp_path / "one")
    encode(blocks(pcm, 777), book, form, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_gives_one_sentence_and_keeps_the_old_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "book"
    path.write_bytes(b"old")
    with small_disk(6000), pytest.raises(DiskError, match="no room for book in"):
        encode(blocks(sound(120_000)), BookMeta(title="Book"), form, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_store_is_reported_as_such(tmp_path: Path, form: str) -> None:
    store = LocalStore(tmp_path)
    with small_disk(6000), pytest.raises(DiskError, match=f"The store {tmp_path} is full"):  # noqa: SIM117
        with store.writer("jobs/a/1/result") as path:
            encode_into(blocks(sound(120_000)), BookMeta(title="Book"), form, path)
    assert store.keys() == ()


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_part_in_the_middle_leaves_no_file(tmp_path: Path, form: str) -> None:
    def damaged() -> Iterator[bytes]:
        yield sound(50_000).tobytes()
        raise FarmError("part-00001.flac is damaged")

    with pytest.raises(FarmError, match="part-00001"):
        encode(damaged(), BookMeta(title="Book"), form, tmp_path / "book")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_parts_that_do_not_match_the_chapters_give_no_file(tmp_path: Path, form: str) -> None:
    with pytest.raises(FarmError, match="add up to 3001 frames, the parts to 3000"):
        encode(blocks(sound(3000)), BookMeta(title="Book", chapters=divided(1000, 2001)), form, tmp_path / "book")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused_and_the_known_ones_are_listed(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'ogg' is unknown: choose one of wav, flac, mp3, opus, m4b"):
        encode([], BookMeta(title="Book"), "ogg", tmp_path / "book")


def test_a_missing_folder_is_refused_before_any_part_is_read(tmp_path: Path) -> None:
    parts = blocks(sound(100))
    with pytest.raises(OutputError, match="cannot be written"):
        encode(parts, BookMeta(title="Book"), "m4b", tmp_path / "none" / "book.m4b")
    assert next(parts)


LONG_BOOK = """
import sys
from pathlib import Path
import numpy as np, psutil
from tasks.audio import BookChapter, BookMeta, encode
form, path = sys.argv[1], Path(sys.argv[2])
part = 24_000 * 20
noise = np.random.default_rng(1).integers(-3000, 3000, part).astype("<i2")
rss = []
def parts():
    for n in range(30):
        yield np.roll(noise, n).tobytes() if n % 3 == 0 else bytes(2 * part)
        rss.append(psutil.Process().memory_info().rss)
chapters = tuple(BookChapter(title=str(n), start=n * part, frames=part) for n in range(30))
encode(parts(), BookMeta(title="Long", chapters=chapters), form, path)
print(max(rss[-5:]) - max(rss[:5]))
"""


@pytest.mark.parametrize("form", FORMATS)
def test_a_long_book_takes_no_more_memory_than_a_short_one(tmp_path: Path, form: str) -> None:
    command = [sys.executable, "-c", LONG_BOOK, form, tmp_path / "book"]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    # An mp4 is written with an index of its packets, 5 MB an hour; held back, these ten minutes would be 29 MB.
    assert grown < 8_000_000
