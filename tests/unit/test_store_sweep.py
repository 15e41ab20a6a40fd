"""A sweep removes nothing that an unfinished job needs and everything else, also if several sweep or one is killed."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from os import utime
from pathlib import Path
from threading import Barrier

import pytest

from broker.disk_use import age_s
from broker.store import LocalStore
from broker.store_sweep import Standing, StoreSweep, verdict
from broker.stored_jobs import stored_job, stored_jobs
from chorus.errors import ServerError
from chorus.files import TEMPORARY

HOUR_S, DAY_S = 3600, 86_400
KILLED = """
import os, sys
from pathlib import Path
from broker import store
from broker.store_sweep import StoreSweep
store._discard = lambda path: os.kill(os.getpid(), 9)
StoreSweep(store.LocalStore(Path(sys.argv[1])), lambda job: "unknown").turn()
"""


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def age(path: Path, seconds: float) -> None:
    """As if nothing here had been written to for so long."""
    for each in (path, *path.rglob("*")):
        then_s = each.stat().st_mtime - seconds
        utime(each, (then_s, then_s))


def put(store: LocalStore, job: str, *, finished: bool, age_s: float, failed: int = 0, epoch: int = 1) -> Path:
    """A job of one part; if it is finished, with its file and its report."""
    store.write(f"jobs/{job}/{epoch}/part-00000.flac", b"sound")
    if finished:
        store.write(f"jobs/{job}/{epoch}/result.m4b", b"book")
        report = json.dumps({"segments": {"planned": 9, "failed": failed}}).encode()
        store.write(f"jobs/{job}/{epoch}/result.report.json", report)
    folder = store.folder / "jobs" / job
    age(folder, age_s)
    return folder


def left(store: LocalStore) -> set[str]:
    return {found.job for found in stored_jobs(store.folder)}


def unknown(_job: str) -> Standing:
    return "unknown"


@pytest.mark.parametrize(
    ("standing", "finished", "aged_s", "removed"),
    [
        # The ledger has forgotten it: the files decide.
        ("unknown", True, HOUR_S + 60, True),
        ("unknown", True, HOUR_S - 60, False),
        ("unknown", False, 2 * DAY_S, False),
        ("unknown", False, 30 * DAY_S - 60, False),
        ("unknown", False, 30 * DAY_S + 60, True),
        # As long as it knows the job, it decides, however old the files are, and whatever they look like.
        ("unfinished", True, 99 * DAY_S, False),
        ("unfinished", False, 99 * DAY_S, False),
        ("failed", False, 99 * DAY_S, False),
        ("finished", True, 99 * DAY_S, False),
        ("finished", False, 99 * DAY_S, False),
        ("cancelled", False, 400, True),
        ("cancelled", False, 200, False),
    ],
)
def test_what_is_removed(store: LocalStore, standing: Standing, finished: bool, aged_s: float, removed: bool) -> None:
    put(store, "a", finished=finished, age_s=aged_s)
    StoreSweep(store, lambda _job: standing).turn()
    assert left(store) == (set() if removed else {"a"})


def test_a_book_with_missing_segments_is_kept_like_an_unfinished_one(store: LocalStore) -> None:
    put(store, "lacking", finished=True, failed=1, age_s=2 * DAY_S)
    put(store, "again", finished=True, age_s=2 * DAY_S)
    put(store, "again", finished=False, epoch=2, age_s=2 * DAY_S)
    put(store, "whole", finished=True, age_s=2 * DAY_S)
    StoreSweep(store, unknown).turn()
    assert left(store) == {"lacking", "again"}


def test_a_job_that_is_being_written_is_kept(store: LocalStore) -> None:
    for job in ("old", "resumed"):
        put(store, job, finished=False, age_s=31 * DAY_S)
    store.write("jobs/resumed/1/part-00001.flac", b"")
    StoreSweep(store, unknown).turn()
    assert left(store) == {"resumed"}


def test_without_the_ledger_nothing_is_removed(store: LocalStore) -> None:
    put(store, "a", finished=True, age_s=DAY_S)

    def away(_job: str) -> Standing:
        raise ServerError("No Redis or Valkey answers.")

    with pytest.raises(ServerError):
        StoreSweep(store, away).turn()
    assert left(store) == {"a"}


def test_a_job_written_between_check_and_removal_is_restored(store: LocalStore) -> None:
    put(store, "a", finished=True, age_s=DAY_S)

    def submitted_again(job: str) -> Standing:
        store.write(f"jobs/{job}/source", b"a large document")
        return "unknown"

    StoreSweep(store, submitted_again).turn()
    assert store.read("jobs/a/source") == b"a large document"
    assert store.read("jobs/a/1/result.m4b") == b"book"
    assert [path.name for path in store.folder.iterdir() if "trash" in path.name] == []


def test_a_sweep_examines_a_few_jobs_and_the_next_one_continues(store: LocalStore) -> None:
    for number in range(7):
        put(store, f"job-{number}", finished=number % 2 == 0, age_s=DAY_S)
    asked: list[str] = []

    def ask(job: str) -> Standing:
        asked.append(job)
        return "unknown"

    sweep = StoreSweep(store, ask, after="job-3", jobs_a_turn=3)
    sweep.turn()
    assert asked == ["job-4", "job-5", "job-6"]
    for _ in range(3):  # the end of the list, and the rest from its beginning
        sweep.turn()
    assert set(asked) == {f"job-{number}" for number in range(7)}
    assert left(store) == {"job-1", "job-3", "job-5"}


def test_several_processes_can_sweep_one_store(store: LocalStore) -> None:
    for number in range(60):
        put(store, f"job-{number:02}", finished=number % 2 == 0, age_s=DAY_S)
    together = Barrier(6)

    def sweep(_: int) -> None:
        together.wait()
        StoreSweep(store, unknown, jobs_a_turn=100).turn()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(sweep, range(6)))
    assert left(store) == {f"job-{number:02}" for number in range(1, 60, 2)}


def test_a_killed_sweep_leaves_no_partial_job_and_the_next_one_finishes(store: LocalStore) -> None:
    put(store, "a", finished=True, age_s=DAY_S)
    put(store, "b", finished=False, age_s=DAY_S)
    assert subprocess.run([sys.executable, "-c", KILLED, store.folder], check=False).returncode == -9
    assert store.keys("jobs/a") == ()
    (trash,) = store.old_trash(timedelta(seconds=-1))
    # It may be somebody else's who is still at it.
    StoreSweep(store, unknown).turn()
    assert trash.exists()
    store.empty_trash(timedelta(seconds=-1))
    assert sorted(path.name for path in store.folder.iterdir()) == ["jobs", "store.json"]
    assert left(store) == {"b"}


def test_the_age_of_trash_counts_from_its_renaming(store: LocalStore) -> None:
    folder = put(store, "a", finished=True, age_s=DAY_S)
    folder.rename(store.folder / ".0123456789abcdef~trash")
    assert store.old_trash(timedelta(minutes=10)) == ()
    assert len(store.old_trash(timedelta(seconds=-1))) == 1


def test_files_of_a_killed_writer_are_removed_when_they_are_old(store: LocalStore) -> None:
    folder = put(store, "a", finished=False, age_s=0) / "1"
    old, new = folder / f".old{TEMPORARY}", folder / f".new{TEMPORARY}"
    for path in (old, new):
        path.write_bytes(b"half")
    age(old, 2 * DAY_S)
    StoreSweep(store, unknown).turn()
    assert (old.exists(), new.exists()) == (False, True)
    assert left(store) == {"a"}


def test_one_job_that_cannot_be_removed_does_not_block_the_others(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for job in ("a", "b"):
        put(store, job, finished=True, age_s=DAY_S)
    rename: Callable[[Path, Path], Path] = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == "a":
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    StoreSweep(store, unknown).turn()
    assert left(store) == {"a"}
    assert "Files of job a stay in the store" in caplog.text


def test_files_that_belong_to_no_job_are_kept(store: LocalStore) -> None:
    put(store, "a", finished=False, age_s=0)
    (store.folder / "jobs" / "my notes").mkdir()
    (store.folder / "jobs" / "readme.txt").write_text("mine")
    age(store.folder / "jobs", 99 * DAY_S)
    StoreSweep(store, unknown).turn()
    assert sorted(path.name for path in (store.folder / "jobs").iterdir()) == ["my notes", "readme.txt"]


def test_a_clock_that_is_ahead_removes_nothing_that_the_ledger_knows(store: LocalStore) -> None:
    folder = put(store, "a", finished=True, age_s=-DAY_S)
    found = stored_job(folder)
    assert found is not None
    assert age_s(found.written_s) < 0
    assert not verdict(found, "unknown").remove


def test_every_decision_states_its_reason(store: LocalStore) -> None:
    found = stored_job(put(store, "a", finished=True, age_s=2 * HOUR_S))
    assert found is not None
    assert verdict(found, "unknown").why == "finished more than an hour ago"
    assert verdict(found, "finished").why == "finished less than an hour ago"
    assert verdict(found, "failed").why == "failed, and can be retried"
