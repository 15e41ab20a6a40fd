"""Somebody else's machine: a copy of this checkout where they put it, with their variables, servers, Python and load.

Knows nothing of what the tests in the copy are about.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from support import Guarded, ValkeyServer, reap, valkey_binary
from workshop import ROOT

# A blank, a quotation mark of typographers and a letter outside of ASCII.
ODD_NAME = "a stranger’s chöice"
USUAL_PORT = 6379
ENDLESS = ("sh", "-c", "while :; do :; done")
# What was made here and is not part of the checkout.
NOT_COPIED = shutil.ignore_patterns(".venv", ".git", "__pycache__", "*_cache", ".hypothesis", "shared", "dist")
END_S = 60


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A checkout that is nobody's but this test's, beside a folder for temporary files."""

    folder: Path
    temporary: Path

    def prove(self, files: Sequence[str], variables: Mapping[str, str | None], *, umask: int = -1) -> str:
        """What `bin/test FILES` printed there; it must have passed. None takes a variable away."""
        given = {**os.environ, "TMPDIR": str(self.temporary), **variables}
        said = self.temporary.parent / "said"
        with said.open("wb") as log:
            process = subprocess.Popen(
                [self.folder / "bin" / "test", *files],
                cwd="/",
                env={name: value for name, value in given.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=umask,
                start_new_session=True,
            )
        try:
            status = process.wait()
        finally:
            end(process)
        told = said.read_text("utf-8", "replace")
        assert status == 0, told[-20_000:]
        return told


def end(process: "subprocess.Popen[bytes]") -> None:
    """End it and all that it runs; they may clean up first."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    reap(process)


def copied(to: Path, *, environment: Path | None = Path(sys.prefix)) -> Copy:
    """A copy of this checkout that borrows an environment, or has none yet."""
    folder, temporary = to / "checkout", to / "tmp"
    temporary.mkdir(parents=True)
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED, symlinks=True)
    if environment is not None:
        (folder / ".venv").symlink_to(environment)
    return Copy(folder=folder, temporary=temporary)


def path_with_redis(folder: Path) -> str:
    """A PATH on which `redis-server` is found first: the machine's own, or Valkey under that name."""
    folder.mkdir(parents=True)
    (folder / "redis-server").symlink_to(shutil.which("redis-server") or valkey_binary())
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@contextmanager
def usual_redis(folder: Path) -> Iterator[None]:
    """A Redis where a package manager's listens; nothing of ours may come to it. A machine's own is left in peace."""
    server = ValkeyServer(folder)
    server.port = USUAL_PORT
    if server.answers():
        yield
        return
    with server, redis.Redis(port=USUAL_PORT) as connection:
        yield
        assert connection.dbsize() == 0
        assert connection.info("stats")["keyspace_misses"] == 0, "somebody looked for a key"


@contextmanager
def busy(folder: Path, loops: int = 2) -> Iterator[None]:
    """Programs that compute without an end, as long as the block runs."""
    running = [Guarded(ENDLESS, folder / "loops.log") for _ in range(loops)]
    try:
        yield
    finally:
        for one in running:
            one.stop()


def odd_locale() -> str:
    """One whose letters are not UTF-8's, if the machine has any."""
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()  # noqa: S607
    return next((name for name in listed if re.search(r"8859|euc|koi8|gb", name, re.IGNORECASE)), "C")


def python(minor: int) -> str:
    """An interpreter of this machine, on PATH or among pyenv's; a test that needs it is skipped without."""
    name = f"python3.{minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path("~/.pyenv").expanduser()) / "versions"
    places = [Path(place) / name for place in os.environ["PATH"].split(os.pathsep)]
    for found in (*places, *sorted(pyenv.glob(f"3.{minor}.*/bin/{name}"), reverse=True)):
        if found.is_file() and _runs(found):
            return str(found)
    pytest.skip(f"no Python 3.{minor} is on this machine")


def _runs(interpreter: Path) -> bool:
    """Whether it is one that can make environments: pyenv's stand-ins are found on PATH and only complain."""
    tried = subprocess.run([interpreter, "-I", "-c", "import ensurepip, venv"], capture_output=True, check=False)
    return tried.returncode == 0


def set_up(copy: Copy, interpreter: str) -> None:
    """Make the copy's environment with this interpreter; the test is skipped where the packages cannot be had."""
    make = 'set -eu; digest=$(cksum <"$root/requirements.lock"); venv=$root/.venv; . "$root/bin/setup.sh"; build_venv'
    given = {"root": str(copy.folder), "base": interpreter}
    made = subprocess.run(
        ["/bin/sh", "-c", make], env=os.environ | given, capture_output=True, encoding="utf-8", check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no environment could be made for {interpreter}: {made.stderr[-400:]}")
