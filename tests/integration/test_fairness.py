"""No job waits behind all others: a second book, books of any priority, a hundred listeners, and failing jobs.

The tests count segments in the order in which the ledger dispatched them, and use no clock.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from chronicle import Chronicle, Event, first, most_under_way, tally
from support import ValkeyServer, wait_until
from toy.build import build
from workshop import Workshop, opened

from broker import session_control
from chorus.records import JobRecord
from chorus.request import Priority
from chorus.states import State
from chorus.submission import Terms
from chorus.vocabulary import VOCABULARY
from chorus.wire import Kind
from workers.inference.priority import NICEST

# A segment lasts much longer than it takes a hint to reach a worker: then order is decided by the ledger alone.
WORK = 800
SHARES: dict[Priority, int] = {"low": 1, "normal": 2, "high": 4}
POISON = VOCABULARY["ʒ"]
HUNDRED = 100


def long_book(segments: int) -> bytes:
    """So many sentences, each a paragraph and a segment, in chapters of fifty."""
    waves = [f"Wave {n} came in, and wave {n} went out." for n in range(segments)]
    return "\n\n".join("\n\n".join([f"# Chapter {n}", *waves[n : n + 50]]) for n in range(0, segments, 50)).encode()


@contextmanager
def farm_of(folder: Path, model: Path, slots: int) -> Iterator[Workshop]:
    with ValkeyServer(folder) as server, opened(Workshop(server.url, folder, model=model, slots=slots)) as farm:
        yield farm.start("desk", "voice")


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model") / "slow.onnx", work=WORK)


@pytest.fixture(scope="module")
def one_slot(tmp_path_factory: pytest.TempPathFactory, slow_model: Path) -> Iterator[Workshop]:
    with farm_of(tmp_path_factory.mktemp("one"), slow_model, 1) as farm:
        yield farm


@pytest.fixture(scope="module")
def two_slots(tmp_path_factory: pytest.TempPathFactory, slow_model: Path) -> Iterator[Workshop]:
    with farm_of(tmp_path_factory.mktemp("two"), slow_model, 2) as farm:
        yield farm


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Two slots; at one token the model raises."""
    folder = tmp_path_factory.mktemp("quick")
    with farm_of(folder, build(folder / "raise.onnx", fault="raise", token=POISON), 2) as farm:
        yield farm


@dataclass
class Shelf:
    """Books on a farm, under names of this test's own, and what the ledger did with them. All end with the test."""

    farm: Workshop
    chronicle: Chronicle
    names: dict[str, str] = field(default_factory=dict)
    """By job."""

    def submit(self, name: str, source: bytes, priority: Priority = "normal") -> str:
        # A hint that an earlier test left in a queue must not serve this one's book.
        job = f"{name}-{secrets.token_hex(4)}"
        self.names[job] = name
        terms = Terms(priority=priority)
        return self.farm.client.submit(source, name="book.md", job=job, format="flac", terms=terms).job

    def until(self, name: str, *, begun: int) -> None:
        wait_until(
            lambda: tally(self.events(), "begun").get(name, 0) >= begun,
            description=f"{begun} segments of the {name} book are begun (see {self.farm.folder})",
            timeout_s=90,
        )

    def events(self) -> list[Event]:
        return [replace(event, job=self.names.get(event.job, event.job)) for event in self.chronicle.read()]

    def close(self) -> None:
        for job in self.names:
            if not self.farm.client.job(job).finished:
                self.farm.client.want(job, "cancelled")
        for job in self.names:
            self.farm.finished(job)


@contextmanager
def shelf(farm: Workshop) -> Iterator[Shelf]:
    with Chronicle(farm.url) as chronicle, closing(Shelf(farm=farm, chronicle=chronicle)) as books:
        yield books


# --- books beside books


@pytest.mark.parametrize(
    ("farm_name", "slots", "priority", "segments"),
    [
        ("one_slot", 1, "normal", 5000),
        ("two_slots", 2, "low", 200),
        ("two_slots", 2, "normal", 200),
        ("two_slots", 2, "high", 200),
    ],
)
def test_a_second_book_waits_no_longer_than_the_firsts_share_of_each_slot(
    farm_name: str, slots: int, priority: Priority, segments: int, request: pytest.FixtureRequest
) -> None:
    """Of a book of five thousand segments without a choice of priority that is two segments' time."""
    with shelf(request.getfixturevalue(farm_name)) as books:
        book = books.submit("first", long_book(segments), priority)
        books.until("first", begun=2 * slots + 1)
        books.submit("second", long_book(100), priority)
        books.until("second", begun=1)
        events = books.events()
        waited = events[first(events, "second", "planned") : first(events, "second", "begun")]
        assert tally(waited, "begun").get("first", 0) <= SHARES[priority] * slots
        assert not books.farm.client.job(book).finished


def test_books_of_every_priority_progress_together_each_with_its_share(two_slots: Workshop) -> None:
    with shelf(two_slots) as books:
        for priority in SHARES:
            books.submit(priority, long_book(200), priority)
        for priority in SHARES:
            books.until(priority, begun=1)
        together = len(books.events())
        wait_until(
            lambda: sum(tally(books.events()[together:], "begun").values()) >= 28,
            description="two rounds are spoken",
            timeout_s=90,
        )
        shares = tally(books.events()[together:], "begun")
        assert set(shares) == {"low", "normal", "high"}
        assert min(shares.values()) >= 2, shares
        assert shares["low"] < shares["high"], shares


# --- one book on all slots


def test_with_two_slots_at_most_two_segments_are_spoken_at_once(two_slots: Workshop) -> None:
    with shelf(two_slots) as books:
        assert two_slots.finished(books.submit("only", long_book(8))).state is State.DONE
        assert most_under_way(books.events()) == 2
    (sessions,) = session_control.status(two_slots.url)
    assert {lane.name: lane.peak for lane in sessions.lanes}["bulk"] == 2, "and their inferences really overlap"


def test_two_workers_speak_two_segments_of_one_book_at_once(one_slot: Workshop) -> None:
    one_slot.start("voice2")
    try:
        with shelf(one_slot) as books:
            record = one_slot.finished(books.submit("only", long_book(8)))
            assert most_under_way(books.events()) == 2
            assert {name.partition("@")[0] for name in record.spoken_by} == {"voice", "voice2"}
    finally:
        one_slot.leave("voice2").wait(30)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads have their own niceness on Linux alone")
def test_in_a_real_worker_low_priority_threads_speak_books_and_the_others_serve_listeners(
    two_slots: Workshop,
) -> None:
    pid = two_slots.pid("voice")
    usual = os.getpriority(os.PRIO_PROCESS, pid)
    if usual == NICEST:
        pytest.skip("this test run is itself as nice as can be: nothing is lower")

    def spent_on(segments: int, **wishes: Any) -> dict[int, float]:
        """Seconds of processor time that this job took of the worker's threads, by their niceness."""
        before = threads(pid)
        job = two_slots.client.submit(long_book(segments), name="book.md", **wishes).job
        assert two_slots.finished(job).state is State.DONE
        spent = dict.fromkeys((usual, NICEST), 0.0)
        for thread, (niceness, seconds) in threads(pid).items():
            spent[niceness] += seconds - before.get(thread, (niceness, 0.0))[1]
        return spent

    books = spent_on(8, format="flac")
    assert books[NICEST] > books[usual]
    listeners = spent_on(4, live=True)  # less than the ten seconds from which on it would spill into the books' lane
    assert listeners[usual] > listeners[NICEST]
    assert sum(niceness == NICEST for niceness, _ in threads(pid).values()) == 2, "one thread for each slot"


def threads(pid: int) -> dict[int, tuple[int, float]]:
    """Niceness and processor time of each thread of a process, as the kernel tells."""
    found: dict[int, tuple[int, float]] = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        # The name may hold blanks and brackets; what follows it is counted from there.
        fields = (thread / "stat").read_text().rpartition(") ")[2].split()
        ticks, niceness = int(fields[11]) + int(fields[12]), int(fields[16])
        found[int(thread.name)] = niceness, ticks / os.sysconf("SC_CLK_TCK")
    return found


# --- a hundred at once


def submit_at_once(submit: Callable[[int], JobRecord]) -> list[str]:
    """A hundred requests by twenty callers; their ids, in the callers' order."""
    with ThreadPoolExecutor(20) as callers:
        return [record.job for record in callers.map(submit, range(HUNDRED))]


def all_over(farm: Workshop, jobs: list[str]) -> dict[str, JobRecord]:
    """Every one of them, at its end; those that are not there yet are named."""
    over: dict[str, JobRecord] = {}

    def finished() -> bool:
        over.update({job: record for job in jobs if job not in over and (record := farm.client.job(job)).finished})
        return len(over) == len(jobs)

    try:
        wait_until(finished, description=f"all {len(jobs)} jobs are over", timeout_s=100)
    except AssertionError as error:
        error.add_note(f"Not over: {[farm.client.job(job) for job in jobs if job not in over][:3]} (see {farm.folder})")
        raise
    return over


def heard(farm: Workshop, job: str) -> bytes:
    return b"".join(chunk.pcm for chunk in farm.client.listen(job) if chunk.kind is Kind.AUDIO)


def test_a_hundred_listeners_are_served_in_order_while_a_book_goes_on(quick: Workshop) -> None:
    text = "First things first, said the clock. Then it struck two, and then, after a pause, it struck three."
    alone = quick.client.submit(text, live=True).job
    assert quick.finished(alone).state is State.DONE
    with shelf(quick) as books:
        book = books.submit("long", long_book(300))
        books.until("long", begun=1)
        jobs = submit_at_once(lambda _: quick.client.submit(text, live=True))
        over = all_over(quick, jobs)
        events = books.events()
        assert {record.state for record in over.values()} == {State.DONE}
        assert {heard(quick, job) for job in jobs} == {heard(quick, alone)}

        asked = sorted(jobs, key=lambda job: first(events, job, "planned"))
        served = sorted(jobs, key=lambda job: first(events, job, "begun"))
        late = [abs(served.index(job) - place) for place, job in enumerate(asked)]
        # Served in any order, they would be thirty-three places off on average; the last first, fifty.
        assert mean(late) <= 5
        assert max(late) <= 33
        meanwhile = events[first(events, asked[0], "planned") : first(events, served[-1], "begun")]
        assert tally(meanwhile, "over").get("long", 0) > 0
        assert quick.finished(book).state is State.DONE


GOOD = b"The tide came in."
BAD_WORD = b"The tide came in.\n\nMeasure.\n\nThe tide went out."
Wish = dict[str, Any]
# What is asked for, and how it must end: state, segments lost, and what the error says.
MIXTURE: list[tuple[bytes, Wish, tuple[State, int, str]]] = [
    (GOOD, {"name": "a.txt", "live": True}, (State.DONE, 0, "")),
    (GOOD, {"name": "a.txt", "format": "wav"}, (State.DONE, 0, "")),
    (GOOD, {"name": "a.txt", "live": True, "voice": "af_hart"}, (State.FAILED, 0, "Voice 'af_hart' is unknown")),
    (
        GOOD,
        {"name": "a.txt", "format": "wav", "language": "zh"},
        (State.FAILED, 0, "Mandarin Chinese"),
    ),
    (b"PK\3\4 nothing", {"name": "a.epub", "format": "flac"}, (State.FAILED, 0, "a.epub")),
    (BAD_WORD, {"name": "a.md", "live": True}, (State.DONE, 1, "")),
    (BAD_WORD, {"name": "a.md", "format": "wav"}, (State.DONE, 1, "")),
    (BAD_WORD, {"name": "a.md", "format": "wav", "on_error": "stop"}, (State.FAILED, 1, "Reshape")),
]


def test_a_hundred_jobs_at_once_all_reach_their_end_though_many_of_them_fail(quick: Workshop) -> None:
    before = {name: quick.pid(name) for name in ("desk", "voice")}

    def submit(n: int) -> JobRecord:
        source, wishes, _ = MIXTURE[n % len(MIXTURE)]
        return quick.client.submit(source, **wishes)

    jobs = submit_at_once(submit)
    over = all_over(quick, jobs)
    for n, job in enumerate(jobs):
        (state, lost, error), record = MIXTURE[n % len(MIXTURE)][2], over[job]
        assert (record.state, record.segments_failed) == (state, lost), record
        assert error in record.error
    assert quick.revive() == [], "no worker ended over it"
    assert {name: quick.pid(name) for name in before} == before
