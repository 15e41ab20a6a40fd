"""A lane is retired once and for good after several failures among its last utterances."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.inference.failure_streak import LIMIT
from workers.inference.retirement import OF_THE_LAST, RETIRED_AFTER, Retirement


def after(history: str) -> Retirement:
    retirement = Retirement("ane")
    for outcome in history:
        if outcome == "x":
            retirement.failed("The model was silent.")
        else:
            retirement.spoke()
    return retirement


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ("", ""),
        ("xxxx", ""),
        ("xxxxx", "It failed 5 of its last 5 utterances; at last: The model was silent."),
        (".x" * 5, "It failed 5 of its last 10 utterances; at last: The model was silent."),
        ("xxxx" + "." * 16, ""),
        ("xxxx" + "." * 15 + "x", "It failed 5 of its last 20 utterances; at last: The model was silent."),
        ("xxxx" + "." * 16 + "x", ""),
        ("xxxxx" + "." * 40, "It failed 5 of its last 5 utterances; at last: The model was silent."),
    ],
)
def test_a_lane_is_given_up_after_five_failures_among_its_last_twenty_utterances(history: str, reason: str) -> None:
    assert (RETIRED_AFTER, OF_THE_LAST) == (5, 20)
    assert after(history).reason == reason


def test_a_session_is_reopened_before_its_lane_is_given_up() -> None:
    assert LIMIT < RETIRED_AFTER


def test_the_first_reason_stays_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    retirement = Retirement("ane")
    for why in ("It failed its warm-up.", "It failed again."):
        retirement.retire(why)
    assert retirement.reason == "It failed its warm-up."
    assert caplog.messages == ["The lane ane is given up, the CPU speaks on: It failed its warm-up."]


def test_of_many_threads_that_fail_at_once_only_one_retires_the_lane(caplog: pytest.LogCaptureFixture) -> None:
    retirement = Retirement("ane")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: retirement.failed("The model was silent."), range(64)))
    assert len(caplog.messages) == 1
