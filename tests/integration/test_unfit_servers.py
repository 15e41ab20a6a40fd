"""A real server that cannot serve: users without rights, a replica, a full one, one that deletes keys."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import redis
from strange_server import Answer, StrangeServer, serving
from support import ValkeyServer, free_port

import broker.app
from broker import reach, registry
from broker.settings import FarmSettings
from chorus.commands import run
from chorus.errors import ServerError
from chorus.records import Worker
from workers.cli import doctor
from workers.commands import app


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path_factory.mktemp("unfit")) as server:
        yield server


@pytest.fixture
def valkey(shared: ValkeyServer) -> Iterator[ValkeyServer]:
    """A server of this module's own; whatever a test sets is taken back."""
    yield shared
    with redis.Redis(port=shared.port) as server:
        server.replicaof("no", "one")
        server.config_set("maxmemory", 0)
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("replica-serve-stale-data", "yes")
        for user in server.acl_users():
            if user != "default":
                server.acl_deluser(user)


@pytest.fixture
def admin(valkey: ValkeyServer) -> Iterator[redis.Redis]:
    with redis.Redis(port=valkey.port) as server:
        yield server


def said(capsys: pytest.CaptureFixture[str], url: str, *words: str) -> str:
    """The one sentence with which a command ends."""
    assert run(app, [*words, "--url", url]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("chorus: ")
    assert told.err.count("\n") == 1
    return told.err


@pytest.mark.parametrize(
    ("lacks", "words"),
    [
        ("info", ("render", "book.md")),
        ("ping", ("url",)),
        ("ping", ("render", "book.md")),
        ("zrevrange", ("jobs",)),
        ("rpush", ("submit", "book.md")),
        ("hgetall", ("submit", "book.md")),
        ("exists", ("follow", "a1")),
        ("zscan", ("save", "a1")),
        ("mget|zrange", ("voices",)),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_user_who_may_not_do_something_learns_what(
    valkey: ValkeyServer, admin: redis.Redis, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, lacks: str, words: tuple[str, ...],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "home"))
    Path("book.md").write_text("# Book\n\nHello.\n")
    forbidden = (f"-{name}" for name in lacks.split("|"))
    admin.execute_command("ACL", "SETUSER", "ada", "on", ">secret", "~*", "&*", "+@all", *forbidden)
    sentence = said(capsys, f"redis://ada:secret@127.0.0.1:{valkey.port}/0", *words)
    assert f"The server at 127.0.0.1:{valkey.port} does not let this user do what Chorus needs (" in sentence
    assert "allow it in the server's ACL, or name another user" in sentence
    assert "secret" not in sentence


def test_a_user_who_may_not_broadcast_learns_it_from_the_commands_that_do(
    valkey: ValkeyServer, admin: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.sign_in(admin, Worker(id="voice@here#1", host="here", pid=1, role="voice", slots={"bulk": 1}, sound="s"))
    admin.execute_command("ACL", "SETUSER", "ada", "on", ">secret", "~*", "resetchannels", "+@all")
    for command in ("status", "reset"):
        sentence = said(capsys, f"redis://ada:secret@127.0.0.1:{valkey.port}/0", command)
        assert f"The server at 127.0.0.1:{valkey.port} does not let this user do what Chorus needs (" in sentence
    registry.sign_out(admin, Worker(id="voice@here#1", host="here", pid=1, role="voice", slots={}))


def test_a_worker_does_not_wait_for_a_wrong_password_to_become_right(
    valkey: ValkeyServer, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.execute_command("ACL", "SETUSER", "ada", "on", ">secret", "~*", "+@all")
    settings = FarmSettings(url=f"redis://ada:wrong@127.0.0.1:{valkey.port}/0")
    monkeypatch.setattr(broker.app, "settings", lambda: settings)
    with click.Context(click.Command("worker"), info_name="worker").scope(), pytest.raises(SystemExit) as ended:
        broker.app._server_for_the_command()
    sentence = "refuses the password: correct it in CHORUS_URL or --url."
    assert ended.value.code == f"chorus: The server at 127.0.0.1:{valkey.port} {sentence}"


def test_a_replica_is_named(valkey: ValkeyServer, admin: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    admin.replicaof("127.0.0.1", free_port())
    assert "is a read-only replica: name the primary." in said(capsys, valkey.url, "submit", __file__, "-l", "en-us")
    with pytest.raises(ServerError, match="is a read-only replica"):
        reach.check_fit(valkey.url)
    admin.config_set("replica-serve-stale-data", "no")
    assert "is a replica that has lost its primary: name the primary." in said(capsys, valkey.url, "jobs")


def test_a_full_server_is_named(valkey: ValkeyServer, admin: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    admin.config_set("maxmemory", 1)
    sentence = "has no memory left: let jobs finish, or raise its maxmemory."
    assert sentence in said(capsys, valkey.url, "submit", __file__, "-l", "en-us")
    with pytest.raises(ServerError, match="has no memory left"):
        reach.check_fit(valkey.url)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_the_doctor_says_when_the_server_deletes_keys(
    valkey: ValkeyServer, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: str
) -> None:
    monkeypatch.setattr(doctor, "_espeak", str)
    settings = FarmSettings(url=valkey.url, home=tmp_path)

    def finding() -> doctor.Finding:
        return next(one for one in doctor.examine(settings) if one.what == "server")

    assert (finding().well, finding().told) == (True, f"answers at 127.0.0.1:{valkey.port}")
    admin.config_set("maxmemory-policy", policy)
    assert not finding().well
    assert f"deletes keys when its memory is full (maxmemory-policy {policy})" in finding().told
    assert finding().told.endswith("give it `maxmemory-policy noeviction`.")


@pytest.mark.parametrize("answer", [[b"-LOADING x\r\n"], [b"+OK\r\n"]], ids=["loads", "answers nonsense"])
def test_the_doctor_says_what_answers(answer: Answer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_espeak", str)
    with serving(StrangeServer(answer)) as server:
        settings = FarmSettings(url=server.url, home=tmp_path)
        found = next(one for one in doctor.examine(settings) if one.what == "server")
    assert not found.well
    assert f" 127.0.0.1:{server.port} " in found.told
