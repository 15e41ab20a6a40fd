"""Starts, stops and inspects this machine's stack: the server, the workers and Flower, under one supervisor.

Starts what is missing and shares what already runs. Knows nothing of jobs, and nothing of the command line.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from broker import embedded
from broker.reach import address, check
from broker.settings import FarmSettings
from chorus import errors
from chorus.errors import ChorusError, FarmError
from chorus.settings import PREFIX
from chorus.stack_address import running
from workers.process import children
from workers.stack.run_folder import POLL_S, ProcessStatus, RunFolder, StackSpec, held

__all__ = ["ServerStatus", "Stack", "StackSpec", "StackStatus", "down", "ensure", "status", "up"]

# Must exceed what the supervisor takes to stop a stack (its WARM_STOP_S, SERVER_STOP_S), or to start a server.
PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running stack; it keeps running at least until the `ensure` block ends."""

    url: str
    """The address of its server, with the password."""
    run: RunFolder
    """The folder of its locks and logs."""

    def alive(self) -> bool:
        """Whether it still runs: `chorus down`, or the death of its supervisor, ends it while commands use it."""
        return self.run.supervised()


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """The server that the stack's workers use."""

    address: str
    """`127.0.0.1:40123`, without the password."""
    version: str
    """`Valkey 9.1.2`."""
    pid: int
    """0 if the stack does not run it."""


@dataclass(frozen=True, kw_only=True)
class StackStatus:
    """What `chorus status` shows of this machine's stack."""

    running: bool
    """Whether a supervisor is running."""
    keep: bool
    """Whether it keeps running without commands that use it: after `chorus up`."""
    elsewhere: bool
    """Whether the server is one that the user named, and not this machine's own."""
    server: ServerStatus | None
    """None if no server answers."""
    trouble: str
    """Why the server in CHORUS_URL cannot be used; empty if it can, or if none is named there."""
    processes: tuple[ProcessStatus, ...]
    """The supervisor's programs, as it last reported them."""
    logs: Path
    """The folder of the programs' logs."""


@contextmanager
def ensure(settings: FarmSettings, spec: StackSpec | None = None) -> Iterator[Stack]:
    """Have this stack running while the block lasts. Without a `spec` it is the full stack without Flower."""
    wanted = spec or StackSpec()
    wanted = replace(wanted, url=_elsewhere(settings, wanted.url or settings.url))
    settings = settings.model_copy(update={"url": wanted.url})
    if wanted.url:
        check(wanted.url)
    run = RunFolder.of(settings, wanted.url)
    stopping = f"The previous stack of {run.home} does not end: see {run.log('supervisor')}, or run `chorus down`."
    with held(run.clients_lock, shared=True, timeout_s=PATIENCE_S, blocked=stopping):
        with _door(run):
            url = _bring_up(run, settings, wanted)
        yield Stack(url=url, run=run)


def up(settings: FarmSettings, *, flower: bool = False) -> StackStatus:
    """Start the stack, and keep it running until `down`."""
    run = _run_folder(settings)
    if flower and "flower" not in {process.name for process in _processes(run) if process.alive}:
        embedded.require_free(settings.flower_port, "CHORUS_FLOWER_PORT")
    with ensure(settings, StackSpec(flower=flower)):
        run.keep.touch(mode=0o600)
    return status(settings)


def down(settings: FarmSettings) -> bool:
    """Stop the stack, even if commands use it; returns whether one was running. Its jobs are kept on disk."""
    run = _run_folder(settings)
    with _door(run):
        was_running = run.supervised()
        run.keep.unlink(missing_ok=True)
        run.want(None)
        deadline_s = time.monotonic() + PATIENCE_S
        while run.supervised():
            if time.monotonic() > deadline_s:
                raise FarmError(f"The stack does not end: see {run.log('supervisor')}.")
            time.sleep(POLL_S)
        if not run.key:
            embedded.retire(run.home)
    return was_running


def status(settings: FarmSettings) -> StackStatus:
    """What runs now. A server that is down or refuses the connection is reported, not raised."""
    run = _run_folder(settings)
    server, trouble = None, ""
    if run.key:
        try:
            version = check(settings.url)
            server = ServerStatus(address=address(settings.url), version=version, pid=0)
        except ChorusError as error:
            trouble = str(error)
    elif own := running(run.home):
        server = ServerStatus(address=address(own.url), version=own.version, pid=own.pid)
    return StackStatus(
        running=run.supervised(),
        keep=run.keep.exists(),
        elsewhere=bool(run.key),
        server=server,
        trouble=trouble,
        processes=_processes(run),
        logs=run.logs,
    )


def _run_folder(settings: FarmSettings) -> RunFolder:
    """The folder of the stack that works for the server of these settings."""
    return RunFolder.of(settings.model_copy(update={"url": _elsewhere(settings, settings.url)}))


def _elsewhere(settings: FarmSettings, url: str) -> str:
    """This address; empty if it is that of our own server, which `chorus url` prints to be put into CHORUS_URL."""
    own = running(settings.home_folder()) if url else None
    return "" if own and own.url == url else url


def _processes(run: RunFolder) -> tuple[ProcessStatus, ...]:
    report = run.report() if run.supervised() else None
    return report.processes if report else ()


@contextmanager
def _door(run: RunFolder) -> Iterator[None]:
    """Only one process at a time starts or stops the stack, so that two starts share one supervisor."""
    blocked = f"Another chorus command has been starting or stopping the stack for a minute: see {run.logs}."
    with held(run.door_lock, timeout_s=PATIENCE_S, blocked=blocked):
        yield


def _bring_up(run: RunFolder, settings: FarmSettings, wanted: StackSpec) -> str:
    """Use the running supervisor, or start one; returns the server's address once all wanted programs were started."""
    launched = False
    if run.supervised():
        there = run.spec()
        wanted = there.joined(wanted) if there else wanted
        run.want(wanted)
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if run.supervised():
            if url := _serving(run, wanted, settings.flower_port):
                return url
        elif launched:
            raise _failure(run)
        else:
            # None runs, or the one that ran has just ended.
            _launch(run, settings, wanted)
            launched = True
        time.sleep(POLL_S)
    raise FarmError(
        f"The stack of {run.home} does not answer from here: see {run.log('supervisor')}. "
        "If another machine or container shares that folder, set CHORUS_HOME to one of your own."
    )


def _serving(run: RunFolder, wanted: StackSpec, flower_port: int) -> str:
    report = run.report()
    names = {program.name for program in wanted.programs(flower_port)}
    if report is None or not names <= {
        process.name for process in report.processes if process.alive or process.restarts
    }:
        return ""
    own = None if wanted.url else running(run.home)
    return own.url if own else wanted.url


def _launch(run: RunFolder, settings: FarmSettings, wanted: StackSpec) -> None:
    run.say(None)
    run.want(wanted)
    given = settings.model_dump(exclude_defaults=True, exclude={"url", "home"})
    environment = {PREFIX + name.upper(): str(value) for name, value in given.items()}
    environment |= {f"{PREFIX}HOME": str(run.home)}
    with run.open_log("supervisor") as log:
        subprocess.run(  # noqa: S603 - our own module
            [*children.command("workers.stack.supervisor"), run.key],
            cwd=children.ROOT,
            env=children.environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )


def _failure(run: RunFolder) -> ChorusError:
    report = run.report()
    if report and report.failure:
        kind = getattr(errors, report.failure_kind, FarmError)
        return kind(report.failure)
    words = embedded.last_words(run.log("supervisor")) or "its log is empty"
    return FarmError(f"The stack's supervisor ended: {words}. See {run.log('supervisor')}.")
