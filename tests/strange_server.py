"""What may listen where a Redis is expected: servers on loopback that answer every command with the same bytes.

Knows nothing of Chorus.
"""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = Iterable[bytes]
"""Sent piece by piece, each after the other; endless if it likes."""

_PROPER = {
    b"HELLO": b"%2\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$5\r\nproto\r\n:3\r\n",
    b"PING": b"+PONG\r\n",
    b"INFO": b"$43\r\n# Server\r\nredis_version:7.2.4\r\nrun_id:abcde\r\n\r\n",
    **dict.fromkeys((b"AUTH", b"SELECT", b"CLIENT"), b"+OK\r\n"),
}


@dataclass
class StrangeServer:
    """`polite`: it opens a connection as Redis does, and is strange only afterwards."""

    answer: Answer
    polite: bool = False
    greeting: bytes = b""
    pause_s: float = 0.0
    """Between two pieces of the answer."""
    closes: bool = False
    """Whether it closes the connection after its answer."""
    port: int = field(init=False)
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)

    @property
    def connections(self) -> int:
        """How many were opened so far."""
        return len(self._open)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._closing.set()
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            client.sendall(self.greeting)
            while data := client.recv(1 << 16):
                # Each command arrives whole: the clients under test send short ones.
                for name in _names(data):
                    if self.polite and name in _PROPER:
                        client.sendall(_PROPER[name])
                        continue
                    for piece in self.answer:
                        client.sendall(piece)
                        if self._closing.wait(self.pause_s):
                            return
                    if self.closes:
                        client.close()
                        return


def _names(data: bytes) -> list[bytes]:
    """The commands in what a client sent; one of no name if that is not how Redis is spoken to."""
    lines = data.split(b"\r\n")
    found = [lines[at + 2].upper() for at, line in enumerate(lines[:-2]) if line[:1] == b"*"]
    return found or [b""]


@contextmanager
def serving(server: StrangeServer) -> Iterator[StrangeServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()
