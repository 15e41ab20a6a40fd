"""`render --url`: a farm elsewhere speaks, and the book is bound on the caller's own disk by his own desk."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from machine import OPERATOR, SAMPLE, Machine, closing
from support import ValkeyServer, wait_until
from workshop import Workshop, heard_tokens, planned_tokens, report_beside

from broker.store import LocalStore
from chorus import keys
from chorus.client import Client
from chorus.errors import OutsideError
from chorus.records import Worker
from workers.cli import book_voices

TOKENS = planned_tokens(SAMPLE.read_bytes(), "sample.md")


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Machine]:
    """A machine that reaches the farm's Redis, and nothing else of it."""
    with closing(Machine(tmp_path / "caller")) as machine:
        machine.folder.mkdir()
        yield machine
        machine.wait_quiet()


def test_the_farm_plans_and_speaks_and_the_caller_stores_and_binds(farm: Workshop, caller: Machine) -> None:
    before = farm.worker("desk")
    assert before is not None
    out = caller.folder / "book.wav"
    said = caller.chorus("render", SAMPLE, "-o", out, "--url", farm.url)
    assert (said.returncode, said.stderr) == (0, "")
    assert heard_tokens(out) == TOKENS
    record = farm.client.job(str(report_beside(out)["job"]))
    own = LocalStore(caller.home / "store")
    assert record.store == own.id != before.store
    assert record.result is not None
    assert Path(record.result.path).is_relative_to(caller.home)
    # The farm's desk planned two chapters; two parts and the book were made by the caller's.
    wait_until(lambda: served(farm) >= before.served + 2, description="the farm's desk has said what it did")
    assert served(farm) == before.served + 2


def served(farm: Workshop) -> int:
    worker = farm.worker("desk")
    return worker.served if worker else 0


def test_a_disk_that_fills_up_keeps_the_finished_parts(farm: Workshop, caller: Machine) -> None:
    out = caller.folder / "book.wav"
    words = [*OPERATOR, "render", str(SAMPLE), "-s", "0.9", "-o", str(out), "--url", farm.url]
    # The parts are smaller than this, the finished file is not.
    full = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 2048; exec "$@"', "sh", *words],
        cwd=caller.folder, env=caller.environment(), capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert full.returncode == 1
    store = caller.home / "store"
    assert full.stderr.startswith(f"chorus: The store {store} is full (file too large): free some space")
    assert full.stderr.endswith("Then run the same command to resume.\n")
    assert full.stderr.count("\n") == 1
    caller.wait_quiet()
    again = caller.chorus(*words[len(OPERATOR) :])
    assert again.returncode == 0
    assert "Resuming after segment 8 of 8." in again.stdout
    assert heard_tokens(out) == planned_tokens(SAMPLE.read_bytes(), "sample.md")


@pytest.mark.parametrize("missing", ["voice", "desk"])
def test_a_farm_that_lacks_workers_is_said_to_lack_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    there = Worker(id="w", host="h", pid=1, role="voice" if missing == "desk" else "desk")
    if missing == "desk":
        there = replace(there, sound="abc", voices=("af_heart",))
    with ValkeyServer(tmp_path) as server, Client(server.url) as client:
        client._redis.set(keys.worker("w"), there.to_json())
        client._redis.zadd(keys.WORKERS, {"w": 1})
        monkeypatch.setattr(book_voices, "FARM_PATIENCE_S", 0)
        with pytest.raises(OutsideError, match=f"No {missing} worker .*`celery -A workers.{missing} worker`"):
            book_voices.farm_voice(client)  # from the outside it would start a desk first, and wait
