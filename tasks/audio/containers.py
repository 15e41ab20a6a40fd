"""Encodes PCM into the compressed containers with FFmpeg. Knows codecs and muxers, not where PCM comes from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av import AudioFrame, AudioStream, Packet
from av.container import OutputContainer
from av.stream import Disposition

from chorus.wire import RATE_HZ, SAMPLE_BYTES
from tasks.audio.book import BookMeta, chapter_titles, tags, three_letters, vorbis_chapters
from tasks.audio.cover import Cover, read_cover
from tasks.audio.pcm import samples

if TYPE_CHECKING:
    from av.container.core import Chapter as Mark  # only the stub defines it

_PACE = Fraction(1, RATE_HZ)
_BLOCK_BYTES = RATE_HZ * SAMPLE_BYTES


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The container, codec and options of one format."""

    container: str
    codec: str
    bits_per_s: int = 0
    """0 for a lossless codec."""
    options: dict[str, str] = field(default_factory=dict)
    """The muxer's options. `bitexact` leaves out what differs from run to run, so that equal books are equal files."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags in addition to those of every book."""
    vorbis: bool = False
    """Whether chapters are written as comments. FFmpeg itself would write every time but full seconds wrongly."""


RECIPES = {
    "flac": Recipe(container="flac", codec="flac", vorbis=True),
    "mp3": Recipe(
        container="mp3",
        codec="libmp3lame",
        bits_per_s=64_000,
        # In ID3 2.4 FFmpeg writes the sizes within a chapter in another way than it reads them, and loses long titles.
        options={"id3v2_version": "3"},
    ),
    "opus": Recipe(container="ogg", codec="libopus", bits_per_s=40_000, vorbis=True),
    "m4b": Recipe(
        container="mp4",
        codec="aac",
        bits_per_s=64_000,
        # The clock of the edit list and the chapters. At its default of 1000 Hz neither would be exact to the sample.
        options={"brand": "M4B ", "movflags": "+faststart", "movie_timescale": str(RATE_HZ)},
        tags={"media_type": "2"},
    ),
}


def mux(blocks: Iterable[bytes], book: BookMeta, recipe: Recipe, path: Path) -> None:
    """Encode the blocks one by one into `path`."""
    cover = read_cover(book.cover) if book.cover else None
    options = {"fflags": "+bitexact", **recipe.options}
    with av.open(path, "w", format=recipe.container, options=options) as container:
        stream = _audio_stream(container, recipe, book)
        container.metadata.update(tags(book) | recipe.tags)
        if recipe.vorbis:
            container.metadata.update(vorbis_chapters(book))
        elif book.chapters:
            container.set_chapters(_marks(book))  # before the first packet: the ID3 tag precedes the audio
        if cover:
            _add_cover(container, recipe, cover)
        for frame in _frames(blocks):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _audio_stream(container: OutputContainer, recipe: Recipe, book: BookMeta) -> AudioStream:
    stream = container.add_stream(recipe.codec, rate=RATE_HZ, layout="mono")
    if not isinstance(stream, AudioStream):
        raise TypeError(recipe.codec)
    if recipe.bits_per_s:
        stream.bit_rate = recipe.bits_per_s
    if language := three_letters(book.language):
        stream.metadata["language"] = language
    return stream


def _marks(book: BookMeta) -> "list[Mark]":
    return [
        {
            "id": number,
            "start": chapter.start,
            "end": chapter.start + chapter.frames,
            "time_base": _PACE,
            "metadata": {"title": title},
        }
        for number, (chapter, title) in enumerate(zip(book.chapters, chapter_titles(book), strict=True))
    ]


def _add_cover(container: OutputContainer, recipe: Recipe, cover: Cover) -> None:
    if recipe.container == "ogg":
        container.metadata["METADATA_BLOCK_PICTURE"] = cover.vorbis_comment()
        return
    stream = container.add_mux_stream(cover.codec, width=cover.width, height=cover.height)
    stream.disposition = Disposition.attached_pic
    packet = Packet(cover.data)
    packet.stream = stream
    packet.pts = packet.dts = 0
    container.mux(packet)


def _frames(blocks: Iterable[bytes]) -> Iterator[AudioFrame]:
    """The audio in frames of one second. FFmpeg converts a whole frame at once, and a block may be a minute."""
    pts = 0
    for block in blocks:
        for at in range(0, len(block), _BLOCK_BYTES):
            wave = samples(block[at : at + _BLOCK_BYTES])
            frame = AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, _PACE, pts
            pts += wave.size
            yield frame
