"""Lanes: their threads and priorities, and statistics of completed runs."""

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial

import pytest
from support import wait_until

from broker.lane_reports import LaneReport
from chorus.errors import FarmError
from workers.inference import lanes, priority
from workers.inference.lane_statistics import LaneRun, most_at_once
from workers.inference.lanes import Lane
from workers.inference.priority import NICEST, favour, lower_priority, own_cores


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="niceness of a single thread is Linux's")
def test_only_bulk_threads_have_a_lower_priority_for_life() -> None:
    ours = niceness()
    bulk, live = Lane("bulk", slots=2, lowered=True), Lane("live", slots=1, lowered=False)
    try:
        assert [bulk.run(niceness).value for _ in range(4)] == [NICEST] * 4
        assert live.run(niceness).value == ours
        assert niceness() == ours
    finally:
        bulk.close()
        live.close()


class Libc:
    """The one function of a Mac's library that lanes call; it answers with this error number."""

    def __init__(self, answer: int = 0) -> None:
        self.answer = answer
        self.entered: list[tuple[int, int]] = []

    def pthread_set_qos_class_self_np(self, qos: int, relative: int) -> int:
        self.entered.append((qos, relative))
        return self.answer


@pytest.fixture
def niced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Which threads were given which niceness; none really is, for this one could not be raised again."""
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "setpriority", lambda _which, who, value: calls.append((who, value)))
    return calls


# Apple's numbers: UTILITY 0x11 for books, USER_INITIATED 0x19 for whom somebody waits.
@pytest.mark.parametrize(
    ("arrange", "platform", "niceness", "classes"),
    [
        (lower_priority, "linux", [NICEST], []),
        (lower_priority, "darwin", [], [(0x11, 0)]),
        (lower_priority, "plan9", [], []),
        (favour, "linux", [], []),
        (favour, "darwin", [], [(0x19, 0)]),
        (favour, "plan9", [], []),
    ],
)
def test_each_system_has_its_own_call_to_lower_a_threads_priority(
    arrange: Callable[..., None],
    platform: str,
    niceness: list[int],
    classes: list[tuple[int, int]],
    niced: list[tuple[int, int]],
) -> None:
    libc = Libc()
    arrange(platform, libc)
    assert niced == [(threading.get_native_id(), value) for value in niceness]
    assert libc.entered == classes


def test_on_a_mac_every_thread_of_a_lane_gets_its_qos_class(monkeypatch: pytest.MonkeyPatch) -> None:
    libc = Libc()
    monkeypatch.setattr(lanes, "lower_priority", partial(lower_priority, "darwin", libc))
    monkeypatch.setattr(lanes, "favour", partial(favour, "darwin", libc))
    for lowered, qos in ((True, 0x11), (False, 0x19)):
        lane = Lane("any", slots=1, lowered=lowered)
        lane.run(lambda: None)
        lane.close()
        assert libc.entered.pop() == (qos, 0)
    assert libc.entered == []


@pytest.mark.parametrize(
    ("arrange", "platform"),
    [(lower_priority, "linux"), (lower_priority, "darwin"), (lower_priority, "plan9"), (favour, "darwin")],
)
def test_a_refused_priority_is_logged_and_the_lane_still_works(
    arrange: Callable[..., None], platform: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    with caplog.at_level(logging.WARNING, logger=priority.__name__):
        arrange(platform, Libc(errno.EPERM))
    assert "books may slow listeners down" in caplog.text


def test_a_lane_runs_at_most_as_many_tasks_at_once_as_it_has_slots() -> None:
    together = threading.Barrier(2)
    running, most = [0], [0]
    lock = threading.Lock()

    def work() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait(timeout=60)  # breaks unless two really run at once
        with lock:
            running[0] -= 1

    lane = Lane("bulk", slots=2, lowered=False)
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda _: lane.run(work), range(8)))
    lane.close()
    assert most == [2]
    assert lane.health().peak == 2


def test_statistics_sum_completed_runs_and_count_failures_separately() -> None:
    lane = Lane("live", slots=1, lowered=False)
    answers = [lane.run(lambda: "said") for _ in range(3)]
    with pytest.raises(ZeroDivisionError):
        lane.run(lambda: 1 // 0)
    lane.close()
    health = lane.health()
    assert (health.name, health.slots, health.served, health.failures) == ("live", 1, 3, 1)
    assert [answer.value for answer in answers] == ["said"] * 3
    assert health.busy_s >= sum(answer.span.busy_s for answer in answers)
    assert health.wait_s >= sum(answer.span.wait_s for answer in answers)


def test_the_second_task_on_a_slot_waits_for_the_first() -> None:
    lane = Lane("live", slots=1, lowered=False)
    began, release = threading.Event(), threading.Event()

    def first() -> None:
        began.set()
        release.wait()

    with ThreadPoolExecutor(2) as callers:
        one = callers.submit(lane.run, first)
        began.wait()
        two = callers.submit(lane.run, lambda: None)
        wait_until(lambda: lane.waiting() == 1, description="the second stands in line")
        assert lane.health().served == 0, "only what is completed counts"
        release.set()
        spans = [future.result().span for future in (one, two)]
    lane.close()
    assert spans[1].asked_s < spans[0].ended_s <= spans[1].began_s


def test_closing_finishes_running_tasks_and_refuses_waiting_ones() -> None:
    lane = Lane("bulk", slots=1, lowered=False)
    began, release = threading.Event(), threading.Event()

    def first() -> str:
        began.set()
        release.wait()
        return "said"

    with ThreadPoolExecutor(3) as callers:
        running = callers.submit(lane.run, first)
        began.wait()
        waiting = callers.submit(lane.run, lambda: "never")
        wait_until(lambda: lane.waiting() == 1, description="the second stands in line")
        closing = callers.submit(lane.close)
        with pytest.raises(FarmError, match="lane bulk is closed"):
            waiting.result()
        release.set()
        assert running.result().value == "said"
        closing.result()
    with pytest.raises(FarmError, match="lane bulk is closed"):
        lane.run(lambda: "never")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lane-bulk")]


@pytest.mark.parametrize(
    ("spans", "peak"),
    [
        ([], 0),
        ([(0, 1)], 1),
        ([(0, 1), (1, 2)], 1),
        ([(0, 2), (1, 3)], 2),
        ([(0, 9), (1, 2), (3, 5), (4, 6)], 3),
    ],
)
def test_the_peak_is_the_largest_number_of_overlapping_runs(spans: list[tuple[int, int]], peak: int) -> None:
    assert most_at_once(LaneRun(asked_s=0, began_s=began, ended_s=ended) for began, ended in spans) == peak


def test_urgent_work_overtakes_waiting_work_but_not_running_work() -> None:
    lane = Lane("ane", slots=1, lowered=False)
    began, release = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        began.set()
        release.wait()
        order.append("first")

    def stand_in_line(callers: ThreadPoolExecutor, name: str, *, urgent: bool) -> None:
        before = lane.waiting()
        callers.submit(lane.run, partial(order.append, name), lane.promise(10, urgent=urgent))
        wait_until(lambda: lane.waiting() == before + 1, description=f"{name} stands in line")

    with ThreadPoolExecutor(5) as callers:
        callers.submit(lane.run, first)
        began.wait()
        for name in ("book 1", "book 2"):
            stand_in_line(callers, name, urgent=False)
        for name in ("listener 1", "listener 2"):
            stand_in_line(callers, name, urgent=True)
        release.set()
    lane.close()
    assert order == ["first", "listener 1", "listener 2", "book 1", "book 2"]


def test_a_lane_learns_the_cost_of_its_work_and_reports_the_prediction_error() -> None:
    lane = Lane("bulk", slots=1, lowered=False)
    unseen = lane.load(100).cost_s
    span = lane.run(lambda: None, lane.promise(100)).span
    again = lane.run(lambda: None, lane.promise(100)).span
    lane.run(lambda: None)
    lane.close()
    assert span.expected_s is None, f"{unseen} s was a guess: the lane had done nothing yet"
    assert again.expected_s == pytest.approx(span.busy_s, rel=0.01), "what the first took is expected of the second"
    health = lane.health()
    assert (health.served, health.predictions) == (3, 1)
    assert health.predicted_s == pytest.approx(again.busy_s)
    assert health.error_s == pytest.approx(abs(again.busy_s - (again.expected_s or 0)))


def test_failed_work_does_not_change_the_cost_prediction() -> None:
    lane = Lane("bulk", slots=1, lowered=False)
    unseen = lane.load(100).cost_s
    with pytest.raises(ZeroDivisionError):
        lane.run(lambda: 1 // 0, lane.promise(100))
    lane.close()
    assert lane.load(100).cost_s == unseen
    assert (lane.health().predictions, lane.health().predicted_s) == (0, 0)


@pytest.mark.parametrize(("predictions", "error"), [(0, None), (9, None), (10, 0.25)])
def test_the_prediction_error_is_reported_after_enough_runs(predictions: int, error: float | None) -> None:
    report = LaneReport(name="bulk", slots=1, predictions=predictions, predicted_s=4.0, error_s=1.0)
    assert report.prediction_error == error


def test_expected_work_counts_for_a_lane_until_it_is_done_or_withdrawn() -> None:
    lane = Lane("bulk", slots=2, lowered=False)
    began, release = threading.Event(), threading.Event()
    each_s = lane.load(100).cost_s

    def work() -> None:
        began.set()
        release.wait()

    assert lane.load(100).free_in_s == (0, 0)
    with ThreadPoolExecutor(1) as callers:
        running = lane.promise(100)
        done = callers.submit(lane.run, work, running)
        began.wait()
        book, listener = lane.promise(100), lane.promise(200, urgent=True)
        seen = lane.load(100)
        assert max(seen.free_in_s) > 0
        assert min(seen.free_in_s) == 0
        assert seen.before_s == (2 * each_s, each_s), "the listener first"
        assert lane.load(100, urgent=True).before_s == (2 * each_s,)
        lane.release(book)
        lane.release(listener)
        assert lane.load(100).before_s == ()
        release.set()
        done.result()
    assert lane.load(100).free_in_s == (0, 0)
    lane.close()


def test_overdue_work_is_expected_to_need_as_long_again() -> None:
    lane = Lane("gpu", slots=1, lowered=False)
    stuck = lane.promise(100)
    stuck.began_s = time.monotonic() - 10 * stuck.expected_s
    assert lane.load(100).free_in_s[0] == pytest.approx(9 * stuck.expected_s, rel=0.01)
    lane.close()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads are bound to cores on Linux alone")
def test_pinned_threads_stay_on_one_core_each_and_other_threads_are_free() -> None:
    cores = own_cores()
    together = threading.Barrier(2)

    def where() -> tuple[int, ...]:
        together.wait(timeout=60)
        return own_cores()

    lane = Lane("bulk", slots=2, lowered=False, cores=cores)
    with ThreadPoolExecutor(2) as callers:
        found = [done.result().value for done in [callers.submit(lane.run, where) for _ in range(2)]]
    lane.close()
    assert sorted(found) == sorted((cores[n % len(cores)],) for n in range(2))
    assert own_cores() == cores


def test_a_report_of_another_releases_worker_is_read() -> None:
    report = LaneReport(name="bulk", slots=2, served=3, state="spare")
    assert LaneReport.read(asdict(report)) == report
    assert LaneReport.read({"name": "bulk", "slots": 2, "served": 3, "state": "spare", "astray_s": 1.0}) == report
