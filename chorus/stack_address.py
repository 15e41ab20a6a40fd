"""Finds this machine's running stack: the address of the server that `chorus up` started for this CHORUS_HOME.

The server's own file in CHORUS_HOME says where it is; it counts only if it answers. Starts nothing and makes no folder.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chorus import bounded_replies
from chorus.errors import ServerError
from chorus.settings import ClientSettings

LOOPBACK: Final = "127.0.0.1"
NOTHING_RUNS: Final = "Nothing runs on this machine: `chorus up` starts the stack, or name a server in CHORUS_URL."
_ANSWER_S: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Instance:
    """The embedded server, as `run/server.json` describes it."""

    pid: int
    """For people to read: no process is ever signalled by it."""
    port: int
    """On loopback."""
    password: str
    """New for each stack."""
    version: str
    """`Valkey 9.1.2`, as the server reports it."""

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def to_json(self) -> str:
        """The content of `run/server.json`."""
        return json.dumps(asdict(self))


def server_file(home: Path) -> Path:
    """Where the embedded server of this home is described."""
    return home / "run" / "server.json"


def running(home: Path) -> Instance | None:
    """The embedded server of this home, if it answers and accepts its password; a file that a dead one left is None."""
    try:
        recorded = Instance(**json.loads(server_file(home).read_text("utf-8")))
        with bounded_replies.client(
            recorded.url, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S, retry=Retry(NoBackoff(), 0)
        ) as server:
            server.ping()
    except (OSError, ValueError, TypeError, redis.RedisError):
        return None
    return recorded


def find(settings: ClientSettings) -> Instance | None:
    """The embedded server of this machine's stack, whichever server the settings name; None if there is none."""
    answering = (running(home) for home in settings.home_candidates())
    return next((found for found in answering if found), None)


def address(settings: ClientSettings) -> str:
    """The address that the settings name, or else that of this machine's running stack; ServerError without either."""
    if settings.url:
        return settings.url
    found = find(settings)
    if found is None:
        raise ServerError(NOTHING_RUNS)
    return found.url
