"""Commands that are fed rubbish: a sentence that says what to do, and nothing hangs, grows, or is left behind.

Each is typed as a process of its own, forked after the imports (forked.py).
"""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from forked import NOBODY, Shell

from workers.commands import app

NOWHERE: Final = ("--url", "redis://127.0.0.1:1/0")
"""A server that is not there: what is refused is refused before it is asked."""
LONG: Final = "x" * 300
DEEP: Final = "/".join(["d" * 200] * 25)
THOUSANDS: Final = "9" * 5000
FULL: Final = Path("/dev/full")
ZERO: Final = Path("/dev/zero")
PNG: Final = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    # Not pytest's folder, which others may not look into.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with Shell(Path(name)) as shell:
            _lay_out(shell.folder)
            yield shell
            assert not list(shell.home.rglob("supervisor.log")), "something was started"


def _lay_out(folder: Path) -> None:
    (folder / "ok.md").write_text("# Fine\n\nThis one is as it should be.\n")
    (folder / "closed").mkdir()
    (folder / "secret").write_text("Mine.")
    (folder / "cover.png").write_bytes(PNG)
    (folder / "loops").symlink_to("loops")
    for ending in ("md", "png", "toml", "wav", "m4b"):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / f"socket.{ending}"))
        (folder / f"folder.{ending}").mkdir()
        (folder / f"loop.{ending}").symlink_to(f"loop.{ending}")
        (folder / f"secret.{ending}").write_text("Mine.")
        for device in ("zero", "null", "full", "tty"):
            (folder / f"{device}.{ending}").symlink_to(f"/dev/{device}")
        os.mkfifo(folder / f"pipe.{ending}")
        (folder / f"secret.{ending}").chmod(0o000)
    (folder / "closed").chmod(0o000)


def commands(of: typer.Typer) -> dict[str, Any]:
    """Every command of a program, by the words that call it."""
    group: Any = typer.main.get_command(of)
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        below = getattr(command, "commands", None)
        found |= {f"{name} {inner}": one for inner, one in below.items()} if below else {name: command}
    return found


COMMANDS: Final = commands(app)
# What a command needs besides the option in question.
ARGUMENTS: Final = {
    "render": ["ok.md", "-o", "book.wav"],
    "convert": ["ok.md", "-o", "book.wav"],
    "inspect": ["ok.md"],
    "submit": ["ok.md", *NOWHERE],
    "say": ["hello", "-o", "said.wav", *NOWHERE],
    "phonemize": ["hello"],
    "save": ["a1", *NOWHERE],
    "models use": ["stand-in"],
}
READ: Final = {"sources": "md", "cover": "png", "lexicon": "toml"}
"""The parameters that are read, with an ending that each takes."""


def paths(which: str) -> list[tuple[str, str, str]]:
    """Command, parameter and flag of everything that takes a path, of those that are `read` or those `written`."""
    found = []
    for words, command in COMMANDS.items():
        for parameter in command.params:
            if "Path" in str(parameter.type_descriptor.annotation) and (parameter.name in READ) == (which == "read"):
                flag = "" if parameter.param_type_name == "argument" else parameter.opts[-1]
                found.append((words, parameter.name, flag))
    return found


UNREADABLE: Final = {
    "a name of 300 letters": f"{LONG}.E",
    "a path of 5000 letters": f"{DEEP}.E",
    "a folder that is closed": "closed/file.E",
    "a file that is closed": "secret.E",
    "a file that is not there": "nowhere.E",
    "a file in the place of a folder": "ok.md/file.E",
    "links that lead round": "loop.E",
    "a folder of links that lead round": "loops/file.E",
    "a pipe that nobody writes into": "pipe.E",
    "a socket": "socket.E",
    "a device without an end": "zero.E",
    "a device that is empty": "null.E",
    "a device that is full": "full.E",
    "a terminal": "tty.E",
    "a name of bytes": "\udcff\udcfe.E",
    "the memory of the process": "/proc/self/mem",
}


TELLING: Final = ("a name of 300 letters", "a folder that is closed", "a pipe that nobody writes into")
"""What is tried where the same parameter stands in one more command."""


def unreadable() -> Iterator[Any]:
    known = set()
    for words, name, flag in paths("read"):
        for what in TELLING if name in known else UNREADABLE:
            yield pytest.param(words, name, flag, UNREADABLE[what], id=f"{words} {flag or name} {what}")
        known.add(name)


@pytest.mark.parametrize(("words", "name", "flag", "path"), list(unreadable()))
def test_what_cannot_be_read_is_refused_wherever_a_path_is_read(
    shell: Shell, words: str, name: str, flag: str, path: str
) -> None:
    given = path.replace(".E", f".{READ[name]}")
    arguments = [*ARGUMENTS[words], f"{flag}={given}"] if flag else [given, *ARGUMENTS[words][1:]]
    shell.type(*words.split(), *arguments, user=NOBODY).refused()


UNWRITABLE: Final = {
    "a name of 300 letters": f"{LONG}.wav",
    "a path of 5000 letters": f"{DEEP}.wav",
    "a name that leaves no room for the report": f"{'x' * 248}.wav",
    "a folder that is closed": "closed/out.wav",
    "a folder that is not there": "nowhere/out.wav",
    "a file in the place of a folder": "ok.md/out.wav",
    "a folder": "folder.wav",
    "links that lead round": "loop.wav",
    "a folder of links that lead round": "loops/out.wav",
    "a device": "/dev/null",
    "a name beside a device": "/dev/null.wav",
    "a link to a device": "null.wav",
    "a link to a full device": "full.wav",
    "a pipe": "pipe.wav",
    "a socket": "socket.wav",
    "the system's own folder": "/proc/out.wav",
    "no format": "out.docx",
    "the folder above all": "/",
}


ONLY_OF_SAY: Final = ("a folder", "the folder above all")
ONLY_OF_RENDER: Final = ("a name that leaves no room for the report",)


def unwritable() -> Iterator[Any]:
    for words, others in (("render", ONLY_OF_SAY), ("say", ONLY_OF_RENDER)):
        for what in UNWRITABLE:
            if what not in others:
                yield pytest.param(words, UNWRITABLE[what], id=f"{words} {what}")


@pytest.mark.parametrize(("words", "path"), list(unwritable()))
def test_what_cannot_be_written_is_refused_before_anything_is_started(shell: Shell, words: str, path: str) -> None:
    arguments = [word for word in ARGUMENTS[words] if not word.endswith(".wav")]
    # If the path were taken, the unknown voice would still end it.
    voice = "nobody" if words == "render" else "af_heart"
    typed = shell.type(words, *arguments, path, "-v", voice, user=NOBODY if "closed" in path else 0)
    typed.refused(path.split("/", maxsplit=1)[0][:40])
    assert "nobody" not in typed.err


def test_every_parameter_that_writes_a_path_is_known() -> None:
    assert {(words, flag) for words, _, flag in paths("written")} == {
        (words, "--output") for words in ("render", "convert", "say", "save")
    }
