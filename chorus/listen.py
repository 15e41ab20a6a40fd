"""Hears a job: its audio in order, from any place on, over broken connections, and always to an end or an error."""

import contextlib
import itertools
import json
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

import redis

from chorus.connection import refusals
from chorus.errors import BehindError, FarmError, JobFailedError, UnknownJobError
from chorus.keys import FINISHED_S, JobKeys
from chorus.reassembly import Place, Reassembler, after
from chorus.wire import Chunk, Kind, decode

BLOCK_MS: Final = 2000
BATCH: Final = 16
CURSOR_MS: Final = 10_000
"""How long a listener counts as present after it last said where it is."""
TICK_S: Final = 2.0
OUTAGE_S: Final = 60.0
"""How long a server may be away before a listener gives up."""
_RETRY_S: Final = 0.25

Entry = tuple[str, dict[bytes, bytes]]
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where a listener is: enough to go on in another process without gap or repeat."""

    last_id: str = "0-0"
    """Everything up to this stream entry was handed out."""
    segment: int = 0
    chunk: int = 0


START: Final = Position()


class Listener(Iterator[Chunk]):
    """Iterate to hear: audio, marks, and failures of single segments, in order.

    It ends after the last segment; a job that failed raises JobFailedError, one whose audio was freed BehindError.
    Close it, or use it as a context manager, when stopping before the end.
    """

    def __init__(self, connection: "redis.Redis", job: str, position: Position = START) -> None:
        self.position = position
        """What was handed out so far."""
        self._redis = connection
        self._job = job
        self._keys = JobKeys(job)
        self._name = secrets.token_hex(8)
        self._order = Reassembler(position.segment, position.chunk)
        self._read_id = position.last_id
        self._run: tuple[bytes, bytes] | None = None
        self._look_at_s = self._say_at_s = time.monotonic()
        self._present = False
        self._given_up = False
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

    def close(self) -> None:
        """Stop listening, and no longer hold the audio back for this reader."""
        self._chunks.close()
        self._leave()

    def give_up(self) -> None:
        """Said from any thread: end before the next read, and wait for no server that is away."""
        self._given_up = True

    def _hear(self) -> Generator[Chunk, None, None]:
        while not (self._order.finished or self._given_up):
            self._look()
            for entry_id, fields in self._read():
                self._say_where()
                yield from self._take(entry_id, fields)

    def _take(self, entry_id: str, fields: dict[bytes, bytes]) -> Iterator[Chunk]:
        """Hand out what this entry made ready, keeping `position` true after each."""
        for chunk in self._order.push(decode(fields)):
            if chunk.kind is Kind.FAILURE and chunk.segment < 0:
                raise JobFailedError(f"Job {self._job} ended without its audio: {chunk.text or 'no reason was given'}.")
            if chunk.kind is Kind.END:
                return
            if chunk.kind is not Kind.MARK:
                self._move(self.position.last_id, after(chunk))
            yield chunk
        self._read_id = entry_id
        # Whoever resumes must read again what still waits here, so the id moves only when nothing does.
        if not self._order.holding:
            self._move(entry_id, self._order.state)

    def _move(self, last_id: str, to: Place) -> None:
        self.position = Position(last_id=last_id, segment=to.segment, chunk=to.chunk)

    def _read(self) -> Iterator[Entry]:
        """The entries after the last one read; none if there was none for BLOCK_MS."""
        answer = self._patiently(lambda: self._redis.xread({self._keys.stream: self._read_id}, BATCH, BLOCK_MS))
        return parse_entries(answer)

    def _look(self) -> None:
        """Make sure that what we wait for can still come. Only right before a read: nothing read may be waiting."""
        if time.monotonic() < self._look_at_s:
            return
        segment = self._order.state.segment
        run, state, cursor, step = self._patiently(lambda: self._report(segment))
        if run is None:
            raise UnknownJobError(
                f"Job {self._job} is not known here, or no longer: finished jobs are kept for an hour."
            )
        if self._run not in (None, run):
            raise FarmError(f"Job {self._job} was started afresh: listen to it from the start.")
        # The farm's own rule for a freed segment: its cursor has passed it and its step is forgotten.
        if segment < cursor and step is None and state != b"cancelled":
            raise BehindError(
                f"The audio of job {self._job} from segment {segment} on is no longer on its stream. "
                f"If it makes a file, `chorus save {self._job}` fetches that once it is done."
            )
        self._run = run
        self._say_where()
        self._look_at_s = time.monotonic() + TICK_S

    def _report(self, segment: int) -> tuple[tuple[bytes, bytes] | None, bytes | None, int, bytes | None]:
        """Which run the job is in (None: it is gone), its state, the farm's cursor, our segment's step."""
        with self._redis.pipeline() as pipe:
            pipe.hmget(self._keys.record, ["epoch", "created_ms", "state", "next"])
            pipe.hget(self._keys.steps, f"segment:{segment}")
            (epoch, created_ms, state, cursor), step = pipe.execute()
        return (epoch, created_ms) if epoch else None, state, int(cursor or 0), step

    def _say_where(self) -> None:
        """Every two seconds: the farm keeps what is not handed out yet, and goes on speaking while someone listens."""
        if time.monotonic() < self._say_at_s:
            return
        self._patiently(self._register)
        self._say_at_s = time.monotonic() + TICK_S

    def _register(self) -> None:
        seconds, micros = self._redis.time()
        deadline_ms = seconds * 1000 + micros // 1000 + CURSOR_MS
        with self._redis.pipeline() as pipe:
            pipe.hset(
                self._keys.readers,
                self._name,
                json.dumps({"segment": self.position.segment, "deadline_ms": deadline_ms}),
            )
            pipe.expire(self._keys.readers, FINISHED_S)
            self._present = True
            pipe.execute()

    def _leave(self) -> None:
        # A cursor that cannot be taken back lapses by itself, as does that of a listener nobody closed.
        if self._present:
            self._present = False
            with contextlib.suppress(redis.RedisError):
                self._redis.hdel(self._keys.readers, self._name)

    def _patiently(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask until the server answers: a restart or a cut line costs time, not audio."""
        give_up_at_s = time.monotonic() + OUTAGE_S
        with refusals(self._redis):
            while True:
                try:
                    return ask()
                except redis.AuthenticationError:
                    raise
                except (redis.ConnectionError, redis.TimeoutError):
                    if self._given_up or time.monotonic() > give_up_at_s:
                        raise
                time.sleep(_RETRY_S)


def parse_entries(answer: Any) -> Iterator[Entry]:
    """The id and fields of each entry of one stream, in any of the shapes in which redis-py 8 answers XREAD.

    A list of (stream, entries), unless the address itself asks for `protocol=3`: then {stream: [entries]}.
    """
    batches = itertools.chain(*answer.values()) if isinstance(answer, dict) else (entries for _, entries in answer)
    for entry_id, fields in itertools.chain.from_iterable(batches):
        yield entry_id.decode(), fields
