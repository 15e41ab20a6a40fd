"""A worker whose server is away, loads or refuses: it says so once and waits, and serves when the server does."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from support import ValkeyServer, wait_until
from workshop import Workshop, opened

AWAY, LOADS = "No Redis or Valkey answers at", "is still reading its data from disk"
SLOWLY = ("--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no")
KEYS = 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server that takes a second to read its data, and is not running yet."""
    server = ValkeyServer(tmp_path, *SLOWLY)
    with server, redis.Redis(port=server.port) as connection:
        connection.mset({f"filling:{number}": os.urandom(1000) for number in range(KEYS)})
        connection.save()
    yield server
    server.stop()


def test_a_worker_waits_for_a_server_that_is_away_and_loads(server: ValkeyServer, tmp_path: Path) -> None:
    with opened(Workshop(server.url, tmp_path)) as workshop:
        process = workshop.spawn("desk", "-A", "workers.desk", "worker", "-n", "desk@test")
        log = workshop.log("desk")

        def said(sentence: str) -> int:
            return sum(
                sentence in line and line.endswith("This worker waits for it.")
                for line in log.read_text("utf-8").splitlines()
            )

        def again() -> int:
            return log.read_text("utf-8").count("The server serves again.")

        wait_until(lambda: said(AWAY), description="it says that nobody answers")
        load(server, lambda: said(LOADS) == 1)
        wait_until(lambda: workshop.worker("desk"), description="it serves")
        assert (said(AWAY), said(LOADS), again()) == (1, 1, 0)
        server.stop()
        wait_until(lambda: said(AWAY) == 2, description="it says that the server is gone")
        load(server, lambda: said(LOADS) == 2)
        wait_until(again, description="it says that the server serves")
        assert workshop.worker("desk")
        assert (said(AWAY), said(LOADS), again()) == (2, 2, 1)
        assert process.poll() is None
        assert "Traceback" not in log.read_text("utf-8")


def load(server: ValkeyServer, said: Callable[[], bool]) -> None:
    """Start the server, and wait until it has read its data and somebody has said that it does."""
    starting = threading.Thread(target=server.start)
    starting.start()
    wait_until(said, description="it says that the server loads")
    starting.join()
