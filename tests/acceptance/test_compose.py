"""compose.yaml and the Dockerfile: what they promise, and every command in them run here, without Docker.

Only addresses and folders are exchanged: the network's names become loopback, the volumes temporary folders.
"""

import fnmatch
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from support import free_port, valkey_binary, wait_until

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("voice", "desk", "flower")
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
LOGIN = "me:secret"
READY = re.compile(r"\bready\b")
# Stands in for the program of the image where this machine has none.
VALKEY_CLI = """#!{python}
import sys, redis
print("PONG" if redis.Redis(port={port}).ping() else "", *sys.argv[2:])
"""


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, flags=re.MULTILINE)


# --- What they promise ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined_watched_and_stopped_gently(name: str) -> None:
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]  # noqa: S108 - a container's
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["stop_grace_period"].endswith("s")


def test_only_flower_is_published_and_only_to_this_machine_and_behind_a_password() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "flower": ["127.0.0.1:5555:5555"]
    }
    assert SERVICES["flower"]["environment"]["FLOWER_BASIC_AUTH"].startswith("${FLOWER_BASIC_AUTH:?")


def test_our_services_share_one_image_one_user_one_server_and_the_workers_one_volume() -> None:
    for name in OURS:
        assert SERVICES[name]["user"] == instructions("USER")[-1] == "10001:10001"
        assert SERVICES[name]["build"] == "."
        assert SERVICES[name]["environment"]["CHORUS_URL"] == "redis://valkey:6379/0"
        assert SERVICES[name]["depends_on"] == {"valkey": {"condition": "service_healthy"}}
    assert SERVICES["voice"]["volumes"] == SERVICES["desk"]["volumes"] == ["chorus:/data"]
    assert SERVICES["voice"]["environment"]["CHORUS_HOME"] == "/data"


def test_espeak_may_load_the_library_that_it_copies_to_tmp() -> None:
    for name in ("voice", "desk"):
        assert "exec" in SERVICES[name]["tmpfs"][0].partition(":")[2].split(",")


def test_the_image_installs_the_lock_by_its_hashes_and_as_wheels_only() -> None:
    (install,) = [line for line in instructions("RUN") if "requirements.lock" in line]
    for option in ("--no-deps", "--only-binary :all:", "--require-hashes", "-r /requirements.lock"):
        assert option in install


def test_the_image_gets_every_package_of_the_farm_and_nothing_is_kept_from_it() -> None:
    copied = [source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages <= set(copied)
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for source in copied:
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in let_in), f"{source} is ignored"


def test_what_the_image_leaves_out_is_what_only_tests_need() -> None:
    (install,) = [line for line in instructions("RUN") if "uninstall" in line]
    left_out = install.partition("uninstall --yes")[2].split()
    project = (ROOT / "pyproject.toml").read_text()
    farm = project.partition("farm = [")[2].partition("\n]")[0]
    assert left_out
    assert not [name for name in left_out if f'"{name}' in farm]


# --- Every command, run -----------------------------------------------------------------------------------------------


class Native:
    """The services as processes of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.flower_port = folder, free_port(), free_port()
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self.programs = folder / "bin"
        self.programs.mkdir()
        self._install("celery", f'#!/bin/sh\nexec "{sys.executable}" -m celery "$@"\n')
        self._install("python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        self._install("valkey-server", f'#!/bin/sh\nexec "{valkey_binary()}" --port {self.port} "$@"\n')
        self._install("valkey-cli", VALKEY_CLI.format(python="/usr/bin/env python", port=self.port))

    def _install(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def exchanged(self, text: str) -> str:
        """An address or a folder of the containers' as it is here."""
        text = text.replace("valkey:6379", f"127.0.0.1:{self.port}").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        return re.sub(r"^/data\b", str(self.folder), text.replace("5555", str(self.flower_port)))

    def environment(self, name: str) -> dict[str, str]:
        theirs = {key: self.exchanged(value) for key, value in SERVICES[name].get("environment", {}).items()}
        if "FLOWER_BASIC_AUTH" in theirs:
            theirs["FLOWER_BASIC_AUTH"] = LOGIN
        path = f"{self.programs}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **theirs}

    def start(self, name: str) -> None:
        command = [self.exchanged(word) for word in SERVICES[name]["command"]]
        work = self.folder / name
        work.mkdir()
        with self.log(name).open("wb") as log:
            self.started[name] = subprocess.Popen(
                command, cwd=work, env=self.environment(name), stdout=log, stderr=subprocess.STDOUT
            )

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def healthy(self, name: str, **changes: str) -> bool:
        kind, *command = SERVICES[name]["healthcheck"]["test"]
        words = ["sh", "-c", *command] if kind == "CMD-SHELL" else command
        words = [word if kind == "CMD-SHELL" else self.exchanged(word) for word in words]
        environment = {**self.environment(name), **changes}
        return subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, check=False).returncode == 0

    def serves(self, name: str) -> bool:
        """Alive, and past the line that says so; a process that ended fails the test with its last words."""
        text = self.log(name).read_text(errors="replace")
        assert self.started[name].poll() is None, f"{name} ended:\n{text[-3000:]}"
        return bool(READY.search(text)) or name == "flower"

    def stop(self, name: str) -> int:
        process = self.started.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(float(SERVICES[name]["stop_grace_period"].rstrip("s")))
        finally:
            process.kill()


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Native]:
    farm = Native(tmp_path_factory.mktemp("compose"))
    try:
        farm.start("valkey")
        wait_until(lambda: farm.healthy("valkey"), description="Valkey answers its health check")
        for name in OURS:
            assert not farm.healthy(name), f"the health check of {name} passes though {name} was never started"
            farm.start(name)
        for name in OURS:
            wait_until(lambda name=name: farm.serves(name), description=f"{name} says that it is ready", timeout_s=60)
        yield farm
    finally:
        for process in farm.started.values():
            process.kill()
            process.wait()


def fetched(native: Native, path: str, login: str = "") -> tuple[int, bytes]:
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    request = urllib.request.Request(f"http://127.0.0.1:{native.flower_port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SERVICES)
def test_every_service_starts_and_passes_its_own_health_check(native: Native, name: str) -> None:
    wait_until(lambda: native.healthy(name), description=f"the health check of {name} passes")


@pytest.mark.parametrize("name", ["voice", "desk"])
def test_a_workers_health_check_fails_where_the_worker_is_not(native: Native, name: str) -> None:
    assert not native.healthy(name, CHORUS_URL=f"redis://127.0.0.1:{native.port}/1")


def test_flower_asks_for_the_password_and_shows_both_workers(native: Native) -> None:
    assert fetched(native, "/api/workers")[0] == 401
    assert fetched(native, "/healthcheck")[0] == 200

    def both_are_shown() -> bool:
        status, body = fetched(native, "/api/workers?refresh=1", LOGIN)
        return status == 200 and len(json.loads(body)) == 2

    wait_until(both_are_shown, description="Flower lists the voice and the desk worker")


def test_valkey_keeps_what_it_is_told_and_evicts_nothing(native: Native) -> None:
    with redis.Redis(port=native.port, decode_responses=True) as connection:
        told = {key: connection.config_get(key)[key] for key in ("appendonly", "appendfsync", "maxmemory-policy")}
    assert told == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


def test_the_images_own_command_is_the_voice_workers() -> None:
    assert json.loads(instructions("CMD")[-1]) == SERVICES["voice"]["command"]


@pytest.mark.timeout(300)
def test_every_service_ends_within_its_grace(native: Native) -> None:
    for name in reversed(SERVICES):
        assert native.stop(name) == 0, native.log(name).read_text()[-3000:]
