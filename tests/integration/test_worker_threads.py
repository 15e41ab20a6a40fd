"""The three threads of a worker survive every error: without them it would speak on without renewing its leases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support import ValkeyServer, wait_until

from broker import registry
from broker.ledger import Ledger
from broker.settings import FarmSettings
from broker.worker_threads import WorkerThreads
from chorus.records import Worker

ME = Worker(id="voice@here#1", host="here", pid=1, role="voice")


@contextmanager
def upkeep(server: ValkeyServer, describe: Callable[[], Worker]) -> Iterator["redis.Redis"]:
    """A worker's three threads at work, and a connection to look at what they do."""
    with redis.Redis.from_url(server.url, retry=Retry(NoBackoff(), 0)) as connection:
        ledger = Ledger(connection, FarmSettings())
        threads = WorkerThreads(connection, ledger, describe=describe, send=lambda _: None, lease_s=3)
        threads.start()
        try:
            yield connection
        finally:
            threads.stop()


def test_a_worker_that_becomes_ready_while_the_server_is_unreachable_registers_later(tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path)
    with upkeep(server, lambda: ME) as connection, server:
        wait_until(lambda: registry.read(connection).workers, description="it has signed in")


@pytest.mark.keyless
def test_the_heartbeat_goes_on_after_an_unexpected_error(
    redis_url: str, valkey: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    assert redis_url
    beats = iter([ME, None])

    def describe() -> Worker:
        beat = next(beats, ME)
        if beat is None:
            raise ValueError("once")
        return beat

    with upkeep(valkey, describe) as connection:
        wait_until(lambda: "unexpected error" in caplog.text, description="the error was met")
        connection.flushall()
        wait_until(lambda: registry.read(connection).workers, description="it has signed in again")


@pytest.mark.keyless
def test_a_heartbeat_has_the_time_of_the_servers_clock(
    redis_url: str, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert redis_url
    monkeypatch.setattr("time.time", lambda: 0.0)  # a machine that has forgotten the date
    with upkeep(valkey, lambda: ME) as connection:
        before_s, _ = connection.time()
        wait_until(lambda: registry.read(connection).workers, description="it has signed in")
        (worker,) = registry.read(connection).workers
        after_s, _ = connection.time()
    assert before_s * 1000 <= worker.seen_ms < (after_s + 1) * 1000
