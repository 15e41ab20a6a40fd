"""`chorus clean`: frees what no job needs any more, and with `--all` what only saves time. Says what it kept, and why.

Decides nothing about jobs itself: `broker/store_sweep.py` has the rules. Prints nothing.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from broker.cache import FOLDER, DiskCache
from broker.disk_use import StoredFile, stored_files, total_bytes
from broker.embedded import locate
from broker.settings import FarmSettings
from broker.store import LocalStore
from broker.store_sweep import REMOVING, Ask, abandoned, ledger_of, verdict
from broker.stored_jobs import StoredJob, stored_jobs
from chorus.connection import connect
from workers.models import unused_variants
from workers.stack import stack
from workers.stack.stack import StackSpec

ALL = "`chorus clean --all` frees"
NOT_WHILE_RUNNING = "only while nothing runs: `chorus down` first"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaned:
    """What was, or would be, freed or kept for one reason."""

    what: str
    """`3 jobs`, `spoken segments`, `kokoro-v1.0 as original, prepared`, for people."""
    disk_bytes: int
    freed: bool
    why: str


def clean(settings: FarmSettings, *, everything: bool, dry_run: bool) -> tuple[Cleaned, ...]:
    """Free what can be freed; with `dry_run` only say what that would be."""
    found: list[Cleaned] = []
    if (settings.store_folder() / "store.json").exists():
        store = LocalStore(settings.store_folder())
        with _ledger(settings) as ask:
            found += _clean_jobs(store, ask, dry_run=dry_run)
        found += _clean_segments(store, settings, everything=everything, dry_run=dry_run)
    found += _clean_prepared(settings, everything=everything, dry_run=dry_run)
    return tuple(one for one in found if one.disk_bytes)


@contextmanager
def _ledger(settings: FarmSettings) -> Iterator[Ask]:
    """The ledger of the server that is named, else of this machine's stack, whose server is started for it alone."""
    if address := locate(settings):
        with connect(address) as connection:
            yield ledger_of(connection)
    elif (settings.home_folder() / "server").exists():
        alone = StackSpec(voice=False, desk=False)
        with stack.ensure(settings, alone) as running, connect(running.url) as connection:
            yield ledger_of(connection)
    else:
        yield lambda _job: "unknown"


def _clean_jobs(store: LocalStore, ask: Ask, *, dry_run: bool) -> Iterator[Cleaned]:
    groups = defaultdict[tuple[bool, str], list[StoredJob]](list)
    rest: list[StoredFile] = []
    for found in stored_jobs(store.folder):
        judged = verdict(found, ask(found.job))
        if not judged.remove:
            rest += abandoned(found)
            groups[False, judged.why].append(found)
        elif dry_run or store.remove_job(found):
            groups[True, judged.why].append(found)
        else:
            groups[False, "submitted again at this moment"].append(found)
    for (freed, why), jobs in sorted(groups.items(), reverse=True):
        what = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
        yield Cleaned(what=what, disk_bytes=sum(job.disk_bytes for job in jobs), freed=freed, why=why)
    rest += (file for trash in store.old_trash(REMOVING) for file in stored_files(trash))
    if not dry_run:
        for one in rest:
            one.path.unlink(missing_ok=True)
        store.empty_trash(REMOVING)
    disk_bytes = sum(one.disk_bytes for one in rest)
    yield Cleaned(what="interrupted writes", disk_bytes=disk_bytes, freed=True, why="their processes were killed")


def _clean_segments(store: LocalStore, settings: FarmSettings, *, everything: bool, dry_run: bool) -> Iterator[Cleaned]:
    folder, most_bytes = store.folder / FOLDER, settings.cache_bytes()
    before = total_bytes(folder)
    if dry_run:
        freed = before if everything or not most_bytes else max(0, before - most_bytes)
    else:
        freed = DiskCache(folder, most_bytes=most_bytes).trim(0 if everything else None)
    what = "spoken segments"
    yield Cleaned(what=what, disk_bytes=freed, freed=True, why="they only save time")
    bound = f"at most {settings.cache_mb} MB by CHORUS_CACHE_MB"
    yield Cleaned(what=what, disk_bytes=before - freed, freed=False, why=f"{bound}; {ALL} them")


def _clean_prepared(settings: FarmSettings, *, everything: bool, dry_run: bool) -> Iterator[Cleaned]:
    running = stack.status(settings).running
    for one in unused_variants.unused(settings):
        why, freed = one.why, everything and not running
        if freed and not dry_run and not unused_variants.remove(one):
            why, freed = "being prepared at this moment", False
        elif not everything:
            why = f"{why}; {ALL} it"
        elif running:
            why = f"{why}; {NOT_WHILE_RUNNING}"
        yield Cleaned(what=f"{one.what}, prepared", disk_bytes=one.disk_bytes, freed=freed, why=why)
