"""Listens to a job over a synchronous connection: reads, waits and retries. chorus/hearing.py knows what it means."""

import contextlib
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from typing import Final, Self, TypeVar

import redis

from chorus.connection import refusals, stream_entries
from chorus.errors import UnreadableJobError
from chorus.hearing import START, TICK_S, Entry, Failed, Hearing, JobStatus, Position, Verdict
from chorus.keys import FINISHED_S, JobKeys
from chorus.record_access import of_another_type
from chorus.records import check_version
from chorus.wire import Chunk

BLOCK_MS: Final = 2000
BATCH: Final = 16
OUTAGE_S: Final = 60.0
"""How long a server may be away before a listener gives up."""
_RETRY_S: Final = 0.25

_Answer = TypeVar("_Answer")


class Listener(Iterator[Chunk]):
    """Iterate to hear: audio, marks, and failures of single segments, in order.

    It ends after the last segment; a job that failed raises JobFailedError, one whose audio was freed BehindError.
    Close it, or use it as a context manager, when stopping before the end.
    """

    def __init__(self, connection: "redis.Redis", job: str, position: Position = START) -> None:
        self._redis = connection
        self._keys = JobKeys(job)
        self._name = secrets.token_hex(8)
        self._hearing = Hearing(job, position)
        self._tick_at_s = time.monotonic() + TICK_S
        self._present = False
        self._chunks = self._hear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __next__(self) -> Chunk:
        try:
            return next(self._chunks)
        except BaseException:
            self._leave()
            raise

    @property
    def position(self) -> Position:
        """How far it has heard: enough to go on from here in another process."""
        return self._hearing.position

    def close(self) -> None:
        """Stop listening. The farm no longer keeps audio for this listener."""
        self._chunks.close()
        self._leave()

    def give_up(self) -> None:
        """End before the next read, and do not wait for a server that is away. Any thread may call it."""
        self._hearing.stop()

    def _hear(self) -> Generator[Chunk, None, None]:
        while True:
            if time.monotonic() >= self._tick_at_s:
                self._hearing.tick()
                self._tick_at_s = time.monotonic() + TICK_S
            match event := self._hearing.next_event():
                case Chunk():
                    yield event
                case Failed(error):
                    raise error
                case Verdict.READ:
                    self._hearing.receive(self._retrying(self._read))
                case Verdict.CHECK:
                    self._hearing.check(self._retrying(self._status))
                case Verdict.CURSOR:
                    self._retrying(self._write_cursor)
                case Verdict.FINISHED:
                    return

    def _read(self) -> list[Entry]:
        """The entries after the last one received; none if there was none for BLOCK_MS."""
        return list(stream_entries(self._redis.xread({self._keys.stream: self._hearing.read_id}, BATCH, BLOCK_MS)))

    def _status(self) -> JobStatus | None:
        segment = self._hearing.next_segment
        with self._redis.pipeline() as pipe:
            pipe.hmget(self._keys.record, JobStatus.FIELDS)
            pipe.hget(self._keys.record, "version")
            pipe.hget(self._keys.steps, f"segment:{segment}")
            values, version, step = pipe.execute()
        try:
            check_version(self._keys.job, (version or b"").decode("ascii", "replace"))
            return JobStatus.parse(segment, values, step)
        except ValueError as error:
            raise UnreadableJobError.because(self._keys.job, "its progress or its version is no number") from error

    def _write_cursor(self) -> None:
        seconds, micros = self._redis.time()
        cursor = self._hearing.cursor(seconds * 1000 + micros // 1000)
        with self._redis.pipeline() as pipe:
            pipe.hset(self._keys.readers, self._name, cursor.to_json())
            pipe.expire(self._keys.readers, FINISHED_S)
            self._present = True
            pipe.execute()

    def _leave(self) -> None:
        # A cursor that cannot be deleted expires by itself, as does that of a listener that was never closed.
        if self._present:
            self._present = False
            with contextlib.suppress(redis.RedisError):
                self._redis.hdel(self._keys.readers, self._name)

    def _retrying(self, ask: Callable[[], _Answer]) -> _Answer:
        """Repeat the call until the server answers: a restart or a lost connection costs time, not audio."""
        give_up_at_s = time.monotonic() + OUTAGE_S
        with refusals(self._redis):
            while True:
                try:
                    return ask()
                except redis.AuthenticationError:
                    raise
                except redis.ResponseError as error:
                    if not of_another_type(error):
                        raise
                    why = "one of its keys is of another Redis type"
                    raise UnreadableJobError.because(self._keys.job, why, failed=True) from error
                except (redis.ConnectionError, redis.TimeoutError):
                    if self._hearing.stopped or time.monotonic() > give_up_at_s:
                        raise
                time.sleep(_RETRY_S)
