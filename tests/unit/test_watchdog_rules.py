"""The rules of the watchdog, with a clock of the tests' own."""

from dataclasses import dataclass, field

import pytest

from broker.ledger import ISOLATED_FROM, Claim
from broker.specs import SegmentSpec
from broker.watchdog import BIND_S, LOOP_S, PATIENT_S, TICK_S, Watchdog, deadline_s
from chorus.wire import RATE_HZ


def claim(step: str = "segment:7", *, seconds: float = 1.0, attempt: int = 1) -> Claim:
    spec = SegmentSpec(
        chapter=0, start=0, end=1, text="a", phonemes="a", pause_ms=0, characters=1, frames=round(seconds * RATE_HZ)
    )
    return Claim(status="ok", job="book", step=step, token=step, attempt=attempt, spec=spec)


@dataclass
class Yard:
    """A watchdog, and everything it can see."""

    now_s: float = 1000.0
    server: bool = True
    ends: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dog = Watchdog(reachable=lambda: self.server, end=self.ends.append, clock_s=lambda: self.now_s)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self.dog.tick()

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.dog.tick()


@pytest.fixture
def yard() -> Yard:
    return Yard()


def test_a_step_past_its_deadline_ends_the_process_and_is_named(yard: Yard) -> None:
    with yard.dog.watching(claim(), 60):
        yard.run(60)
        assert yard.ends == []
        yard.run(1)
    assert yard.ends == ["segment 7 of job book has taken more than 60 s"]


def test_a_finished_step_is_no_longer_watched(yard: Yard) -> None:
    with yard.dog.watching(claim(), 60):
        yard.run(59)
    yard.run(1000)
    assert yard.ends == []


def test_waking_from_an_hour_of_sleep_ends_no_process(yard: Yard) -> None:
    yard.dog.loop_turned()
    with yard.dog.watching(claim(), 60):
        yard.run(10)
        yard.dog.loop_turned()
        yard.sleep(3600)
        yard.run(10)
        assert yard.ends == []
        yard.run(60)
        assert len(yard.ends) > 0


def test_a_loop_that_hangs_ends_the_process(yard: Yard) -> None:
    yard.dog.loop_turned()
    yard.run(LOOP_S)
    yard.dog.loop_turned()
    yard.run(LOOP_S)
    assert yard.ends == []
    yard.run(1)
    assert yard.ends == ["Celery's loop has stood still for more than 20 s"]


def test_a_loop_that_has_not_begun_or_has_ended_is_not_watched(yard: Yard) -> None:
    yard.run(2 * LOOP_S)
    yard.dog.loop_turned()
    yard.dog.loop_left()
    yard.run(2 * LOOP_S)
    assert yard.ends == []


def test_while_the_server_is_unreachable_nothing_counts_as_hanging(yard: Yard) -> None:
    yard.dog.loop_turned()
    with yard.dog.watching(claim(), 30):
        yard.server = False
        yard.run(90)
        assert yard.ends == []
        yard.server = True
        yard.run(31)
    assert {end.partition(" has")[0] for end in yard.ends} == {"Celery's loop", "segment 7 of job book"}


@pytest.mark.parametrize(
    ("step", "wanted_s"),
    [
        (claim(seconds=1), 60),
        (claim(seconds=11), 220),
        (claim(seconds=11, attempt=ISOLATED_FROM - 1), 220),
        (claim(seconds=11, attempt=ISOLATED_FROM), PATIENT_S),
        (claim("plan:0"), PATIENT_S),
        (claim("part:3"), PATIENT_S),
        (claim("bind"), BIND_S),
    ],
)
def test_a_step_has_the_time_that_its_kind_and_length_may_need(step: Claim, wanted_s: float) -> None:
    assert deadline_s(step, 60) == wanted_s
