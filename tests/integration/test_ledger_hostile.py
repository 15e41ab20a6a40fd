"""One bad entry never stops another: each is planted, alone, before good jobs, and everything else goes on.

The worker's threads are driven by hand, a look at a time, on the test run's one server.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from hand_farm import HandFarm, pcm_of
from hostile import RUNNING, SOUND, Hostile, entries, running
from support import ValkeyServer
from typer.main import get_command

from broker import backlog, set_aside_review
from broker.farm_status import FarmStatus
from broker.ledger import Ledger, Outcome, Pins
from broker.settings import FarmSettings
from broker.worker_threads import WorkerThreads
from chorus import Client, keys, set_aside
from chorus.commands import program, run
from chorus.errors import ChorusError, FarmError, NewerVersionError
from chorus.keys import JobKeys
from chorus.records import JobRecord, Worker
from chorus.states import State
from workers.cli import metrics, status_commands

ME = Worker(
    id="voice@here#7", host="here", pid=7, role="voice", sound=SOUND, slots={"bulk": 2}, store="here", voices=("af",)
)
ENTRIES = entries()
PROGRAM = get_command(program())


@dataclass
class House:
    """A worker that looks when it is told to, and what it sent."""

    server: "redis.Redis"
    client: Client
    sent: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.server, FarmSettings())
        self._threads = WorkerThreads(self.server, self._ledger, describe=lambda: ME, send=self._send, lease_s=3)

    def look(self) -> None:
        """A beat, a look of the reaper, and as many of the intake as there are entries."""
        self._threads._beat()
        self._threads._reap()
        if self.server.get(keys.REAPER) == ME.id.encode():
            self.server.delete(keys.REAPER)
        while self.server.llen(keys.INBOX):
            self._threads._take_in()

    def _send(self, outcome: Outcome) -> None:
        self.sent += [(outcome.job, hint.step) for hint in outcome.hints]

    def told(self) -> Path:
        """A job that was spoken as a stream, ready to be saved."""
        self.client.submit("Once.", job="told")
        by_hand = HandFarm(self.server, "told")
        by_hand.note(state="done", segments_planned=1, segments_done=1, next=1)
        by_hand.speak(0)
        by_hand.end(1)
        return Path("told.wav")


@pytest.fixture
def house(valkey: ValkeyServer) -> Iterator[House]:
    """On an empty database, and without the law of keys: what is planted here breaks it."""
    with redis.Redis.from_url(valkey.url) as server, Client(valkey.url) as client:
        server.flushall()
        yield House(server=server, client=client)
        server.flushall()


def test_there_are_hundreds_of_entries() -> None:
    assert len(ENTRIES) >= 120
    assert len({one.name for one in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("hostile", ENTRIES, ids=lambda one: one.name.replace(" ", "_"))
def test_a_bad_entry_stops_nothing_else(house: House, tmp_path: Path, hostile: Hostile) -> None:
    client, server = house.client, house.server
    client.submit("Once.", job="first", format="wav")
    hostile.plant(server, client, "bad")
    client.submit("Once.", job="second", format="wav")
    house.look()
    house.look()

    # Every good job is begun, the inbox is empty, and the worker is known.
    assert {("first", "plan:0"), ("second", "plan:0")} <= set(house.sent)
    assert (client.job("first").state, client.job("second").state) == (State.RUNNING, State.RUNNING)
    assert server.llen(keys.INBOX) == 0
    assert ME.id in [one.id for one in client.workers()]

    # Whoever asks for other jobs gets an answer.
    house.told()
    assert {"first", "second", "told"} <= {record.job for record in client.jobs()}
    assert client.find("fir") == "first"
    traffic = backlog.look(server)
    assert {"first", "second"} <= {job.job for job in traffic.jobs}
    view = FarmStatus(workers=client.workers(), traffic=traffic)
    assert 'chorus_jobs{state="running"}' in metrics.text(lambda: view)
    status_commands._print_workers(view)
    status_commands._print_traffic(traffic)
    assert json.dumps([record.to_json() for record in client.jobs()])
    assert client.save("told", tmp_path / "told.wav").read_bytes().endswith(pcm_of(0))
    client.want("first", "paused")
    client.want("second", "cancelled")
    house.look()
    assert (client.job("first").state, client.job("second").state) == (State.PAUSED, State.CANCELLED)

    # What was met once is not met again.
    before = set_aside.read(server).total
    house.look()
    assert set_aside.read(server).total == before
    if hostile.newer:
        assert before == 0, "it is left alone"


@pytest.mark.parametrize("what", RUNNING)
def test_a_running_job_that_is_damaged_fails_with_the_reason_and_its_listeners_hear_of_it(
    house: House, what: str
) -> None:
    running(house.server, house.client, "bad")
    RUNNING[what](house.server, JobKeys("bad"))
    house.look()
    record = house.client.job("bad")
    assert record.state is State.FAILED
    assert record.error.startswith("What the server holds of it is damaged: ")
    assert house.server.zscore(keys.ACTIVE, "bad") is None
    with pytest.raises(FarmError, match=r"(?i)job bad .*"):
        list(house.client.listen("bad"))
    house.client.submit("Once.", job="bad", format="wav", fresh=True)
    house.look()
    assert (house.client.job("bad").state, house.client.job("bad").epoch) == (State.RUNNING, 2)


def test_a_job_whose_leases_were_evicted_goes_on(house: House) -> None:
    running(house.server, house.client, "book", slots=2)
    sent = house.server.zrange(JobKeys("book").segment_leases, 0, -1)
    assert sent
    house.server.delete(JobKeys("book").segment_leases, JobKeys("book").desk_leases)
    house.look()
    assert {("book", step.decode()) for step in sent} <= set(house.sent)


def test_a_segment_of_a_newer_version_is_not_claimed(house: House) -> None:
    running(house.server, house.client, "book")
    spec = json.loads(house.server.hget(JobKeys("book").specs, "0") or b"")
    house.server.hset(JobKeys("book").specs, "0", json.dumps(spec | {"version": 2}))
    with pytest.raises(
        NewerVersionError, match=r"^Job book was written by a newer Chorus \(segment 2, this one reads 1"
    ):
        Ledger(house.server, FarmSettings()).claim("book", "segment:0", "t")
    assert house.server.hget(JobKeys("book").attempts, "segment:0") is None, "it is left alone"


def test_a_newer_job_is_left_as_it_is_by_every_script(house: House) -> None:
    running(house.server, house.client, "book")
    ledger = Ledger(house.server, FarmSettings())
    claim = ledger.claim("book", "segment:0", "t")
    house.server.hset(JobKeys("book").record, "version", 2)
    before = [house.server.dump(key) for key in JobKeys("book").all]
    for call in (
        lambda: ledger.advance("book", Pins()), lambda: ledger.claim("book", "segment:1", "u"),
        lambda: ledger.renew(claim),
        lambda: ledger.fail(claim, "Why.", final=True), lambda: ledger.pause(claim, "Why."),
        lambda: ledger.commit_part(claim), lambda: ledger.commit_bind(claim, {}),
        lambda: next(house.client.listen("book")), lambda: house.client.want("book", "cancelled"),
        lambda: house.client.submit("Once.", job="book", format="wav"),
    ):  # fmt: skip
        with pytest.raises(NewerVersionError, match="Job book was written by a newer Chorus"):
            call()
    assert [house.server.dump(key) for key in JobKeys("book").all] == before


def test_what_can_be_read_by_now_is_back_in_the_queue(house: House) -> None:
    house.client.submit("Once.", job="book", format="wav")
    house.server.delete(keys.INBOX)
    set_aside.put_aside(house.server, keys.ACTIVE, b"book", "an older Chorus could not read it")
    house.look()
    assert house.sent == []
    assert set_aside_review.clear(house.server).back == ("book",)
    house.look()
    assert ("book", "plan:0") in house.sent


def test_no_more_is_kept_than_is_of_use(house: House) -> None:
    for number in range(set_aside.MOST + 20):
        set_aside.put_aside(house.server, keys.INBOX, b"\x1b" * 200 + str(number).encode(), "why\n" * 500)
    found = set_aside.read(house.server)
    assert (found.held, found.latest[0].name.isprintable()) == (1, True), "clipped, these are one"
    for number in range(set_aside.MOST + 20):
        set_aside.put_aside(house.server, keys.INBOX, f"{number} of many".encode(), "why")
    found = set_aside.read(house.server)
    assert (found.held, found.total) == (set_aside.MOST, set_aside.MOST + 21)
    assert found.latest[0].name == f"{set_aside.MOST + 19} of many"
    assert 0 < house.server.ttl(keys.SET_ASIDE) <= keys.GLOBAL_S


def test_a_server_that_refuses_everybody_blames_no_job(house: House) -> None:
    house.client.submit("Once.", job="book", format="wav")
    house.server.config_set("maxmemory", "1")
    try:
        with pytest.raises(redis.RedisError):
            house.look()
    finally:
        house.server.config_set("maxmemory", "0")
    assert set_aside.read(house.server).total == 0
    assert house.server.zscore(keys.ACTIVE, "book") is not None


@pytest.mark.parametrize("hostile", [one for one in ENTRIES if one.spoils], ids=lambda one: one.name.replace(" ", "_"))
def test_a_bad_job_says_so_itself_and_can_be_removed(
    house: House, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    hostile: Hostile, tmp_path: Path,
) -> None:  # fmt: skip
    client, server = house.client, house.server
    hostile.plant(server, client, "bad")
    house.look()
    kept = server.dump(JobKeys("bad").record)
    assert kept, "its record stays where it is"

    monkeypatch.setenv("CHORUS_URL", valkey.url)
    monkeypatch.chdir(tmp_path)
    found = asked(client, "bad")
    commands = [["jobs"], ["jobs", "--json"], ["cancel", "bad"]]
    if isinstance(found, ChorusError):
        commands += [["save", "bad"], ["follow", "bad"], ["pause", "bad"], ["submit", __file__, "--job", "bad"]]
    for words in commands:
        status = run(PROGRAM, words)
        told = capsys.readouterr()
        assert status in (0, 1, 2), words
        assert told.err.count("\n") <= 1, told.err
        assert status == 0 or "bad" in told.err, told.err

    reviewed = set_aside_review.clear(server)
    assert set_aside.read(server).held == 0
    if isinstance(found, NewerVersionError):
        assert server.dump(JobKeys("bad").record) == kept, "what is newer is never changed"
        return
    if isinstance(found, ChorusError):
        assert (reviewed.deleted, server.exists(*JobKeys("bad").all)) == (("bad",), 0)
    client.submit("Once.", job="bad" if isinstance(found, ChorusError) else "anew", format="wav")
    house.look()
    assert client.job("bad" if isinstance(found, ChorusError) else "anew").state is State.RUNNING


def asked(client: Client, job: str) -> JobRecord | ChorusError:
    """The job, or the one sentence in its place."""
    found: JobRecord | ChorusError
    try:
        found = client.job(job)
    except ChorusError as error:
        found = error
    assert isinstance(found, JobRecord) or re.fullmatch(f"Job {job} [^\n]+", str(found))
    return found
