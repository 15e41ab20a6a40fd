"""A machine with a checkout, for tests: a home of its own, the toy voice, and the operator's commands typed on it.

Everything started here is found again by its home in the environment, and is gone when the machine is closed.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import redis
from support import reap, wait_until
from toy.build import MODEL, VOICES, build

from broker.settings import FarmSettings
from chorus.client import Client
from chorus.keys import JobKeys
from chorus.stack_address import running
from workers.stack.run_folder import RunFolder
from workers.stack.stack import down

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "docs" / "sample.md"
# Slow enough that a short book is still being spoken when a test looks.
SLOW_WORK = 300
OPERATOR = (sys.executable, "-P", "-m", "workers.commands")


class Machine:
    """Where a test types commands; close it, and its stack ends."""

    def __init__(self, folder: Path, *, model: Path = MODEL) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.settings = FarmSettings(home=self.home)
        self._model = model
        self._typed: list[subprocess.Popen[str]] = []

    def variables(self) -> dict[str, str]:
        """What sets this machine apart."""
        return {
            "CHORUS_HOME": str(self.home),
            "CHORUS_MODEL": str(self._model),
            "CHORUS_VOICES": str(VOICES),
            "CHORUS_OFFLINE": "1",
            # What a test looks at is being spoken, not remembered.
            "CHORUS_CACHE_MB": "0",
        }

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHORUS_", "CELERY_"))}
        return kept | {"PYTHONPATH": str(ROOT)} | self.variables() | more

    def start(self, *words: object, **more: str) -> "subprocess.Popen[str]":
        """Type a command and look at it while it runs."""
        running = subprocess.Popen(
            [*OPERATOR, *map(str, words)],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._typed.append(running)
        return running

    def chorus(self, *words: object, **more: str) -> "subprocess.CompletedProcess[str]":
        """Type a command and wait for its end."""
        running = self.start(*words, **more)
        out, err = running.communicate(timeout=90)
        return subprocess.CompletedProcess(running.args, running.returncode, out, err)

    def piped(self, *words: object) -> "subprocess.CompletedProcess[bytes]":
        """Type a command whose output is no text."""
        command = [*OPERATOR, *map(str, words)]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, check=False, timeout=90
        )

    @property
    def run(self) -> RunFolder:
        return RunFolder.of(self.settings)

    def url(self) -> str:
        """Of the server of its stack; empty while none runs."""
        own = running(self.home)
        return own.url if own else ""

    def pid(self, name: str) -> int:
        """Of a process of its stack; 0 while it is not there."""
        report = self.run.report()
        return next((one.pid for one in report.processes if one.name == name), 0) if report else 0

    def processes(self) -> list[psutil.Process]:
        """Everything alive that was started for this machine."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            # A server writes its title over its environment; it works in the home.
            return process.environ().get("CHORUS_HOME") == str(self.home) or self.home in Path(process.cwd()).parents
        except psutil.Error:
            return False

    def named(self, words: str) -> list[psutil.Process]:
        """Those of its processes whose command line has these words."""
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                if words in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def servers(self) -> list[psutil.Process]:
        """The servers that work on its data, whatever their program is called."""
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                if Path(process.cwd()) == (self.home / "server").resolve():
                    found.append(process)
        return found

    def wait_quiet(self) -> None:
        """Return once nothing of ours runs any more."""
        wait_until(lambda: not self.processes(), description=f"nothing of {self.home} runs any more", timeout_s=40)

    @contextmanager
    def frozen(self, when: Callable[[Client], bool]) -> Iterator[Client]:
        """Its voice worker asleep at a moment when this holds, and still holds while the block runs."""
        wait_until(lambda: self.url() and self.pid("voice"), description="a stack is there")
        with Client(self.url()) as client:
            pid = 0

            def caught() -> bool:
                # Frozen first: what holds now cannot pass before the test has looked at it.
                nonlocal pid
                pid = self.pid("voice")
                began_s = time.monotonic()
                os.kill(pid, signal.SIGSTOP)
                if when(client):
                    return True
                os.kill(pid, signal.SIGCONT)
                # It must get on between two looks, also where a look takes long.
                time.sleep(time.monotonic() - began_s)
                return False

            try:
                wait_until(caught, description="the moment to freeze the voice worker", timeout_s=60)
            except AssertionError as missed:
                missed.add_note(f"The jobs at that time: {client.jobs()}.")
                raise
            try:
                yield client
            finally:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def forget(self) -> None:
        """Let a stack that is kept forget the jobs of the test before, in Redis and in the store."""
        with redis.Redis.from_url(self.url()) as connection:
            connection.flushdb()
        shutil.rmtree(self.home / "store" / "jobs", ignore_errors=True)

    def close(self) -> None:
        for command in self._typed:
            reap(command)
        down(self.settings)
        for process in self.processes():
            process.kill()


@contextmanager
def kept_up(folder: Path) -> Iterator[Machine]:
    """A machine on which somebody typed `up`, and whose voice is slow."""
    with closing(Machine(folder, model=build(folder / "slow.onnx", work=SLOW_WORK))) as machine:
        up = machine.chorus("up")
        assert up.returncode == 0, up.stderr
        yield machine


def half_spoken(client: Client) -> bool:
    """One job, of which some was spoken, its very beginning among it, and some was not."""
    jobs = client.jobs()
    if len(jobs) != 1 or not 2 <= jobs[0].segments_done < jobs[0].segments_planned - 2:
        return False
    # None: it has left for the store already.
    return client._redis.hget(JobKeys(jobs[0].job).steps, "segment:0") in {b"d", None}


@contextmanager
def closing(machine: Machine) -> Iterator[Machine]:
    try:
        yield machine
    finally:
        machine.close()


def epub(
    pages: Mapping[str, str], *, title: str = "The Small Book", author: str = "Ann Author", series: str = ""
) -> bytes:
    """A book with a chapter per page: its title, and a paragraph."""
    name, _, volume = series.partition(" #")
    collection = f'<meta name="calibre:series" content="{name}"/><meta name="calibre:series_index" content="{volume}"/>'
    namespace = "http://www.w3.org/1999/xhtml"
    names = [f"{number}.xhtml" for number in range(len(pages))]
    links = "".join(f'<li><a href="{name}">{title}</a></li>' for name, title in zip(names, pages, strict=True))
    manifest = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in names)
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    nav = '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    members = {
        "META-INF/container.xml": (
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
            '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
        ),
        "book.opf": (
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
            '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>en</dc:language>"
            f"{collection if series else ''}</metadata>"
            f"<manifest>{nav}{manifest}</manifest><spine>{spine}</spine></package>"
        ),
        "nav.xhtml": (
            f'<html xmlns="{namespace}" xmlns:epub="http://www.idpf.org/2007/ops"><body>'
            f'<nav epub:type="toc"><ol>{links}</ol></nav></body></html>'
        ),
    }
    for name, (heading, text) in zip(names, pages.items(), strict=True):
        members[name] = f'<html xmlns="{namespace}"><body><h1>{heading}</h1><p>{text}</p></body></html>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, content in members.items():
            out.writestr(name, content)
    return buffer.getvalue()
