"""One, the wire: a segment's audio is cut into chunks. A chunk travels as small fields and raw samples."""

from chorus.wire import RATE_HZ, Chunk, Kind, cut, decode, encode

ONE_SECOND = bytes(2 * RATE_HZ)


def test_a_chunk_is_encoded_as_the_fields_of_a_stream_entry_and_decoded_again() -> None:
    chunk = Chunk(kind=Kind.AUDIO, segment=4, chunk=0, chunks=1, pcm=ONE_SECOND)
    fields = encode(chunk)
    assert fields["s"] == 4, "the number of its segment"
    assert fields["f"] == RATE_HZ, "the number of samples: one second at 24 kHz"
    as_redis_returns_them = {name.encode(): _as_bytes(value) for name, value in fields.items()}
    assert decode(as_redis_returns_them) == chunk


def test_a_segment_is_cut_into_numbered_chunks() -> None:
    chunks = list(cut(4, ONE_SECOND, chunk_bytes=20_000))
    assert [(chunk.segment, chunk.chunk, chunk.chunks) for chunk in chunks] == [(4, 0, 3), (4, 1, 3), (4, 2, 3)]
    assert b"".join(chunk.pcm for chunk in chunks) == ONE_SECOND


def _as_bytes(value: bytes | int | str) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
