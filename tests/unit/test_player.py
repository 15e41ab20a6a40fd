"""The loudspeaker: whatever player is installed gets exactly the audio. The players here are scripts that keep it."""

import os
import sys
from pathlib import Path

import pytest
from support import wait_until

from chorus.errors import OutputError
from chorus.player import PLAYERS, find_player, speaker
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
    """A player that writes down what it was given."""
    heard = programs.parent / f"{name}.heard"
    script = programs / name
    script.write_text(f"#!{sys.executable}\nimport sys, pathlib\nheard = pathlib.Path({str(heard)!r})\n{body}\n")
    script.chmod(0o755)
    return heard


@pytest.mark.parametrize(("name", "header"), [("paplay", b""), ("aplay", b""), ("ffplay", streaming_header())])
def test_a_player_with_a_pipe_hears_the_audio_as_it_comes(programs: Path, name: str, header: bytes) -> None:
    heard = install(programs, name, "heard.write_bytes(sys.stdin.buffer.read())")
    with speaker(find_player()) as write:
        write(PCM)
        write(PCM)
    assert heard.read_bytes() == header + PCM + PCM


def test_a_player_of_files_gets_a_whole_one(programs: Path) -> None:
    heard = install(programs, "afplay", "heard.write_bytes(pathlib.Path(sys.argv[1]).read_bytes())")
    with speaker(find_player()) as write:
        write(PCM)
    assert heard.read_bytes() == wav_header(len(PCM) // 2) + PCM


@pytest.mark.usefixtures("programs")
def test_without_a_player_the_sentence_says_what_to_do() -> None:
    with pytest.raises(OutputError, match=r"looked for afplay, aplay, ffplay, paplay\): use -o FILE"):
        find_player()


@pytest.mark.parametrize("name", ["aplay", "afplay"])
def test_a_player_that_fails_is_named_with_its_status(programs: Path, name: str) -> None:
    install(programs, name, "sys.stdin.read()\nsys.exit(3)")
    with pytest.raises(OutputError, match=rf"{name} could not play \(exit status 3\)"), speaker(find_player()) as write:
        write(PCM)


def test_a_player_that_leaves_early_ends_the_speech(programs: Path) -> None:
    install(programs, "aplay", "sys.exit(0)")

    def speak_for_hours() -> None:
        with speaker(find_player()) as write:
            for _ in range(100_000):
                write(PCM)

    with pytest.raises(OutputError, match="aplay stopped before the speech was over"):
        speak_for_hours()


def test_an_interrupted_speech_does_not_play_on(programs: Path) -> None:
    heard = install(programs, "aplay", "heard.write_text('began')\nsys.stdin.read()\nheard.write_text('finished')")

    def speak_until_interrupted() -> None:
        with speaker(find_player()):
            wait_until(heard.exists, description="the player began")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        speak_until_interrupted()
    assert heard.read_text() == "began"


def test_players_that_speak_at_once_come_before_those_that_wait_for_the_end() -> None:
    assert [player.reads_pipe for player in PLAYERS] == sorted((player.reads_pipe for player in PLAYERS), reverse=True)
    assert os.sep not in "".join(player.command[0] for player in PLAYERS)
