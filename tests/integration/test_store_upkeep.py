"""Running desks keep a store small, and `chorus clean` says what it removes, what it keeps, and why."""

import json
from collections.abc import Iterator
from os import utime
from pathlib import Path

import pytest
import redis
from machine import Machine, closing
from support import wait_until
from typed import Type
from workshop import Workshop

from broker import store_usage
from broker.cache import FOLDER, DiskCache, digest
from broker.settings import FarmSettings
from broker.store import LocalStore
from broker.store_sweep import ledger_of
from broker.stored_jobs import stored_jobs
from chorus.client import Client
from chorus.commands import run
from chorus.errors import ServerError
from chorus.keys import JobKeys
from workers.commands import app
from workers.models import build_target
from workers.stack.run_folder import RunFolder

DAY_S = 86_400
REPORT = json.dumps({"segments": {"failed": 0}}).encode()


def put(store: LocalStore, job: str, *, finished: bool) -> None:
    """A job that nobody wrote to for a day."""
    store.write(f"jobs/{job}/1/part-00000.flac", bytes(100_000))
    if finished:
        store.write(f"jobs/{job}/1/result.m4b", bytes(200_000))
        store.write(f"jobs/{job}/1/result.report.json", REPORT)
    folder = store.folder / "jobs" / job
    for path in (folder, *folder.rglob("*")):
        then_s = path.stat().st_mtime - DAY_S
        utime(path, (then_s, then_s))


def left(store: LocalStore) -> set[str]:
    return {found.job for found in stored_jobs(store.folder)}


def test_the_ledger_gives_the_state_of_a_job(client: Client, server: redis.Redis) -> None:
    ask = ledger_of(server)
    assert ask("talk") == "unknown"
    client.submit(b"# One\n\nHello.", name="talk.md", job="talk")
    assert ask("talk") == "unfinished"
    for state, standing in (
        ("running", "unfinished"),
        ("paused", "unfinished"),
        ("done", "finished"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
        ("of a newer release", "unfinished"),
    ):
        server.hset(JobKeys("talk").record, "state", state)
        assert ask("talk") == standing
    server.hset(JobKeys("talk").record, "want", "retry")
    assert ask("talk") == "unfinished"
    server.hdel(JobKeys("talk").record, "state", "want")
    assert ask("talk") == "unfinished"


def test_a_damaged_record_keeps_its_job(client: Client, server: redis.Redis) -> None:
    client.submit(b"# One\n\nHello.", name="talk.md", job="talk")
    server.delete(JobKeys("talk").record)
    server.rpush(JobKeys("talk").record, "no hash")
    assert ledger_of(server)("talk") == "unfinished"
    server.delete(JobKeys("talk").record)


def test_an_unreachable_ledger_is_reported() -> None:
    with redis.Redis(port=1) as away, pytest.raises(ServerError):
        ledger_of(away)("talk")


def test_a_running_desk_removes_expired_jobs_and_keeps_those_in_its_ledger(workshop: Workshop) -> None:
    workshop.start("desk")
    store = LocalStore(workshop.folder / "home" / "store")
    # It was finished, and is about to be spoken again: only the ledger knows.
    workshop.client.submit(b"# One\n\nHello.", name="talk.md", job="again", format="wav")
    workshop.client.want("again", "paused")
    put(store, "again", finished=True)
    put(store, "paused", finished=False)
    put(store, "over", finished=True)
    workshop.leave("desk").wait(timeout=30)
    # A desk that has just begun to serve looks at once, and others do so every half minute.
    workshop.start("desk2")
    wait_until(lambda: "over" not in left(store), description="the finished job is gone")
    assert left(store) == {"again", "paused"}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with closing(Machine(tmp_path)) as machine:
        yield machine


@pytest.fixture
def chorus(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Type:
    for name, value in (machine.variables() | {"CHORUS_CACHE_MB": "1"}).items():
        monkeypatch.setenv(name, value)
    return lambda *words: run(app, [str(word) for word in words])


@pytest.fixture
def store(machine: Machine) -> LocalStore:
    """With a job that is over, one that is not, and as many spoken segments as may be."""
    store = LocalStore(machine.home / "store")
    put(store, "over", finished=True)
    put(store, "paused", finished=False)
    cache = DiskCache(store.folder / FOLDER, most_bytes=10**6)
    cache.open()
    for number in range(10):
        cache.write(digest(number), bytes(50_000))
    return store


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_clean_removes_finished_jobs_and_says_what_it_keeps(
    chorus: Type, store: LocalStore, capsys: pytest.CaptureFixture[str]
) -> None:
    before = store.keys()
    assert chorus("clean", "--dry-run") == 0
    planned = said(capsys)
    assert planned == [
        "Would free 0.3 MB: 1 job, finished more than an hour ago.",
        "Kept 0.1 MB: 1 job, unfinished, and last written less than 30 days ago.",
        "Kept 0.5 MB: spoken segments, at most 1 MB by CHORUS_CACHE_MB; `chorus clean --all` frees them.",
    ]
    assert store.keys() == before
    assert chorus("clean") == 0
    assert said(capsys) == [line.replace("Would free", "Freed") for line in planned]
    assert left(store) == {"paused"}
    assert len(store.keys(FOLDER)) == 10
    assert chorus("clean") == 0
    assert said(capsys)[-1] == "There was nothing to free."


def test_clean_all_removes_cached_segments_as_well(
    chorus: Type, store: LocalStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chorus("clean", "--all", "--json") == 0
    told = [json.loads(line) for line in said(capsys)]
    assert [(one["what"], one["freed"]) for one in told] == [
        ("1 job", True),
        ("1 job", False),
        ("spoken segments", True),
    ]
    assert store.keys(FOLDER) == ()
    assert left(store) == {"paused"}


def test_clean_all_keeps_prepared_graphs_while_a_stack_runs(
    chorus: Type, machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = machine.home / "models" / "prepared" / "0123456789ab" / build_target.key()
    (other / "fast").mkdir(parents=True)
    (other / "fast" / "graph.onnx").write_bytes(bytes(100_000))
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "supervised", lambda _: True)
        assert chorus("clean", "--all") == 0
    assert said(capsys)[0].endswith("made of another model; only while nothing runs: `chorus down` first.")
    assert other.exists()
    assert chorus("clean", "--all") == 0
    assert said(capsys) == ["Freed 0.1 MB: an unknown model, prepared, made of another model."]
    assert not other.exists()


def test_clean_asks_the_ledger_of_a_stack_that_is_down(
    machine: Machine, chorus: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that was finished and is to be tried again looks finished in the store."""
    assert machine.chorus("up").returncode == 0
    with Client(machine.url()) as client:
        job = client.submit("Hello there.", job="again", format="wav").job
        assert client.wait(job, timeout_s=60).finished
    assert machine.chorus("down").returncode == 0
    store = LocalStore(machine.home / "store")
    folder = store.folder / "jobs" / "again"
    for path in (folder, *folder.rglob("*")):
        then_s = path.stat().st_mtime - DAY_S
        utime(path, (then_s, then_s))
    assert chorus("clean") == 0
    (kept,) = said(capsys)[:1]
    assert kept.startswith("Kept ")
    assert kept.endswith(": 1 job, finished less than an hour ago.")
    assert left(store) == {"again"}
    machine.wait_quiet()


def test_status_shows_the_size_of_the_store(
    chorus: Type, store: LocalStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chorus("status") == 0
    (line,) = [line for line in said(capsys) if line.startswith("store: ")]
    assert line.startswith(
        "store: 0.4 MB in 2 jobs, 1 of them unfinished (0.1 MB); spoken segments 0.5 MB of at most 1.0 MB; "
    )
    assert line.endswith(f" free in {store.folder}")
    assert chorus("status", "--json") == 0
    told = json.loads(said(capsys)[0])["store"]
    assert (told["finished_jobs"], told["unfinished_jobs"], told["segments_most_bytes"]) == (1, 1, 10**6)


def test_the_size_of_a_store_is_its_disk_space(store: LocalStore) -> None:
    used = store_usage.look(FarmSettings(store=store.folder, cache_mb=1))
    assert used is not None
    assert (used.unfinished_bytes, used.finished_bytes) == (25 * 4096, 25 * 4096 + 49 * 4096 + 4096)
    assert used.segments_bytes == 10 * 13 * 4096
    assert store_usage.look(FarmSettings(store=store.folder / "none")) is None
