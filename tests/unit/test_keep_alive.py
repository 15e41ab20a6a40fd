"""Keep-alive, with a clock of the tests' own: when it runs, and that requests have precedence."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.inference.keep_alive import IDLE_S, KeepAlive, SessionUse, SilentRun


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def use(clock: Clock) -> SessionUse:
    return SessionUse(clock)


@pytest.mark.parametrize(("idle_s", "beats"), [(0, False), (119.9, False), (120, True), (4000, True)])
def test_a_session_is_kept_warm_after_two_idle_minutes(
    clock: Clock, use: SessionUse, idle_s: float, beats: bool
) -> None:
    with use.in_use():
        clock.now_s += 500
    clock.now_s += idle_s
    assert use.idle_s() == pytest.approx(idle_s)
    said: list[SilentRun] = []
    assert use.run_silently(said.append) is beats
    assert len(said) == use.counts().beats == beats


def test_no_keep_alive_run_starts_while_an_utterance_is_spoken(clock: Clock, use: SessionUse) -> None:
    with use.in_use():
        clock.now_s += 10 * IDLE_S
        assert use.idle_s() == 0
        assert not use.run_silently(lambda _run: pytest.fail("it spoke"))


def test_a_keep_alive_run_does_not_count_as_use(clock: Clock, use: SessionUse) -> None:
    clock.now_s += 300
    use.run_silently(lambda _run: None)
    assert use.idle_s() == 300


def test_a_request_interrupts_a_keep_alive_run_before_it_is_served(clock: Clock, use: SessionUse) -> None:
    clock.now_s += IDLE_S
    speaking, silenced = threading.Event(), threading.Event()

    def speak(run: SilentRun) -> None:
        run.on_stop(silenced.set)
        speaking.set()
        assert silenced.wait(10), "nobody broke it off"

    with ThreadPoolExecutor(1) as keeper:
        beating = keeper.submit(use.run_silently, speak)
        assert speaking.wait(10)
        with use.in_use():
            assert silenced.is_set()
        assert beating.result() is False
    assert (use.counts().beats, use.counts().broken) == (0, 1)


def test_a_keep_alive_run_that_a_request_overtakes_is_interrupted_at_once(clock: Clock, use: SessionUse) -> None:
    clock.now_s += IDLE_S
    silenced: list[str] = []

    def speak(run: SilentRun) -> None:
        with use.in_use():
            pass
        run.on_stop(lambda: silenced.append("at once"))

    assert use.run_silently(speak) is False
    assert silenced == ["at once"]


def test_a_keep_alive_run_that_fails_leaves_the_session_unchanged(clock: Clock, use: SessionUse) -> None:
    clock.now_s += IDLE_S
    with pytest.raises(ZeroDivisionError):
        use.run_silently(lambda _run: 1 / 0)
    assert use.run_silently(lambda _run: None)
    with use.in_use():
        pass


def test_keep_alive_runs_every_five_minutes_and_not_earlier(clock: Clock) -> None:
    beats: list[float] = []
    keeper = KeepAlive(lambda: [lambda: beats.append(clock.now_s)], every_s=300, clock_s=clock)
    for _ in range(1000):
        clock.now_s += 1
        keeper.tick()
    assert beats == [1300, 1600, 1900]


def test_every_current_session_is_kept_warm(clock: Clock) -> None:
    sessions = ["bulk", "live"]
    beats: list[str] = []
    keeper = KeepAlive(lambda: [lambda name=name: beats.append(name) for name in sessions], every_s=1, clock_s=clock)
    for names in (["bulk", "live"], ["new bulk"], []):
        sessions[:] = names
        clock.now_s += 1
        assert keeper.tick()
    assert beats == ["bulk", "live", "new bulk"]


def test_an_interval_of_zero_means_no_keep_alive(clock: Clock) -> None:
    keeper = KeepAlive(lambda: [lambda: pytest.fail("it spoke")], every_s=0, clock_s=clock)
    clock.now_s += 10_000
    assert not keeper.tick()
