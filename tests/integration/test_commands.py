"""The client's commands as a user types them, with a real server and a simulated farm."""

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import redis
import typer
from hand_farm import HandFarm
from typed import Type, run_chorus
from typer.main import get_command

import workers.commands
from chorus import keys
from chorus.client import Client
from chorus.commands import OPERATOR, client_commands, program, run
from chorus.records import Worker
from chorus.states import State
from tasks.documents import read


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "talk.md"
    path.write_text("# Talk\n\nHello.\n")
    return path


def test_submit_prints_the_ids_of_the_jobs(
    chorus: Type, client: Client, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chorus("submit", document, "--job", "talk", "-v", "bm_lewis", "-s", "1.5", "-l", "en-GB", "-f", "mp3") == 0
    assert capsys.readouterr().out == "talk\n"
    request = client.job("talk").request
    assert (request.name, request.voice, request.speed, request.language) == ("talk.md", "bm_lewis", 1.5, "en-gb")
    assert request.format == "mp3"
    assert chorus("submit", document, document, "--json") == 0
    jobs = [json.loads(line)["job"] for line in capsys.readouterr().out.splitlines()]
    assert len({*jobs, "talk"}) == 3
    assert client.job(jobs[0]).request.format == "m4b"


def test_options_for_reading_the_text_are_submitted(
    chorus: Type, client: Client, document: Path, tmp_path: Path
) -> None:
    words = tmp_path / "words.toml"
    words.write_text('Chorus = "/kˈɔɹəs/"\n')
    reading = ("--pauses", "heading=2000", "--as-written", "dates,times", "--lexicon", str(words))
    assert chorus("submit", document, "--job", "talk", *reading) == 0
    request = client.job("talk").request
    assert (request.pauses, request.as_written) == ("heading=2000", "dates,times")
    assert "Chorus" in request.lexicon


def test_several_documents_and_standard_input_are_submitted_as_one_book(
    client: Client, document: Path, redis_url: str, server: redis.Redis
) -> None:
    words = ("submit", str(document), "-", "--one-book", "--job", "both", "--skip", "notes,tables", "--speak", "code")
    done = run_chorus(*words, "--encoding", "utf-8", url=redis_url, text=b"# From a pipe\n\nHello.")
    assert (done.returncode, done.stderr) == (0, b"")
    request = client.job("both").request
    assert (request.name, request.skip, request.speak, request.encoding) == (
        "talk.md and 1 more", "notes,tables", "code", "utf-8",
    )  # fmt: skip
    source = server.get(keys.JobKeys("both").source)
    assert isinstance(source, bytes)
    assert [chapter.title for chapter in read(source, request.name).chapters] == ["Talk", "From a pipe"]


def test_standard_input_can_be_a_document(client: Client, redis_url: str) -> None:
    done = run_chorus("submit", "-", "--job", "piped", url=redis_url, text=b"Hello from a pipe.")
    assert (done.returncode, client.job("piped").request.name) == (0, "stdin")


def test_a_job_submitted_again_can_change_its_priority_to_a_valid_one(
    chorus: Type, server: redis.Redis, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for priority in ("low", "high"):
        assert chorus("submit", document, "--job", "talk", "--priority", priority) == 0
        assert server.hget(keys.JobKeys("talk").record, "priority") == priority.encode()
    assert chorus("submit", document, "--priority", "urgent") == 2
    assert capsys.readouterr().err == "chorus: --priority is 'urgent': choose low, normal or high.\n"


@pytest.mark.keyless
@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["submit", "no.epub"], 2, "no.epub does not exist: check the name."),
        (["submit", "-", "-"], 2, "`-` is standard input, which can be read only once"),
        (["submit", "a", "--skip", "words"], 2, "--skip names 'words', which does not exist: choose among cover"),
        (["submit", "a", "--encoding", "utf9"], 2, "Encoding 'utf9' is unknown: choose one like"),
        (["submit"], 2, "Missing argument 'SOURCE'."),
        (["submit", "a", "b", "--job", "x"], 2, "--job x names one job, but 2 documents were given"),
        (["submit", "a", "-f", "aac"], 2, "--format is 'aac': choose wav, flac, mp3, opus or m4b."),
        (["submit", "a", "--on-error", "skip"], 2, "--on-error is 'skip': choose silence or stop."),
        (["submit", "a", "-s", "9"], 2, "Speed 9 is out of range"),
        (["submit", "a", "-s", "fast"], 2, "--speed is 'fast': write a number, like 1.25."),
        (["submit", "a", "-l", "tlh"], 2, "Language 'tlh' is unknown"),
        (["submit", "a", "--pauses", "line=3"], 2, "--pauses has 'line=3': write a name of cut, clause"),
        (["submit", "a", "--pauses", "heading=-1"], 2, "write milliseconds in digits, 0 to 60000"),
        (
            ["submit", "a", "--as-written", "maths"],
            2,
            "'maths', which does not exist: choose among numbers",
        ),
        (["submit", "a", "--lexicon", "no.toml"], 2, "Lexicon no.toml does not exist: check the name."),
        (["say", "x", "-o", "x.wav", "--pauses", "chapter"], 2, "--pauses has 'chapter': write a name of"),
        (["follow", "ghost"], 2, "Job ghost is not known here"),
        (["pause", "ghost"], 2, "Job ghost is not known here"),
        (["cancel", "a b"], 2, "Job id 'a b' cannot be used"),
        (["save", "ghost"], 2, "Job ghost is not known here"),
        (["say", " "], 2, "There is nothing to say"),
        (["say", "x", "-o", "x.aac"], 2, "x.aac ends in .aac, which is no format: choose wav"),
        (["say", "x", "-o", "x"], 2, "name it x.wav"),
        (["voices"], 1, "No voice worker is registered"),
        (["jobs", "--url", "redis://127.0.0.1:1"], 1, "No Redis or Valkey answers at 127.0.0.1:1"),
        (["jobs", "--nonsense"], 2, "No such option"),
        (["sumbit"], 2, "'sumbit' is no command: did you mean submit?"),
    ],
)
def test_every_error_is_one_sentence(
    chorus: Type, capsys: pytest.CaptureFixture[str], words: list[str], status: int, sentence: str
) -> None:
    assert chorus(*words) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("chorus: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1


@pytest.mark.keyless
def test_url_prints_the_address_that_every_command_uses(
    chorus: Type, redis_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert chorus("url") == 0
    assert capsys.readouterr().out == f"{redis_url}\n"
    assert chorus("url", "--url", "redis://127.0.0.1:1") == 1
    monkeypatch.delenv("CHORUS_URL")
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path))
    capsys.readouterr()
    assert chorus("url") == 1
    assert capsys.readouterr() == (
        "",
        "chorus: Nothing runs on this machine: `chorus up` starts the stack, or name a server in CHORUS_URL.\n",
    )


@pytest.mark.keyless
@pytest.mark.parametrize("command", OPERATOR)
def test_the_sdk_says_where_to_find_an_operators_command(
    chorus: Type, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert chorus(command, "book.epub", "-o", "book.m4b", "--play") == 2
    assert f"`{command}` needs a checkout of Chorus" in (said := capsys.readouterr().err)
    assert said.endswith(f"there it is `./bin/chorus {command}`.\n")


def test_the_list_of_operators_commands_is_complete() -> None:
    packaged, checkout = get_command(program()), get_command(workers.commands.app)
    assert isinstance(packaged, typer.core.TyperGroup)
    assert isinstance(checkout, typer.core.TyperGroup)
    clients = {name for name, command in packaged.commands.items() if not command.hidden}
    assert checkout.commands.keys() - clients == set(OPERATOR)
    # What is written but not listed would be no command at all.
    assert {*workers.commands._FUNCTIONS, *workers.commands._GROUPS} == set(OPERATOR)
    assert packaged.commands.keys() - clients == set(OPERATOR)


@pytest.mark.keyless
@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_names_every_command(chorus: Type, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert chorus(*words) == 0
    text = capsys.readouterr().out
    for command in ("submit", "follow", "jobs", "pause", "resume", "cancel", "retry", "save", "say", "voices", "url"):
        assert f"\n  {command} " in text
    assert "render" not in text


def test_follow_shows_a_job_to_its_end(
    chorus: Type, client: Client, server: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    client.submit("Hello.", job="a", format="m4b")
    HandFarm(server, "a").note(state="done", segments_planned=2, segments_done=2, frames=48_000, chapters_total=1)
    assert chorus("follow", "a") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Job a is done: 0:02 of audio in 2 segments. `chorus save a -o .` fetches it."
    )
    assert chorus("follow", "a", "--json") == 0
    seen, result = map(json.loads, capsys.readouterr().out.splitlines())
    assert (seen["event"], seen["state"]) == ("progress", "done")
    assert result == {"event": "result", "job": "a", "frames": 48_000, "failed": 0, "cached": 0}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": "failed", "error": "The disk is full."}, "Job a failed: The disk is full. `chorus retry a` goes on"),
        ({"state": "cancelled"}, "Job a was cancelled: submit it again with --fresh."),
    ],
)
def test_following_a_job_that_failed_is_a_failure(
    chorus: Type, client: Client, server: redis.Redis, capsys: pytest.CaptureFixture[str],
    fields: dict[str, str], sentence: str,
) -> None:  # fmt: skip
    client.submit("Hello.", job="a")
    HandFarm(server, "a").note(**fields)
    assert chorus("follow", "a") == 1
    assert sentence in capsys.readouterr().err


def test_jobs_are_listed_with_their_progress(
    chorus: Type, client: Client, server: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chorus("jobs") == 0
    assert capsys.readouterr().out == "No jobs.\n"
    client.submit("Hello.", job="a", title="A Greeting")
    HandFarm(server, "a").note(
        state="running", segments_planned=9, segments_done=4, segments_failed=1, frames=24_000 * 90,
        characters=300, characters_total=700, running_since_ms=client.now_ms() - 60_000,
    )  # fmt: skip
    assert chorus("jobs") == 0
    told = capsys.readouterr().out.split()
    assert told == ["a", "speaking", "42", "%", told[4], "normal", "A", "Greeting"]
    assert ":" in told[4], "a minute's work says how long the rest will take"
    assert chorus("jobs", "--json") == 0
    assert json.loads(capsys.readouterr().out)["segments_failed"] == 1
    assert chorus("jobs", "--json", "--page", "2") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("command", "state", "want"),
    [("pause", "running", "paused"), ("resume", "paused", "running"), ("cancel", "queued", "cancelled"),
     ("retry", "failed", "retry")],
)  # fmt: skip
def test_a_want_is_written_for_the_farm(
    chorus: Type, client: Client, server: redis.Redis, command: str, state: str, want: str
) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").note(state=state)
    assert chorus(command, "a") == 0
    assert client.job("a").want == want
    HandFarm(server, "a").note(state="done")
    assert chorus(command, "a") == 2


@pytest.mark.parametrize("command", ["follow", "pause", "resume", "cancel", "retry", "save"])
def test_a_job_can_be_named_by_the_beginning_of_its_id(
    chorus: Type, client: Client, server: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], command: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for job in ("ab12", "ab34"):
        client.submit("Hello.", job=job, name=f"{job}.txt")
        # So that each command has something to do: nothing to wait for, nothing to hear.
        HandFarm(server, job).note(state="done", segments_failed=1)
        HandFarm(server, job).end(0)
    if command in ("pause", "resume", "cancel"):
        HandFarm(server, "ab12").note(state="paused")
    assert chorus(command, "ab1") == 0
    assert "ab12" in capsys.readouterr().out
    assert client.job("ab34").want == ""
    assert chorus(command, "ab") == 2
    assert capsys.readouterr().err == "chorus: Job ab is one of several: ab12, ab34. Give more of its id.\n"


def test_save_prints_where_the_file_is(
    chorus: Type, client: Client, server: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client.submit("Hello.", job="a", name="hello.txt")
    HandFarm(server, "a").end(0)
    assert chorus("save", "a", "-o", tmp_path) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'hello.wav'}\n"


def test_the_voices_of_living_workers_are_listed(
    chorus: Type, server: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, model, voices in (("w1", "kokoro-v1.0", ("bf_emma", "af_sky")), ("w2", "stand-in voice", ("af_sky",))):
        worker = Worker(
            id=name, host="h", pid=1, role="voice", model=model, voices=voices, stand_in=model == "stand-in voice"
        )
        server.set(keys.worker(name), worker.to_json(), ex=keys.WORKER_S)
        server.zadd(keys.WORKERS, {name: 1})
    server.expire(keys.WORKERS, 60)
    assert chorus("voices") == 0
    said = capsys.readouterr()
    assert said.out == "af_sky\nbf_emma\n"
    assert "`chorus models pull`" in said.err
    assert chorus("voices", "--json") == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"voice": "af_sky", "models": ["kokoro-v1.0", "stand-in voice"]},
        {"voice": "bf_emma", "models": ["kokoro-v1.0"]},
    ]


def test_an_operators_program_passes_its_own_connection(client: Client, redis_url: str, document: Path) -> None:
    asked = []

    def connect(url: str, *, work: bool) -> AbstractContextManager[Client]:
        asked.append((url, work))
        return Client(redis_url)

    app = typer.Typer()
    client_commands(app, connect)
    assert run(app, ["submit", str(document), "--job", "a"]) == 0
    assert run(app, ["pause", "a", "--url", "redis://x"]) == 0
    assert asked == [("", True), ("redis://x", False)]
    assert client.job("a").state is State.QUEUED


@pytest.mark.parametrize("left", [KeyboardInterrupt, typer.Abort])
def test_an_interrupt_prints_no_traceback(left: type[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def _interrupted() -> None:
        raise left

    assert run(app, ["--"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_title_that_the_terminal_cannot_write_does_not_stop_a_command(client: Client, redis_url: str) -> None:
    client.submit("Hello.", job="a", title="Grüße")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    listing = run_chorus("jobs", url=redis_url, env=ascii_only)
    assert (listing.returncode, listing.stderr) == (0, b"")
    assert b"Gr??e" in listing.stdout
