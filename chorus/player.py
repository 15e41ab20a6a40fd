"""Plays PCM through whatever player this machine has. Knows nothing of jobs.

A player that reads a pipe speaks while the audio is made; one that only plays files speaks when all of it is there.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from chorus.errors import OutputError
from chorus.wav import streaming_header, wav_file
from chorus.wire import RATE_HZ

Write = Callable[[bytes], None]
"""Takes whole samples, s16le mono 24 kHz."""
Begun = Callable[["subprocess.Popen[bytes]"], None]
"""Is told of the player's process, to end it from another thread."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Player:
    """A program that plays audio."""

    command: tuple[str, ...]
    reads_pipe: bool = True
    """False: it takes the name of a file instead."""
    wants_header: bool = False
    """Whether the pipe begins as a WAV file does."""


PLAYERS: Final = (
    Player(command=("paplay", "--raw", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1")),
    Player(command=("aplay", "-q", "-t", "raw", "-f", "S16_LE", "-r", str(RATE_HZ), "-c", "1")),
    Player(command=("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-i", "pipe:0"), wants_header=True),
    Player(command=("afplay",), reads_pipe=False),
)


def find_player() -> Player:
    """The first player that is installed, or OutputError."""
    for player in PLAYERS:
        if shutil.which(player.command[0]):
            return player
    names = ", ".join(sorted(player.command[0] for player in PLAYERS))
    raise OutputError(f"No audio player is installed (looked for {names}): use -o FILE, or -o - for a pipe.")


def _to_nobody(_running: "subprocess.Popen[bytes]") -> None:
    pass


@contextlib.contextmanager
def speaker(player: Player, begun: Begun = _to_nobody) -> Iterator[Write]:
    """Play what is written; leaving the block waits until it was heard."""
    with _pipe(player, begun) if player.reads_pipe else _file(player, begun) as write:
        yield write


@contextlib.contextmanager
def _pipe(player: Player, begun: Begun) -> Iterator[Write]:
    with _running(player, begun, stdin=subprocess.PIPE) as running, _stopped_early(player):
        yield _writer(running.stdin, player)


@contextlib.contextmanager
def _running(
    player: Player, begun: Begun, *words: str, stdin: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The player's process until it ends; it does not outlive an error, nor leave at a Ctrl-C that is meant for us."""
    command = [*player.command, *words]
    running = subprocess.Popen(command, stdin=stdin, start_new_session=True)  # noqa: S603 -- a list of our own, no shell
    try:
        begun(running)
        yield running
    except BaseException:
        running.kill()
        raise
    finally:
        with contextlib.suppress(BrokenPipeError):
            running.communicate()
    if running.returncode:
        raise _failed(player, running.returncode)


def _writer(pipe: IO[bytes] | None, player: Player) -> Write:
    if pipe is None:
        raise OutputError(f"{player.command[0]} takes no audio: use -o FILE.")

    def write(pcm: bytes) -> None:
        pipe.write(pcm)
        pipe.flush()

    if player.wants_header:
        write(streaming_header())
    return write


@contextlib.contextmanager
def _stopped_early(player: Player) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise OutputError(f"{player.command[0]} stopped before the speech was over: use -o FILE.") from error


@contextlib.contextmanager
def _file(player: Player, begun: Begun) -> Iterator[Write]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        with wav_file(path) as wav:
            yield wav.write
        with _running(player, begun, str(path)) as running:
            running.wait()


def _failed(player: Player, status: int) -> OutputError:
    return OutputError(f"{player.command[0]} could not play (exit status {status}): use -o FILE.")
