"""What a store holds of each job: how much, since when, and whether it is finished. Changes nothing; asks no ledger."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from broker.disk_use import StoredFile, stored_files
from chorus.keys import is_job_id

JOBS = "jobs"
REPORT = "result.report.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredJob:
    """The folder of one job."""

    job: str
    folder: Path
    disk_bytes: int
    written_s: float
    """When anything in it was last written."""
    finished: bool
    """Whether its latest run has its file, with no segment missing: a job that lacks some may still be retried."""
    half_written: tuple[StoredFile, ...]
    """Files that somebody is writing, or was killed while writing."""


def stored_jobs(store: Path, *, after: str = "") -> Iterator[StoredJob]:
    """Every job in the store's folder by id, beginning behind `after`. What is removed meanwhile is left out.

    What is no job's folder was put there by somebody else, and is left out too.
    """
    for name in _names(store / JOBS):
        folder = store / JOBS / name
        if name > after and is_job_id(name) and folder.is_dir() and (found := stored_job(folder)):
            yield found


def stored_job(folder: Path) -> StoredJob | None:
    """The job in this folder; None if there is no such folder any more."""
    try:
        made_s = folder.stat().st_mtime
    except OSError:
        return None
    found = tuple(stored_files(folder))
    return StoredJob(
        job=folder.name,
        folder=folder,
        disk_bytes=sum(one.disk_bytes for one in found),
        written_s=max([made_s, *(one.written_s for one in found)]),
        finished=_is_finished(folder),
        half_written=tuple(one for one in found if one.half_written),
    )


def _is_finished(folder: Path) -> bool:
    runs = [int(name) for name in _names(folder) if name.isdigit()]
    if not runs:
        return False
    try:
        report = json.loads((folder / str(max(runs)) / REPORT).read_bytes())
        return not report["segments"]["failed"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
