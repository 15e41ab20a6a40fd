"""The state of a farm at one moment: its workers, their lanes, its queues, and the lag of each job.

Changes nothing. Knows no command line and no web page: whatever shows a farm to people gets it here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker import backlog, session_control
from broker.backlog import Traffic
from broker.session_control import Sessions
from chorus.client import Client
from chorus.connection import connect, refusals
from chorus.records import Worker


@dataclass(frozen=True, kw_only=True)
class FarmStatus:
    """A farm at one moment. Everything is empty if no server answers."""

    workers: Sequence[Worker] = ()
    sessions: Sequence[Sessions] = ()
    traffic: Traffic | None = None
    """None: no server answers."""


def look(address: str) -> FarmStatus:
    """The farm on this server as it is now."""
    with Client(address) as client:
        workers = client.workers()
    connection = connect(address)
    with connection, refusals(connection):
        traffic = backlog.look(connection)
    return FarmStatus(workers=workers, sessions=session_control.status(address), traffic=traffic)
