"""Celery's own consumer on a server that refuses, in this process: it waits, says so once, and takes the next hint."""

import logging
from collections.abc import Iterator

import pytest
import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker
from rubbish import DESK, message, raw
from support import ValkeyServer, free_port, wait_until

import broker.app
from broker import checked_transport
from broker.app import client_app, queue
from broker.checked_transport import Door
from broker.settings import FarmSettings


class Worker:
    """A worker of this process, and the steps that it was given."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.steps: list[str] = []
        self.door = Door()
        self.door.opens_for(lambda: app.tasks)

        @app.task(name="chorus.plan", shared=False)
        def _plan(_job: str, step: str) -> None:
            self.steps.append(step)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path_factory.mktemp("refusing")) as server:
        yield server


@pytest.fixture
def admin(valkey: ValkeyServer) -> Iterator[redis.Redis]:
    with redis.Redis(port=valkey.port) as server:
        server.flushall()
        yield server


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Celery's worker sets the root logger up for itself."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def worker(valkey: ValkeyServer, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    admin.acl_setuser("ada", enabled=True, passwords=["+secret"], keys=["*"], channels=["*"], commands=["+@all"])
    url = f"redis://ada:secret@127.0.0.1:{valkey.port}/0"
    monkeypatch.setattr(broker.app, "settings", lambda: FarmSettings(url=url))
    with client_app(url) as app:
        app.conf.update(broker.app._configuration(), task_queues=[queue(DESK)])
        worker = Worker(app)
        monkeypatch.setattr(checked_transport, "door", worker.door)
        with start_worker(app, perform_ping_check=False, pool="threads", loglevel="warning", shutdown_timeout=30):
            yield worker


def hint(admin: redis.Redis, step: str) -> None:
    admin.lpush(DESK, raw(message(arguments=["a1", step])))


@pytest.mark.parametrize("key", [DESK, "unacked_index"])
def test_a_key_that_turns_into_another_type_is_mended_by_the_worker(
    worker: Worker, admin: redis.Redis, key: str
) -> None:
    hint(admin, "plan:0")
    wait_until(lambda: worker.steps == ["plan:0"], description="the first hint is taken")
    admin.set(key, "rubbish")
    if key == DESK:
        wait_until(lambda: not admin.exists(key), description="the key is gone")
    hint(admin, "plan:1")
    wait_until(lambda: worker.steps == ["plan:0", "plan:1"], description="the next hint is taken")
    assert worker.door.refused == 1


@pytest.mark.parametrize("command", ["brpop", "ping"])
def test_a_worker_waits_until_it_may(
    worker: Worker, admin: redis.Redis, caplog: pytest.LogCaptureFixture, command: str
) -> None:
    admin.acl_setuser("ada", enabled=True, keys=["*"], channels=["*"], commands=["+@all", f"-{command}"])
    admin.client_kill_filter(user="ada")
    hint(admin, "plan:0")

    def said() -> list[str]:
        return [one.getMessage() for one in caplog.records if "waits for it" in one.getMessage()]

    wait_until(said, description="it says that it may not")
    assert "does not let this user do what Chorus needs (" in said()[0]
    admin.acl_setuser("ada", enabled=True, keys=["*"], channels=["*"], commands=["+@all"])
    hint(admin, "plan:1")
    wait_until(lambda: worker.steps[-1:] == ["plan:1"], description="the next hint is taken")
    assert len(said()) == 1


def test_a_worker_waits_for_a_replica_to_become_a_primary(
    worker: Worker, admin: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    admin.replicaof("127.0.0.1", free_port())
    admin.client_kill_filter(user="ada")
    wait_until(lambda: "is a read-only replica" in caplog.text, description="it says so")
    admin.replicaof("no", "one")
    hint(admin, "plan:0")
    wait_until(lambda: worker.steps == ["plan:0"], description="the hint is taken")
    assert caplog.text.count("is a read-only replica") == 1
