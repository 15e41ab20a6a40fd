"""The wire format: an encoded chunk is decoded unchanged, and foreign or damaged entries are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.wire import MAX_CHUNK_BYTES, VERSION, Chunk, Kind, WireError, cut, decode, encode

samples = st.binary(max_size=400).map(lambda data: data[: len(data) // 2 * 2])
chunks = st.builds(
    Chunk,
    kind=st.sampled_from(Kind),
    segment=st.integers(-1, 10**6),
    chunk=st.integers(0, 100),
    chunks=st.integers(1, 100),
    pcm=samples,
    text=st.text(st.characters(codec="utf-8"), max_size=40),
)


def stored(chunk: Chunk) -> dict[bytes, bytes]:
    """The fields as the server gives them back: bytes all of them."""
    return {
        name.encode(): value if isinstance(value, bytes) else str(value).encode()
        for name, value in encode(chunk).items()
    }


@given(chunks)
def test_an_encoded_chunk_is_decoded_unchanged(chunk: Chunk) -> None:
    assert decode(stored(chunk)) == chunk


def test_an_entry_has_the_documented_fields() -> None:
    chunk = Chunk(kind=Kind.AUDIO, segment=7, chunk=1, chunks=3, pcm=b"\1\0\2\0")
    assert stored(chunk) == {
        b"v": b"1", b"k": b"audio", b"s": b"7", b"c": b"1", b"n": b"3", b"f": b"2", b"x": b"2882460411",
        b"d": b"\1\0\2\0",
    }  # fmt: skip


def test_fields_with_defaults_may_be_omitted() -> None:
    assert decode({b"v": b"1", b"k": b"end", b"s": b"4"}) == Chunk(kind=Kind.END, segment=4)


def test_a_newer_wire_version_is_refused_with_the_remedy() -> None:
    newer = {**stored(Chunk(kind=Kind.END, segment=1)), b"v": str(VERSION + 1).encode()}
    with pytest.raises(WireError, match=r"has wire version 2, this reader knows 1: update Chorus"):
        decode(newer)


@pytest.mark.parametrize(
    "change",
    [{b"v": None}, {b"k": None}, {b"s": None}, {b"k": b"video"}, {b"s": b"first"}, {b"c": b""}, {b"n": b"1.5"}],
)
def test_a_foreign_entry_is_refused(change: dict[bytes, bytes | None]) -> None:
    fields = {**stored(Chunk(kind=Kind.AUDIO, segment=1, pcm=b"\1\0")), **change}
    with pytest.raises(WireError, match="not Chorus's"):
        decode({name: value for name, value in fields.items() if value is not None})


@pytest.mark.parametrize("pcm", [b"\1\1", b"", b"\1\0\0"])
def test_damaged_audio_is_refused_by_its_place(pcm: bytes) -> None:
    fields = {**stored(Chunk(kind=Kind.AUDIO, segment=5, chunk=2, chunks=3, pcm=b"\1\0")), b"d": pcm}
    with pytest.raises(WireError, match="Segment 5, chunk 2 arrived damaged"):
        decode(fields)


@given(samples, st.integers(1, 50).map(lambda half: half * 2))
def test_audio_cut_into_chunks_is_the_same_audio(pcm: bytes, chunk_bytes: int) -> None:
    pieces = list(cut(9, pcm, chunk_bytes=chunk_bytes))
    assert b"".join(piece.pcm for piece in pieces) == pcm
    assert [piece.order for piece in pieces] == [(9, place) for place in range(len(pieces))]
    assert {piece.chunks for piece in pieces} == {len(pieces)}
    assert max(len(piece.pcm) for piece in pieces) <= chunk_bytes


def test_a_segment_without_audio_is_still_a_chunk() -> None:
    assert list(cut(3, b"")) == [Chunk(kind=Kind.AUDIO, segment=3)]


def test_a_chunk_never_passes_a_quarter_of_a_megabyte() -> None:
    assert [len(piece.pcm) for piece in cut(0, b"\0" * (MAX_CHUNK_BYTES + 2))] == [MAX_CHUNK_BYTES, 2]
