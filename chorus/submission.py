"""A submit: reads the document, checks the wishes, writes the job in one transaction. Knows nothing of planning."""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

from redis.client import Pipeline

from chorus.errors import ConflictError, OptionError, SourceError
from chorus.input_file import read_input
from chorus.keys import UNFINISHED_S, JobKeys, check_job_id
from chorus.record_access import read_fields
from chorus.records import RECORD_VERSION, JobRecord
from chorus.request import PRIORITIES, TEXT_NAME, Priority, Request, Wishes, requested
from chorus.sources import MOST_BYTES
from chorus.states import State
from chorus.wishes import chosen

if TYPE_CHECKING:
    from redis.typing import EncodableT

MAX_SOURCE_BYTES: Final = 16 * 1024 * 1024
"""The largest source that Redis holds until it is planned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What is asked of the farm beside the audio itself; empty: the farm's choice."""

    store: str = ""
    """The id of the store to keep the audio in."""
    sound: str = ""
    """The model variant to speak it with."""
    in_store: bool = False
    """The source lies in that store already, because it is too large to travel through Redis."""
    priority: Priority = "normal"
    """Its share of the farm among other books; the same job may be submitted again with another."""

    def __post_init__(self) -> None:
        """Refuse a priority that does not exist."""
        chosen("priority", self.priority, PRIORITIES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """A submit, ready to be written."""

    job: str
    request: Request
    source: bytes
    cover: bytes = b""
    terms: Terms

    @property
    def digest(self) -> str:
        """What must be the same for the same job id. Where the audio is kept is no part of it."""
        return self.request.digest(self.source, self.cover, self.terms.sound)

    def write(self, pipe: Pipeline, created_ms: int, *, fresh: bool = False) -> bool:
        """Write the job, or what is new about it. Returns whether a worker needs to look at it.

        `pipe` watches the record: it is read at once and written in the transaction that the caller then executes.
        """
        found = read_fields(pipe, self.job)
        pipe.multi()
        record = JobRecord.from_fields(self.job, found) if found else None
        if record is None or record.refused:
            pipe.delete(*JobKeys(self.job).all)  # of the refused one: its reason, and the stream that ends with it
            self._write_new(pipe, created_ms, fresh=fresh)
            return True
        if record.digest != self.digest:
            raise ConflictError(f"Job {self.job} was submitted with another request: choose another id, or none.")
        pipe.hset(JobKeys(self.job).record, "priority", self.terms.priority)
        if fresh:
            self._write_again(pipe)
        elif record.state in (State.PAUSED, State.FAILED) or record.want == "paused":
            pipe.hset(JobKeys(self.job).record, "want", "running")
        return fresh or record.state not in (State.DONE, State.CANCELLED)

    def _write_new(self, pipe: Pipeline, created_ms: int, *, fresh: bool) -> None:
        key = JobKeys(self.job).record
        fields: dict[EncodableT, EncodableT] = {
            "version": RECORD_VERSION,
            "state": State.QUEUED.value,
            "want": "",
            "epoch": 1,
            "request": self.request.to_json(),
            "digest": self.digest,
            "created_ms": created_ms,
            "store": self.terms.store,
            "sound": self.terms.sound,
            "source_at": "store" if self.terms.in_store else "redis",
            "priority": self.terms.priority,
            "fresh": int(fresh),
        }
        pipe.hset(key, mapping=fields)
        pipe.expire(key, UNFINISHED_S)
        self._write_document(pipe)

    def _write_again(self, pipe: Pipeline) -> None:
        """A fresh run needs the document again: planning deleted it, and a finished job's keys are about to expire."""
        key = JobKeys(self.job).record
        pipe.hset(key, "want", "fresh")
        pipe.expire(key, UNFINISHED_S)
        self._write_document(pipe)

    def _write_document(self, pipe: Pipeline) -> None:
        keys = JobKeys(self.job)
        if not self.terms.in_store:
            pipe.set(keys.source, self.source, ex=UNFINISHED_S)
        if self.cover:
            pipe.set(keys.cover, self.cover, ex=UNFINISHED_S)
        else:
            pipe.delete(keys.cover)  # of an earlier run, taken from the document: this run's reader decides anew


def with_priority(terms: Terms | None, priority: Priority | None) -> Terms:
    """These terms with this priority, where one is given."""
    terms = terms or Terms()
    if priority is None:
        return terms
    if terms.priority not in ("normal", priority):
        raise OptionError(f"priority is {priority}, and {terms.priority} in the terms: leave one of them out.")
    return replace(terms, priority=priority)


def prepare(
    source: bytes | str | Path,
    request: Request | None = None,
    *,
    job: str | None = None,
    cover: bytes | Path | None = None,
    terms: Terms | None = None,
    **wishes: Unpack[Wishes],
) -> Submission:
    """Read and check whatever can be refused before the server is asked."""
    request = _request(source, request, wishes)
    terms = terms or Terms()
    return Submission(
        job=secrets.token_hex(8) if job is None else check_job_id(job),
        request=request,
        source=_bytes_of(source, request.name, most_bytes=None if terms.in_store else MAX_SOURCE_BYTES),
        cover=b"" if cover is None else _bytes_of(cover, "The cover"),
        terms=terms,
    )


def _request(source: bytes | str | Path, request: Request | None, wishes: Wishes) -> Request:
    """The request that was given whole or as single wishes, with the source's own name where it has none."""
    if request is not None and wishes:
        first, *_ = given = sorted(wishes)
        raise OptionError(
            f"A whole request was given and single wishes as well ({', '.join(given)}): leave the request out, or put "
            f"them into it, as in dataclasses.replace(request, {first}=…)."
        )
    found = request or requested(wishes)
    if found.name:
        return found
    return replace(found, name=source.name if isinstance(source, Path) else TEXT_NAME)


def _bytes_of(source: bytes | str | Path, name: str, *, most_bytes: int | None = MAX_SOURCE_BYTES) -> bytes:
    if isinstance(source, Path):
        name = str(source)
        data = read_input(source, MOST_BYTES if most_bytes is None else most_bytes, advice="split the document")
    else:
        # In a terminal without UTF-8 some characters arrive broken; the rest of the text can still be spoken.
        data = source.encode("utf-8", "replace") if isinstance(source, str) else source
    if not data:
        raise SourceError(f"{name} is empty: give one that holds something.")
    if most_bytes is not None and len(data) > most_bytes:
        raise SourceError(
            f"{name} has {len(data) / 2**20:.1f} MB; up to {most_bytes >> 20} MB can be submitted: split the document."
        )
    return data
