"""Plays PCM through whatever player this machine has. Knows nothing of jobs.

A player that reads a pipe speaks while the audio is made; one that only plays files speaks when all of it is there.
What a player prints stays here: a failure is one sentence of ours.
"""

import contextlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from chorus.errors import OutputError
from chorus.files import reason
from chorus.wav import streaming_header, wav_file
from chorus.wire import RATE_HZ

Write = Callable[[bytes], None]
"""Takes whole samples, s16le mono 24 kHz."""
Begun = Callable[["subprocess.Popen[bytes]"], None]
"""Gets the player's process once it runs, so that another thread can end it."""

_INSTEAD: Final = "`say -o file.wav` needs no player"
_GRACE_S: Final = 1.0
"""How long a player that takes no more audio may take to end by itself, so that its exit status is known."""
_QUOTED_CHARS: Final = 120
# What aplay, paplay and ffplay print where there is no sound device, or no sound server.
_NO_DEVICE = re.compile(
    r"cannot find card|Unknown PCM|audio open error: No such|audio open failed|Could not initialize SDL"
    r"|No such audio device|Connection refused|Stream error: No such entity",
    re.IGNORECASE,
)
# ffplay exits with 0 all the same. A player that has found its device may have printed others of these lines first.
_NOT_PLAYED = re.compile(r"audio open failed|Could not initialize SDL", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Player:
    """A program that plays audio."""

    command: tuple[str, ...]
    reads_pipe: bool = True
    """False: it takes the name of a file instead."""
    wants_header: bool = False
    """Whether the pipe begins as a WAV file does."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.command[0]


PLAYERS: Final = (
    Player(command=("paplay", "--raw", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1")),
    Player(command=("aplay", "-q", "-t", "raw", "-f", "S16_LE", "-r", str(RATE_HZ), "-c", "1")),
    Player(command=("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-i", "pipe:0"), wants_header=True),
    Player(command=("afplay",), reads_pipe=False),
)


def find_player() -> Player:
    """The first player that is installed, or OutputError."""
    for player in PLAYERS:
        if shutil.which(player.name):
            return player
    names = ", ".join(sorted(player.name for player in PLAYERS))
    raise OutputError(f"No audio player is installed (looked for {names}): install one of them; {_INSTEAD}.")


class _PlayerEndedError(OutputError):
    """The player takes no more audio. Only within this module: `speaker` says why."""


class AudioOutput:
    """What takes audio: a player's pipe, a file, standard output.

    A player of files runs only once all of its audio is there, so until then it is a file.
    """

    def __init__(self, write: Write, running: "subprocess.Popen[bytes] | None" = None) -> None:
        self._write = write
        self._running = running

    def write(self, pcm: bytes) -> None:
        """Play this next."""
        self.check()
        try:
            self._write(pcm)
        except BrokenPipeError as error:
            if self._running is None:
                raise
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._running.wait(_GRACE_S)
            raise _PlayerEndedError from error

    def check(self) -> None:
        """Raise OutputError if the player has ended."""
        if self._running is not None and self._running.poll() is not None:
            raise _PlayerEndedError

    def when_ended(self, call: Callable[[], None]) -> None:
        """Call this from a thread of its own once the player has ended, before or after `speaker` was left."""
        if self._running is not None:
            threading.Thread(target=_wait_and_call, args=(self._running, call), daemon=True).start()


def _wait_and_call(running: "subprocess.Popen[bytes]", call: Callable[[], None]) -> None:
    running.wait()
    call()


def _ignore(_running: "subprocess.Popen[bytes]") -> None:
    pass


@contextlib.contextmanager
def speaker(player: Player, begun: Begun = _ignore) -> Iterator[AudioOutput]:
    """Play what is written; leaving the block waits until it was heard. OutputError if it was not."""
    play = _pipe if player.reads_pipe else _file
    with tempfile.TemporaryFile() as printed, play(player, begun, printed) as speaking:
        yield speaking


@contextlib.contextmanager
def _pipe(player: Player, begun: Begun, printed: IO[bytes]) -> Iterator[AudioOutput]:
    running = _start(player, printed, stdin=subprocess.PIPE)
    speaking = AudioOutput(_writer(running.stdin, player), running)
    try:
        with _until_it_ends(running, begun):
            if player.wants_header:
                speaking.write(streaming_header())
            yield speaking
            speaking.check()
    except _PlayerEndedError as error:
        raise _failure(player, running.returncode, printed, early=True) from error
    _check(player, running, printed)


@contextlib.contextmanager
def _file(player: Player, begun: Begun, printed: IO[bytes]) -> Iterator[AudioOutput]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        with wav_file(path) as wav:
            yield AudioOutput(wav.write)
        running = _start(player, printed, str(path))
        with _until_it_ends(running, begun):
            running.wait()
    _check(player, running, printed)


def _start(player: Player, printed: IO[bytes], *words: str, stdin: int | None = None) -> "subprocess.Popen[bytes]":
    command = [*player.command, *words]
    try:
        # A session of its own: a Ctrl-C is meant for us.
        return subprocess.Popen(  # noqa: S603 -- a list of our own, no shell
            command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=printed, start_new_session=True
        )
    except OSError as error:
        raise OutputError(f"{player.name} cannot be started ({reason(error)}): {_INSTEAD}.") from error


@contextlib.contextmanager
def _until_it_ends(running: "subprocess.Popen[bytes]", begun: Begun) -> Iterator[None]:
    """Wait for the player's process at the end; it does not outlive an error."""
    try:
        begun(running)
        yield
    except BaseException:
        running.kill()
        raise
    finally:
        with contextlib.suppress(BrokenPipeError):
            running.communicate()


def _writer(pipe: IO[bytes] | None, player: Player) -> Write:
    if pipe is None:
        raise OutputError(f"{player.name} takes no audio: {_INSTEAD}.")

    def write(pcm: bytes) -> None:
        pipe.write(pcm)
        pipe.flush()

    return write


def _check(player: Player, running: "subprocess.Popen[bytes]", printed: IO[bytes]) -> None:
    if running.returncode or _NOT_PLAYED.search(_text(printed)):
        raise _failure(player, running.returncode, printed, early=False)


def _failure(player: Player, status: int, printed: IO[bytes], *, early: bool) -> OutputError:
    text = _text(printed)
    if _NO_DEVICE.search(text):
        return OutputError(f"{player.name} finds no sound device on this machine: connect one; {_INSTEAD}.")
    if early and status in (0, -signal.SIGKILL):
        return OutputError(f"{player.name} stopped before the speech was over: {_INSTEAD}.")
    lines = [line for line in text.splitlines() if line.strip()]
    quoted = f", {lines[-1].strip()[:_QUOTED_CHARS]!r}" if lines else ""
    return OutputError(f"{player.name} could not play (exit status {status}{quoted}): {_INSTEAD}.")


def _text(printed: IO[bytes]) -> str:
    printed.seek(0)
    return printed.read().decode("utf-8", "replace")
