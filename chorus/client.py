"""The client: submits documents, reads how far jobs are, listens to them, fetches results. Knows no worker's work."""

import difflib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self, TypeVar, Unpack, cast

from redis.client import Pipeline

from chorus import stack_address
from chorus.connection import connect, refusals
from chorus.errors import (
    ConflictError,
    FarmError,
    JobFailedError,
    OptionError,
    OutputError,
    UnknownJobError,
    UnreadableJobError,
)
from chorus.files import whole_file
from chorus.hearing import START, Position
from chorus.input_file import is_folder
from chorus.keys import ACTIVE, GLOBAL_S, INBOX, JOBS, JobKeys, job_id_of
from chorus.listen import Listener
from chorus.record_access import of_another_type, read_fields, read_records, read_workers
from chorus.records import JobRecord, Result, Worker
from chorus.request import Priority, Request, Wishes
from chorus.set_aside import put_aside
from chorus.settings import ClientSettings
from chorus.states import State, Want
from chorus.submission import Terms, prepare, with_priority
from chorus.wav import wav_file
from chorus.wire import Kind

PAGE: Final = 50
_SHOWN: Final = 5
"""How many jobs a message names at most."""
_LOOK_S: Final = 0.2
_COPY_BYTES: Final = 1 << 20
_LONGEST_STEM: Final = 60
"""Letters of a file's name, of which each takes four bytes at most: file systems have room for 255."""
_Answer = TypeVar("_Answer")
_ASKED: Final[dict[Want, str]] = {
    "running": "resumed",
    "paused": "paused",
    "cancelled": "cancelled",
    "retry": "retried",
}


class Client:
    """A connection to the farm's server. Close it, or use it as a context manager; safe to share between threads.

    Without a `url`, it is the server that CHORUS_URL names, or else that of the stack running on this machine.
    """

    def __init__(self, url: str | None = None, settings: ClientSettings | None = None) -> None:
        self._redis = connect(url or stack_address.address(settings or ClientSettings.load()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._redis.close()

    def ping(self) -> None:
        """Return if the server answers, else raise ServerError."""
        with refusals(self._redis):
            self._redis.ping()

    def now_ms(self) -> int:
        """The time by the server's clock, as all times in a record."""
        with refusals(self._redis):
            seconds, micros = self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def submit(
        self,
        source: bytes | str | Path,
        request: Request | None = None,
        *,
        job: str | None = None,
        cover: bytes | Path | None = None,
        fresh: bool = False,
        terms: Terms | None = None,
        priority: Priority | None = None,
        **wishes: Unpack[Wishes],
    ) -> JobRecord:
        """Hand in a document: a `Path`, its bytes (then `name` says of what kind they are), or plain text.

        The wishes are given as a whole `request`, or one by one: `voice`, `speed`, `format` and so on. The same id with
        the same request is the same job: it goes on where it stopped, or with `fresh` starts again. `priority` is the
        job's share of the farm; `terms` can hold it as well.
        """
        submission = prepare(source, request, job=job, cover=cover, terms=with_priority(terms, priority), **wishes)
        with refusals(self._redis):
            created_ms = self.now_ms()
            if self._transact(submission.job, lambda pipe: submission.write(pipe, created_ms, fresh=fresh)):
                self._announce(submission.job, created_ms)
        return self.job(submission.job)

    def job(self, job: str) -> JobRecord:
        """The job as it stands now, or UnknownJobError."""
        with refusals(self._redis):
            return _parse(job, read_fields(self._redis, job))

    def find(self, prefix: str) -> str:
        """The id of the one job whose id is this or begins so, or an error that names the candidates."""
        record = JobKeys(prefix).record
        with refusals(self._redis):
            if self._redis.exists(record):
                return prefix
            found = cast("Iterator[tuple[bytes, float]]", self._redis.zscan_iter(JOBS, match=f"{prefix}*", count=1000))
            ids = sorted(set(filter(None, (job_id_of(entry) for entry, _ in found))))
            # Of finished jobs the list still has the ids after their records have expired.
            ids = [job for job in ids if self._redis.exists(JobKeys(job).record)]
        if not ids:
            raise UnknownJobError(_unknown(prefix))
        if len(ids) > 1:
            shown = f"{', '.join(ids[:_SHOWN])}{f' and {len(ids) - _SHOWN} more' if len(ids) > _SHOWN else ''}"
            raise OptionError(f"Job {prefix} is one of several: {shown}. Give more of its id.")
        return ids[0]

    def jobs(self, page: int = 0) -> list[JobRecord]:
        """A page of fifty jobs, the newest first. What cannot be read is set aside: `chorus status` names it."""
        with refusals(self._redis):
            while True:
                entries = cast("list[bytes]", self._redis.zrevrange(JOBS, page * PAGE, (page + 1) * PAGE - 1))
                found = list(zip(entries, read_records(self._redis, entries), strict=True))
                unreadable = [(entry, one) for entry, one in found if isinstance(one, UnreadableJobError)]
                # A record is written before its name: what has none will not get one any more.
                expired = [entry for entry, one in found if one is None]
                if not unreadable and not expired:
                    return [one for _, one in found if isinstance(one, JobRecord)]
                for entry, error in unreadable:
                    put_aside(self._redis, JOBS, entry, error.why)
                if expired:
                    self._redis.zrem(JOBS, *expired)

    def want(self, job: str, want: Want) -> JobRecord:
        """Ask for a job to be `paused`, `running` again or `cancelled`, or to `retry` what failed."""
        _check_want(want)

        def write(pipe: Pipeline) -> int:
            record = _parse(job, read_fields(pipe, job))
            if record.refused:
                raise ConflictError(f"Job {job} was refused: {record.error} Correct that, and submit it again.")
            if not record.may(want):
                raise ConflictError(
                    f"Job {job} is {record.state}{_hint(record)}: it cannot be {_ASKED[want]}. Choose another."
                )
            pipe.multi()
            pipe.hset(JobKeys(job).record, "want", want)
            return record.created_ms

        with refusals(self._redis):
            self._announce(job, self._transact(job, write))
        return self.job(job)

    def watch(self, job: str) -> Iterator[JobRecord]:
        """The job as it stands, again after every change, until it is finished."""
        shown: JobRecord | None = None
        while True:
            record = self.job(job)
            if record != shown:
                yield record
            if record.finished:
                return
            shown = record
            time.sleep(_LOOK_S)

    def wait(self, job: str, timeout_s: float | None = None) -> JobRecord:
        """The finished job, or the job as it stands after `timeout_s`: its `finished` says which."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not (record := self.job(job)).finished:
            if deadline_s is not None and time.monotonic() >= deadline_s:
                break
            time.sleep(_LOOK_S)
        return record

    def listen(self, job: str, position: Position = START) -> Listener:
        """Listen to a job while it is made: its audio in order, from `position` on."""
        return Listener(self._redis, job, position)

    def save(self, job: str, path: Path) -> Path:
        """Write a job's finished file, or its stream as WAV, to this file or into this folder, and return its path."""
        record = self.job(job)
        target = _target(record, path)
        if record.request.format:
            _copy_result(record, target)
        else:
            with wav_file(target) as wav:
                for chunk in self.listen(job):
                    if chunk.kind is Kind.AUDIO:
                        wav.write(chunk.pcm)
        return target

    def workers(self) -> list[Worker]:
        """The workers alive now, by id; without those whose registration cannot be read."""
        with refusals(self._redis):
            found = read_workers(self._redis).values()
        return sorted((one for one in found if isinstance(one, Worker)), key=lambda one: one.id)

    def voices(self) -> dict[str, tuple[str, ...]]:
        """The voices that the workers alive now can speak with, and by which models, both sorted."""
        models: dict[str, set[str]] = {}
        for one in self.workers():
            for name in one.voices:
                models.setdefault(name, set()).add(one.model)
        return {name: tuple(sorted(models[name])) for name in sorted(models)}

    def _transact(self, job: str, write: Callable[[Pipeline], _Answer]) -> _Answer:
        """Read the job's record and write to it in one transaction, again if another client wrote in between."""
        # redis-py's types do not know that it may hand back what the function answers.
        func = cast("Callable[[Pipeline], None]", write)
        return cast("_Answer", self._redis.transaction(func, JobKeys(job).record, value_from_callable=True))

    def _announce(self, job: str, created_ms: int) -> None:
        """Ask any worker to look at this job. This is a hint, which may be lost: the record is written already."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zadd(JOBS, {job: created_ms})
            pipe.zadd(ACTIVE, {job: created_ms})
            pipe.rpush(INBOX, job)
            for key in (JOBS, ACTIVE, INBOX):
                pipe.expire(key, GLOBAL_S)
            answers = pipe.execute(raise_on_error=False)
        # A list of another Redis type is moved by any worker, which then finds this job by its record.
        for answer in answers:
            if isinstance(answer, Exception) and not of_another_type(answer):
                raise answer


def _unknown(job: str) -> str:
    return f"Job {job} is not known here, or no longer: finished jobs are kept for an hour. `chorus jobs` lists all."


def _parse(job: str, fields: dict[bytes, bytes]) -> JobRecord:
    if not fields:
        raise UnknownJobError(_unknown(job))
    return JobRecord.from_fields(job, fields)


def _check_want(want: Want) -> None:
    """Refuse what no job can be asked for; a command's name, such as `pause`, leads to what it asks for."""
    if want in _ASKED:
        return
    spellings: dict[str, Want] = {spelling: known for known, asked in _ASKED.items() for spelling in (known, asked)}
    near = difflib.get_close_matches(str(want), spellings, n=1)
    hint = f" Did you mean {spellings[near[0]]}?" if near else ""
    raise OptionError(f"{want!r} is nothing a job can be asked for: choose {', '.join(_ASKED)}.{hint}")


def _hint(record: JobRecord) -> str:
    if record.state is State.DONE and not record.segments_failed:
        return " with nothing missing"
    return ""


def _target(record: JobRecord, path: Path) -> Path:
    """The file to write, which must be named for what it will hold."""
    kind = record.request.format or "wav"
    if is_folder(path):
        stem = "".join(sign for sign in Path(record.request.name).stem if sign.isprintable())
        return path / f"{stem[:_LONGEST_STEM] or record.job}.{kind}"
    if path.suffix.lower() != f".{kind}":
        raise OutputError(f"Job {record.job} has its audio as {kind}: name the file {path.stem}.{kind}.")
    return path


def _finished_file(record: JobRecord) -> Result:
    if record.state is State.FAILED:
        raise JobFailedError(f"Job {record.job} failed: {record.error} Mend that, and retry it.")
    if record.state is not State.DONE:
        raise ConflictError(f"Job {record.job} is {record.state}: wait until it is done.")
    if record.result is None:
        raise FarmError(f"Job {record.job} is done, but its record names no file: submit it again with fresh.")
    return record.result


def _copy_result(record: JobRecord, target: Path) -> None:
    """Copy the finished file if it lies on this machine, else say where it lies."""
    result = _finished_file(record)
    made = Path(result.path)
    # The same path on another machine may hold another file.
    if not made.is_file() or made.stat().st_size != result.size_bytes:
        raise OutputError(f"The file of job {record.job} is not on this machine: fetch it from {result.host}, {made}.")
    with whole_file(target) as temporary, made.open("rb") as source, temporary.open("wb") as copy:
        shutil.copyfileobj(source, copy, _COPY_BYTES)
