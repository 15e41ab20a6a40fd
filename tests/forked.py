"""Types a command as a process of its own that is forked after the imports: some thirty milliseconds each.

    with Shell(folder) as shell:
        shell.type("render", "nowhere.epub").refused("nowhere.epub does not exist")

What a process inherits can be hostile: arguments, environment, streams, limits, user. Knows no command.
"""

import atexit
import gc
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from remedies import names_a_remedy

ROOT: Final = Path(__file__).resolve().parent.parent
TOY: Final = ROOT / "tests" / "toy"
"""Named here: toy.build imports onnxruntime, whose thread a fork would leave behind."""
CHECKOUT, PACKAGE = "checkout", "package"
CLOSED: Final = Path("closed")
NOBODY: Final = 65534
MOST_MB: Final = 300
"""What a command that is refused may take beyond what its imports took."""
_HARD_MB: Final = 1500
_PATIENCE_S: Final = 30.0
OF_ONNXRUNTIME: Final = ".ses"
"""What it leaves among the temporary files whoever loads it."""
_USED_BY_COMMANDS: Final = (
    "broker.farm_status", "broker.session_control", "broker.store_usage", "tasks.inspection", "tasks.parts.playback",
    "tasks.phonemes.phonemize", "workers.cli.announcing", "workers.cli.cleaning", "workers.cli.demo",
    "workers.cli.doctor", "workers.cli.machine_load", "workers.cli.metrics", "workers.cli.render_requests",
    "workers.cli.rendering", "workers.models.choosing", "workers.models.fetching", "workers.models.resolving",
    "workers.models.verifying", "workers.models.voicebank", "workers.stack.stack",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """What a command did."""

    words: tuple[str, ...]
    status: int
    """Minus the signal that ended it; -9 also if it had to be ended because it did not end by itself."""
    hung: bool
    out: str
    err: str
    appeared: tuple[str, ...]
    """What lies in its folder, or in the one for temporary files, and did not before."""
    grown_mb: float

    def refused(self, *parts: str, status: int | None = None) -> None:
        """One sentence in our name that names the thing and the remedy, and nothing else anywhere."""
        assert not self.hung, f"{self.words} did not end"
        assert self.status in ((1, 2) if status is None else (status,)), self
        assert self.err.startswith("chorus: "), self
        assert self.err.count("\n") == 1, self
        assert self.out == "", self
        for part in parts:
            assert part in self.err, self
        assert names_a_remedy(self.err.strip()), self
        self.is_well_behaved()

    def is_well_behaved(self) -> None:
        """Whatever it was asked: it ended, said nothing of Python's, left nothing, and stayed small."""
        assert not self.hung, f"{self.words} did not end"
        assert self.status >= 0, self
        for word in ("Traceback", "Errno", "Exception ignored", "a fault of Chorus", "[/", "\x1b"):
            assert word not in self.err, self
        assert all(char.isprintable() or char == "\n" for char in self.err), self
        assert self.appeared == (), self
        assert self.grown_mb < MOST_MB, self


@dataclass(kw_only=True)
class _Order:
    """What the process is to inherit, as it travels to the server."""

    program: str
    words: list[str]
    folder: str
    env: dict[str, str]
    stdin: str
    stdout: str
    stderr: str
    user: int = 0
    timeout_s: float = 20
    limits: dict[str, int] = field(default_factory=dict)


class Shell:
    """A folder to type commands in. Its server has imported everything once, and forks for each command."""

    def __init__(self, folder: Path, *, imported: tuple[str, ...] = _USED_BY_COMMANDS) -> None:
        self.folder = folder / "here"
        self.temporary = folder / "tmp"
        self.home = folder / "home"
        for made in (self.folder, self.temporary, self.home):
            made.mkdir(mode=0o755)
        self._said = folder / "said"
        self._said.mkdir()
        one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHORUS_", "CELERY_"))}
        self._server = subprocess.Popen(
            [sys.executable, "-P", __file__, *imported],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=kept | one_thread | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.communicate()

    def environment(self, **more: str) -> dict[str, str]:
        """What every command finds in its environment."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            "CHORUS_HOME": str(self.home / "chorus"),
            "CHORUS_MODEL": str(TOY / "toy.onnx"),
            "CHORUS_VOICES": str(TOY / "toy-voices.bin"),
            "CHORUS_TAGGER": "rules",
            "CHORUS_OFFLINE": "1",
            **more,
        }

    def type(
        self,
        *words: object,
        program: str = CHECKOUT,
        stdin: Path = Path(os.devnull),
        stdout: Path | None = None,
        stderr: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        user: int = 0,
        timeout_s: float = 20,
        limits: Mapping[str, int] | None = None,
    ) -> Typed:
        """Type it; a stream may be a path, or CLOSED. A None in `env` takes a variable away."""
        out, err = self._said / "out", self._said / "err"
        for said in (out, err):
            said.write_bytes(b"")
            said.chmod(0o666)
        order = _Order(
            program=program,
            words=[str(word) for word in words],
            folder=str(self.folder),
            env={name: value for name, value in {**self.environment(), **(env or {})}.items() if value is not None},
            stdin=str(stdin),
            stdout=str(stdout or out),
            stderr=str(stderr or err),
            user=user,
            timeout_s=timeout_s,
            limits=dict(limits or {}),
        )
        before = self._there()
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(vars(order)) + "\n")
        self._server.stdin.flush()
        told = json.loads(self._server.stdout.readline())
        return Typed(
            words=tuple(order.words),
            out=out.read_text("utf-8", "backslashreplace"),
            err=err.read_text("utf-8", "backslashreplace"),
            appeared=tuple(sorted(self._there() - before)),
            **told,
        )

    def _there(self) -> set[str]:
        return {
            str(path)
            for folder in (self.folder, self.temporary)
            for path in _below(folder)
            if path.name != OF_ONNXRUNTIME
        }


def _below(folder: Path) -> "list[Path]":
    return [Path(top) / name for top, folders, files in os.walk(folder) for name in (*folders, *files)]


def _serve() -> None:
    """Fork for each line of standard input, and answer with a line. Returns in a child with what that is to run."""
    answers = os.dup(1)
    for line in sys.stdin:
        order = _Order(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            os.close(answers)
            _become(order)
            return
        os.write(answers, json.dumps(_watch(pid, order.timeout_s)).encode() + b"\n")
    raise SystemExit


def _watch(pid: int, timeout_s: float) -> dict[str, Any]:
    base_mb = _resident_mb(os.getpid())
    hung = not _ended(pid, timeout_s)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "hung": hung,
        "grown_mb": used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10) - base_mb,
    }


def _ended(pid: int, timeout_s: float) -> bool:
    """Whether it ends by itself. Its number stays taken until it was waited for."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return True
        time.sleep(0.002)
    return False


def _resident_mb(pid: int) -> float:
    import psutil  # noqa: PLC0415 -- in the server alone

    return float(psutil.Process(pid).memory_info().rss) / (1 << 20)


def _become(order: _Order) -> None:
    """The process that was ordered, in the child."""
    os.setsid()
    os.chdir(order.folder)
    for stream, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        _open_as(stream, getattr(order, ("stdin", "stdout", "stderr")[stream]), mode)
    os.environ.clear()
    os.environb.update({os.fsencode(name): os.fsencode(value) for name, value in order.env.items()})
    tempfile.tempdir = None
    time.tzset()
    limits = {"RLIMIT_CORE": 0, "RLIMIT_AS": _address_space() + (_HARD_MB << 20), **order.limits}
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if order.user and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(order.user)
        os.setuid(order.user)
    # As Python does when it starts.
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    sys.argv = ["chorus", *order.words]
    _run.append((order.program, order.words))


_run: list[tuple[str, list[str]]] = []


def _open_as(number: int, path: str, mode: int) -> None:
    os.close(number)
    if path != str(CLOSED):
        opened = os.open(path, mode | os.O_NOCTTY)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)


def _stream(number: int, mode: str) -> Any:
    try:
        os.fstat(number)
    except OSError:
        return None
    errors = "backslashreplace" if number == 2 else "strict"
    buffer = open(number, f"{mode}b", closefd=False)  # noqa: SIM115 -- it lasts as long as the process
    return TextIOWrapper(buffer, encoding="utf-8", errors=errors, line_buffering=number == 2 or os.isatty(number))


def _address_space() -> int:
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[0]) * resource.getpagesize() if pages.exists() else 1 << 40


def _serving() -> None:
    import importlib  # noqa: PLC0415 -- in the server alone

    from typer.main import get_command  # noqa: PLC0415 -- in the server alone

    from chorus.command_line import run  # noqa: PLC0415 -- in the server alone
    from chorus.commands import program  # noqa: PLC0415 -- in the server alone
    from tasks.phonemes import phonemize  # noqa: PLC0415 -- in the server alone
    from workers.commands import app  # noqa: PLC0415 -- in the server alone

    for name in sys.argv[1:]:
        importlib.import_module(name)
    # Typer makes all commands anew at each call, which takes as long as the call itself.
    programs: dict[str, Callable[..., object]] = {CHECKOUT: get_command(app), PACKAGE: get_command(program())}
    # The dictionaries are read here, once: two seconds.
    phonemize.phonemize("hello", "en-us")
    gc.freeze()
    _serve()
    (asked, words), *_ = _run
    _end(run(programs[asked], words))


def _end(status: int) -> NoReturn:
    """End as Python does, but without taking everything apart that was imported, which takes ten times as long."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            status = 120
            with suppress(OSError):
                os.write(2, f"Exception ignored while {stream.name} was flushed: {error!r}".encode())
    os._exit(status)


if __name__ == "__main__":
    _serving()
