"""Finds the Redis or Valkey to use, or starts an embedded server of our own on loopback TCP.

Knows nothing of jobs, of Celery, or of who keeps the server running: its caller says how a process is started.
"""

import fcntl
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import redis

from broker.programs import NO_SERVER, programs
from broker.reach import check, client, who
from broker.settings import FarmSettings
from chorus.errors import ChorusError, DiskError, ServerError, SettingError
from chorus.files import reason
from chorus.stack_address import LOOPBACK, Instance, find, running, server_file

START_S = 10.0
RETIRE_S = 10.0
POLL_S = 0.02
# Servers keep the absolute path of their configuration in 1024 bytes and crash on a longer one.
LONGEST_HOME_BYTES = 900


class Spawn(Protocol):
    """How a server process is started; its output goes to the log of this name."""

    def __call__(
        self, name: str, argv: Sequence[str], *, cwd: Path, env: dict[str, str], keep_open: tuple[int, ...]
    ) -> subprocess.Popen[bytes]:
        """A running process with the additional environment `env` that inherits the descriptors `keep_open`."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that we started and that answered."""

    process: subprocess.Popen[bytes]
    """It ends in order on SIGTERM, after writing its log to the disk."""
    instance: Instance
    """How to reach it."""


def locate(settings: FarmSettings) -> str | None:
    """The URL of the server that the settings name, which must answer; else of our own if it runs, else None."""
    if settings.url:
        check(settings.url)
        return settings.url
    own = find(settings)
    return own.url if own else None


def start(settings: FarmSettings, spawn: Spawn, *, like: Instance | None = None) -> Server:
    """Start the first server program of this machine that works; with the port and the password of `like` if given."""
    home = settings.home_folder()
    _prepare(home)
    retire(home)
    port = like.port if like else settings.port
    if port:
        require_free(port, "CHORUS_PORT")
    password = like.password if like else secrets.token_hex(24)
    failure = ServerError(NO_SERVER)
    for program in programs(home / "server"):
        try:
            return _start_one(home, program, spawn, Instance(pid=0, port=port, password=password, version=""))
        except ServerError as error:
            failure = error
    raise failure


def retire(home: Path) -> None:
    """End a server of ours whose supervisor is gone: two servers on one folder would destroy its data."""
    if not _in_use(home):
        return
    if own := running(home):
        # It writes its log to the disk before it ends; a snapshot besides would only take time.
        with suppress(redis.RedisError), client(own.url) as server:
            server.shutdown(nosave=True)
    deadline_s = time.monotonic() + RETIRE_S
    while _in_use(home):
        if time.monotonic() > deadline_s:
            raise ServerError(
                f"Another server works on {home / 'server'} and does not answer here: stop it, or set CHORUS_HOME."
            )
        time.sleep(POLL_S)


def forget(home: Path) -> None:
    """Delete the file by which clients find our server, which is about to end."""
    server_file(home).unlink(missing_ok=True)


def require_free(port: int, variable: str) -> None:
    """SettingError, naming the variable, if a process listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise SettingError(
                f"Port {port} cannot be used ({reason(error)}): stop what holds it, or set {variable} to another."
            ) from error


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step. Only this user can read it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        raise DiskError(
            f"{path} cannot be written ({reason(error)}): free some space, or set CHORUS_HOME to another folder."
        ) from error


def last_words(log: Path, since_byte: int = 0) -> str:
    """The last line that a process wrote to its log after `since_byte`."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            # A log shorter than before has been rotated: all of it is new.
            file.seek(max(since_byte if since_byte <= size else 0, size - 4096))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


def _start_one(home: Path, program: Path, spawn: Spawn, wanted: Instance) -> Server:
    port = wanted.port or _free_port()
    write_private(home / "run" / "server.conf", _configuration(port, wanted.password))
    log = home / "log" / "server.log"
    log_bytes = log.stat().st_size if log.exists() else 0
    with _data_lock(home) as lock:
        # Some servers refuse to start under a locale that is not installed.
        process = spawn(
            "server", [str(program), "server.conf"], cwd=home / "run", env={"LC_ALL": "C"}, keep_open=(lock,)
        )
    instance = Instance(pid=process.pid, port=port, password=wanted.password, version="")
    try:
        instance = replace(instance, version=_await_answer(process, instance))
        write_private(server_file(home), instance.to_json())
    except ChorusError as error:
        process.kill()
        process.wait()
        words = last_words(log, log_bytes) or error
        raise ServerError(f"{program} does not serve: {words}. See {log}.") from error
    return Server(process=process, instance=instance)


def _await_answer(process: subprocess.Popen[bytes], instance: Instance) -> str:
    deadline_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline_s:
        try:
            with client(instance.url) as server:
                return who(server)
        except redis.BusyLoadingError:
            # It runs and reads its log, which may take as long as it likes.
            deadline_s = time.monotonic() + START_S
        except redis.RedisError:
            pass
        time.sleep(POLL_S)
    raise ServerError(f"it ended with {process.returncode}" if process.returncode else "it does not answer")


def _configuration(port: int, password: str) -> str:
    """The server's configuration. Its paths are relative to the run folder, so that none needs quoting."""
    return f"""\
bind {LOOPBACK}
protected-mode yes
port {port}
requirepass {password}
daemonize no
dir ../server
save ""
appendonly yes
appendfsync everysec
aof-load-truncated yes
maxmemory-policy noeviction
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _prepare(home: Path) -> None:
    if len(os.fsencode(home)) > LONGEST_HOME_BYTES:
        raise SettingError(
            f"CHORUS_HOME is {len(os.fsencode(home))} bytes long and a server takes {LONGEST_HOME_BYTES}: "
            "name a shorter folder."
        )
    for folder in (home / "run", home / "server", home / "log"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DiskError(f"{folder} cannot be made ({reason(error)}): set CHORUS_HOME to another folder.") from error


@contextmanager
def _data_lock(home: Path) -> Iterator[int]:
    """A locked descriptor for the server to inherit. The lock is held until the last process that has it ends.

    So the kernel says whether a server works on the folder; a process id in a file could be another process's by now.
    """
    path = home / "server" / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DiskError(
            f"{path} cannot be written ({reason(error)}): free some space, or set CHORUS_HOME to another folder."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServerError(f"Another server works on {path.parent}: stop it, or set CHORUS_HOME.") from error
        yield descriptor
    finally:
        os.close(descriptor)


def _in_use(home: Path) -> bool:
    if not (home / "server").is_dir():
        return False
    try:
        with _data_lock(home):
            return False
    except ServerError:
        return True
