"""A TCP proxy in front of the server that can swallow bytes, delay them or reset connections, and counts what it did.

Knows nothing of Redis: it passes bytes on.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from typing import Self

_BLOCK_BYTES = 1 << 16
# Closing with this set sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on loopback and passes on to `port`; a thread of its own does all of it."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.swallowed = 0
        """Bytes received from one side and not passed on to the other."""
        self.delayed = 0
        """Blocks that were held back."""
        self.resets = 0
        """Connections closed by RST."""
        self.latency_s = 0.0
        """The delay of every answer."""
        self._server_port = port
        self._open: dict[asyncio.StreamWriter, bool] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def swallow(self) -> None:
        """Swallow all bytes of the connections that are open now, in both directions. New connections work."""
        self._loop.call_soon_threadsafe(self._deafen)

    def reset(self) -> None:
        """Reset every connection that is open now."""
        self._loop.call_soon_threadsafe(self._cut)

    def _deafen(self) -> None:
        self._open = dict.fromkeys(self._open, True)

    def _cut(self) -> None:
        for writer in self._open:
            pipe: socket.socket = writer.get_extra_info("socket")
            pipe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
            self.resets += 1

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = listening.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        listening.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            to_client.close()
            return
        self._open[to_client] = self._open[to_server] = False
        try:
            await asyncio.gather(
                self._pass_on(from_client, to_server), self._pass_on(from_server, to_client, answers=True)
            )
        finally:
            for writer in (to_client, to_server):
                self._open.pop(writer, None)
                writer.close()

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while block := await source.read(_BLOCK_BYTES):
                if answers and self.latency_s:
                    self.delayed += 1
                    await asyncio.sleep(self.latency_s)
                if self._open.get(target):
                    self.swallowed += len(block)
                    continue
                target.write(block)
                await target.drain()
        # A swallowing connection does not pass on that the other side closed.
        if not self._open.get(target):
            target.close()
