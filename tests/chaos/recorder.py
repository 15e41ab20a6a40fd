"""Records every entry of a job's stream, through restarts of the server, for tests to compare."""

import threading
from collections import Counter
from typing import Self

import redis

from chorus.connection import stream_entries
from chorus.keys import JobKeys
from chorus.wire import Chunk, Kind, decode

_BLOCK_MS = 200
_RETRY_S = 0.02


class Recorder:
    """Reads from the stream's first entry on, until it is closed."""

    def __init__(self, url: str, job: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._stream = JobKeys(job).stream
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._chunks: list[Chunk] = []
        self._last_id = "0-0"
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()
        self._redis.close()

    def start_again(self) -> None:
        """Forget everything and read from the start: a fresh run or a truncated log changed the stream."""
        with self._lock:
            self._chunks, self._last_id = [], "0-0"

    def chunks(self) -> list[Chunk]:
        with self._lock:
            return list(self._chunks)

    def ended(self) -> bool:
        return any(chunk.kind is Kind.END for chunk in self.chunks())

    def twice(self) -> list[tuple[int, int]]:
        """Every (segment, chunk) that was published more than once."""
        seen = Counter(chunk.order for chunk in self.chunks() if chunk.kind is Kind.AUDIO)
        return [order for order, count in seen.items() if count > 1]

    def pcm(self) -> bytes:
        """All audio, in order."""
        audio = [chunk for chunk in self.chunks() if chunk.kind is Kind.AUDIO]
        return b"".join(chunk.pcm for chunk in sorted(audio, key=lambda chunk: chunk.order))

    def _run(self) -> None:
        while not self._stop.is_set():
            since = self._last_id
            try:
                entries = list(stream_entries(self._redis.xread({self._stream: since}, 100, _BLOCK_MS)))
            except (redis.ConnectionError, redis.TimeoutError):
                self._stop.wait(_RETRY_S)
                continue
            with self._lock:
                # After `start_again` these entries belong to the old stream.
                if entries and since == self._last_id:
                    self._chunks += [decode(fields) for _, fields in entries]
                    self._last_id = entries[-1][0]
