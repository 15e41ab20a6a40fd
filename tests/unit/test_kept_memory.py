"""The memory that a session's arena keeps between runs: the options of each run, and when memory is returned."""

from collections.abc import Callable

import onnxruntime as ort
import pytest

from workers.inference.kept_memory import KEPT_TOKENS, KeptMemory
from workers.inference.warming import CPU_CLASSES

SHORTEST = CPU_CLASSES[0]


def kind(options: ort.RunOptions) -> str:
    try:
        options.get_run_config_entry("memory.enable_memory_arena_shrinkage")
    except RuntimeError:
        return "keeping"
    return "shrinking"


class Session:
    """Runs what it is asked to while it is idle, and writes it down."""

    def __init__(self) -> None:
        self.idle = True
        self.ran: list[tuple[int, str]] = []

    def __call__(self, tokens: int, make_options: Callable[[], ort.RunOptions]) -> bool:
        if self.idle:
            self.ran.append((tokens, kind(make_options())))
        return self.idle


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.mark.parametrize(
    ("tokens", "may_keep", "options"),
    [
        (1, True, "keeping"),
        (KEPT_TOKENS, True, "keeping"),
        (KEPT_TOKENS + 1, True, "shrinking"),
        (1, False, "shrinking"),
    ],
)
def test_usual_segments_keep_memory_for_the_next_and_long_ones_return_it(
    tokens: int, may_keep: bool, options: str
) -> None:
    assert kind(KeptMemory(may_keep=may_keep).options(tokens)) == options


@pytest.mark.parametrize(
    ("spoken", "ran"),
    [
        ([], [(30, "keeping")]),
        ([15], [(30, "keeping")]),
        ([30], []),
        ([60], []),
        ([61], [(SHORTEST, "shrinking"), (30, "keeping")]),
        ([150, 20], [(SHORTEST, "shrinking"), (30, "keeping")]),
        ([150, KEPT_TOKENS + 1], [(30, "keeping")]),
    ],
)
def test_a_session_settles_on_the_memory_of_its_next_utterance(
    session: Session, spoken: list[int], ran: list[tuple[int, str]]
) -> None:
    memory = KeptMemory(at_rest=30)
    for tokens in spoken:
        memory.options(tokens)
    assert memory.settle(session) is bool(ran)
    assert session.ran == ran
    assert not memory.settle(session), "it is settled"
    assert session.ran == ran


@pytest.mark.parametrize(("spoken", "ran"), [([], []), ([1], [(SHORTEST, "shrinking")]), ([KEPT_TOKENS + 1], [])])
def test_an_idle_session_without_a_next_utterance_returns_all_memory(
    session: Session, spoken: list[int], ran: list[tuple[int, str]]
) -> None:
    memory = KeptMemory()
    for tokens in spoken:
        memory.options(tokens)
    assert memory.settle(session) is bool(ran)
    assert session.ran == ran


def test_memory_of_a_session_in_use_is_returned_later(session: Session) -> None:
    memory = KeptMemory()
    memory.options(150)
    session.idle = False
    assert not memory.give_back(session)
    session.idle = True
    assert memory.give_back(session)
    assert not memory.give_back(session), "there is no more"


def test_memory_kept_during_a_return_is_returned_later(session: Session) -> None:
    memory = KeptMemory()
    memory.options(150)

    def overtaken(_tokens: int, _make_options: Callable[[], ort.RunOptions]) -> bool:
        memory.options(20)
        return True

    assert memory.give_back(overtaken)
    assert memory.give_back(session), "the utterance in between kept some"


def test_a_run_that_shall_change_nothing_keeps_the_memory_if_some_is_kept() -> None:
    memory = KeptMemory()
    assert kind(memory.unchanged()()) == "shrinking"
    memory.options(20)
    assert kind(memory.unchanged()()) == "keeping"
    memory.lost()
    assert kind(memory.unchanged()()) == "shrinking", "a new session has kept nothing"
