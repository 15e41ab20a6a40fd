"""Playing audio: the installed player gets exactly the audio, or one sentence says why it was not played.

The players here are programs of the tests. A shell starts them, since a `#!` line cannot have a path with a space.
"""

import os
import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support import wait_until

from chorus.errors import OutputError
from chorus.player import PLAYERS, AudioOutput, find_player, speaker
from chorus.wav import streaming_header, wav_header

PCM = bytes(range(256)) * 4


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test installs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(programs: Path, name: str, body: str) -> Path:
    """A player that may keep what it was given in `heard`."""
    heard, program, script = programs.parent / f"{name}.heard", programs / name, programs.parent / f"{name}.py"
    script.write_text(f"import sys, pathlib\nheard = pathlib.Path({str(heard)!r})\n{body}\n")
    command = shlex.join([sys.executable, str(script)])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    return heard


def speak(*pieces: bytes) -> None:
    with speaker(find_player()) as loudspeaker:
        for pcm in pieces:
            loudspeaker.write(pcm)


@pytest.mark.parametrize(("name", "header"), [("paplay", b""), ("aplay", b""), ("ffplay", streaming_header())])
def test_a_player_that_reads_a_pipe_gets_the_audio_as_it_arrives(programs: Path, name: str, header: bytes) -> None:
    heard = install(programs, name, "heard.write_bytes(sys.stdin.buffer.read())")
    with speaker(find_player()) as loudspeaker:
        loudspeaker.write(PCM)
        loudspeaker.write(PCM)
    assert heard.read_bytes() == header + PCM + PCM


def test_a_player_of_files_gets_a_complete_file(programs: Path) -> None:
    heard = install(programs, "afplay", "heard.write_bytes(pathlib.Path(sys.argv[1]).read_bytes())")
    with speaker(find_player()) as loudspeaker:
        loudspeaker.write(PCM)
    assert heard.read_bytes() == wav_header(len(PCM) // 2) + PCM


@pytest.mark.usefixtures("programs")
def test_without_a_player_the_error_names_the_remedy() -> None:
    with pytest.raises(OutputError, match=r"looked for afplay, aplay, ffplay, paplay\): install .* `say -o file.wav`"):
        find_player()


@pytest.mark.parametrize("name", ["aplay", "afplay"])
def test_a_player_that_fails_is_named_with_its_status(programs: Path, name: str) -> None:
    install(programs, name, "sys.stdin.read()\nsys.exit(3)")
    with pytest.raises(
        OutputError, match=rf"{name} could not play \(exit status 3\): `say -o file.wav` needs no player"
    ):
        speak(PCM)


def test_a_player_that_ends_early_ends_the_playback(programs: Path) -> None:
    install(programs, "aplay", "sys.exit(0)")

    with pytest.raises(OutputError, match=r"aplay stopped before the speech was over: `say -o file\.wav`"):
        speak(*[PCM] * 100_000)


def test_a_player_that_dies_in_the_middle_of_a_short_speech_is_noticed(programs: Path) -> None:
    install(programs, "aplay", "sys.stdin.buffer.read(10)\nsys.exit(0)")
    # The pipe takes more than this at once, so that no write fails: the player has ended all the same.
    with pytest.raises(OutputError, match="aplay stopped before the speech was over"):
        with_player_ended(lambda loudspeaker: loudspeaker.write(PCM))


def test_a_player_that_ends_while_nothing_is_written_is_noticed(programs: Path) -> None:
    install(programs, "aplay", "sys.exit(0)")
    with pytest.raises(OutputError, match="aplay stopped before the speech was over"):
        with_player_ended(lambda _loudspeaker: None)


def with_player_ended(begin: Callable[[AudioOutput], None]) -> None:
    ended = threading.Event()
    with speaker(find_player()) as loudspeaker:
        loudspeaker.when_ended(ended.set)
        begin(loudspeaker)
        assert ended.wait(30)


# What these programs print on a machine without a sound device, and the status they then exit with.
NO_CARD = "ALSA lib confmisc.c:855:(parse_card) cannot find card '0'\n"
SILENT = {
    "aplay": (f"{NO_CARD}aplay: main:831: audio open error: No such file or directory\n", 1),
    "paplay": ("Connection failure: Connection refused\npa_context_connect() failed: Connection refused\n", 1),
    "ffplay": (f"{NO_CARD}No more combinations to try, audio open failed\nFailed to open file 'pipe:0'\n", 0),
}


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("name", SILENT)
def test_without_a_sound_device_one_sentence_says_so_and_nothing_else_is_printed(
    programs: Path, name: str, waits: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    words, status = SILENT[name]
    first = "sys.stdin.buffer.read()\n" if waits else ""
    install(programs, name, f"{first}print({words!r})\nsys.stderr.write({words!r})\nsys.exit({status})")
    with pytest.raises(OutputError) as caught:
        speak(PCM)
    assert str(caught.value) == (
        f"{name} finds no sound device on this machine: connect one; `say -o file.wav` needs no player."
    )
    assert capfd.readouterr() == ("", "")


def test_the_last_line_of_a_failing_player_is_quoted(programs: Path) -> None:
    install(programs, "aplay", "sys.stdin.read()\nprint('One.\\nDevice busy. \\n', file=sys.stderr)\nsys.exit(1)")
    with pytest.raises(
        OutputError, match=r"^aplay could not play \(exit status 1, 'Device busy.'\): `say -o file.wav`"
    ):
        speak(PCM)


def test_output_of_a_player_that_succeeds_is_not_shown(programs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    heard = install(programs, "ffplay", f"sys.stderr.write({NO_CARD!r})\nheard.write_bytes(sys.stdin.buffer.read())")
    speak(PCM)
    assert heard.read_bytes().endswith(PCM)
    assert capfd.readouterr() == ("", "")


def test_a_player_that_cannot_be_started_is_named(programs: Path) -> None:
    (programs / "aplay").write_bytes(b"\0")
    (programs / "aplay").chmod(0o755)
    with pytest.raises(OutputError, match=r"aplay cannot be started \(exec format error\): `say -o file.wav`"):
        speak(PCM)


def test_an_interrupted_speech_does_not_play_on(programs: Path) -> None:
    heard = install(programs, "aplay", "heard.write_text('began')\nsys.stdin.read()\nheard.write_text('finished')")

    def speak_until_interrupted() -> None:
        with speaker(find_player()):
            wait_until(heard.exists, description="the player began")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        speak_until_interrupted()
    assert heard.read_text() == "began"


def test_players_that_stream_are_preferred_to_those_that_need_a_whole_file() -> None:
    assert [player.reads_pipe for player in PLAYERS] == sorted((player.reads_pipe for player in PLAYERS), reverse=True)
    assert os.sep not in "".join(player.command[0] for player in PLAYERS)
