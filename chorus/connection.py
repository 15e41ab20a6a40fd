"""Opens the connection to Redis or Valkey, and turns its errors into sentences. Knows nothing of jobs.

An address may hold a password, so a sentence names only the host and the port.
"""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, Final, cast

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from chorus.errors import ServerError, SettingError

SOCKET_S: Final = 5
"""Must exceed the longest blocking read, or a quiet stream would look like a dead server."""
CONNECT_S: Final = 2
_RETRIES: Final = 3
_NO_ANSWER: Final = "No Redis or Valkey answers at {where}: start one there, or name another with CHORUS_URL or --url."
_EXAMPLE: Final = "redis://:password@host:6379/0"


def connect(url: str) -> "redis.Redis":
    """A client; it connects at its first command, and `refusals` turns the errors of that into sentences."""
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=SOCKET_S,
            socket_connect_timeout=CONNECT_S,
            retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), _RETRIES),
        )
    except ValueError as error:
        raise SettingError(f"The server's address cannot be read: it should look like {_EXAMPLE}.") from error


@contextlib.contextmanager
def refusals(connection: "redis.Redis") -> Iterator[None]:
    """Raise ServerError for an error of the server or of the network."""
    try:
        yield
    except redis.RedisError as error:
        raise ServerError(_sentence(error, connection)) from error


def place(connection: "redis.Redis") -> str:
    """The server's host and port, or its socket, without the password."""
    known = connection.connection_pool.connection_kwargs
    return str(known["path"]) if "path" in known else f"{known.get('host', 'localhost')}:{known.get('port', 6379)}"


_SENTENCES: Final[tuple[tuple[type[redis.RedisError], str], ...]] = (
    # The first that fits counts: to redis-py some of these are kinds of ConnectionError.
    (redis.AuthenticationError, "The server at {where} refuses the password: correct it in CHORUS_URL or --url."),
    (redis.BusyLoadingError, "The server at {where} is still reading its data from disk: try again in a moment."),
    (redis.ConnectionError, _NO_ANSWER),
    (redis.TimeoutError, _NO_ANSWER),
    (redis.OutOfMemoryError, "The server at {where} has no memory left: let jobs finish, or raise its maxmemory."),
    (redis.ReadOnlyError, "The server at {where} is a read-only replica: name the primary."),
    (redis.RedisError, "The server at {where} refused: {error}."),
)


def read_hash(connection: "redis.Redis", key: str) -> dict[bytes, bytes]:
    """A whole hash; empty if there is none. redis-py's types cannot say that this connection answers with bytes."""
    return cast("dict[bytes, bytes]", connection.hgetall(key))


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
        return f"The server at {where} asks for a password: name it in the address, {_EXAMPLE}."
    sentence = next(sentence for kind, sentence in _SENTENCES if isinstance(error, kind))
    return sentence.format(where=where, error=error)
