"""The operator's other commands as he types them: the stack, what it knows, and the jobs on it."""

import json
import re
import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from machine import SAMPLE, Machine, closing, half_spoken, kept_up
from support import free_port, wait_until
from typed import Type
from workshop import heard_tokens, planned_tokens

from chorus.client import Client
from chorus.commands import run
from chorus.keys import JobKeys
from chorus.speak import LEAD_MS
from chorus.states import State
from chorus.wav import streaming_header
from chorus.wire import RATE_HZ, SAMPLE_BYTES
from workers.commands import app

TOKENS = planned_tokens(SAMPLE.read_bytes(), "sample.md")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A stack that is up and speaks slowly."""
    with kept_up(tmp_path_factory.mktemp("kept")) as machine:
        yield machine


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Machine]:
    """Nothing runs on it."""
    with closing(Machine(tmp_path)) as machine:
        yield machine


@pytest.fixture
def chorus(kept: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types an operator's command on the machine whose stack is up."""
    kept.forget()
    return typed(kept, tmp_path, monkeypatch)


@pytest.fixture
def alone(bare: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types one that needs no stack."""
    return typed(bare, tmp_path, monkeypatch)


def typed(machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    for name, value in machine.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    return lambda *words: run(app, [str(word) for word in words])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


# --- the stack


def test_up_keeps_a_stack_with_flower_until_down(bare: Machine) -> None:
    port = free_port()
    up = bare.chorus("up", "--flower", CHORUS_FLOWER_PORT=str(port))
    assert (up.returncode, up.stderr) == (0, "")
    assert re.match(r"server: (Valkey|Redis) [\d.]+ at 127\.0\.0\.1:\d+\n", up.stdout)
    assert up.stdout.endswith(f"Flower: http://127.0.0.1:{port}\n")
    assert {line.partition(":")[0] for line in up.stdout.splitlines()} == {
        "server",
        "voice",
        "desk",
        "flower",
        "Flower",
    }
    wait_until(lambda: answers(port), description="Flower answers")

    def at_work() -> bool:
        told = json.loads(bare.chorus("status", "--json").stdout)
        assert (told["running"], told["keep"], told["trouble"]) == (True, True, "")
        return {worker["role"] for worker in told["workers"]} == {"voice", "desk"}

    wait_until(at_work, description="both workers are registered")
    status = bare.chorus("status").stdout
    assert re.search(
        r"^voice@.*: toy voice · slots live 1, bulk \d+ · 0 steps done · heartbeat \d\.\d s ago$", status, re.MULTILINE
    )
    assert re.search(
        r"^voice@.*, live session: 1 spoken, 0 failed, busy 0 s \(\d+ % of 1 slot\), queueing 0 s, "
        r"prediction error not known yet, (\d+) of \1 nodes on CPU$", status, re.MULTILINE,
    )  # fmt: skip
    assert re.search(r"^this machine: CPU \d+%, GPU .*, Neural Engine (unavailable|[\d.]+ W)", status, re.MULTILINE)
    assert re.search(r"^desk@.*: desk · slots desk 2 · 0 steps done · heartbeat \d\.\d s ago$", status, re.MULTILINE)

    counted = bare.chorus("metrics").stdout.splitlines()
    assert "chorus_up 1.0" in counted
    assert any(re.fullmatch(r'chorus_lane_served_total\{lane="live",node="voice@.*",.*\} 1\.0', one) for one in counted)
    with scraped(bare) as page:
        assert set(page().splitlines()) >= {"chorus_up 1.0", "chorus_listeners 0.0"}
        assert json.loads(bare.chorus("down", "--json").stdout) == {"stopped": True}
        assert "chorus_up 0.0" in page().splitlines()
    bare.wait_quiet()
    assert bare.chorus("down").stdout == "Nothing was running.\n"
    assert bare.chorus("status").stdout.startswith("Nothing runs here. `chorus up` starts the stack")


@contextmanager
def scraped(machine: Machine) -> Iterator[Callable[[], str]]:
    """Reads what `metrics --port` answers, which ends at Ctrl-C without a complaint."""
    port = free_port()
    answering = machine.start("metrics", "--port", port)

    def page() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as told:
            return str(told.read().decode())

    assert answering.stdout is not None
    assert answering.stdout.readline() == f"http://127.0.0.1:{port}/metrics\n"
    yield page
    answering.send_signal(signal.SIGINT)
    assert (answering.wait(timeout=30), answering.communicate()) == (130, ("", ""))


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
            return b"Flower" in page.read()
    except OSError:
        return False


@pytest.mark.parametrize("command", ["jobs", "pause x", "save x", "cancel x"])
def test_without_a_stack_it_is_said_how_to_have_one(
    alone: Type, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert alone(*command.split()) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == (
        "",
        "chorus: Nothing runs on this machine: `chorus up` starts the stack, or name a server in CHORUS_URL.\n",
    )


def test_naming_the_stacks_own_address_changes_nothing(
    chorus: Type, kept: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chorus("url") == 0
    (address,) = lines(capsys)
    assert address == kept.url()
    pids = {name: kept.pid(name) for name in ("server", "voice", "desk")}
    monkeypatch.setenv("CHORUS_URL", address)
    for command in ("status", "up"):
        assert chorus(command) == 0
        assert {f"{name}: pid {pid}" for name, pid in pids.items()} <= set(lines(capsys))
    # No second stack for a server "elsewhere" that is this one.
    assert [path.name for path in (kept.home / "run").iterdir() if path.is_dir()] == []


def test_the_status_of_a_farm_elsewhere_names_it_and_says_nothing_of_what_runs_here(
    alone: Type, kept: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    with Client(kept.url()) as client:
        wait_until(lambda: len(client.workers()) == 2, description="both workers are registered")
    assert alone("status", "--url", kept.url()) == 0
    told = lines(capsys)
    assert re.fullmatch(r"farm: (Valkey|Redis) [\d.]+ at 127\.0\.0\.1:\d+", told[0])
    assert {line.partition("@")[0] for line in told if " steps done · heartbeat " in line} == {"desk", "voice"}
    assert not any("runs here" in line for line in told)
    assert alone("status") == 0
    assert lines(capsys)[0].startswith("Nothing runs here.")


# --- what there is


def test_the_doctor_finds_this_machine_well(alone: Type, capsys: pytest.CaptureFixture[str]) -> None:
    assert alone("doctor") == 0
    told = lines(capsys)
    assert all(line.startswith("✓ ") for line in told)
    examined = [line.split()[1].rstrip(":") for line in told]
    assert examined == [
        "python",
        "onnxruntime",
        "lanes",
        "espeak",
        "home",
        "disk",
        "memory",
        "server",
        "model",
        "player",
    ]
    assert any(line.startswith("✓ model: toy voice (") for line in told)


def test_the_doctor_names_what_is_missing_with_its_remedy(
    alone: Type, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHORUS_MODEL", "gone.onnx")
    monkeypatch.setenv("CHORUS_URL", f"redis://127.0.0.1:{free_port()}/0")
    assert alone("doctor") == 1
    ill = [line for line in lines(capsys) if not line.startswith("✓ ")]
    assert [line.split()[:2] for line in ill] == [["✗", "server:"], ["✗", "model:"]]
    assert "start one there" in ill[0]
    assert ill[1].endswith("name a Kokoro model, or unset it.")


def test_the_doctor_goes_on_where_there_is_no_home(
    alone: Type, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "file"))
    assert alone("doctor", "--json") == 1
    found = {one["what"]: one for one in map(json.loads, lines(capsys))}
    assert found["memory"]["well"]
    assert found["home"]["told"].endswith("cannot be written: name a folder that can.")


def test_inspect_shows_a_document_as_it_would_be_spoken(alone: Type, capsys: pytest.CaptureFixture[str]) -> None:
    assert alone("inspect", SAMPLE) == 0
    table = lines(capsys)
    assert table[0].strip() == "The Lighthouse Choir"
    assert re.search(r"1\s+The Keeper\s+\d+\s+\d+\s+0:\d\d", table[2])
    assert table[-2].split()[:2] == ["in", "all"]
    assert table[-1] == "Left out: the front matter (title, author)"
    assert alone("inspect", SAMPLE, "--json", "--chapters", "2", "-s", "2") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["title"] for one in told["chapters"]] == ["The Voices"]
    assert (told["author"], told["language"], told["cover"]) == ("The Chorus authors", "en-us", False)
    assert told["segments"] == told["chapters"][0]["segments"] > 1
    assert told["estimated_s"] > 0


def test_inspect_counts_the_silences_that_a_render_would_make(alone: Type, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = []
    for options in ((), ("--pauses", "chapter=31200")):
        assert alone("inspect", SAMPLE, "--json", *options) == 0
        seconds.append(json.loads(capsys.readouterr().out)["estimated_s"])
    assert seconds[1] - seconds[0] == 2 * 30


def test_the_published_models_and_the_one_that_speaks_here_are_listed(
    alone: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    assert alone("models", "list") == 0
    told = lines(capsys)
    assert told[0].startswith("speaks here: toy voice (")
    assert "kokoro-v1.0: 326 MB, Apache-2.0" in told


def test_voices_are_those_of_this_machines_model(alone: Type, capsys: pytest.CaptureFixture[str]) -> None:
    assert alone("voices") == 0
    assert lines(capsys) == ["af_bella", "af_heart", "am_adam", "bf_emma"]
    assert alone("voices", "--json") == 0
    assert json.loads(lines(capsys)[0]) == {"voice": "af_bella", "models": ["toy voice"]}


# --- speaking at once


def test_say_starts_a_stack_fills_a_pipe_and_stops_it(bare: Machine) -> None:
    said = bare.piped("say", "Hello from a pipe.", "-o", "-")
    assert (said.returncode, said.stderr) == (0, b"")
    head = streaming_header() + bytes(LEAD_MS * RATE_HZ // 1000 * SAMPLE_BYTES)
    assert said.stdout.startswith(head)
    assert any(said.stdout[len(head) :])
    bare.wait_quiet()


def test_live_sound_has_a_lead_that_nothing_counts(chorus: Type, kept: Machine) -> None:
    usual, none, long = (
        len(kept.piped("say", "Hello.", "-o", "-", *words).stdout) // SAMPLE_BYTES
        for words in ((), ("--lead-ms", "0"), ("--lead-ms", "200"))
    )
    assert usual - none == 1200
    assert long - none == 4800
    assert chorus("say", "Hello.", "-o", "file.wav") == 0
    assert Path("file.wav").stat().st_size // SAMPLE_BYTES == none
    header = len(streaming_header()) // SAMPLE_BYTES
    with Client(kept.url()) as client:
        assert {record.frames for record in client.jobs()} == {none - header}


def test_say_writes_any_format(chorus: Type) -> None:
    assert chorus("say", "Hello.", "-o", "hello.flac") == 0
    assert heard_tokens(Path("hello.flac")) == planned_tokens(b"Hello.", "text.txt")


# --- jobs


def test_a_job_is_submitted_paused_resumed_followed_and_saved(
    chorus: Type, kept: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chorus("submit", SAMPLE, "-f", "wav", "--job", "choir") == 0
    assert lines(capsys) == ["choir"]
    with kept.frozen(half_spoken):
        assert chorus("pause", "choir") == 0
    assert lines(capsys) == ["Job choir will pause: what is being spoken is finished first."]
    with Client(kept.url()) as client:
        wait_until(lambda: client.job("choir").state is State.PAUSED, description="the job is paused")
    assert chorus("jobs") == 0
    assert re.fullmatch(r"choir\s+paused\s+\d\d %\s+-\s+normal\s+The Lighthouse Choir", lines(capsys)[0])
    assert chorus("save", "choir") == 2
    assert capsys.readouterr().err == "chorus: Job choir is paused: wait until it is done.\n"
    assert chorus("resume", "choir") == 0
    assert chorus("follow", "choir") == 0
    assert lines(capsys)[-1].startswith("Job choir is done: 0:47 of audio in 8 segments.")
    assert chorus("follow", "choir", "--json") == 0
    assert json.loads(lines(capsys)[-1])["event"] == "result"
    assert chorus("save", "choir", "-o", ".") == 0
    assert lines(capsys) == ["sample.wav"]
    assert heard_tokens(Path("sample.wav")) == TOKENS
    assert chorus("retry", "choir") == 2
    assert "Job choir is done with nothing missing: it cannot be retried." in capsys.readouterr().err


def test_a_cancelled_job_stays_so(chorus: Type, kept: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert chorus("submit", SAMPLE, "-f", "wav", "--job", "choir") == 0
    with kept.frozen(half_spoken):
        assert chorus("cancel", "choir") == 0
    assert chorus("follow", "choir") == 1
    assert capsys.readouterr().err == "chorus: Job choir was cancelled: submit it again with --fresh.\n"
    assert chorus("resume", "choir") == 2


def test_a_failed_job_is_retried_to_its_end(chorus: Type, kept: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert chorus("submit", SAMPLE, "-f", "wav", "--job", "choir") == 0
    with kept.frozen(half_spoken), redis.Redis.from_url(kept.url()) as connection:
        # By hand: what makes jobs fail is the business of other tests.
        connection.hset(JobKeys("choir").record, mapping={"state": "failed", "error": "The desk fell over."})
    assert chorus("follow", "choir") == 1
    assert "Job choir failed: The desk fell over. `chorus retry choir` goes on from there." in capsys.readouterr().err
    assert chorus("retry", "choir") == 0
    assert chorus("follow", "choir") == 0
    assert chorus("save", "choir", "-o", "choir.wav") == 0
    assert heard_tokens(Path("choir.wav")) == TOKENS


def test_a_job_without_a_stack_waits_for_the_next_one(bare: Machine) -> None:
    submitted = bare.chorus("submit", SAMPLE, "-f", "wav")
    job = submitted.stdout.strip()
    assert submitted.stderr == f"chorus: Job {job} waits until the stack runs: `chorus up` keeps it running.\n"
    followed = bare.chorus("follow", job)
    assert (followed.returncode, followed.stderr) == (0, "")
    assert f"Job {job} is done: " in followed.stdout
    bare.wait_quiet()
