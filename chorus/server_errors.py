"""The sentences for what a server refuses, and for what answers in its place. Pure: knows no connection.

Each names the server, says what it did, and what to do about it.
"""

from dataclasses import dataclass
from typing import Final

from redis import exceptions

from chorus.server_address import EXAMPLE

ELSE: Final = "or name another with CHORUS_URL or --url"
_SHOWN: Final = 160


@dataclass(frozen=True, slots=True)
class _Case:
    kind: type[BaseException]
    word: str
    """A word of the error's text, or nothing."""
    what: str
    remedy: str


# The first that fits counts: to redis-py, several are kinds of ConnectionError.
_CASES: Final = (
    _Case(
        exceptions.AuthenticationError, "", "The server at {where} refuses the password",
        "correct it in CHORUS_URL or --url",
    ),
    _Case(
        exceptions.BusyLoadingError, "", "The server at {where} is still reading its data from disk",
        "try again in a moment",
    ),
    _Case(
        exceptions.ConnectionError, "number of clients", "The server at {where} has no connection left",
        "close other clients, or raise its maxclients",
    ),
    _Case(
        exceptions.ConnectionError, "certificate", "The certificate of the server at {where} is not trusted ({error})",
        "correct it, or name its authority by ?ssl_ca_certs=FILE at the end of the address",
    ),
    _Case(
        exceptions.ConnectionError, "ssl", "What answers at {where} does not speak TLS",
        f"write redis:// in place of rediss://, {ELSE}",
    ),
    _Case(
        exceptions.ConnectionError, "closed by server", "What answers at {where} closes the connection",
        f"if it is Redis or Valkey, see its log and whether it wants TLS (rediss://), {ELSE}",
    ),
    _Case(
        exceptions.ConnectionError, "", "No Redis or Valkey answers at {where}", f"start one there, {ELSE}",
    ),
    _Case(
        exceptions.TimeoutError, "connecting", "No Redis or Valkey answers at {where}", f"start one there, {ELSE}",
    ),
    _Case(
        exceptions.TimeoutError, "", "What listens at {where} gives no whole answer in time",
        f"if it is Redis or Valkey, see whether it is stopped, overloaded or wants TLS (rediss://), {ELSE}",
    ),
    _Case(
        exceptions.InvalidResponse, "", "What answers at {where} is no Redis or Valkey ({error})",
        f"correct the address, {ELSE}",
    ),
    _Case(
        exceptions.OutOfMemoryError, "", "The server at {where} has no memory left",
        "let jobs finish, or raise its maxmemory",
    ),
    _Case(
        exceptions.ReadOnlyError, "", "The server at {where} is a read-only replica", "name the primary",
    ),
    _Case(
        exceptions.MasterDownError, "", "The server at {where} is a replica that has lost its primary",
        "name the primary",
    ),
    _Case(
        exceptions.NoPermissionError, "", "The server at {where} does not let this user do what Chorus needs ({error})",
        "allow it in the server's ACL, or name another user in CHORUS_URL or --url",
    ),
    _Case(
        exceptions.ResponseError, "has no permissions", "The server at {where} does not let this user do what Chorus "
        "needs ({error})", "allow it in the server's ACL, or name another user in CHORUS_URL or --url",
    ),
    _Case(
        exceptions.ResponseError, "exec without multi", "The server at {where} does not let this user do what Chorus "
        "needs ({error})", "allow MULTI in the server's ACL, or name another user in CHORUS_URL or --url",
    ),
    _Case(
        exceptions.ClusterError, "", "The server at {where} is part of a cluster, which Chorus cannot use ({error})",
        f"start a single server, {ELSE}",
    ),
    _Case(
        exceptions.ResponseError, "moved", "The server at {where} is part of a cluster, which Chorus cannot use",
        f"start a single server, {ELSE}",
    ),
    _Case(
        exceptions.NoScriptError, "", "The server at {where} keeps no scripts ({error})", f"see its log, {ELSE}",
    ),
    _Case(
        exceptions.ResponseError, "misconf", "The server at {where} cannot save to its disk, and refuses to write",
        "free some space there, or see its log",
    ),
    _Case(
        exceptions.ResponseError, "busy", "The server at {where} is busy with a script",
        "try again in a moment, or end it with SCRIPT KILL",
    ),
    _Case(
        exceptions.ResponseError, "noreplicas", "The server at {where} misses its replicas, and refuses to write",
        "start them, or lower its min-replicas-to-write",
    ),
    _Case(
        exceptions.ResponseError, "protected mode", "The server at {where} takes connections of its own machine only",
        "give it a password, or turn its protected-mode off",
    ),
    _Case(
        exceptions.ResponseError, "db index", "The server at {where} has no such database ({error})",
        f"end the address in /0, {ELSE}",
    ),
    _Case(
        exceptions.ResponseError, "unknown command", "The server at {where} lacks a command ({error})",
        "use Redis 6.2 or newer, or Valkey, with all their commands",
    ),
    _Case(
        exceptions.ResponseError, "noproto", "The server at {where} is too old ({error})",
        "use Redis 6.2 or newer, or Valkey",
    ),
    _Case(
        exceptions.ResponseError, "wrongtype",
        "The server at {where} holds something else under a name that Chorus uses ({error})",
        f"give Chorus a database of its own, such as {EXAMPLE.removesuffix('0')}1",
    ),
    _Case(
        exceptions.RedisError, "", "The server at {where} refused ({error})", f"see its log, {ELSE}",
    ),
    _Case(
        BaseException, "", "The server at {where} cannot be used ({error})", f"see its log, {ELSE}",
    ),
)  # fmt: skip


def sentence(error: BaseException, where: str) -> str:
    """What to tell of this error; `where` is the server's address without its password."""
    text = f"{getattr(error, 'status_code', '')} {error}".lower()
    case = next(case for case in _CASES if isinstance(error, case.kind) and case.word in text)
    return f"{case.what}: {case.remedy}.".format(where=where, error=quoted(str(error)))


def quoted(words: str) -> str:
    """Somebody else's words, on one line, fit to be printed within a sentence."""
    plain = "".join(letter if letter.isprintable() else " " for letter in words).rstrip(". ")
    return f"{plain[:_SHOWN]}…" if len(plain) > _SHOWN else plain
