"""Keep-alive by a clock of the test's own: when it beats, and that whoever comes goes first."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.inference.keep_alive import IDLE_S, Beat, KeepAlive, Rest


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rest(clock: Clock) -> Rest:
    return Rest(clock)


@pytest.mark.parametrize(("idle_s", "beats"), [(0, False), (119.9, False), (120, True), (4000, True)])
def test_a_session_is_kept_warm_once_nobody_used_it_for_two_minutes(
    clock: Clock, rest: Rest, idle_s: float, beats: bool
) -> None:
    with rest.wanted():
        clock.now_s += 500
    clock.now_s += idle_s
    assert rest.idle_s() == pytest.approx(idle_s)
    said: list[Beat] = []
    assert rest.beat(said.append) is beats
    assert len(said) == rest.counts().beats == beats


def test_nothing_is_said_while_somebody_is_served_however_long_it_takes(clock: Clock, rest: Rest) -> None:
    with rest.wanted():
        clock.now_s += 10 * IDLE_S
        assert rest.idle_s() == 0
        assert not rest.beat(lambda _beat: pytest.fail("it spoke"))


def test_a_beat_is_no_use_and_changes_nothing_about_idleness(clock: Clock, rest: Rest) -> None:
    clock.now_s += 300
    rest.beat(lambda _beat: None)
    assert rest.idle_s() == 300


def test_whoever_comes_breaks_the_beat_off_before_he_is_served(clock: Clock, rest: Rest) -> None:
    clock.now_s += IDLE_S
    speaking, silenced = threading.Event(), threading.Event()

    def speak(beat: Beat) -> None:
        beat.on_break(silenced.set)
        speaking.set()
        assert silenced.wait(10), "nobody broke it off"

    with ThreadPoolExecutor(1) as keeper:
        beating = keeper.submit(rest.beat, speak)
        assert speaking.wait(10)
        with rest.wanted():
            assert silenced.is_set()
        assert beating.result() is False
    assert (rest.counts().beats, rest.counts().broken) == (0, 1)


def test_a_beat_that_somebody_overtook_before_it_spoke_is_broken_off_at_once(clock: Clock, rest: Rest) -> None:
    clock.now_s += IDLE_S
    silenced: list[str] = []

    def speak(beat: Beat) -> None:
        with rest.wanted():
            pass
        beat.on_break(lambda: silenced.append("at once"))

    assert rest.beat(speak) is False
    assert silenced == ["at once"]


def test_a_beat_that_fails_leaves_the_session_as_it_was(clock: Clock, rest: Rest) -> None:
    clock.now_s += IDLE_S
    with pytest.raises(ZeroDivisionError):
        rest.beat(lambda _beat: 1 / 0)
    assert rest.beat(lambda _beat: None)
    with rest.wanted():
        pass


def test_it_beats_every_five_minutes_and_not_before(clock: Clock) -> None:
    beats: list[float] = []
    keeper = KeepAlive(lambda: [lambda: beats.append(clock.now_s)], every_s=300, clock_s=clock)
    for _ in range(1000):
        clock.now_s += 1
        keeper.tick()
    assert beats == [1300, 1600, 1900]


def test_every_session_of_the_moment_gets_its_beat(clock: Clock) -> None:
    sessions = ["bulk", "live"]
    beats: list[str] = []
    keeper = KeepAlive(lambda: [lambda name=name: beats.append(name) for name in sessions], every_s=1, clock_s=clock)
    for names in (["bulk", "live"], ["new bulk"], []):
        sessions[:] = names
        clock.now_s += 1
        assert keeper.tick()
    assert beats == ["bulk", "live", "new bulk"]


def test_every_nought_seconds_is_never(clock: Clock) -> None:
    keeper = KeepAlive(lambda: [lambda: pytest.fail("it spoke")], every_s=0, clock_s=clock)
    clock.now_s += 10_000
    assert not keeper.tick()
