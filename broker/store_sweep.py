"""Frees what a store holds of jobs that are over, a few jobs at a time, while desks work with it.

`verdict` has the rules. Several processes may sweep one store, and each may be killed at any moment: a folder is first
renamed, in one step, and whoever comes next finishes a removal. Knows nothing of what the files hold.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Literal, cast

import redis

from broker.disk_use import StoredFile, age_s
from broker.store import LocalStore
from broker.stored_jobs import StoredJob, stored_jobs
from chorus.connection import refusals
from chorus.errors import DiskError
from chorus.keys import FINISHED_S, UNFINISHED_S, JobKeys
from chorus.states import State

Standing = Literal["unknown", "unfinished", "failed", "cancelled", "finished"]
"""What a ledger knows of a job. `unknown`: its record has expired, or was lost, or another server's ledger has it."""
Ask = Callable[[str], Standing]

FINISHED = timedelta(seconds=FINISHED_S)
UNFINISHED = timedelta(seconds=UNFINISHED_S)
CANCELLED = timedelta(minutes=5)
"""Must exceed what a step that was under way when its job was cancelled goes on writing for."""
ABANDONED = timedelta(days=1)
"""Nobody takes so long to write one file."""
REMOVING = timedelta(minutes=10)
"""Nobody takes so long to remove one folder."""
JOBS_A_TURN = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepVerdict:
    """Whether a job's files may be removed."""

    found: StoredJob
    remove: bool
    why: str
    """`finished more than an hour ago`, for people."""


def verdict(found: StoredJob, standing: Standing) -> SweepVerdict:
    """The rules. As long as the ledger knows a job, it decides; afterwards the files themselves do.

    What looks unfinished is kept for as long as the ledger keeps an unfinished job: Redis may have been lost, and then
    the same command takes the job up from what the store has.
    """
    match standing:
        case "unknown" if found.finished:
            return _by_age(found, FINISHED, "finished", "an hour")
        case "unknown":
            return _by_age(found, UNFINISHED, "unfinished, and last written", "30 days")
        case "cancelled":
            return _by_age(found, CANCELLED, "cancelled, and last written", "five minutes")
        case "finished":
            return SweepVerdict(found=found, remove=False, why="finished less than an hour ago")
        case "failed":
            return SweepVerdict(found=found, remove=False, why="failed, and can be retried")
        case "unfinished":
            return SweepVerdict(found=found, remove=False, why="unfinished")


def _by_age(found: StoredJob, kept: timedelta, what: str, words: str) -> SweepVerdict:
    remove = age_s(found.written_s) > kept.total_seconds()
    return SweepVerdict(found=found, remove=remove, why=f"{what} {'more' if remove else 'less'} than {words} ago")


def abandoned(found: StoredJob) -> tuple[StoredFile, ...]:
    """What killed processes left half written in a job's folder."""
    return tuple(one for one in found.half_written if age_s(one.written_s) > ABANDONED.total_seconds())


def ledger_of(connection: "redis.Redis") -> Ask:
    """Asks this server's ledger; ServerError if it does not answer."""

    def ask(job: str) -> Standing:
        record = JobKeys(job).record
        with refusals(connection):
            try:
                state, want = cast("list[bytes | None]", connection.hmget(record, ["state", "want"]))
                # A damaged record, which lacks its state or is no hash, is none that has expired.
                there = state is not None or connection.exists(record)
            except redis.ResponseError:
                return "unfinished"
        if state is None:
            return "unfinished" if there else "unknown"
        if want:
            return "unfinished"
        standings: dict[bytes, Standing] = {
            State.DONE.encode(): "finished",
            State.FAILED.encode(): "failed",
            State.CANCELLED.encode(): "cancelled",
        }
        return standings.get(state, "unfinished")

    return ask


class StoreSweep:
    """One process's way through a store's jobs, which it examines in turns, beginning behind the job `after`."""

    def __init__(self, store: LocalStore, ask: Ask, *, after: str = "", jobs_a_turn: int = JOBS_A_TURN) -> None:
        self._store = store
        self._ask = ask
        self._jobs_a_turn = jobs_a_turn
        self._last = after

    def turn(self) -> None:
        """Examine the next few jobs, and remove those that are over.

        A ledger that cannot be asked raises ServerError, and nothing further is removed.
        """
        looked = list(islice(stored_jobs(self._store.folder, after=self._last), self._jobs_a_turn))
        for found in looked:
            self._examine(verdict(found, self._ask(found.job)))
        self._last = looked[-1].job if len(looked) == self._jobs_a_turn else ""
        if not self._last:
            self._store.empty_trash(REMOVING)

    def _examine(self, judged: SweepVerdict) -> None:
        found = judged.found
        try:
            if judged.remove and self._store.remove_job(found):
                log.info("The files of job %s are removed from the store: %s.", found.job, judged.why)
            for one in () if judged.remove else abandoned(found):
                one.path.unlink(missing_ok=True)
        except (DiskError, OSError) as error:
            log.warning("Files of job %s stay in the store: %s", found.job, error)
