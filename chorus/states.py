"""A job's states, and the one table of what leads from one to another. Pure: knows no Redis, no record and no clock.

`TRANSITIONS` is read by the client, which refuses a wish that no row allows; by the ledger's Lua scripts, which change
a job's state by it and in no other way; and by docs/architecture.md, which shows it. Rules:

- A pair of state and event that stands in no row is refused: the client says so in a sentence, a script leaves the job
  as it is.
- Of several rows for a pair the first whose condition holds counts. A row without a condition always holds.
- A row that leads to its own state is allowed and changes nothing.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, get_args


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    """Written down; no worker has begun it."""
    RUNNING = "running"
    """Being planned, spoken, stored or bound."""
    PAUSED = "paused"
    """Nothing new is begun until it is resumed."""
    DONE = "done"
    """Over: the audio is complete but for the segments that failed."""
    FAILED = "failed"
    """Over for now: it keeps all it has."""
    CANCELLED = "cancelled"
    """Over for good: only a fresh submit speaks it again."""


OVER: Final = frozenset({State.DONE, State.FAILED, State.CANCELLED})

Want = Literal["running", "paused", "cancelled", "retry"]
"""What a client may ask of a job. It stands in the record's `want` until a worker has applied it."""
WANTS: Final[tuple[Want, ...]] = get_args(Want)

Event = Literal[
    "running", "paused", "cancelled", "retry", "fresh", "begin", "complete", "fail", "refuse", "unheard", "heard"
]
"""What may happen to a job: the four wants; `fresh`, the same request submitted to be spoken anew; and what the farm
reports: `begin` (a voice and a store are known), `complete`, `fail`, `refuse` (the disk or the store refuses),
`unheard` (no listener for a minute), `heard` (a listener again)."""
EVENTS: Final[tuple[Event, ...]] = get_args(Event)

Condition = Literal["", "begun", "missing", "unheard"]
"""`begun`: it ran before; `missing`: segments failed; `unheard`: it was paused because no listener was there."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One row."""

    state: State
    event: Event
    to: State
    condition: Condition = ""


def _from(states: Collection[State], event: Event, to: State) -> Iterator[Transition]:
    return (Transition(state, event, to) for state in states)


_UNFINISHED: Final = (State.QUEUED, State.RUNNING, State.PAUSED)

TRANSITIONS: Final[tuple[Transition, ...]] = (
    # What clients ask for.
    Transition(State.QUEUED, "running", State.QUEUED),
    Transition(State.RUNNING, "running", State.RUNNING),
    Transition(State.PAUSED, "running", State.RUNNING, "begun"),
    Transition(State.PAUSED, "running", State.QUEUED),
    Transition(State.FAILED, "running", State.RUNNING),
    *_from(_UNFINISHED, "paused", State.PAUSED),
    *_from((*_UNFINISHED, State.FAILED, State.CANCELLED), "cancelled", State.CANCELLED),
    Transition(State.DONE, "retry", State.RUNNING, "missing"),
    Transition(State.FAILED, "retry", State.RUNNING),
    *_from(tuple(State), "fresh", State.QUEUED),
    # What the farm reports. A paused job still takes in what was under way when it was paused.
    Transition(State.QUEUED, "begin", State.RUNNING),
    *_from((State.RUNNING, State.PAUSED), "complete", State.DONE),
    *_from((State.RUNNING, State.PAUSED), "fail", State.FAILED),
    *_from((State.RUNNING, State.PAUSED), "refuse", State.PAUSED),
    Transition(State.RUNNING, "unheard", State.PAUSED),
    Transition(State.PAUSED, "heard", State.RUNNING, "unheard"),
)


def next_state(state: State, event: Event, conditions: Collection[Condition] = ()) -> State | None:
    """Where this event leads from this state under these conditions; None: it is refused."""
    for row in TRANSITIONS:
        if (row.state, row.event) == (state, event) and (not row.condition or row.condition in conditions):
            return row.to
    return None


def page() -> str:
    """The table as docs/architecture.md holds it: a row for each state, a column for each event."""

    def cell(state: State, event: Event) -> str:
        rows = [row for row in TRANSITIONS if (row.state, row.event) == (state, event)]
        told = [f"{row.to}, if {row.condition}" if row.condition else str(row.to) for row in rows]
        return "; else ".join(told) or "·"

    lines = [["state", *(f"`{event}`" for event in EVENTS)], ["---"] * (len(EVENTS) + 1)]
    lines += [[str(state), *(cell(state, event) for event in EVENTS)] for state in State]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(page())  # noqa: T201 - what docs/architecture.md holds
