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
from hostile import SOUND, Hostile, entries
from support import ValkeyServer

from broker import backlog, set_aside_review
from broker.farm_status import FarmStatus
from broker.ledger import Ledger, Outcome
from broker.settings import FarmSettings
from broker.worker_threads import WorkerThreads
from chorus import Client, keys, set_aside
from chorus.commands import program, run
from chorus.errors import ChorusError, NewerVersionError
from chorus.keys import JobKeys
from chorus.records import JobRecord, Worker
from chorus.states import State
from workers.cli import metrics, status_commands

ME = Worker(
    id="voice@here#7", host="here", pid=7, role="voice", sound=SOUND, slots={"bulk": 2}, store="here", voices=("af",)
)
ENTRIES = entries()
PROGRAM = program()


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
