"""A farm played by hand: writes what workers would write for one job, entry by entry."""

import redis

from chorus.keys import JobKeys
from chorus.wire import Chunk, Kind, cut, encode


class HandFarm:
    def __init__(self, server: redis.Redis, job: str) -> None:
        self.server = server
        self.keys = JobKeys(job)

    def speak(self, segment: int, pcm: bytes = b"", *, chunk_bytes: int = 1024) -> None:
        for chunk in cut(segment, pcm or pcm_of(segment), chunk_bytes=chunk_bytes):
            self.tell(chunk)
        self.server.hset(self.keys.steps, f"segment:{segment}", "d")
        self.server.expire(self.keys.steps, 60)

    def tell(self, chunk: Chunk) -> bytes:
        entry_id: bytes = self.server.xadd(self.keys.stream, encode(chunk))
        self.server.expire(self.keys.stream, 60)
        return entry_id

    def end(self, segments: int) -> None:
        self.tell(Chunk(kind=Kind.END, segment=segments))

    def fail(self, segment: int, text: str) -> None:
        self.tell(Chunk(kind=Kind.FAILURE, segment=segment, text=text))

    def note(self, **fields: str | int) -> None:
        self.server.hset(self.keys.record, mapping=fields)


def pcm_of(segment: int) -> bytes:
    return bytes([segment, 1]) * 600


def pcm(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.pcm for chunk in chunks if chunk.kind is Kind.AUDIO)
