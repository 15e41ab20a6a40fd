"""The table of a job's states: every event has its rules, every row is reachable, and the page shows the table."""

from pathlib import Path

import pytest

from chorus.states import EVENTS, OVER, TRANSITIONS, WANTS, Event, State, next_state, page

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


@pytest.mark.parametrize(
    ("state", "event", "conditions", "to"),
    [
        (State.QUEUED, "begin", (), State.RUNNING),
        (State.RUNNING, "paused", (), State.PAUSED),
        (State.PAUSED, "running", (), State.QUEUED),
        (State.PAUSED, "running", ("begun",), State.RUNNING),
        (State.PAUSED, "heard", (), None),
        (State.PAUSED, "heard", ("unheard",), State.RUNNING),
        (State.DONE, "retry", (), None),
        (State.DONE, "retry", ("missing",), State.RUNNING),
        (State.DONE, "cancelled", (), None),
        (State.FAILED, "running", (), State.RUNNING),
        (State.CANCELLED, "retry", ("missing",), None),
        (State.CANCELLED, "fresh", (), State.QUEUED),
    ],
)
def test_an_event_leads_to_the_state_in_the_table(
    state: State, event: Event, conditions: tuple[str, ...], to: State | None
) -> None:
    assert next_state(state, event, conditions) == to


def test_no_row_follows_one_that_always_applies() -> None:
    settled = set[tuple[State, Event]]()
    for row in TRANSITIONS:
        assert (row.state, row.event) not in settled, row
        if not row.condition:
            settled.add((row.state, row.event))


def test_the_table_has_every_event_and_every_state() -> None:
    assert {row.event for row in TRANSITIONS} == set(EVENTS)
    assert {row.state for row in TRANSITIONS} == {row.to for row in TRANSITIONS} == set(State)
    assert set(WANTS) < set(EVENTS)


def test_a_finished_job_changes_only_on_request() -> None:
    asked = {*WANTS, "fresh"}
    assert {row.event for row in TRANSITIONS if row.state in OVER} <= asked


def test_the_page_shows_the_table() -> None:
    assert page() in ARCHITECTURE.read_text("utf-8"), "paste what `python -m chorus.states` prints"
