"""The Lua scripts of the ledger, each behind what all of them share: first what Python declares, then `lua/lib.lua`.

Keys, TTLs, the format of a stream entry, the times between two hints and a job's transitions are declared once, in
Python; `declarations` writes them as Lua. Knows nothing of what the scripts do.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import redis
from redis.commands.core import Script

from broker.specs import SPEC_VERSION
from chorus.keys import FINISHED_S, UNFINISHED_S, JobKeys
from chorus.reassembly import JOB
from chorus.records import RECORD_VERSION
from chorus.states import TRANSITIONS
from chorus.wire import RATE_HZ, Chunk, Kind, encode

SCRIPTS: Final = Path(__file__).parent / "lua"
COMMITS: Final = ("extend", "commit_plan", "commit_segment", "commit_part", "commit_bind", "fail", "pause")
"""The scripts that write for an unfinished step of the job's current run alone: `lua/guard.lua` stands before them."""
SHARED: Final = ("lib", "guard")
FIRST_RESEND_MS, LAST_RESEND_MS = 3000, 60000
"""How long a hint waits for a worker before it is sent again: the first time, and at most; it doubles in between."""


def resend_after_ms(sends: int) -> int:
    """How long a hint that was sent so often waits before it is sent again."""
    return int(min(FIRST_RESEND_MS * 2 ** min(sends - 1, 32), LAST_RESEND_MS))


def register(connection: "redis.Redis") -> Mapping[str, Script]:
    """Every script by its file's name, ready to be called."""
    shared = declarations() + (SCRIPTS / "lib.lua").read_text()
    guard = (SCRIPTS / "guard.lua").read_text()
    return {
        path.stem: connection.register_script(shared + (guard if path.stem in COMMITS else "") + path.read_text())
        for path in SCRIPTS.glob("*.lua")
        if path.stem not in SHARED
    }


def declarations() -> str:
    """What Python declares, as Lua."""
    return "\n".join([*_keys(), *_constants(), *_entry(), *_transitions(), ""])


def _keys() -> list[str]:
    """A local for each of a job's keys; KEYS holds all of them in this order, whatever a script needs."""
    names = list(JobKeys.attributes())
    return [f"local {name} = KEYS[{place}]" for place, name in enumerate(names, 1)]


def _constants() -> list[str]:
    return [
        f"local FIRST_RESEND_MS, LAST_RESEND_MS = {FIRST_RESEND_MS}, {LAST_RESEND_MS}",
        f"local UNFINISHED_S, FINISHED_S = {UNFINISHED_S}, {FINISHED_S}",
        f"local RECORD_VERSION, SPEC_VERSION = {RECORD_VERSION}, {SPEC_VERSION}",
        f"local WHOLE_JOB, RATE_HZ = {JOB}, {RATE_HZ}",
    ]


def _entry() -> list[str]:
    """The fields of a stream entry without audio, which a script writes itself; it fills in `k`, `s` and `t`."""
    fields = encode(Chunk(kind=Kind.END, segment=0))
    told = ", ".join(f"'{name}', {_lua(value)}" for name, value in fields.items())
    places = {name: 2 * place for place, name in enumerate(fields, 1)}
    return [f"local SILENT_ENTRY = {{ {told} }}", f"local ENTRY_KIND, ENTRY_SEGMENT = {places['k']}, {places['s']}"]


def _lua(value: bytes | int | str) -> str:
    return str(value) if isinstance(value, int) else f"'{value.decode() if isinstance(value, bytes) else value}'"


def _transitions() -> list[str]:
    """A list of rules by state and event; the first whose condition holds counts."""
    rows: dict[str, dict[str, list[str]]] = {}
    for row in TRANSITIONS:
        rule = f"{{ to = '{row.to}', condition = '{row.condition}' }}"
        rows.setdefault(row.state, {}).setdefault(row.event, []).append(rule)
    lines = ["local TRANSITIONS = {}"]
    for state, events in rows.items():
        told = ", ".join(f"{event} = {{ {', '.join(rules)} }}" for event, rules in events.items())
        lines.append(f"TRANSITIONS.{state} = {{ {told} }}")
    return lines
