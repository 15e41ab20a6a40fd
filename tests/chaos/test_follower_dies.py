"""The process that follows a job is killed and started again. It continues where it was, without gap or repeat."""

import base64
import signal
import subprocess
import sys
import wave
from pathlib import Path

from chaos.book import BOOK, JOB, NAME
from chaos.follower import heard
from chaos.harness import Chaos


def follow(chaos: Chaos, file: Path) -> "subprocess.Popen[bytes]":
    script = str(Path(__file__).with_name("follower.py"))
    with chaos.log("follower").open("ab") as log:
        command = [sys.executable, script, chaos.url, JOB, str(file)]
        return subprocess.Popen(command, env=chaos.environment(), stdout=log, stderr=log)


def test_the_following_process_is_killed_and_goes_on_from_its_position(chaos: Chaos) -> None:
    file = chaos.folder / "heard.jsonl"
    chaos.supervise("desk", "voice")
    chaos.client.submit(BOOK, name=NAME, job=JOB)
    with chaos.fault("kill -9 of the follower"):
        first = follow(chaos, file)
        chaos.until(lambda: len(heard(file)) >= 3, "it has heard something")
        first.kill()
        assert first.wait() == -signal.SIGKILL
        before = len(heard(file))
    second = follow(chaos, file)
    assert second.wait(timeout=60) == 0
    lines = heard(file)
    assert before < len(lines)
    places = [(line["segment"], line["chunk"]) for line in lines]
    assert len(set(places)) == len(places)
    assert places == sorted(places)
    pcm = b"".join(base64.b64decode(str(line["pcm"])) for line in lines)
    saved = chaos.client.save(JOB, chaos.folder / "book.wav")
    with wave.open(str(saved)) as wav:
        assert pcm == wav.readframes(wav.getnframes())
    assert chaos.undisturbed() == saved.read_bytes()
