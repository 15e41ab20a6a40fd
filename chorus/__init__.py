"""The SDK of Chorus: submit documents to a farm of speech workers, follow them, hear them, fetch what they made.

What is named here is public; a name is loaded when it is first used, so that `import chorus` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chorus.client import Client
    from chorus.errors import ChorusError
    from chorus.hearing import Position
    from chorus.listen import Listener
    from chorus.reassembly import Reassembler
    from chorus.records import JobRecord, Worker
    from chorus.request import Request
    from chorus.settings import ClientSettings
    from chorus.states import State
    from chorus.submission import Terms
    from chorus.wire import Chunk, Kind

__all__ = [
    "ChorusError",
    "Chunk",
    "Client",
    "ClientSettings",
    "JobRecord",
    "Kind",
    "Listener",
    "Position",
    "Reassembler",
    "Request",
    "State",
    "Terms",
    "Worker",
]

_HOMES = {
    "ChorusError": "errors",
    "Chunk": "wire",
    "Client": "client",
    "ClientSettings": "settings",
    "JobRecord": "records",
    "Kind": "wire",
    "Listener": "listen",
    "Position": "hearing",
    "Reassembler": "reassembly",
    "Request": "request",
    "State": "states",
    "Terms": "submission",
    "Worker": "records",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
