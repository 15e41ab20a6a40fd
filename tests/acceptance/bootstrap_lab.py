"""What the bootstrap's tests need: a package index on loopback, small checkouts that set up in seconds, bare PATHs.

Knows nothing of Chorus itself: the checkouts' only command reports the surroundings it was started in.
"""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import reap

ROOT = Path(__file__).parents[2]
# All that the scripts may use: neither compiler nor make, git, ffmpeg, curl or awk.
TOOLS = (
    "cat", "cksum", "date", "df", "getconf", "grep", "id", "ls", "mkdir", "mktemp", "mv", "readlink", "rm", "sed", "sh",
    "sort", "tr", "uname",
)  # fmt: skip
# Present on one system and not on the other.
TOOLS_OF_MACOS = ("sw_vers",)
UID_OF_NOBODY_AT_ALL = 54321
PIP_WORKS = "import ensurepip, venv"
IS_ROOT = os.getuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can run a test as another user")
REPORT = """
import json, os, sys
import misaki, tinysound

print(json.dumps({
    "argv": sys.argv[1:], "cwd": os.getcwd(), "prefix": sys.prefix, "version": list(sys.version_info[:2]),
    "path": sys.path, "encoding": sys.stdout.encoding, "environment": dict(os.environ), "uid": os.getuid(),
    "tinysound": tinysound.VERSION, "misaki": misaki.VERSION,
}))
"""


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A package of one line."""

    name: str
    version: str
    requires_python: str = ">=3.8"

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-py3-none-any.whl"

    def content(self) -> bytes:
        info = f"{self.name}-{self.version}.dist-info"
        files = {
            f"{self.name}/__init__.py": f"VERSION = {self.version!r}\n",
            f"{info}/METADATA": (
                f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n"
                f"Requires-Python: {self.requires_python}\n"
            ),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name), text)
        return buffer.getvalue()

    def lock_lines(self, marker: str = "") -> str:
        digest = hashlib.sha256(self.content()).hexdigest()
        return f"{self.name}=={self.version}{marker} \\\n    --hash=sha256:{digest}\n"


MISAKI = Wheel(name="misaki", version="0.9.4", requires_python=">=3.8, <3.13")
WHEELS = (Wheel(name="tinysound", version="1.0"), Wheel(name="tinysound", version="2.0"), MISAKI)


def lock_of(version: str) -> str:
    """A lock like ours: two packages, one of them with misaki's bound."""
    misaki = MISAKI.lock_lines(" ; python_full_version < '3.13'")
    return "# A lock.\n" + misaki + Wheel(name="tinysound", version=version).lock_lines()


class Index:
    """A package index on loopback that counts what it hands out and can be told to keep its callers waiting."""

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        self.asked = threading.Event()
        self.open = threading.Event()
        self.open.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.open.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, path: str) -> tuple[bytes, str]:
        name = path.strip("/").rpartition("/")[2]
        for wheel in WHEELS:
            if name == wheel.filename:
                self.asked.set()
                self.open.wait()
                self.served[name] += 1
                return wheel.content(), "application/octet-stream"
        links = "".join(f'<a href="/files/{w.filename}">{w.filename}</a>' for w in WHEELS if w.name == name)
        return f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body, kind = index.answer(self.path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    index.served["lost callers"] += 1

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run of bin/chorus left."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        if self.code:
            raise AssertionError(f"exit code {self.code}:\n{self.err}")
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded


class Checkout:
    """The bootstrap as it is in this repository, around a command that only reports."""

    def __init__(self, folder: Path, index: Index, *, tools: Path, lock: str = "") -> None:
        self.folder = folder
        self.path = str(tools)
        self._started: list[subprocess.Popen[str]] = []
        self.environment = {
            "PATH": self.path,
            "HOME": str(tools),
            "PIP_INDEX_URL": index.url,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_CACHE_DIR": str(tools / "cache"),
            "UV_DEFAULT_INDEX": index.url,
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        folder.mkdir(parents=True)
        shutil.copytree(ROOT / "bin", folder / "bin")
        (folder / "requirements.lock").write_text(lock or lock_of("1.0"))
        for package in ("chorus", "broker", "tasks", "workers"):
            (folder / package).mkdir()
            (folder / package / "__init__.py").write_text("")
        (folder / "workers" / "commands.py").write_text(REPORT)

    @property
    def stamp(self) -> Path:
        return self.folder / ".venv" / "chorus.stamp"

    def command(self, *arguments: str, **changes: str | None) -> tuple[list[str], dict[str, str]]:
        environment = {k: v for k, v in {**self.environment, **changes}.items() if v is not None}
        return [str(self.folder / "bin" / "chorus"), *arguments], environment

    def start(self, *arguments: str, **changes: str | None) -> subprocess.Popen[str]:
        """Start it in a process group of its own, so that all of it can be killed at once."""
        command, environment = self.command(*arguments, **changes)
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, env=environment, cwd="/", text=True, stdout=pipe, stderr=pipe, start_new_session=True
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what was started and has not ended, and what it started."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            reap(process)

    def run(self, *arguments: str, cwd: Path | None = None, user: int | None = None, **changes: str | None) -> Outcome:
        command, environment = self.command(*arguments, **changes)
        return run(command, environment, cwd=cwd or Path("/"), user=user)


def run(command: list[str], environment: Mapping[str, str], *, cwd: Path, user: int | None = None) -> Outcome:
    groups: list[int] | None = None if user is None else []
    done = subprocess.run(
        command, env=environment, cwd=cwd, user=user, group=user, extra_groups=groups,
        capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)


def make_tools(folder: Path, *pythons: str, without: tuple[str, ...] = ()) -> Path:
    """A PATH of one folder that holds the tools above and these interpreters, and nothing else."""
    folder.mkdir(parents=True)
    names = (*TOOLS, *TOOLS_OF_MACOS) if sys.platform == "darwin" else TOOLS
    for name in names:
        found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        if found and name not in without:
            (folder / name).symlink_to(found)
    for python in pythons:
        (folder / Path(python).name).symlink_to(python)
    return folder


def make_script(folder: Path, name: str, text: str) -> Path:
    """A program of a few lines of sh, standing in for one of the machine's."""
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def runs(python: str, code: str, user: int | None = None) -> bool:
    """Whether this interpreter is here, may be used by that user, and gets through the code."""
    try:
        return run([python, "-I", "-c", code], {}, cwd=Path("/"), user=user).code == 0
    except OSError:
        return False


def interpreters() -> list[str]:
    """The Pythons of this machine that the bootstrap could choose, the one under these tests first."""
    minor = sys.version_info.minor
    found = [str(Path(sys.base_prefix) / "bin" / f"python3.{minor}")]
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    versions = Path(sys.base_prefix).parent.glob("3.*/bin")
    for name in ("python3.13", "python3.12", "python3.11"):
        found += [str(Path(folder) / name) for folder in (*folders, *versions) if (Path(folder) / name).exists()]
    return found


def python_that(code: str, user: int | None = None) -> str:
    """An interpreter that gets through this code, or the test is reported as not run."""
    for python in interpreters():
        if runs(python, code, user):
            return python
    pytest.skip(f"no Python here that gets through `{code}`" + (f" as user {user}" if user else ""))
