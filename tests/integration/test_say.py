"""`chorus say`: a live job that is played or written while it is spoken, with a simulated farm."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hand_farm import HandFarm, pcm_of
from support import beside, started, wait_until
from typed import CHORUS, ROOT, Type, run_chorus

from broker import registry
from chorus import keys
from chorus.client import Client
from chorus.records import Worker
from chorus.speak import LEAD_MS
from chorus.wav import streaming_header, wav_header
from chorus.wire import RATE_HZ, SAMPLE_BYTES

LEAD = bytes(LEAD_MS * RATE_HZ // 1000 * SAMPLE_BYTES)


@pytest.fixture
def live_farm(server: redis.Redis) -> Iterator[None]:
    """Speaks three segments for the first job that is submitted."""

    def serve() -> None:
        wait_until(lambda: server.llen(keys.INBOX), description="a job on the inbox")
        farm = HandFarm(server, server.lindex(keys.INBOX, 0).decode())
        for segment in (1, 0, 2):
            farm.speak(segment)
        farm.end(3)
        farm.note(state="done")

    with beside(serve):
        yield


def test_say_writes_a_wav_while_it_is_spoken(chorus: Type, client: Client, server: redis.Redis, tmp_path: Path) -> None:
    first = pcm_of(0) * 100
    written_early: list[Path] = []

    def being_written() -> list[Path]:
        # The last few kilobytes may still be in the writer's buffer.
        return [path for path in tmp_path.iterdir() if path.stat().st_size > len(first) // 2]

    def serve() -> None:
        wait_until(lambda: server.llen(keys.INBOX), description="a job on the inbox")
        farm = HandFarm(server, server.lindex(keys.INBOX, 0).decode())
        farm.speak(0, first)
        try:
            wait_until(being_written, description="the first segment is in a file, and no other is spoken yet")
            written_early.extend(being_written())
        finally:
            farm.speak(2)
            farm.speak(1)
            farm.end(3)
            farm.note(state="done")

    with beside(serve):
        assert chorus("say", "Hello there.", "-o", tmp_path / "hello.wav", "-v", "af_sky") == 0
    assert len(written_early) == 1
    pcm = first + pcm_of(1) + pcm_of(2)
    assert (tmp_path / "hello.wav").read_bytes() == wav_header(len(pcm) // 2) + pcm
    (record,) = client.jobs()
    assert (record.request.live, record.request.voice, record.request.format) == (True, "af_sky", "")


@pytest.mark.usefixtures("live_farm")
def test_say_writes_only_audio_to_a_pipe(redis_url: str) -> None:
    said = run_chorus("say", "-", "-o", "-", url=redis_url, text=b"Hello there.")
    assert (said.returncode, said.stderr) == (0, b"")
    assert said.stdout == streaming_header() + LEAD + pcm_of(0) + pcm_of(1) + pcm_of(2)


@pytest.mark.usefixtures("live_farm")
def test_say_into_a_redirected_file_writes_exact_sizes(redis_url: str, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        command = [*CHORUS, "say", "Hello.", "-o", "-", "--url", redis_url]
        subprocess.run(command, stdout=out, check=True, timeout=60, cwd=ROOT)
    pcm = LEAD + pcm_of(0) + pcm_of(1) + pcm_of(2)
    assert (tmp_path / "out").read_bytes() == wav_header(len(pcm) // 2) + pcm


@pytest.mark.usefixtures("live_farm")
@pytest.mark.parametrize(("words", "lead"), [((), LEAD), (("--lead-ms", "0"), b"")])
def test_say_speaks_through_the_player_of_this_machine(
    chorus: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], lead: bytes
) -> None:
    (tmp_path / "paplay").write_text(f'#!/bin/sh\ncat >"{tmp_path}/heard"\n')
    (tmp_path / "paplay").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert chorus("say", "Hello.", *words) == 0
    assert (tmp_path / "heard").read_bytes() == lead + pcm_of(0) + pcm_of(1) + pcm_of(2)


class Players:
    """A folder of PATH that holds the players which a test installs there, and no other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "players of this machine"
        self.folder.mkdir()

    def install(self, name: str, body: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.folder / name).chmod(0o755)

    def say(self, url: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        return run_chorus("say", "Hello.", *words, url=url, env={**os.environ, "PATH": str(self.folder)})


@pytest.fixture
def players(tmp_path: Path) -> Players:
    return Players(tmp_path)


NO_DEVICE = """\
echo "ALSA lib confmisc.c:855:(parse_card) cannot find card '0'" >&2
echo "No more combinations to try, audio open failed" >&2"""
INSTEAD = b"`say -o file.wav` needs no player.\n"


@pytest.mark.usefixtures("live_farm")
def test_without_a_sound_device_say_fails_with_one_sentence(redis_url: str, players: Players) -> None:
    # The real one exits with 0, after all of a short speech was written.
    players.install("ffplay", f"while read -r _; do :; done\n{NO_DEVICE}\nexit 0")
    said = players.say(redis_url)
    assert said.returncode != 0
    assert (said.stdout, said.stderr) == (
        b"", b"chorus: ffplay finds no sound device on this machine: connect one; " + INSTEAD
    )  # fmt: skip


@pytest.mark.parametrize("segments", [0, 1], ids=["before any audio is there", "in the middle"])
def test_a_player_that_dies_ends_say_before_the_job_is_finished(
    redis_url: str, client: Client, server: redis.Redis, players: Players, segments: int
) -> None:
    # `read` waits for the line feeds in the first sound.
    players.install("aplay", "read -r _\nexit 3" if segments else "exit 3")

    def serve() -> None:
        wait_until(lambda: server.llen(keys.INBOX), description="a job on the inbox")
        farm = HandFarm(server, server.lindex(keys.INBOX, 0).decode())
        for segment in range(segments):
            farm.speak(segment, bytes([10, 10]) * 600)

    with beside(serve):
        said = players.say(redis_url)
    assert said.returncode != 0
    assert (said.stdout, said.stderr) == (b"", b"chorus: aplay could not play (exit status 3): " + INSTEAD)
    assert client.jobs()[0].want == "cancelled"


@pytest.mark.keyless
def test_without_a_player_nothing_is_submitted(redis_url: str, client: Client, players: Players) -> None:
    said = players.say(redis_url)
    assert (said.returncode, said.stdout) == (2, b"")
    assert said.stderr.startswith(b"chorus: No audio player is installed (looked for afplay, ")
    assert said.stderr.endswith(INSTEAD)
    assert client.jobs() == []


@pytest.mark.parametrize("output", ["hello.wav", "hello.mp3"])
def test_an_unknown_voice_is_refused_before_there_is_a_job(
    chorus: Type, client: Client, server: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    registry.sign_in(server, Worker(id="w", host="h", pid=1, role="voice", sound="s", voices=("af_sky", "zf_xiaobei")))
    assert chorus("say", "Hello.", "-v", "zz", "-o", tmp_path / output) == 2
    assert capsys.readouterr().err == "chorus: Voice 'zz' is unknown: did you mean zf_xiaobei?\n"
    assert client.jobs() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.keyless
def test_a_suggested_file_name_is_quoted_for_the_shell(chorus: Type, capsys: pytest.CaptureFixture[str]) -> None:
    assert chorus("say", "Hello.", "-o", "my speech") == 2
    assert "name it 'my speech.wav'." in capsys.readouterr().err


@pytest.mark.keyless
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("-o", "x.mp3", "--lead-ms", "9"),
            "is heard while it is made: leave it out, or name a .wav",
        ),
        (("-o", "x.wav", "--lead-ms", "-1"), "--lead-ms is '-1': write a whole number from 0 to 10000."),
    ],
)
def test_an_impossible_lead_is_refused(
    chorus: Type, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    assert chorus("say", "Hello.", *words) == 2
    assert sentence in capsys.readouterr().err


def test_stopping_say_cancels_the_job(redis_url: str, client: Client, server: redis.Redis) -> None:
    command = [*CHORUS, "say", "Hello.", "-o", "-", "--url", redis_url]
    with started(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)) as saying:
        wait_until(lambda: server.llen(keys.INBOX), description="the job is submitted")
        (record,) = client.jobs()
        assert saying.stdout is not None
        saying.stdout.close()
        farm = HandFarm(server, record.job)
        for segment in range(100):
            farm.speak(segment)
        _, complaint = saying.communicate(timeout=60)
        assert (saying.returncode, complaint) == (1, b"")
    assert client.job(record.job).want == "cancelled"


def test_say_into_another_format_fetches_the_finished_file(
    chorus: Type, server: redis.Redis, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "made").write_bytes(b"mp3")
    result = {"path": str(tmp_path / "made"), "store": "", "host": "", "bytes": 3, "frames": 1, "format": "mp3"}

    def serve() -> None:
        wait_until(lambda: server.llen(keys.INBOX), description="a job on the inbox")
        HandFarm(server, client.jobs()[0].job).note(state="done", result=json.dumps(result))

    with beside(serve):
        assert chorus("say", "Hello.", "-o", tmp_path / "hello.mp3") == 0
    assert (tmp_path / "hello.mp3").read_bytes() == b"mp3"


def test_a_failure_while_speaking_is_one_sentence_and_leaves_no_file(
    chorus: Type, client: Client, server: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def serve() -> None:
        wait_until(lambda: server.llen(keys.INBOX), description="a job on the inbox")
        farm = HandFarm(server, server.lindex(keys.INBOX, 0).decode())
        farm.speak(0)
        farm.note(state="failed")
        farm.fail(-1, "the voice worker has gone")

    with beside(serve):
        assert chorus("say", "Hello.", "-o", tmp_path / "hello.wav") == 1
    assert "the voice worker has gone" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert client.jobs()[0].want == ""
