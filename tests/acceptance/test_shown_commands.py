"""Every command that README.md and the pages of docs show, run as it stands there.

In a fresh copy of the checkout, in a folder whose name has a space, by a shell that knows PATH and HOME alone.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import epub
from support import ValkeyServer, free_port, wait_until
from workshop import ROOT

from chorus.client import Client

CHECKOUT = ("benchmarks", "bin", "broker", "chorus", "docs", "tasks", "workers", "README.md", "requirements.lock")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?(?=\S*bin/|export )(.*?)(?:\s+#.*)?$", re.MULTILINE)
NOT_RUN = {
    "./bin/test": "it would run this test again",
    "./bin/chorus models pull": "it fetches Kokoro: tests/kokoro does",
    ".venv/bin/python benchmarks/performance.py kokoro-shaped.onnx --quick": "it measures for many minutes",
    ".venv/bin/python benchmarks/listen_setup.py": "it installs a recogniser, which no test may do",
    ".venv/bin/python benchmarks/quality_page.py KOKORO.onnx --voices VOICES.bin --quick": "it needs Kokoro",
    ".venv/bin/python -m workers.standin.build": "it needs flite and an hour: tests/voice does it where flite is",
}
# Programs that run until they are asked to end.
SERVES = re.compile(r"worker$|flower\b")
PING = ".venv/bin/celery -A broker inspect ping"
EXAMPLE_ADDRESS = "redis://:password@host:6379/0"


def shown(page: str) -> list[str]:
    """The commands in a page's blocks that name no language, in their order, each once."""
    blocks = FENCE.findall((ROOT / page).read_text("utf-8"))
    found = [command for language, text in blocks if not language for command in COMMAND.findall(text)]
    return list(dict.fromkeys(found))


def example(page: str) -> str:
    """The page's example in Python."""
    (code,) = [text for language, text in FENCE.findall((ROOT / page).read_text("utf-8")) if language == "python"]
    return code


class Shell:
    """A user who has fetched the checkout and types what the pages show."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.checkout = folder / "a fresh copy" / "chorus"
        self.home.mkdir()
        for name in CHECKOUT:
            source, target = ROOT / name, self.checkout / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        # Setting up has tests of its own; what was set up for this run serves the copy as well.
        (self.checkout / ".venv").symlink_to(sys.prefix)
        chapters = {f"Chapter {number}": f"This is chapter {number}." for number in range(1, 16)}
        (self.checkout / "book.epub").write_bytes(epub(chapters))
        # As written, Flower takes port 5555, which another on this machine may hold.
        self.variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "FLOWER_PORT": str(free_port()),
            # What a first command fetches is for tests/kokoro; here the stand-in speaks.
            "CHORUS_OFFLINE": "1",
        }
        self.log = folder / "serving.log"

    def run(self, *command: str, text: str = "") -> str:
        """What it printed; it must end well, and without a traceback."""
        ran = subprocess.run(
            command, cwd=self.checkout, env=self.variables, input=text, capture_output=True, text=True, check=False,
            timeout=100,
        )  # fmt: skip
        told = f"{command[-1]}\n{ran.stdout}{ran.stderr}"
        assert ran.returncode == 0, told
        assert "Traceback" not in told
        return ran.stdout

    def type(self, command: str) -> None:
        """A line of a page."""
        if command.startswith("./bin/chorus") or not SERVES.search(command):
            self.run("/bin/sh", "-c", command)
        else:
            self.serve(command)

    def serve(self, command: str) -> None:
        """A line whose program runs until it is asked to end: wait until it serves, and ask it."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"], cwd=self.checkout, env=self.variables, stdout=log, stderr=log
            )
        try:
            wait_until(lambda: self.serves(process), description=f"`{command}` serves", timeout_s=60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0, self.log.read_text("utf-8", "replace")
        finally:
            process.kill()
            process.wait()

    def serves(self, process: "subprocess.Popen[bytes]") -> bool:
        assert process.poll() is None, self.log.read_text("utf-8", "replace")
        return self.registered(process.pid) or self.flower_answers()

    def registered(self, pid: int) -> bool:
        with Client(self.variables.get("CHORUS_URL") or self.run("./bin/chorus", "url").strip()) as client:
            return pid in {worker.pid for worker in client.workers()}

    def flower_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.variables['FLOWER_PORT']}/broker", timeout=5) as page:
                return b"chorus.desk.live" in page.read()
        except OSError:
            return False


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.run("./bin/chorus", "down")


@pytest.mark.timeout(400)
def test_every_command_of_the_readme_runs_as_written(shell: Shell) -> None:
    commands = [command for command in shown("README.md") if command not in NOT_RUN]
    assert ".venv/bin/celery -A workers.voice worker" in commands
    # So that not every command starts a stack of its own, which other tests see.
    shell.run("./bin/chorus", "up")
    for command in commands:
        shell.type(command)
    for made in ("sample.m4b", "book.m4b", "hello.wav"):
        assert (shell.checkout / made).stat().st_size > 0


@pytest.mark.timeout(200)
def test_the_readmes_example_runs_as_written_once_the_stack_is_up(shell: Shell) -> None:
    shell.run("./bin/chorus", "up")
    said = shell.run(".venv/bin/python", "-", text=example("README.md")).splitlines()
    assert said[0].startswith("segment 0: ")
    assert said[-1] == "sample.m4b"


@pytest.mark.timeout(400)
def test_every_command_of_the_operations_page_runs_as_written(shell: Shell) -> None:
    # Somebody must be there to answer a ping: the next test has a stack.
    commands = [command for command in shown("docs/operations.md") if command not in (*NOT_RUN, PING)]
    assert f"export CHORUS_URL={EXAMPLE_ADDRESS}" in commands
    with tempfile.TemporaryDirectory() as folder, ValkeyServer(Path(folder)) as server:
        for command in commands:
            if command.startswith("export "):
                shell.variables["CHORUS_URL"] = command.partition("=")[2].replace(EXAMPLE_ADDRESS, server.url)
            else:
                shell.type(command)
        del shell.variables["CHORUS_URL"]


@pytest.mark.timeout(400)
def test_every_command_of_the_other_pages_runs_as_written(shell: Shell) -> None:
    pages = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md") if path.name != "operations.md")
    commands = [command for page in pages for command in shown(page) if command not in NOT_RUN]
    assert ".venv/bin/python -m workers.standin.build --assemble" in commands
    for command in commands:
        shell.type(command)


def test_no_page_shows_a_program_that_a_clean_shell_does_not_find() -> None:
    pages = ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
    blocks = [
        text for page in pages for language, text in FENCE.findall((ROOT / page).read_text("utf-8")) if not language
    ]
    bare = re.compile(r"^(?:\$ )?(?:python3?|celery|pip|pytest|ruff) .*", re.MULTILINE)
    assert [line for text in blocks for line in bare.findall(text)] == []


@pytest.mark.timeout(200)
def test_celerys_own_commands_find_the_running_stack(shell: Shell) -> None:
    shell.run("./bin/chorus", "up")
    assert PING in shown("docs/operations.md")
    wait_until(lambda: answering(shell) == {"desk", "voice"}, description="both workers answer", timeout_s=60)
    shell.type(".venv/bin/celery -A broker flower")


def answering(shell: Shell) -> set[str]:
    """The roles of the workers that answer Celery's ping; it fails while there is none."""
    ran = subprocess.run(
        ["/bin/sh", "-c", PING], cwd=shell.checkout, env=shell.variables, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ran.stderr
    return set(re.findall(r"->\s+(\w+)@\S+ OK", ran.stdout))
