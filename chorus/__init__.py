"""The SDK of Chorus: submit documents to a farm of speech workers, follow them, hear them, fetch what they made.

What is named here is public, and docs/api.md explains it; a name is loaded when it is first used, so that
`import chorus` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chorus.client import Client
    from chorus.errors import (
        AudioError,
        BehindError,
        CallerError,
        ChorusError,
        ConflictError,
        DiskError,
        FarmError,
        JobFailedError,
        ModelError,
        NewerVersionError,
        OptionError,
        OutputError,
        OutsideError,
        ServerError,
        SettingError,
        SourceError,
        UnknownJobError,
        UnreadableJobError,
    )
    from chorus.hearing import Position
    from chorus.listen import Listener
    from chorus.reassembly import Reassembler, ReorderError
    from chorus.records import JobRecord, Result, Worker
    from chorus.request import Format, OnError, Priority, Request, Wishes
    from chorus.settings import ClientSettings
    from chorus.states import State, Want
    from chorus.submission import Terms
    from chorus.wire import Chunk, Kind, WireError

__version__ = "0.1.0"

__all__ = [
    "AudioError",
    "BehindError",
    "CallerError",
    "ChorusError",
    "Chunk",
    "Client",
    "ClientSettings",
    "ConflictError",
    "DiskError",
    "FarmError",
    "Format",
    "JobFailedError",
    "JobRecord",
    "Kind",
    "Listener",
    "ModelError",
    "NewerVersionError",
    "OnError",
    "OptionError",
    "OutputError",
    "OutsideError",
    "Position",
    "Priority",
    "Reassembler",
    "ReorderError",
    "Request",
    "Result",
    "ServerError",
    "SettingError",
    "SourceError",
    "State",
    "Terms",
    "UnknownJobError",
    "UnreadableJobError",
    "Want",
    "WireError",
    "Wishes",
    "Worker",
]

_HOMES = {
    "AudioError": "errors",
    "BehindError": "errors",
    "CallerError": "errors",
    "ChorusError": "errors",
    "Chunk": "wire",
    "Client": "client",
    "ClientSettings": "settings",
    "ConflictError": "errors",
    "DiskError": "errors",
    "FarmError": "errors",
    "Format": "request",
    "JobFailedError": "errors",
    "JobRecord": "records",
    "Kind": "wire",
    "Listener": "listen",
    "ModelError": "errors",
    "NewerVersionError": "errors",
    "OnError": "request",
    "OptionError": "errors",
    "OutputError": "errors",
    "OutsideError": "errors",
    "Position": "hearing",
    "Priority": "request",
    "Reassembler": "reassembly",
    "ReorderError": "reassembly",
    "Request": "request",
    "Result": "records",
    "ServerError": "errors",
    "SettingError": "errors",
    "SourceError": "errors",
    "State": "states",
    "Terms": "submission",
    "UnknownJobError": "errors",
    "UnreadableJobError": "errors",
    "Want": "states",
    "WireError": "wire",
    "Wishes": "request",
    "Worker": "records",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
