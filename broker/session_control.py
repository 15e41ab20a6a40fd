"""Asks a farm's voice workers for the state of their sessions, or to rebuild them, by Celery's remote control.

Knows no command line.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from broker.app import client_app
from broker.lane_reports import LaneReport
from broker.reach import refusals_of
from chorus.client import Client
from chorus.errors import FarmError

ANSWER_S = 1.0
# A worker that has just registered may not receive remote control yet, and a command sent before that is lost.
ATTEMPTS = 3
# Loading and warming Kokoro takes seconds; the segments under way may take minutes.
PATIENCE_S = 600.0
_POLL_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """One voice worker's sessions, as it reported them."""

    node: str
    """The worker's name in Celery: `voice@machine`."""
    state: str
    """`serving`; `resetting` while they are rebuilt; `resting` while there are none because nothing is spoken."""
    resets: int
    """How often they were rebuilt."""
    recycles: int
    """How often the worker's process was replaced by a fresh one."""
    started_ms: int
    """When they were ready."""
    model: str
    sound: str
    startup_s: Mapping[str, float]
    """Seconds that each stage of the process's start took, and under `ready` their sum."""
    rss_bytes: int
    """Memory of the whole process."""
    memory: Mapping[str, Any]
    """Details of it: `in_use_bytes`, `baseline_bytes`, `mb_per_h` …; None where it could not be measured."""
    beats: Mapping[str, Mapping[str, int]]
    """By lane: how often an utterance kept it warm, and how often that was stopped because there was work."""
    lanes: tuple[LaneReport, ...]
    """Empty while there are no sessions."""


def status(url: str) -> tuple[Sessions, ...]:
    """The sessions of every voice worker that answers."""
    with Client(url) as client:
        nodes = _nodes(client)
    return _ask(url, nodes)


def reset(url: str, *, patience_s: float = PATIENCE_S) -> tuple[Sessions, ...]:
    """Have every voice worker rebuild its sessions, and wait until all have; FarmError names those that have not.

    No job is lost: a worker first finishes what it speaks, and segments wait or go to another worker meanwhile.
    """
    with Client(url) as client:
        before = {one.node: one.started_ms for one in _ask(url, _nodes(client))}
        if silent := set(_nodes(client)) - before.keys():
            raise FarmError(f"{_names(silent)} did not answer: look into its log, or try again in a minute.")
        _broadcast(url, "session_reset", before)
        deadline_s = time.monotonic() + patience_s
        while True:
            found = _ask(url, before)
            # A worker whose process ended meanwhile registers again with new sessions, or is no longer waited for.
            new = {one.node for one in found if one.state == "serving" and one.started_ms > before[one.node]}
            old = before.keys() & set(_nodes(client)) - new
            if not old:
                return found
            if time.monotonic() > deadline_s:
                raise FarmError(f"{_names(old)} still has its old sessions: look into its log, or restart it.")
            time.sleep(_POLL_S)


def _names(nodes: Iterable[str]) -> str:
    return ", ".join(sorted(nodes))


def _nodes(client: Client) -> list[str]:
    return [worker.id.rpartition("#")[0] for worker in client.workers() if worker.role == "voice"]


def _ask(url: str, nodes: Iterable[str]) -> tuple[Sessions, ...]:
    answers = _broadcast(url, "session_status", nodes)
    found = (_sessions(node, one) for node, one in sorted(answers.items()) if "error" not in one)
    return tuple(one for one in found if one)


def _sessions(node: str, told: Mapping[str, Any]) -> Sessions | None:
    """A worker's answer; what another release adds to it is passed over, and an answer without its parts is none."""
    known = {one.name: told[one.name] for one in fields(Sessions) if one.name in told}
    try:
        return Sessions(**{**known, "node": node, "lanes": tuple(LaneReport.read(lane) for lane in told["lanes"])})
    except (TypeError, KeyError, AttributeError):
        return None


def _broadcast(url: str, command: str, nodes: Iterable[str]) -> dict[str, Any]:
    """What each worker answered, by name."""
    wanted, answers = set(nodes), dict[str, Any]()
    with refusals_of(url), client_app(url) as app:
        for _ in range(ATTEMPTS):
            silent = sorted(wanted - answers.keys())
            if not silent:
                break
            for answer in app.control.broadcast(
                command, destination=silent, reply=True, timeout=ANSWER_S, limit=len(silent)
            ):
                answers.update(answer)
    return answers
