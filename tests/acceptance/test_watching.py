"""What a render shows on a terminal and lets be heard while it is at work."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from machine import OPERATOR, SAMPLE, SLOW_WORK, Machine, closing, half_spoken, kept_up
from support import started, wait_until
from toy.build import build

from chorus import Client

ROWS, COLUMNS = 30, 140


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A stack that is up and speaks slowly."""
    with kept_up(tmp_path_factory.mktemp("machine")) as machine:
        yield machine


@pytest.fixture
def machine(kept: Machine) -> Machine:
    kept.forget()
    return kept


class Terminal:
    """A real one, as far as a program can tell."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self._written = b""
        os.set_blocking(self._ours, False)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def shown(self) -> str:
        """Everything that was written so far, without colours and movements."""
        try:
            while block := os.read(self._ours, 1 << 16):
                self._written += block
        except OSError:  # nothing more for now; so does Linux also say that the other side has gone
            pass
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._written.decode(errors="ignore"))

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


def begun(client: Client) -> bool:
    """One job, of which a little was spoken, and most was not."""
    jobs = client.jobs()
    return len(jobs) == 1 and 1 <= jobs[0].segments_done < jobs[0].segments_planned - 4


def test_a_terminal_shows_a_bar_with_all_that_can_be_known(tmp_path: Path) -> None:
    terminal = Terminal()
    with (
        closing(Machine(tmp_path, model=build(tmp_path / "slow.onnx", work=SLOW_WORK))) as machine,
        started(
            subprocess.Popen(
                [*OPERATOR, "render", str(SAMPLE), "-o", "book.wav"],
                cwd=tmp_path,
                env=machine.environment(TERM="xterm-256color"),
                stdin=terminal.theirs,
                stdout=terminal.theirs,
                stderr=terminal.theirs,
            )
        ) as rendering,
    ):
        numbers = r"chapters [012]/2 · segments \d/8\+? · 0:\d\d of audio · \d+\.\dx real time · 0:\d\d left"
        # A speed is known only where more was spoken since the first look, so there are two stops.
        with machine.frozen(begun) as client:
            done = client.jobs()[0].segments_done
            wait_until(lambda: f"segments {done}/" in terminal.shown(), description="the first segments are shown")
        with machine.frozen(lambda client: half_spoken(client) and client.jobs()[0].segments_done > done):
            wait_until(lambda: re.search(numbers, terminal.shown()), description="the numbers are shown")
        # Read on: a terminal that nobody reads stops who writes to it.
        wait_until(lambda: terminal.shown() and rendering.poll() is not None, description="the render has ended")
        assert rendering.returncode == 0
        shown = terminal.shown()
        terminal.close()
    assert "starting the workers" in shown
    assert "The Lighthouse Choir" in shown
    assert "━━━" in shown
    assert re.search(r"voice@\S+ \d+", shown), "each worker's share"
    assert re.search(r"book\.wav: 0:47 in 2 chapters, 8 segments, made in ", shown)


class Player:
    """A loudspeaker: a program on PATH that keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard, self.pid, self.gate = folder / "heard", folder / "pid", folder / "gate"
        script = folder / "paplay"
        script.write_text(
            f'#!/bin/sh\necho $$ >"{self.pid}"\ncat >"{self.heard}"\n'
            f'while [ ! -e "{self.gate}" ]; do sleep 0.05; done\n'
        )
        script.chmod(0o755)

    @property
    def path(self) -> str:
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    def size(self) -> int:
        return self.heard.stat().st_size if self.heard.exists() else 0

    def alive(self) -> bool:
        try:
            return psutil.Process(int(self.pid.read_text())).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def test_a_book_is_played_from_its_first_segment_while_it_is_made(machine: Machine, tmp_path: Path) -> None:
    player, out = Player(tmp_path), tmp_path / "book.wav"
    rendering = machine.start("render", SAMPLE, "-o", out, "--play", PATH=player.path)
    with machine.frozen(half_spoken) as client:
        wait_until(player.size, description="the player has sound")
        assert not client.jobs()[0].finished
    wait_until(out.exists, description="the book is made")
    pcm = out.read_bytes()[44:]
    wait_until(lambda: player.size() == len(pcm), description="the player has all of it")
    assert rendering.poll() is None, "the render waits until everything was heard"
    player.gate.touch()
    _, complained = rendering.communicate(timeout=30)
    assert (rendering.returncode, complained) == (0, "")
    assert player.heard.read_bytes() == pcm


def test_ctrl_c_silences_the_player(machine: Machine, tmp_path: Path) -> None:
    player = Player(tmp_path)
    rendering = machine.start("render", SAMPLE, "-o", tmp_path / "book.wav", "--play", PATH=player.path)
    with machine.frozen(half_spoken):
        wait_until(player.size, description="the player has sound")
        rendering.send_signal(signal.SIGINT)
        said, complained = rendering.communicate(timeout=30)
    assert (rendering.returncode, complained) == (130, "")
    assert "Paused after segment " in said
    assert not player.alive()


def test_a_book_that_was_rendered_already_is_played_from_its_file(machine: Machine, tmp_path: Path) -> None:
    player, out = Player(tmp_path), tmp_path / "book.flac"
    player.gate.touch()
    (tmp_path / "short.md").write_text("# Short\n\nIt is over soon.\n")
    words = ("render", tmp_path / "short.md", "-o", out)
    assert machine.chorus(*words).returncode == 0
    assert machine.chorus(*words, "--play", PATH=player.path).returncode == 0
    assert machine.chorus("render", tmp_path / "short.md", "-o", tmp_path / "short.wav").returncode == 0
    assert player.heard.read_bytes() == (tmp_path / "short.wav").read_bytes()[44:]


def test_a_player_that_fails_does_not_fail_the_book(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "paplay").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "paplay").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    said = machine.chorus("render", SAMPLE, "-o", tmp_path / "book.wav", "--fresh", "--play", PATH=path)
    assert said.returncode == 0
    assert said.stderr.startswith("chorus: Playback stopped, rendering continues: paplay ")
    assert (tmp_path / "book.wav").exists()
