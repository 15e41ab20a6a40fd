"""The supervisor: the process that keeps a stack's programs running. `workers.stack.stack` starts it.

What should run stands in the run folder and is read again on every turn; what does run are its own child processes.
Knows nothing of jobs.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from broker import embedded
from broker.settings import FarmSettings, settings
from chorus.errors import ChorusError, DiskError
from chorus.stack_address import Instance
from workers.process import children
from workers.stack.run_folder import ProcessStatus, Program, Report, RunFolder, StackSpec, take

TURN_S = 0.3
WARM_STOP_S = 15.0
SERVER_STOP_S = 10.0
GUARD_STOP_S = 1.0
LOCK_S = 2.0

log = logging.getLogger("chorus.supervisor")


class Backoff:
    """The delay before a program is restarted: it doubles each time, until the program has run for a while."""

    FIRST_S, MOST_S, HEALTHY_S = 0.2, 10.0, 30.0

    def __init__(self) -> None:
        self._next_s = self.FIRST_S

    def after(self, alive_s: float) -> float:
        """The next delay, after the program ran for this long."""
        if alive_s >= self.HEALTHY_S:
            self._next_s = self.FIRST_S
        wait_s, self._next_s = self._next_s, min(self.MOST_S, self._next_s * 2)
        return wait_s


class Child:
    """A program that is started, and restarted after a delay whenever it has exited."""

    def __init__(self, name: str, log_file: Path, launch: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.name, self._log_file, self._launch = name, log_file, launch
        self.process: subprocess.Popen[bytes] | None = None
        self._backoff = Backoff()
        self._started_s = self._due_s = 0.0
        self._starts, self._since_s, self._last_words = 0, 0.0, ""

    def alive(self) -> bool:
        """Whether it is running."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it now."""
        self._started_s, self._since_s = time.monotonic(), time.time()
        self._starts += 1
        self.process = self._launch()
        log.info("%s runs as process %d.", self.name, self.process.pid)

    def check(self) -> None:
        """Start it if it does not run and its delay is over."""
        if self.process is not None and not self.alive():
            self._rest(f"ended with {self.process.returncode}")
        if self.process is None and time.monotonic() >= self._due_s:
            try:
                self.start()
            except (ChorusError, OSError) as error:
                self._rest(f"cannot start: {error}")

    def _rest(self, why: str) -> None:
        wait_s = self._backoff.after(time.monotonic() - self._started_s)
        self.process, self._due_s = None, time.monotonic() + wait_s
        self._last_words = embedded.last_words(self._log_file) or why
        log.warning("%s %s; starting it again in %.1f s.", self.name, why, wait_s)

    def status(self) -> ProcessStatus:
        """Its line in the supervisor's report."""
        return ProcessStatus(
            name=self.name,
            pid=self.process.pid if self.process else 0,
            alive=self.alive(),
            restarts=max(0, self._starts - 1),
            since_s=self._since_s,
            last_words=self._last_words,
        )


class Supervisor:
    """Keeps a run folder's stack running until no command uses it and it was not kept by `chorus up`."""

    def __init__(self, run: RunFolder, farm: FarmSettings) -> None:
        self._run, self._farm = run, farm
        self._guard = Child("guard", run.log("guard"), self._launch_guard)
        self._server = Child("server", run.log("server"), self._launch_server)
        self._instance: Instance | None = None
        self._workers: dict[str, Child] = {}
        self._told_to_end = False
        self._last_client: int | None = None

    def end(self, *_: object) -> None:
        """End at the next turn; a signal handler."""
        self._told_to_end = True

    def run(self) -> None:
        """Start the stack, watch it, and finally stop all of it."""
        try:
            self._guard.start()
            spec = self._run.spec()
            if spec and spec.server:
                self._server.start()
            while spec := self._wanted():
                self._turn(spec)
                time.sleep(TURN_S)
        finally:
            self._stop()

    def _wanted(self) -> StackSpec | None:
        """What should run; None if the stack is to end."""
        if self._told_to_end or not (spec := self._run.spec()):
            return None
        if not self._run.keep.exists():
            # Commands that use the stack hold this lock together. Once the supervisor has it, it keeps it until all is
            # stopped, so that the next command waits for that and does not find half a stack.
            self._last_client = take(self._run.clients_lock)
        return None if self._last_client is not None else spec

    def _turn(self, spec: StackSpec) -> None:
        self._guard.check()
        if spec.server:
            self._server.check()
        if self._server.alive() or not spec.server:
            for program in spec.programs(self._farm.flower_port):
                self._worker(program, spec).check()
        shown = [*([self._server] if spec.server else []), *self._workers.values()]
        report = Report(pid=os.getpid(), processes=tuple(child.status() for child in shown))
        if report != self._run.report():
            # A full disk must not end the stack.
            with suppress(DiskError):
                self._run.say(report)

    def _worker(self, program: Program, spec: StackSpec) -> Child:
        if program.name not in self._workers:

            def launch() -> subprocess.Popen[bytes]:
                url = spec.url or (self._instance.url if self._instance else "")
                return self._spawn(program.name, program.argv, cwd=children.ROOT, env={"CHORUS_URL": url})

            self._workers[program.name] = Child(program.name, self._run.log(program.name), launch)
        return self._workers[program.name]

    def _launch_server(self) -> subprocess.Popen[bytes]:
        # The workers know its port and password, so a restarted server must have the same.
        server = embedded.start(self._farm, self._spawn, like=self._instance)
        self._instance = server.instance
        return server.process

    def _launch_guard(self) -> subprocess.Popen[bytes]:
        argv = children.command("workers.stack.guard")
        with self._run.open_log("guard") as out:
            guard = subprocess.Popen(  # noqa: S603 - our own module
                argv,
                cwd=children.ROOT,
                env=_environment({}),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        for child in (self._server, *self._workers.values()):
            if child.process is not None and child.alive():
                _tell(guard, child.process.pid)
        return guard

    def _spawn(
        self,
        name: str,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: dict[str, str],
        keep_open: tuple[int, ...] = (),
    ) -> subprocess.Popen[bytes]:
        with self._run.open_log(name) as out:
            process = subprocess.Popen(  # noqa: S603 - programs of our own, or the server found by name
                argv,
                cwd=cwd,
                env=_environment(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # Its own process group: its children can be ended with it, and Ctrl-C in a terminal does not reach it.
                start_new_session=True,
                pass_fds=keep_open,
                preexec_fn=partial(children.end_with, os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - one thread here
            )
        if self._guard.process is not None:
            _tell(self._guard.process, process.pid)
        return process

    def _stop(self) -> None:
        # First, so that no command finds a stack that is about to end.
        self._run.say(None)
        if not self._run.key:
            embedded.forget(self._run.home)
        end_all((child.process for child in self._workers.values()), WARM_STOP_S)
        end_all((self._server.process,), SERVER_STOP_S)
        end_all((self._guard.process,), GUARD_STOP_S)
        if self._last_client is not None:
            self._run.want(None)


def end_all(processes: Iterable[subprocess.Popen[bytes] | None], grace_s: float) -> None:
    """Send SIGTERM to all at once, and SIGKILL to the process groups of those that have not ended in time."""
    alive = [process for process in processes if process is not None and process.poll() is None]
    for process in alive:
        process.terminate()
    deadline_s = time.monotonic() + grace_s
    for process in alive:
        try:
            process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            # It has not been waited for, so its id cannot belong to another process yet.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _tell(guard: subprocess.Popen[bytes], pid: int) -> None:
    # A guard that has ended is replaced on the next turn, and the new one gets all ids.
    if guard.stdin is not None:
        with suppress(BrokenPipeError):
            guard.stdin.write(b"%d\n" % pid)
            guard.stdin.flush()


def _environment(more: dict[str, str]) -> dict[str, str]:
    # CELERY_BROKER_URL and similar variables, set for another application, would misconfigure our workers.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CELERY_")}
    return ours | more


def _take_lock(run: RunFolder) -> int | None:
    """Take the supervisor's lock. Retries, because a process that only tests the lock holds it for an instant."""
    deadline_s = time.monotonic() + LOCK_S
    while (lock := take(run.supervisor_lock)) is None and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return lock


def main(key: str) -> None:
    """Take the lock, fork away from the caller, and run; a second supervisor ends at once."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    run = RunFolder(settings().home_folder(), key)
    lock = _take_lock(run)
    if lock is None or os.fork():
        # The child inherits the lock and holds it for as long as it runs.
        return
    supervisor = Supervisor(run, settings())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, supervisor.end)
    try:
        supervisor.run()
    except ChorusError as error:
        log.error("%s", error)  # noqa: TRY400 - an expected error, shown to the user as a sentence
        run.say(Report(pid=os.getpid(), failure=str(error), failure_kind=type(error).__name__))
    os.close(lock)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
