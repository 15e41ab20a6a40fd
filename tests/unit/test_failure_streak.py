"""A session is reopened once after several failures in a row."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.inference.failure_streak import FailureStreak


@pytest.mark.parametrize(
    ("history", "rebuilt_at"),
    [
        ("...", []),
        ("xx.xx.xx", []),
        ("xxx", [2]),
        (".x.xxx", [5]),
        ("xxxxxxxx", [2]),
        ("xxxx.xxx", [2, 7]),
    ],
    ids=str,
)
def test_after_three_failures_in_a_row_the_session_is_reopened_once(history: str, rebuilt_at: list[int]) -> None:
    streak, found = FailureStreak(3), list[int]()
    for place, fate in enumerate(history):
        if fate == ".":
            streak.passed()
        elif streak.failed():
            found.append(place)
    assert found == rebuilt_at


def test_of_many_threads_that_fail_at_once_only_one_reopens_the_session() -> None:
    streak = FailureStreak(3)
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda _: streak.failed(), range(64)))
    assert told.count(True) == 1
