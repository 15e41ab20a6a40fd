"""The warm-up runs every session once with every length."""

import pytest

from chorus.errors import FarmError, ModelError
from workers.inference.warming import ACCELERATOR_CLASSES, CPU_CLASSES, Round, plan, warm

SESSIONS = [("bulk", False), ("live", False), ("ane", True), ("gpu", True)]


def test_every_session_is_warmed_with_every_length_once() -> None:
    rounds = plan(SESSIONS)
    assert len(set(rounds)) == len(rounds)
    for lane, accelerated in SESSIONS:
        lengths = [one.tokens for one in rounds if one.lane == lane]
        assert tuple(lengths) == (ACCELERATOR_CLASSES if accelerated else CPU_CLASSES)


def test_a_session_that_is_named_twice_is_warmed_once() -> None:
    assert plan([("bulk", False), ("bulk", False)]) == plan([("bulk", False)])


def test_the_lengths_range_from_first_words_to_the_longest_segment() -> None:
    assert ACCELERATOR_CLASSES[0] <= 15
    assert ACCELERATOR_CLASSES[-1] == 510
    assert list(ACCELERATOR_CLASSES) == sorted(ACCELERATOR_CLASSES)


def test_each_warm_up_run_is_made_in_order_and_timed() -> None:
    said: list[Round] = []
    ticks = iter(range(100))
    done = warm(plan(SESSIONS), said.append, clock_s=lambda: next(ticks))
    assert said == list(plan(SESSIONS)) == [one.round for one in done]
    assert {one.seconds for one in done} == {1}


def test_a_failure_ends_the_warm_up_with_one_sentence() -> None:
    said: list[Round] = []

    def say(one: Round) -> None:
        said.append(one)
        if one.lane == "live":
            raise FarmError("The model was silent.")

    with pytest.raises(ModelError) as caught:
        warm(plan(SESSIONS), say)
    assert (
        str(caught.value)
        == "The live session failed its warm-up of 3 tokens, choose another model: The model was silent."
    )
    assert [one.lane for one in said] == ["bulk", "live"]
