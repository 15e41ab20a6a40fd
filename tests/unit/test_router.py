"""The router predicts the cost of each lane from earlier runs, and chooses the lane that would finish first."""

import random
from collections.abc import Callable, Sequence
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.inference.router import UNSEEN_S_PER_TOKEN, Cost, Load, finish_s, least

# Below a second, as one lane may be twelve times as fast as another.
speeds = st.lists(st.floats(0.25, 3.0), min_size=1, max_size=4)
sizes = st.lists(st.integers(1, 510), min_size=1, max_size=40)


def makespan(speeds: Sequence[float], sizes: Sequence[int], choose: Callable[[list[float], int], int]) -> float:
    """When the last of these is done if each is given to a lane as it comes."""
    free = [0.0] * len(speeds)
    for size in sizes:
        lane = choose(free, size)
        free[lane] += size / speeds[lane]
    return max(free)


def routed(speeds: Sequence[float], sizes: Sequence[int]) -> float:
    def choose(free: list[float], size: int) -> int:
        loads = {
            str(lane): Load(free_in_s=(free[lane],), cost_s=size / speed) for lane, speed in enumerate(speeds)
        }  # fmt: skip
        return int(least(loads))

    return makespan(speeds, sizes, choose)


def in_turn(speeds: Sequence[float], sizes: Sequence[int]) -> float:
    turns = cycle(range(len(speeds)))
    return makespan(speeds, sizes, lambda _free, _size: next(turns))


@given(speeds, st.integers(1, 510), st.integers(1, 40))
def test_segments_of_one_length_are_never_done_later_than_in_turn(speeds: list[float], size: int, count: int) -> None:
    sizes = [size] * count
    assert routed(speeds, sizes) <= in_turn(speeds, sizes) + 1e-6


@given(speeds, sizes)
def test_no_order_of_lengths_makes_it_later_than_in_turn_by_more_than_its_longest(
    speeds: list[float], sizes: list[int]
) -> None:
    """Whoever does not know what comes next may be this much too late, and no more: all lanes were busy until then."""
    slack = (len(speeds) - 1) * max(sizes) / sum(speeds)
    assert routed(speeds, sizes) <= in_turn(speeds, sizes) + slack + 1e-6


@pytest.mark.parametrize("speeds", [(1.0, 1.2), (1.0, 3.0), (0.5, 1.0, 2.0)])
def test_a_book_is_done_sooner_than_in_turn(speeds: tuple[float, ...]) -> None:
    for seed in range(50):
        chance = random.Random(seed)
        sizes = [min(510, max(5, round(chance.gauss(150, 60)))) for _ in range(100)]
        assert routed(speeds, sizes) < in_turn(speeds, sizes), seed


def test_before_any_measurement_the_cost_is_the_length() -> None:
    cost = Cost()
    assert cost.expected_s(100) == pytest.approx(100 * UNSEEN_S_PER_TOKEN)
    assert cost.expected_s(200) == pytest.approx(2 * cost.expected_s(100))


def test_after_one_segment_the_cost_is_proportional_to_the_length() -> None:
    cost = Cost()
    cost.learn(50, 0.5)
    assert cost.expected_s(50) == pytest.approx(0.5)
    assert cost.expected_s(100) == pytest.approx(1.0, rel=0.02)


@given(st.floats(0, 1), st.floats(0.001, 0.1))
def test_a_linear_cost_is_fitted(start_s: float, s_per_token: float) -> None:
    cost = Cost()
    for size in [20, 150, 80, 300] * 10:
        cost.learn(size, start_s + s_per_token * size)
    for size in (10, 100, 500):
        assert cost.expected_s(size) == pytest.approx(start_s + s_per_token * size, rel=0.02, abs=0.01)


def test_a_lane_that_becomes_slow_is_recognised_within_a_hundred_segments() -> None:
    cost = Cost()
    for seconds_per_token in (0.01, 0.03):
        for size in [40, 160] * 50:
            cost.learn(size, seconds_per_token * size)
    assert cost.expected_s(100) == pytest.approx(3.0, rel=0.2)


@given(st.lists(st.tuples(st.integers(1, 510), st.floats(0, 1000)), max_size=30), st.integers(1, 510))
def test_no_predicted_cost_is_negative(seen: list[tuple[int, float]], size: int) -> None:
    cost = Cost()
    for one, seconds in seen:
        cost.learn(one, seconds)
    assert cost.expected_s(size) >= 0


@pytest.mark.parametrize(
    ("free_in_s", "before_s", "done_s"),
    [
        ((0.0,), (), 1.0),
        ((3.0,), (), 4.0),
        ((3.0,), (2.0, 2.0), 8.0),
        ((3.0, 0.0), (), 1.0),
        ((3.0, 0.0), (2.0,), 3.0),
        ((3.0, 0.0), (2.0, 2.0), 4.0),
        ((3.0, 1.0), (5.0,), 4.0),
    ],
)
def test_a_later_task_is_expected_to_finish_after_earlier_ones(
    free_in_s: tuple[float, ...], before_s: tuple[float, ...], done_s: float
) -> None:
    assert finish_s(Load(free_in_s=free_in_s, before_s=before_s, cost_s=1.0)) == pytest.approx(done_s)


@pytest.mark.parametrize(
    ("ane", "cpu", "chosen"),
    [
        (Load(free_in_s=(0.0,), cost_s=1.0), Load(free_in_s=(0.0,), cost_s=2.0), "ane"),
        (Load(free_in_s=(1.5,), cost_s=1.0), Load(free_in_s=(0.0,), cost_s=2.0), "cpu"),
        (Load(free_in_s=(0.5,), before_s=(1.0,), cost_s=1.0), Load(free_in_s=(9.0, 0.0), cost_s=2.0), "cpu"),
        (Load(free_in_s=(1.0,), cost_s=1.0), Load(free_in_s=(0.0,), cost_s=2.0), "ane"),
    ],
)
def test_the_lane_that_would_finish_first_is_chosen_and_among_equals_the_first(
    ane: Load, cpu: Load, chosen: str
) -> None:
    assert least({"ane": ane, "cpu": cpu}) == chosen
