"""One listener of one job as a pure object: what it has read, what it may hand out, and what it needs next.

It knows no Redis and no clock. Its driver (`chorus/listen.py`, later an asynchronous listener) calls `next_event()`,
does what the answer says, and calls again, until FINISHED or Failed. The first row that holds decides:

| the listener                              | `next_event()` | what the driver does                             |
|-------------------------------------------|----------------|--------------------------------------------------|
| has failed                                | Failed         | raises the error; the answer stays the same      |
| has reached the end                       | FINISHED       | ends; the answer stays the same                  |
| has passed a check, and its cursor is due | CURSOR         | writes `cursor()` to the job's `readers`         |
| has a chunk whose turn it is              | that Chunk     | hands it out: `position` is behind it now        |
| was stopped                               | FINISHED       | ends; the answer stays the same                  |
| must check the job                        | CHECK          | reads the job's status and calls `check()`       |
| needs entries                             | READ           | reads entries after `read_id`, calls `receive()` |

What the driver reports, and what follows:

| report                                                | effect                                                     |
|-------------------------------------------------------|------------------------------------------------------------|
| `tick()`: TICK_S have passed                          | the cursor is due, and a check                             |
| `stop()`: nothing more is wanted                      | what was received is handed out; then FINISHED             |
| `check()`: the job does not exist                     | UnknownJobError                                            |
| `check()`: it is another run than at the last check   | FarmError                                                  |
| `check()`: the farm has freed the next segment        | BehindError                                                |
| `receive()`: audio, a mark, the failure of a segment  | handed out in the order of speech (chorus/reassembly.py)   |
| `receive()`: the end                                  | FINISHED, once everything before it was handed out         |
| `receive()`: the failure of the job                   | JobFailedError; what still waits for its turn is dropped   |
| `receive()`: damaged, of a newer version, of a kind   | WireError                                                  |
| we do not know, or in contradiction to earlier ones   |                                                            |
| `receive()`: too much audio that waits for a segment  | ReorderError                                               |

A check is asked for only while nothing received is left to look at: then a next segment that the farm has freed cannot
come any more. The first cursor follows the first check, so that no key is written for a job that does not exist.

`position` names the last entry only once nothing that was read up to it waits for its turn. A listener that starts
from it therefore reads again what this one still held, and drops what was handed out; only a mark may be repeated.
"""

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from chorus.errors import BehindError, ChorusError, FarmError, JobFailedError, UnknownJobError
from chorus.reassembly import JOB, Place, Reassembler, after
from chorus.states import State
from chorus.wire import Chunk, Kind, decode

TICK_S: Final = 2.0
"""How often the driver calls `tick()`. Must be well below CURSOR_MS, or the farm forgets a listener between two."""
CURSOR_MS: Final = 10_000
"""How long the farm counts a listener as present after its cursor was written."""

Entry = tuple[str, Mapping[bytes, bytes]]
"""A stream entry's id and fields."""


class Verdict(StrEnum):
    """What the driver is to do next when there is no chunk to hand out."""

    CHECK = "check"
    CURSOR = "cursor"
    READ = "read"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Failed:
    """The listening is over, and this is why."""

    error: ChorusError


Event = Chunk | Verdict | Failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where a listener is: enough to go on in another process without gap or repeat."""

    last_id: str = "0-0"
    """Everything up to this stream entry was handed out."""
    segment: int = 0
    chunk: int = 0


START: Final = Position()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """What a listener writes to the job's `readers`: nothing from this segment on may be freed before the deadline."""

    segment: int
    deadline_ms: int
    """By the server's clock."""

    def to_json(self) -> str:
        """As it is stored."""
        return json.dumps({"segment": self.segment, "deadline_ms": self.deadline_ms})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What `to_json` wrote; ValueError, TypeError or KeyError for anything else."""
        fields = json.loads(text)
        return cls(segment=int(fields["segment"]), deadline_ms=int(fields["deadline_ms"]))


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStatus:
    """What a check needs to know of a job, read in one transaction."""

    FIELDS = ("epoch", "created_ms", "state", "next")
    """The fields of the job's record to read for it."""

    run: tuple[bytes | None, bytes | None]
    """Epoch and time of creation: another run of the job differs in one of them."""
    freed: bool
    """Whether the listener's next segment was spoken and is no longer on the stream."""

    @classmethod
    def parse(cls, segment: int, values: Sequence[bytes | None], step: bytes | None) -> "JobStatus | None":
        """From the record's FIELDS and the state of the step that speaks `segment`; None if there is no record."""
        epoch, created_ms, state, first_not_stored = values
        if epoch is None:
            return None
        # The farm forgets the step of a segment that it frees, and moves `next` behind it. A cancelled job's steps are
        # forgotten too, and its stream ends in a failure that is still to be read.
        freed = segment < int(first_not_stored or 0) and step is None and state != State.CANCELLED.value.encode()
        return cls(run=(epoch, created_ms), freed=freed)


class Hearing:
    """What one listener knows. See the tables above."""

    def __init__(self, job: str, position: Position = START) -> None:
        self.position = position
        """What was handed out so far."""
        self.read_id = position.last_id
        """The last entry received: the driver reads on behind it."""
        self._job = job
        self._order = Reassembler(position.segment, position.chunk)
        self._entries: deque[Entry] = deque()
        self._ready: deque[Chunk] = deque()
        self._taken_id = position.last_id
        self._run: tuple[bytes | None, bytes | None] | None = None
        self._check_due = self._cursor_due = True
        self._stopped = False
        self._over: Verdict | Failed | None = None

    @property
    def next_segment(self) -> int:
        """The segment whose audio is needed next; a check asks for its step."""
        return self._order.state.segment

    def cursor(self, now_ms: int) -> Cursor:
        """The cursor to write at this time of the server's clock."""
        return Cursor(segment=self.position.segment, deadline_ms=now_ms + CURSOR_MS)

    def tick(self) -> None:
        """Another TICK_S have passed."""
        self._check_due = self._cursor_due = True

    @property
    def stopped(self) -> bool:
        """Whether `stop()` was called."""
        return self._stopped

    def stop(self) -> None:
        """Nothing more is wanted. The only method that another thread may call."""
        self._stopped = True

    def receive(self, entries: Iterable[Entry]) -> None:
        """What a read of the stream after `read_id` brought, in the stream's order."""
        for entry in entries:
            self._entries.append(entry)
            self.read_id = entry[0]

    def check(self, status: JobStatus | None) -> None:
        """The job's status, after CHECK asked for it."""
        if self._entries or self._ready:
            raise RuntimeError("A check while received entries wait would call audio freed that is here.")
        self._check_due = False
        if error := self._why_over(status):
            self._over = Failed(error)
        elif status:
            self._run = status.run

    def next_event(self) -> Event:
        """The next chunk, or what the driver is to do."""
        if self._over:
            return self._over
        if self._cursor_due and self._run and not self._stopped:
            self._cursor_due = False
            return Verdict.CURSOR
        try:
            event = self._take()
        except FarmError as error:
            event = Failed(error)
        if event is None:
            event = self._request()
        if isinstance(event, Failed) or event is Verdict.FINISHED:
            self._over = event
        return event

    def _request(self) -> Verdict:
        if self._stopped:
            return Verdict.FINISHED
        return Verdict.CHECK if self._check_due else Verdict.READ

    def _take(self) -> Event | None:
        """The next chunk in the order of speech, from as many received entries as it takes; None if they bring none."""
        while not self._ready:
            # A listener that resumes must read again what still waits here, so the id moves only when nothing does.
            if not self._order.holding:
                self._move(self._taken_id, self._order.state)
            if not self._entries:
                return None
            entry_id, fields = self._entries.popleft()
            self._ready.extend(self._order.push(decode(fields)))
            self._taken_id = entry_id
        return self._hand_out(self._ready.popleft())

    def _hand_out(self, chunk: Chunk) -> Event:
        if chunk.kind is Kind.END:
            return Verdict.FINISHED
        if chunk.kind is Kind.FAILURE and chunk.segment == JOB:
            reason = chunk.text or "no reason was given"
            stop = "" if reason.endswith((".", "?", "!")) else "."
            return Failed(JobFailedError(f"Job {self._job} ended without its audio: {reason}{stop}"))
        if chunk.kind is not Kind.MARK:
            self._move(self.position.last_id, after(chunk))
        return chunk

    def _move(self, last_id: str, to: Place) -> None:
        self.position = Position(last_id=last_id, segment=to.segment, chunk=to.chunk)

    def _why_over(self, status: JobStatus | None) -> ChorusError | None:
        if status is None:
            return UnknownJobError(
                f"Job {self._job} is not known here, or no longer: finished jobs are kept for an hour. Submit it again."
            )
        if self._run not in (None, status.run):
            return FarmError(f"Job {self._job} was started afresh: listen to it from the start.")
        if status.freed:
            return BehindError(
                f"The audio of job {self._job} from segment {self.next_segment} on is no longer on its stream. "
                f"If it makes a file, `chorus save {self._job}` fetches that once it is done."
            )
        return None
