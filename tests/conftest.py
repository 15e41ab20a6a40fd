"""What every test may ask for: a real Valkey on loopback, an environment without the developer's own settings."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from law import check_keys
from support import ValkeyServer
from typed import Type
from workshop import Workshop, opened

from chorus.client import Client
from chorus.commands import program, run
from chorus.connection import connect


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "keyless: this test uses Redis and rightly leaves no chorus:* key behind")
    # A shell starts what runs in its background with Ctrl-C ignored, and every program of ours would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees only the variables it sets itself, and no tagger that was pulled."""
    for name in [name for name in os.environ if name.startswith("CHORUS_") or name == "REDIS_URL"]:
        monkeypatch.delenv(name)
    # Whatever lies in the developer's own home: what a test expects to hear is what the rules say.
    monkeypatch.setenv("CHORUS_TAGGER", "rules")


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """The test run's one server."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def redis_url(valkey: ValkeyServer) -> str:
    """An empty database. Afterwards every `chorus:*` key must have a TTL, and there must be such keys."""
    with redis.Redis.from_url(valkey.url) as connection:
        connection.flushall()
    return valkey.url


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    """A bare connection, to look behind the client's back."""
    with connect(redis_url) as connection:
        yield connection


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    with Client(redis_url) as client:
        yield client


@pytest.fixture
def chorus(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types one of the client's commands and returns its exit status."""
    monkeypatch.setenv("CHORUS_URL", redis_url)
    return lambda *words: run(program(), [str(word) for word in words])


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A voice and a desk worker with the toy voice, on a server of their own. Its keys obey the same law."""
    folder = tmp_path_factory.mktemp("farm")
    with ValkeyServer(folder) as server, opened(Workshop(server.url, folder)) as farm:
        yield farm.start("desk", "voice")
        assert check_keys(farm.url), "The farm left no chorus:* key to check."


@pytest.fixture
def workshop(redis_url: str, tmp_path: Path) -> Iterator[Workshop]:
    """Workers with the toy voice that a test may start, freeze and kill; none of them runs yet."""
    with opened(Workshop(redis_url, tmp_path)) as workshop:
        yield workshop


@pytest.fixture(autouse=True)
def _every_key_is_declared_and_expires(request: pytest.FixtureRequest) -> Iterator[None]:
    """The law of every test with Redis; `@pytest.mark.keyless` says that a test rightly leaves nothing."""
    if "redis_url" not in request.fixturenames:
        yield
        return
    url: str = request.getfixturevalue("redis_url")
    yield
    found = check_keys(url)
    if request.node.get_closest_marker("keyless") is None:
        assert found, "No chorus:* key was left to check: mark the test keyless if that is right."
