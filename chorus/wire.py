"""The format of a stream entry: small fields and raw PCM. Pure: knows no Redis and no clock.

The order of speech is (segment, chunk); entry ids are the order of arrival. See docs/wire.md.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chorus.errors import FarmError

VERSION = 1
RATE_HZ = 24_000
SAMPLE_BYTES = 2
MAX_CHUNK_BYTES = 256 * 1024
_NUMBER = re.compile(rb"-?[0-9]{1,12}")
_LONGEST_REASON = 100
_REMEDY = "Submit the job again, under another id."


class Kind(StrEnum):
    """The kind of an entry."""

    AUDIO = "audio"
    MARK = "mark"
    FAILURE = "failure"
    END = "end"


class WireError(FarmError):
    """A stream entry is not Chorus's, is of a newer version, or is damaged."""

    code = "wire"
    remedy = "Follow the job again; if that does not help, submit it again with --fresh."


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """One entry of a job's stream."""

    kind: Kind
    segment: int
    """The segment's number; for `end` the number of segments; -1 for a failure of the whole job."""
    chunk: int = 0
    """Position within the segment, from 0."""
    chunks: int = 1
    """How many chunks this segment has."""
    pcm: bytes = b""
    """s16le mono 24 kHz."""
    text: str = ""
    """A failure's reason, a mark's name."""

    @property
    def frames(self) -> int:
        """Samples in this chunk."""
        return len(self.pcm) // SAMPLE_BYTES

    @property
    def order(self) -> tuple[int, int]:
        """Its place in the order of speech."""
        return self.segment, self.chunk


def encode(chunk: Chunk) -> dict[str, bytes | int | str]:
    """The fields of a stream entry, as XADD takes them."""
    fields: dict[str, bytes | int | str] = {
        "v": VERSION,
        "k": chunk.kind.value,
        "s": chunk.segment,
        "c": chunk.chunk,
        "n": chunk.chunks,
        "f": chunk.frames,
        "x": zlib.crc32(chunk.pcm),
        "d": chunk.pcm,
    }
    if chunk.text:
        fields["t"] = chunk.text
    return fields


def decode(fields: Mapping[bytes, bytes]) -> Chunk:
    """The chunk in an entry's fields, or WireError."""
    try:
        version = _number(fields[b"v"])
        if version > VERSION:
            raise WireError(f"A stream entry has wire version {version}, this reader knows {VERSION}: update Chorus.")
        pcm = fields.get(b"d", b"")
        chunk = Chunk(
            kind=Kind(fields[b"k"].decode()),
            segment=_number(fields[b"s"]),
            chunk=_number(fields.get(b"c", b"0")),
            chunks=_number(fields.get(b"n", b"1")),
            pcm=pcm,
            text=fields.get(b"t", b"").decode("utf-8", "replace"),
        )
        damaged = zlib.crc32(pcm) != _number(fields.get(b"x", b"0")) or len(pcm) % SAMPLE_BYTES
    except KeyError as error:
        name = error.args[0].decode()
        raise WireError(f"A stream entry is not Chorus's: it has no field {name!r}. {_REMEDY}") from error
    except ValueError as error:
        why = repr(str(error)[:_LONGEST_REASON])
        raise WireError(f"A stream entry is not Chorus's: {why}. {_REMEDY}") from error
    if damaged:
        where = f"Segment {chunk.segment}, chunk {chunk.chunk}"
        raise WireError(f"{where} arrived damaged: its checksum does not match. {_REMEDY}")
    return chunk


def _number(text: bytes) -> int:
    """A field's number; ValueError for what no release wrote, however long it is."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:_LONGEST_REASON]!r} is no number")
    return int(text)


def cut(segment: int, pcm: bytes, *, chunk_bytes: int = MAX_CHUNK_BYTES) -> Iterator[Chunk]:
    """A segment's PCM as chunks of at most `chunk_bytes`, which must be even."""
    pieces = [pcm[at : at + chunk_bytes] for at in range(0, len(pcm), chunk_bytes)] or [b""]
    for index, piece in enumerate(pieces):
        yield Chunk(kind=Kind.AUDIO, segment=segment, chunk=index, chunks=len(pieces), pcm=piece)
