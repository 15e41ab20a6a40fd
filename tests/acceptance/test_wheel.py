"""The wheel: the SDK alone, in an environment that holds nothing else, beside an app with a `tasks.py` of its own."""

import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
import redis
from hand_farm import HandFarm, pcm_of
from packaging.requirements import Requirement
from support import beside, wait_until
from workshop import Workshop

import chorus
from chorus import keys
from chorus.wav import wav_header

ROOT = Path(__file__).resolve().parent.parent.parent
SDK = {"platformdirs", "pydantic-settings", "redis", "rich", "typer"}
FARM = ["celery", "kombu", "numpy", "onnxruntime", "broker", "tasks", "workers"]

APP = '''
"""An application that has a `tasks` of its own."""

import sys
from pathlib import Path

import tasks
from chorus import Client, Kind

with Client(sys.argv[1]) as client:
    job = client.submit(tasks.GREETING, live=True).job
    with client.listen(job) as listener:
        frames = sum(chunk.frames for chunk in listener if chunk.kind is Kind.AUDIO)
    record = client.wait(job, timeout_s=60)
    saved = client.save(job, Path("greeting.wav"))
    print(record.state, frames, saved.name, Path(tasks.__file__).parent == Path.cwd())
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A Python with the wheel, what it declares to need, and nothing else."""

    folder: Path

    def run(self, program: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """As a user of this environment alone: the checkout's own path is not the application's."""
        command = [str(self.folder / "bin" / program), *words]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env, timeout=90)


@pytest.fixture(scope="module")
def environment(wheel: Path, metadata: Message, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python3.*/site-packages")
    for name in needed(metadata.get_all("Requires-Dist") or []):
        borrow(name, site)
    install(wheel, site, folder / "bin")
    return Environment(folder=folder)


def needed(requirements: Iterable[str], extras: frozenset[str] = frozenset()) -> set[str]:
    """The distributions that these requirements lead to, as installed here."""
    found: set[str] = set()
    for text in requirements:
        requirement = Requirement(text)
        wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras | {""}
        )
        if wanted and requirement.name not in found:
            inner = distribution(requirement.name).requires or []
            found |= {requirement.name, *needed(inner, frozenset(requirement.extras))}
    return found


def borrow(name: str, site: Path) -> None:
    """Make a distribution of this environment importable in that one, without a copy and without a network."""
    for file in distribution(name).files or []:
        top = file.parts[0]
        if top != ".." and not (site / top).exists():
            (site / top).symlink_to(Path(str(distribution(name).locate_file(top))))


def install(wheel: Path, site: Path, programs: Path) -> None:
    """What an installer does with a wheel without compiled code: unpack it and write its program."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    program = programs / "chorus"
    # A `#!` line cannot have a path with a blank, so installers have a shell start the interpreter, which skips that.
    started = f"#!/bin/sh\n'''exec' \"{programs / 'python'}\" \"$0\" \"$@\"\n' '''\n"
    program.write_text(f"{started}from chorus.commands import main\nmain()\n")
    program.chmod(0o755)


def test_the_wheel_needs_the_sdks_libraries_and_nothing_of_the_farm(metadata: Message) -> None:
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist") or []]
    assert {one.name for one in requirements if one.marker is None} == SDK
    assert all("extra ==" in str(one.marker) for one in requirements if one.marker is not None)
    assert metadata["Name"] == "kokoro-chorus"
    assert metadata["Version"] == chorus.__version__
    assert metadata["License-Expression"] == "Apache-2.0"


def test_the_wheel_holds_the_sdk_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "chorus = chorus.commands:main" in archive.read(entry_points).decode()
    tops = {re.sub(r"^kokoro_chorus-.*\.dist-info$", "dist-info", name.partition("/")[0]) for name in names}
    assert tops == {"chorus", "dist-info"}
    assert "chorus/py.typed" in names
    assert {Path(name).name for name in names} >= {"LICENSE", "NOTICE"}


def test_the_environment_has_no_part_of_the_farm(environment: Environment, tmp_path: Path) -> None:
    script = (
        "import importlib.util as u; print([n for n in ('celery', 'numpy', 'onnxruntime', 'broker') if u.find_spec(n)])"
    )
    assert environment.run("python", "-c", script.format(FARM=FARM), cwd=tmp_path).stdout == "[]\n"


def test_the_command_works_there_and_points_operators_to_a_checkout(environment: Environment, tmp_path: Path) -> None:
    helped = environment.run("chorus", "--help", cwd=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "submit" in helped.stdout
    assert environment.run("chorus", "--version", cwd=tmp_path).stdout == f"chorus {chorus.__version__}\n"
    refused = environment.run("chorus", "render", "book.epub", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "`./bin/chorus render`" in refused.stderr


def test_an_app_with_its_own_tasks_submits_and_follows_a_job(
    environment: Environment, redis_url: str, server: redis.Redis, tmp_path: Path
) -> None:
    """The client's half, with a farm played by hand."""

    def serve() -> None:
        wait_until(lambda: server.llen(keys.INBOX), description="the app submitted its job", timeout_s=60)
        farm = HandFarm(server, server.lindex(keys.INBOX, 0).decode())
        for segment in (1, 0):
            farm.speak(segment)
        farm.end(2)
        farm.note(state="done")

    with beside(serve):
        told = use(environment, redis_url, tmp_path)
    pcm = pcm_of(0) + pcm_of(1)
    assert told == f"done {len(pcm) // 2} greeting.wav True\n"
    assert (tmp_path / "greeting.wav").read_bytes() == wav_header(len(pcm) // 2) + pcm


def test_the_same_app_is_served_by_a_real_farm(environment: Environment, farm: Workshop, tmp_path: Path) -> None:
    state, frames, name, own_tasks = use(environment, farm.url, tmp_path).split()
    assert (state, name, own_tasks) == ("done", "greeting.wav", "True")
    assert int(frames) > 0
    assert (tmp_path / name).stat().st_size == 44 + 2 * int(frames)


def test_the_command_submits_follows_and_saves_there(environment: Environment, farm: Workshop, tmp_path: Path) -> None:
    (tmp_path / "talk.md").write_text("# One\n\nGood morning.\n\n# Two\n\nGood night.\n")
    (tmp_path / "tasks.py").write_text("raise SystemExit('the app's own tasks were imported by chorus')\n")
    for words, said in (
        (("submit", "talk.md", "--job", "talk", "-f", "flac"), "talk\n"),
        (("follow", "talk"), "Job talk is done: "),
        (("save", "talk", "-o", "out.flac"), "out.flac\n"),
    ):
        ran = environment.run("chorus", *words, "--url", farm.url, cwd=tmp_path)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert said in ran.stdout
    assert (tmp_path / "out.flac").read_bytes()[:4] == b"fLaC"


def use(environment: Environment, url: str, folder: Path) -> str:
    """What the app prints when it is run beside its own `tasks.py`."""
    (folder / "tasks.py").write_text('GREETING = "Good morning."\n')
    (folder / "app.py").write_text(APP)
    ran = environment.run("python", "app.py", url, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
