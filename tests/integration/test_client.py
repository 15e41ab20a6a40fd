"""The client with a real server: what a submit writes, what can be requested of a job, and how its file is fetched."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import redis
from hand_farm import HandFarm, pcm_of
from support import ValkeyServer

from chorus import keys
from chorus.client import PAGE, Client
from chorus.errors import (
    ChorusError,
    ConflictError,
    FarmError,
    JobFailedError,
    OptionError,
    OutputError,
    ServerError,
    SettingError,
    SourceError,
    UnknownJobError,
)
from chorus.keys import JobKeys
from chorus.records import Worker
from chorus.request import Request
from chorus.settings import ClientSettings
from chorus.states import State
from chorus.submission import Terms
from chorus.wire import RATE_HZ

RIGHT = "sesame"


# --- submit ---


def test_a_submit_writes_the_whole_job_and_its_id_to_the_inbox(client: Client, server: redis.Redis) -> None:
    record = client.submit(
        "Hello there.", job="greeting", voice="bm_george", cover=b"png", terms=Terms(store="s1", sound="abc")
    )
    assert (record.job, record.state, record.want, record.epoch) == ("greeting", State.QUEUED, "", 1)
    assert (record.request.name, record.request.voice) == ("text.txt", "bm_george")
    assert (record.store, record.sound, record.finished) == ("s1", "abc", False)
    names = JobKeys("greeting")
    assert server.get(names.source) == b"Hello there."
    assert server.get(names.cover) == b"png"
    assert server.lrange(keys.INBOX, 0, -1) == [b"greeting"]
    assert server.zrange(keys.ACTIVE, 0, -1) == server.zrange(keys.JOBS, 0, -1) == [b"greeting"]
    assert server.zscore(keys.JOBS, "greeting") == record.created_ms
    for key, life_s in {
        names.record: keys.UNFINISHED_S,
        names.source: keys.UNFINISHED_S,
        keys.INBOX: keys.GLOBAL_S,
    }.items():
        assert life_s - 60 < server.ttl(key) <= life_s


def test_a_path_gives_its_name_and_bytes(client: Client, server: redis.Redis, tmp_path: Path) -> None:
    document = tmp_path / "talk.md"
    document.write_bytes(b"# Talk\n")
    record = client.submit(document, language="EN_us")
    assert (record.request.name, record.request.language) == ("talk.md", "en-us")
    assert server.get(JobKeys(record.job).source) == b"# Talk\n"


def test_two_submits_without_an_id_are_two_jobs(client: Client) -> None:
    assert client.submit("Hello.").job != client.submit("Hello.").job


def test_the_same_id_with_the_same_request_is_the_same_job(client: Client, server: redis.Redis) -> None:
    first = client.submit("Hello.", job="a", voice="af_sky")
    HandFarm(server, "a").note(state="running", segments_planned=3)
    again = client.submit("Hello.", job="a", voice="af_sky")
    assert again.created_ms == first.created_ms
    assert (again.state, again.segments_planned, again.want) == (State.RUNNING, 3, "")


@pytest.mark.parametrize(
    ("source", "wishes"),
    [
        ("Goodbye.", {}),
        ("Hello.", {"voice": "af_bella"}),
        ("Hello.", {"cover": b"x"}),
        ("Hello.", {"terms": Terms(sound="other")}),
    ],
)
def test_the_same_id_with_another_request_is_a_conflict(client: Client, source: str, wishes: dict[str, Any]) -> None:
    client.submit("Hello.", job="a")
    with pytest.raises(ConflictError, match="Job a was submitted with another request"):
        client.submit(source, job="a", **wishes)
    assert client.job("a").request.voice == "af_heart"


def test_the_same_document_kept_elsewhere_is_the_same_job(client: Client) -> None:
    client.submit("Hello.", job="a", terms=Terms(store="one"))
    assert client.submit("Hello.", job="a", terms=Terms(store="two")).store == "one"


def test_many_submits_of_one_id_at_once_make_one_job(client: Client) -> None:
    records = []

    def submit(text: str) -> None:
        try:
            records.append(client.submit(text, job="a"))
        except ConflictError as error:
            records.append(error)

    threads = [threading.Thread(target=submit, args=(f"Text {number % 2}.",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(record, ConflictError) for record in records) == 4
    assert len({record.digest for record in records if not isinstance(record, ConflictError)}) == 1


@pytest.mark.parametrize(("state", "want"), [("paused", "running"), ("failed", "running"), ("running", "")])
def test_a_paused_job_continues_when_it_is_submitted_again(
    client: Client, server: redis.Redis, state: str, want: str
) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").note(state=state)
    assert client.submit("Hello.", job="a").want == want


def test_a_submit_may_pass_its_priority_as_keyword_or_in_its_terms(client: Client, server: redis.Redis) -> None:
    record = JobKeys("a").record
    client.submit("Hello.", job="a", priority="high", terms=Terms(store="one"))
    assert server.hmget(record, ["priority", "store"]) == [b"high", b"one"]
    client.submit("Hello.", job="a", priority="low")
    assert server.hget(record, "priority") == b"low"
    client.submit("Hello.", job="a", terms=Terms(priority="high"))
    assert server.hget(record, "priority") == b"high"


def test_a_whole_request_is_checked_and_named_as_single_wishes_are(client: Client, tmp_path: Path) -> None:
    document = tmp_path / "talk.md"
    document.write_bytes(b"# Talk\n")
    wished = client.submit(document, Request(language="EN_us", voice="af_sky")).request
    assert (wished.name, wished.language, wished.voice) == ("talk.md", "en-us", "af_sky")
    assert client.submit("Hello.", Request(name="letter.txt")).request.name == "letter.txt"
    assert client.submit("Hello.", Request()).request.name == "text.txt"


@pytest.mark.keyless
def test_a_whole_request_and_single_wishes_together_are_refused(client: Client) -> None:
    with pytest.raises(
        OptionError, match=r"single wishes as well \(speed, voice\): leave the request out, or put them"
    ):
        client.submit("Hello.", Request(name="a.txt"), voice="af_sky", speed=2.0)


@pytest.mark.keyless
@pytest.mark.parametrize(
    ("wish", "remedy"), [("voise", "did you mean voice?"), ("echo_of_hall", "choose name, voice, ")]
)
def test_a_wish_that_does_not_exist_is_refused_with_the_nearest(client: Client, wish: str, remedy: str) -> None:
    wishes: Any = {wish: "x"}
    with pytest.raises(OptionError, match=f"There is no wish '{wish}': {remedy}".replace("?", "[?]")):
        client.submit("Hello.", **wishes)


@pytest.mark.keyless
def test_a_priority_that_does_not_exist_or_is_given_twice_is_refused(client: Client) -> None:
    urgent: Any = "urgent"
    with pytest.raises(OptionError, match="priority is 'urgent': choose low, normal or high"):
        client.submit("Hello.", priority=urgent)
    with pytest.raises(OptionError, match="priority is high, and low in the terms: leave one of them out"):
        client.submit("Hello.", priority="high", terms=Terms(priority="low"))


def test_a_finished_job_submitted_again_is_unchanged(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").note(state="done")
    server.delete(keys.INBOX, keys.ACTIVE)
    assert client.submit("Hello.", job="a").finished
    assert not server.exists(keys.INBOX, keys.ACTIVE)


def test_a_fresh_submit_stores_the_document_again_and_is_unfinished(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").note(state="done")
    server.delete(JobKeys("a").source, keys.INBOX)
    record = client.submit("Hello.", job="a", fresh=True)
    assert (record.want, record.finished) == ("fresh", False)
    assert server.get(JobKeys("a").source) == b"Hello."
    assert server.lrange(keys.INBOX, 0, -1) == [b"a"]


@pytest.mark.keyless
@pytest.mark.parametrize(
    ("source", "error", "sentence"),
    [
        ("", SourceError, "text.txt is empty"),
        (b"x" * (16 * 2**20 + 1), SourceError, "up to 16 MB can be submitted"),
        (Path("missing.epub"), SourceError, "missing.epub does not exist"),
        (Path(), SourceError, "is a folder"),
    ],
)
def test_an_impossible_submit_is_refused_before_anything_is_written(
    client: Client, source: bytes | str | Path, error: type[ChorusError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        client.submit(source)


@pytest.mark.keyless
def test_a_missing_cover_is_refused_and_named(client: Client) -> None:
    with pytest.raises(SourceError, match=r"no\.png does not exist"):
        client.submit("Hello.", cover=Path("no.png"))


@pytest.mark.keyless
@pytest.mark.parametrize("job", ["", "a/b", "a b", "..", "é", "x" * 65])
def test_an_impossible_job_id_is_refused(client: Client, job: str) -> None:
    with pytest.raises(OptionError, match="cannot be used"):
        client.submit("Hello.", job=job)


# --- asking after jobs ---


@pytest.mark.keyless
@pytest.mark.parametrize("ask", ["job", "wait", "pause", "listen", "save"])
def test_an_unknown_job_is_named(client: Client, ask: str, tmp_path: Path) -> None:
    questions = {
        "job": lambda: client.job("ghost"),
        "wait": lambda: client.wait("ghost"),
        "pause": lambda: client.want("ghost", "paused"),
        "listen": lambda: list(client.listen("ghost")),
        "save": lambda: client.save("ghost", tmp_path),
    }
    with pytest.raises(UnknownJobError, match="Job ghost is not known"):
        questions[ask]()


def test_a_job_with_an_unservable_request_is_still_listed(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").note(request='{"name":"a.txt","speed":9,"language":"tlh","echo":true}')
    (record,) = client.jobs()
    assert (record.request.name, record.request.speed, record.request.language) == ("a.txt", 9, "tlh")


def test_a_job_is_found_by_its_id_or_a_unique_beginning_of_it(client: Client, server: redis.Redis) -> None:
    for job in ("ab", "ab12", "ab34", "cd56", "ce78"):
        client.submit("Hello.", job=job)
    server.delete(JobKeys("ce78").record)
    assert [client.find(prefix) for prefix in ("ab", "ab1", "ab34", "c")] == ["ab", "ab12", "ab34", "cd56"]
    with pytest.raises(OptionError, match=r"^Job a is one of several: ab, ab12, ab34. Give more of its id.$"):
        client.find("a")
    for prefix in ("ce", "b", "b12", "ab123"):
        with pytest.raises(UnknownJobError, match=f"Job {prefix} is not known here, or no longer: .*`chorus jobs`"):
            client.find(prefix)


def test_for_an_ambiguous_beginning_a_few_of_the_jobs_are_named(client: Client) -> None:
    for number in range(8):
        client.submit("Hello.", job=f"job-{number}")
    with pytest.raises(OptionError, match="Job job is one of several: job-0, job-1, job-2, job-3, job-4 and 3 more"):
        client.find("job")


def test_jobs_are_listed_newest_first_without_expired_ones(client: Client, server: redis.Redis) -> None:
    for job in ("a", "b", "c"):
        client.submit("Hello.", job=job)
        server.zadd(keys.JOBS, {job: ord(job)})
    server.delete(JobKeys("b").record)
    assert [record.job for record in client.jobs()] == ["c", "a"]
    assert client.jobs(page=1) == []


@pytest.mark.parametrize(
    ("state", "failed", "allowed"),
    [
        ("queued", 0, {"paused", "running", "cancelled"}),
        ("running", 0, {"paused", "running", "cancelled"}),
        ("paused", 0, {"paused", "running", "cancelled"}),
        ("done", 0, set()),
        ("done", 2, {"retry"}),
        ("failed", 1, {"retry", "running", "cancelled"}),
        ("cancelled", 0, {"cancelled"}),
    ],
)
def test_a_want_is_accepted_if_the_jobs_state_allows_it(
    client: Client, server: redis.Redis, state: str, failed: int, allowed: set[str]
) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").note(state=state, segments_failed=failed)
    for want in ("paused", "running", "cancelled", "retry"):
        server.delete(keys.INBOX)
        if want in allowed:
            assert client.want("a", want).want == want
            assert server.lrange(keys.INBOX, 0, -1) == [b"a"]
        else:
            with pytest.raises(ConflictError, match=f"Job a is {state}"):
                client.want("a", want)
            assert not server.exists(keys.INBOX)


@pytest.mark.keyless
@pytest.mark.parametrize(
    ("want", "near"),
    [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled"), ("retried", "retry"), ("faster", "")],
)
def test_an_unknown_want_is_refused_and_the_known_ones_are_listed(client: Client, want: Any, near: str) -> None:
    hint = f" Did you mean {near}?" if near else ""
    sentence = f"'{want}' is nothing a job can be asked for: choose running, paused, cancelled, retry.{hint}"
    with pytest.raises(OptionError) as refusal:
        client.want("ghost", want)
    assert str(refusal.value) == sentence


def test_waiting_ends_with_the_job_and_shows_what_changed(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    seen = []
    for record in client.watch("a"):
        seen.append((record.state, record.segments_done))
        if record.state is State.QUEUED:
            HandFarm(server, "a").note(state="running", segments_done=1)
        elif record.state is State.RUNNING:
            HandFarm(server, "a").note(state="done", segments_done=2)
    assert seen == [(State.QUEUED, 0), (State.RUNNING, 1), (State.DONE, 2)]
    assert client.wait("a").state is State.DONE


def test_waiting_with_a_time_limit_returns_the_unfinished_job(client: Client) -> None:
    client.submit("Hello.", job="a")
    assert not client.wait("a", timeout_s=0).finished


def test_a_job_with_a_pending_want_is_unfinished(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").note(state="failed", error="broken")
    assert client.job("a").finished
    assert not client.want("a", "retry").finished


def test_the_client_lists_the_living_workers(client: Client, server: redis.Redis) -> None:
    told = Worker(id="w1", host="mac", pid=7, role="voice", voices=("af_heart",), slots={"bulk": 2, "live": 1})
    server.set(keys.worker("w1"), json.dumps({**json.loads(told.to_json()), "newer_field": 1}), ex=keys.WORKER_S)
    server.zadd(keys.WORKERS, {"w1": 1, "dead": 1})
    server.expire(keys.WORKERS, 60)
    assert client.workers() == [told]
    assert client.voices() == {"af_heart": ("",)}


def test_a_voice_is_listed_once_with_every_model_that_has_it(client: Client, server: redis.Redis) -> None:
    for name, model, voices in (("w1", "kokoro", ("am_adam", "af_heart")), ("w2", "toy voice", ("af_heart",))):
        told = Worker(id=name, host="mac", pid=7, role="voice", model=model, voices=voices)
        server.set(keys.worker(name), told.to_json(), ex=keys.WORKER_S)
        server.zadd(keys.WORKERS, {name: 1})
    server.expire(keys.WORKERS, 60)
    assert list(client.voices().items()) == [("af_heart", ("kokoro", "toy voice")), ("am_adam", ("kokoro",))]


# --- saving ---


def test_a_streamed_job_is_saved_as_wav(client: Client, server: redis.Redis, tmp_path: Path) -> None:
    client.submit("Hello.", job="a", name="greeting.md", live=True)
    farm = HandFarm(server, "a")
    farm.speak(1)
    farm.speak(0)
    farm.end(2)
    path = client.save("a", tmp_path)
    assert path == tmp_path / "greeting.wav"
    data = path.read_bytes()
    assert data[:4] + data[8:12] == b"RIFFWAVE"
    assert int.from_bytes(data[24:28], "little") == RATE_HZ
    assert data[44:] == pcm_of(0) + pcm_of(1)
    with pytest.raises(OutputError, match=r"has its audio as wav: name the file a\.wav"):
        client.save("a", tmp_path / "a.mp3")


def finish(farm: HandFarm, made: Path, size: int) -> None:
    result = {"path": str(made), "store": "s", "host": "attic", "bytes": size, "frames": 4, "format": "flac"}
    farm.note(state="done", result=json.dumps(result))


def test_a_finished_file_is_copied_whole(client: Client, server: redis.Redis, tmp_path: Path) -> None:
    client.submit("Hello.", job="a", format="flac")
    made = tmp_path / "made"
    made.write_bytes(b"flac!")
    finish(HandFarm(server, "a"), made, 5)
    assert client.save("a", tmp_path / "out.flac").read_bytes() == b"flac!"
    with pytest.raises(OutputError, match="cannot be written"):
        client.save("a", tmp_path / "missing" / "out.flac")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "out.flac"]


def test_for_a_file_on_another_machine_its_place_is_reported(
    client: Client, server: redis.Redis, tmp_path: Path
) -> None:
    client.submit("Hello.", job="a", format="flac")
    finish(HandFarm(server, "a"), tmp_path / "made", 5)
    with pytest.raises(OutputError, match=r"is not on this machine: fetch it from attic, .*made"):
        client.save("a", tmp_path / "out.flac")
    (tmp_path / "made").write_bytes(b"another file of that name")
    with pytest.raises(OutputError, match="is not on this machine"):
        client.save("a", tmp_path / "out.flac")


@pytest.mark.parametrize(
    ("state", "error", "sentence"),
    [
        ("running", ConflictError, "is running: wait until it is done"),
        ("failed", JobFailedError, "Job a failed: the disk is full"),
        ("cancelled", ConflictError, "is cancelled"),
        ("done", FarmError, "names no file"),
    ],
)
def test_a_job_without_a_file_says_why(
    client: Client, server: redis.Redis, tmp_path: Path, state: str, error: type[ChorusError], sentence: str
) -> None:
    client.submit("Hello.", job="a", format="flac")
    HandFarm(server, "a").note(state=state, error="the disk is full")
    with pytest.raises(error, match=sentence):
        client.save("a", tmp_path / "out.flac")


# --- the way to the server ---


def test_a_server_that_wants_a_password_says_so(tmp_path: Path) -> None:
    with ValkeyServer(tmp_path, password=RIGHT) as valkey:
        Client(valkey.url).ping()
        with pytest.raises(ServerError, match=f"The server at 127.0.0.1:{valkey.port} asks for a password"):
            Client(valkey.url.replace(f":{RIGHT}@", "")).ping()
        with pytest.raises(ServerError, match="refuses the password") as refusal:
            Client(valkey.url.replace(RIGHT, "wrong")).ping()
        assert "wrong" not in str(refusal.value)


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    valkey = ValkeyServer(tmp_path, password=RIGHT)
    with (
        Client(valkey.url) as client,
        pytest.raises(ServerError, match=f"answers at 127.0.0.1:{valkey.port}") as refusal,
    ):
        client.submit("Hello.")
    assert RIGHT not in str(refusal.value)


def test_a_full_server_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with (
        ValkeyServer(tmp_path, "--maxmemory", "1mb") as valkey,
        Client(valkey.url) as client,
        pytest.raises(ServerError, match="has no memory left"),
    ):
        client.submit(b"x" * 2**20)


@pytest.mark.parametrize("url", ["localhost", "http://localhost", "redis://localhost:port"])
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match=r"The server's address"):
        Client(url)


def test_a_client_takes_its_address_from_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "home"))
    with pytest.raises(ServerError, match=r"Nothing runs on this machine: `chorus up` .* CHORUS_URL"):
        Client()
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv("CHORUS_URL", "redis://elsewhere:1234/0")
    with pytest.raises(SettingError, match="redis://"):
        Client(settings=ClientSettings(url="http://settings"))
    Client().close()


def test_a_page_of_jobs_is_full_though_others_have_expired(client: Client, server: redis.Redis) -> None:
    for number in range(PAGE + 3):
        client.submit("Hello.", job=f"job-{number}")
    for number in (1, 2, PAGE + 2):
        server.delete(JobKeys(f"job-{number}").record)
    assert len(client.jobs()) == PAGE
    assert client.jobs(page=1) == []
    assert server.zcard(keys.JOBS) == PAGE
