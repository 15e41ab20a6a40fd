"""`chorus render FOLDER`: it says what it found, and asks a person, and nobody else, before hours of audio."""

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from machine import OPERATOR, Machine, closing
from support import reap, wait_until

LONG = "The river ran past the silver garden while the letter lay open on the stone. " * 6000


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with closing(Machine(tmp_path_factory.mktemp("machine"))) as machine:
        yield machine


def folder_of(machine: Machine, name: str, **texts: str) -> Path:
    folder = machine.folder / name
    folder.mkdir()
    for stem, text in texts.items():
        (folder / f"{stem}.txt").write_text(text)
    return folder


class Person:
    """Somebody at a terminal who runs a command there."""

    def __init__(self, machine: Machine, *words: object) -> None:
        self._descriptor, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*OPERATOR, *map(str, words)], cwd=machine.folder, env=machine.environment(),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        os.set_blocking(self._descriptor, False)
        self.seen = ""

    def sees(self, words: str) -> None:
        """Wait for these words."""
        wait_until(lambda: self._look() or words in self.seen, description=words, timeout_s=60)

    def types(self, line: str) -> None:
        os.write(self._descriptor, f"{line}\n".encode())

    def status(self) -> int:
        """The command's, once it has ended."""
        wait_until(lambda: self._look() or self.process.poll() is not None, description="it ends", timeout_s=60)
        self._look()
        return self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        reap(self.process)
        os.close(self._descriptor)

    def _look(self) -> None:
        try:
            self.seen += os.read(self._descriptor, 1 << 16).decode("utf-8", "replace")
        except (BlockingIOError, OSError):
            return


def test_who_answers_no_has_started_nothing(machine: Machine) -> None:
    folder = folder_of(machine, "long", first=LONG, second="A short one.")
    with Person(machine, "render", folder) as person:
        person.sees("That is more than 5 hours of audio. Go on? [y/N]")
        person.types("n")
        assert person.status() == 1
    assert f"Found in {folder}: 2 documents to render, about " in person.seen
    assert person.seen.endswith("Nothing was rendered.\r\n")
    assert machine.run.report() is None, "no stack was started"


def test_without_a_terminal_a_folder_is_named_and_rendered(machine: Machine) -> None:
    folder = folder_of(machine, "short", first="A short one.", second="Another short one.")
    rendered = machine.chorus("render", folder, "-f", "wav")
    assert (rendered.returncode, rendered.stderr) == (0, "")
    assert f"Found in {folder}: 2 documents to render, about 0:0" in rendered.stdout
    assert {path.name for path in machine.folder.glob("*.wav")} == {"first.wav", "second.wav"}
    again = machine.chorus("render", folder, "-f", "wav")
    assert "Found in" not in again.stdout, "nothing is left to render"


@pytest.mark.parametrize("yes", [True, False])
def test_who_says_yes_goes_on_and_is_not_asked_who_said_it_beforehand(machine: Machine, yes: bool) -> None:
    folder = folder_of(machine, f"long-{yes}", first=LONG)
    with Person(machine, "render", folder, *["--yes"] * yes) as person:
        if not yes:
            person.sees("[y/N]")
            person.types("y")
        person.sees("1 chapter → ")
        person.process.send_signal(signal.SIGINT)
        assert person.status() == 130
    assert ("Go on?" in person.seen) != yes
