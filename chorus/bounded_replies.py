"""Connections to Redis or Valkey that bound what they read: how long a reply takes, how long and how deep it is.

redis-py waits for the end of a line for ever, and reads a nested reply until Python gives up. What is no reply raises
InvalidResponse, what does not end in time raises TimeoutError. Knows no command and no key.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis._parsers import _RESP2Parser, _RESP3Parser
from redis._parsers.socket import SocketBuffer
from redis.utils import SENTINEL

from chorus import server_address
from chorus.checks import MISREAD

LONGEST_LINE: Final = 1 << 16
"""Bytes. A line is a length, a figure or an error."""
LONGEST_BULK: Final = 512 << 20
"""Bytes: the servers' own limit of a value."""
MOST_LINES: Final = 1 << 20
"""Values of one reply, lengths included."""
DEEPEST: Final = 16
"""Lists within lists; the deepest that Redis sends, descriptions of streams, have five levels."""
SLOWEST: Final = 1 << 16
"""Bytes a second that a slow network must carry, beyond what the socket's timeout allows."""
_KINDS: Final = b"+-:$*_,#!=(%~>|"
_END: Final = b"\r\n"
_SHOWN: Final = 40


class _BoundedBuffer(SocketBuffer):
    """What has arrived of one reply, and since when it is being read."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._since_s: float | None = None
        self._lines = 0

    def purge(self) -> None:
        """The reply is complete."""
        super().purge()
        self._since_s, self._lines = None, 0

    def readline(self, timeout: Any = SENTINEL) -> bytes:
        """The next line, without its end."""
        self._lines += 1
        if self._lines > MOST_LINES:
            raise redis.InvalidResponse("a reply that does not end")
        line: bytes = self._buffer.readline(LONGEST_LINE)
        while not line.endswith(_END):
            if line and line[:1] not in _KINDS:
                raise redis.InvalidResponse(f"it began with {_shown(line)}")
            if len(line) >= LONGEST_LINE:
                raise redis.InvalidResponse("a line that does not end")
            self._read_more(timeout)
            line += self._buffer.readline(LONGEST_LINE - len(line))
        if line[:1] not in _KINDS:
            raise redis.InvalidResponse(f"it began with {_shown(line)}")
        return line[: -len(_END)]

    def read(self, length: int, timeout: Any = SENTINEL) -> bytes:
        """A value of this many bytes."""
        if not 0 <= length <= LONGEST_BULK:
            raise redis.InvalidResponse(f"a value of {length} bytes")
        missing = length + len(_END)
        pieces = []
        while True:
            piece = self._buffer.read(missing)
            pieces.append(piece)
            missing -= len(piece)
            if not missing:
                break
            self._read_more(timeout)
        value = b"".join(pieces)
        if not value.endswith(_END):
            raise redis.InvalidResponse("a value that is longer than announced")
        return value[: -len(_END)]

    def _read_more(self, timeout: Any) -> None:
        """Wait for more of the reply, which has the socket's timeout as a whole, and more if much has arrived."""
        now_s = time.monotonic()
        if timeout is not SENTINEL or not self.socket_timeout or self._since_s is None:
            self._since_s = now_s
            self._read_from_socket(timeout=timeout)
            return
        left_s = self._since_s + self.socket_timeout + self._buffer.getbuffer().nbytes / SLOWEST - now_s
        if left_s <= 0:
            raise redis.TimeoutError("Timeout reading from socket")
        self._read_from_socket(timeout=left_s)


class _Bounded:
    """A parser that reads from such a buffer, and stops at a depth."""

    _depth = 0

    def on_connect(self, connection: Any) -> None:
        """A socket is open."""
        super().on_connect(connection)  # type: ignore[misc]
        self._buffer = _BoundedBuffer(connection._sock, connection._socket_read_size, connection.socket_timeout)  # noqa: SLF001 - as redis-py's parser does

    def _read_response(self, *arguments: Any, **options: Any) -> Any:
        if self._depth >= DEEPEST:
            raise redis.InvalidResponse("lists within lists without end")
        self._depth += 1
        try:
            return super()._read_response(*arguments, **options)  # type: ignore[misc]
        finally:
            self._depth -= 1


class _BoundedParser2(_Bounded, _RESP2Parser):  # type: ignore[misc]
    """For RESP2."""


class _BoundedParser3(_Bounded, _RESP3Parser):  # type: ignore[misc]
    """For RESP3."""


class _BoundedConnection:
    """What the three kinds of connection share."""

    protocol: int

    def set_parser(self, parser_class: type) -> None:
        """Called by redis-py with the parser that it would use."""
        third = self.protocol == 3 or issubclass(parser_class, _RESP3Parser)  # noqa: PLR2004 - the protocol's number
        super().set_parser(_BoundedParser3 if third else _BoundedParser2)  # type: ignore[misc]

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """The reply to what was sent."""
        with _understood():
            return super().read_response(*arguments, **options)  # type: ignore[misc]

    def on_connect_check_health(self, *arguments: Any, **options: Any) -> None:
        """Log in."""
        with _understood():
            super().on_connect_check_health(*arguments, **options)  # type: ignore[misc]


class PlainConnection(_BoundedConnection, redis.Connection):
    """For redis://."""


class TlsConnection(_BoundedConnection, redis.SSLConnection):
    """For rediss://."""


class SocketFileConnection(_BoundedConnection, redis.UnixDomainSocketConnection):
    """For unix://."""


_BY_SCHEME: Final = {"rediss": TlsConnection, "unix": SocketFileConnection}


def client(url: str, **options: Any) -> "redis.Redis":
    """A client with bounded replies. SettingError or ValueError if this is not the address of a Redis."""
    server_address.check(url)
    kind = _BY_SCHEME.get(url.partition(":")[0], PlainConnection)
    return redis.Redis.from_url(url, connection_class=kind, **options)


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except MISREAD as error:
        raise redis.InvalidResponse(f"a reply that cannot be read: {error}") from error


def _shown(line: bytes) -> str:
    """The beginning of what is no reply, fit to be printed."""
    return repr(line[:_SHOWN].rstrip(_END))[1:]
