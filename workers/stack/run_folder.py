"""The files and locks through which commands and the supervisor of one stack communicate. Starts and ends nothing.

Locks say which processes are alive, because the kernel releases the locks of a process that dies. Process ids in the
files are only for people.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Self

from broker.embedded import write_private
from broker.settings import FarmSettings
from chorus.errors import DiskError, FarmError
from chorus.files import reason
from workers.process import children

POLL_S = 0.05
LOG_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that the supervisor keeps running."""

    name: str
    """Unique within the stack; its log file and its line in `chorus status` are named after it."""
    argv: tuple[str, ...]
    """Never contains a secret: those are passed in the environment."""


@dataclass(frozen=True, kw_only=True)
class StackSpec:
    """What one stack consists of."""

    voice: bool = True
    """Whether it has a voice worker."""
    desk: bool = True
    """Whether it has a desk worker; with a server elsewhere that one serves only this machine's store."""
    flower: bool = False
    """Whether it has Flower, on loopback."""
    url: str = ""
    """The address of a server elsewhere; if it is empty, the stack runs its own."""
    others: tuple[Program, ...] = ()
    """Further programs of the caller."""

    @property
    def server(self) -> bool:
        """Whether the stack runs its own server."""
        return not self.url

    def programs(self, flower_port: int) -> tuple[Program, ...]:
        """The programs to run besides the server."""
        voice = _worker("voice", "workers.voice")
        # With a server elsewhere that farm's own desk workers plan; ours serves only this machine's disk.
        desk = _worker("desk", "workers.desk" if self.server else "workers.store_desk")
        web = ("-A", "broker", "flower", "--address=127.0.0.1", f"--port={flower_port}")
        flower = Program(name="flower", argv=(*children.command("celery"), *web))
        wanted = ((self.voice, voice), (self.desk, desk), (self.flower, flower))
        return (*(program for chosen, program in wanted if chosen), *self.others)

    def joined(self, more: Self) -> Self:
        """A stack that has everything of both."""
        known = {program.name for program in self.others}
        return replace(
            self,
            voice=self.voice or more.voice,
            desk=self.desk or more.desk,
            flower=self.flower or more.flower,
            others=(*self.others, *(program for program in more.others if program.name not in known)),
        )


@dataclass(frozen=True, kw_only=True)
class ProcessStatus:
    """One program of the stack."""

    name: str
    """`server`, `voice`, `desk`, `flower`."""
    pid: int
    """0 while it is not running."""
    alive: bool
    """Whether it is running."""
    restarts: int
    """How often it exited unexpectedly and was restarted."""
    since_s: float
    """When it was last started, in Unix time."""
    last_words: str
    """The last line of its log when it last exited unexpectedly."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The supervisor's report on itself."""

    pid: int
    """Its own."""
    processes: tuple[ProcessStatus, ...] = ()
    """Everything it keeps running."""
    failure: str = ""
    """Why it could not start, as a sentence for the user."""
    failure_kind: str = ""
    """The name of that error's class in chorus/errors.py."""


class RunFolder:
    """The folder `run` in CHORUS_HOME or, for a server elsewhere, a folder of its own below that one."""

    def __init__(self, home: Path, key: str) -> None:
        self.home, self.key = home, key
        self.path, self.logs = home / "run" / key, home / "log" / key
        self.supervisor_lock = self.path / "supervisor.lock"
        self.clients_lock = self.path / "clients.lock"
        self.door_lock = self.path / "door.lock"
        self.keep = self.path / "keep"
        self._spec, self._report = self.path / "stack.json", self.path / "report.json"
        try:
            for folder in (self.path, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(folder, error) from error

    @classmethod
    def of(cls, settings: FarmSettings, url: str = "") -> Self:
        """The folder of the stack that uses this server."""
        chosen = url or settings.url
        return cls(settings.home_folder(), hashlib.sha256(chosen.encode()).hexdigest()[:12] if chosen else "")

    def spec(self) -> StackSpec | None:
        """What the supervisor should run; None: nothing, it should end."""
        try:
            fields = json.loads(self._spec.read_text("utf-8"))
            others = tuple(Program(name=other["name"], argv=tuple(other["argv"])) for other in fields.pop("others"))
            return StackSpec(**fields, others=others)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def want(self, spec: StackSpec | None) -> None:
        """Write what the supervisor should run. The caller holds the door lock, or the clients' lock exclusively."""
        if spec is None:
            self._spec.unlink(missing_ok=True)
        else:
            write_private(self._spec, json.dumps(asdict(spec)))

    def report(self) -> Report | None:
        """The supervisor's last report; it is valid only while a supervisor runs."""
        try:
            fields = json.loads(self._report.read_text("utf-8"))
            return Report(**fields | {"processes": tuple(ProcessStatus(**one) for one in fields["processes"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def say(self, report: Report | None) -> None:
        """Replace the supervisor's report."""
        if report is None:
            self._report.unlink(missing_ok=True)
        else:
            write_private(self._report, json.dumps(asdict(report)))

    def supervised(self) -> bool:
        """Whether a supervisor is running."""
        lock = take(self.supervisor_lock, shared=True)
        if lock is not None:
            os.close(lock)
        return lock is None

    def log(self, name: str) -> Path:
        """The file that receives a program's output."""
        return self.logs / f"{name}.log"

    @contextmanager
    def open_log(self, name: str) -> Iterator[IO[bytes]]:
        """A program's log, opened for appending; one that has grown too long is renamed first."""
        path = self.log(name)
        try:
            if path.exists() and path.stat().st_size > LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise _refused(path, error) from error
        with os.fdopen(descriptor, "ab") as log:
            yield log


def take(path: Path, *, shared: bool = False) -> int | None:
    """A descriptor that holds the lock until it is closed; None if another process holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
    except BlockingIOError:
        return None
    except OSError as error:
        raise _refused(path, error) from error
    return descriptor


@contextmanager
def held(path: Path, *, shared: bool = False, timeout_s: float, blocked: str) -> Iterator[None]:
    """Hold a lock; FarmError with the sentence `blocked` if it cannot be taken within the timeout."""
    deadline_s = time.monotonic() + timeout_s
    while (lock := take(path, shared=shared)) is None:
        if time.monotonic() > deadline_s:
            raise FarmError(blocked)
        time.sleep(POLL_S)
    try:
        yield
    finally:
        os.close(lock)


def voice_program(name: str) -> Program:
    """A further voice worker, under this name."""
    return _worker(name, "workers.voice", "-n", f"{name}@%h")


def _worker(name: str, module: str, *arguments: str) -> Program:
    # "Mingle" asks other workers for revoked tasks and clocks, which Chorus does not use, and delays start by a second.
    command = children.command("workers.process.celery_worker")
    return Program(name=name, argv=(*command, module, "--without-mingle", "--without-gossip", *arguments))


def _refused(path: Path, error: OSError) -> DiskError:
    return DiskError(f"{path} cannot be used ({reason(error)}): free some space, or set CHORUS_HOME to another folder.")
