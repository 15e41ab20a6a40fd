"""What a store holds at this moment, in bytes: finished and unfinished jobs, spoken segments. Changes nothing."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from broker.cache import FOLDER
from broker.disk_use import total_bytes
from broker.settings import FarmSettings
from broker.stored_jobs import stored_jobs


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreUsage:
    """The disk that a store takes. Whether a job is finished, its files say; no ledger is asked."""

    folder: Path
    finished_jobs: int
    finished_bytes: int
    unfinished_jobs: int
    """Under way, paused, failed, cancelled, or lacking segments that can be retried."""
    unfinished_bytes: int
    segments_bytes: int
    """Spoken segments that are kept so that none is spoken twice."""
    segments_most_bytes: int
    """CHORUS_CACHE_MB."""
    free_bytes: int
    """On that disk."""

    @property
    def jobs_bytes(self) -> int:
        """Of all jobs."""
        return self.finished_bytes + self.unfinished_bytes


def look(settings: FarmSettings) -> StoreUsage | None:
    """The store of these settings; None while there is none."""
    folder = settings.store_folder()
    if not folder.is_dir():
        return None
    jobs = tuple(stored_jobs(folder))
    finished = [job.disk_bytes for job in jobs if job.finished]
    unfinished = [job.disk_bytes for job in jobs if not job.finished]
    return StoreUsage(
        folder=folder,
        finished_jobs=len(finished),
        finished_bytes=sum(finished),
        unfinished_jobs=len(unfinished),
        unfinished_bytes=sum(unfinished),
        segments_bytes=total_bytes(folder / FOLDER),
        segments_most_bytes=settings.cache_bytes(),
        free_bytes=shutil.disk_usage(folder).free,
    )
