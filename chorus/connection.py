"""Opens the connection to Redis or Valkey, and turns its errors into sentences. Knows nothing of jobs.

An address may hold a password, so a sentence names only the host and the port.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator
from typing import Any, Final

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from chorus import bounded_replies, server_address, server_errors
from chorus.errors import ServerError, SettingError

SOCKET_S: Final = 3.5
"""Must exceed the longest blocking read, or a quiet stream would look like a dead server."""
CONNECT_S: Final = 2
_RETRIES: Final = 3
_RETRY_S: Final = 1.0
"""A call that failed later than this is not tried again: with one wait of SOCKET_S, less than five seconds."""
_MISREAD: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading a reply raises that has the wrong shape."""


class _Brief(Retry):
    """Tries again what a server refuses that is being restarted, and nothing that has taken long."""

    def call_with_retry(self, do: Any, fail: Any, is_retryable: Any = None, with_failure_count: bool = False) -> Any:
        """Call `do` until it succeeds; `fail` hears of each error."""
        until_s = time.monotonic() + _RETRY_S

        def soon(error: Exception) -> bool:
            return time.monotonic() < until_s and (is_retryable is None or bool(is_retryable(error)))

        return super().call_with_retry(do, fail, soon, with_failure_count)


def connect(url: str) -> "redis.Redis":
    """A client; it connects at its first command, and `refusals` turns the errors of that into sentences."""
    try:
        return bounded_replies.client(
            url,
            socket_timeout=SOCKET_S,
            socket_connect_timeout=CONNECT_S,
            retry=_Brief(ExponentialBackoff(cap=0.5, base=0.05), _RETRIES),
        )
    except ValueError as error:
        raise SettingError(f"The server's address cannot be read: write it like {server_address.EXAMPLE}.") from error


@contextlib.contextmanager
def refusals(connection: "redis.Redis") -> Iterator[None]:
    """Raise ServerError for an error of the server or of the network."""
    try:
        yield
    except redis.RedisError as error:
        raise ServerError(_sentence(error, connection)) from error
    except _MISREAD as error:
        shape = redis.InvalidResponse(f"a reply that cannot be read: {type(error).__name__}, {error}")
        raise ServerError(_sentence(shape, connection)) from error


def place(connection: "redis.Redis") -> str:
    """The server's host and port, or its socket, without the password."""
    known = connection.connection_pool.connection_kwargs
    return str(known["path"]) if "path" in known else f"{known.get('host', 'localhost')}:{known.get('port', 6379)}"


def stream_entries(answer: Any) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    """The id and fields of each entry of one stream, in any of the shapes in which redis-py 8 answers XREAD.

    A list of (stream, entries), unless the address itself asks for `protocol=3`: then {stream: [entries]}.
    """
    batches = itertools.chain(*answer.values()) if isinstance(answer, dict) else (entries for _, entries in answer)
    for entry_id, fields in itertools.chain.from_iterable(batches):
        yield entry_id.decode(), fields


def _sentence(error: redis.RedisError, connection: "redis.Redis") -> str:
    where = place(connection)
    if isinstance(error, redis.AuthenticationError) and not connection.connection_pool.connection_kwargs.get(
        "password"
    ):
        return f"The server at {where} asks for a password: name it in the address, {server_address.EXAMPLE}."
    return server_errors.sentence(error, where)
