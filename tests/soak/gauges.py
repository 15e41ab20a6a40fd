"""How large the farm's processes and its server are while it works, and whether they grow. Knows nothing of jobs."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression, mean
from typing import Self, cast

import psutil
import redis

EVERY_S = 1.0
MEGABYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One process at one moment."""

    at_s: float
    """Since the gauges were started."""
    pid: int
    rss_bytes: int
    """What it has in memory."""
    files: int
    """Open descriptors without its connections."""
    connections: int
    """To the server: each pool of them grows to as many as were ever needed at one time, and keeps them."""
    threads: int


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A straight line through a process's memory over time."""

    name: str
    size_mb: float
    """On average."""
    peak_mb: float
    mb_per_h: float
    """The line's slope."""
    grown_mb: float
    """What the line rises from its first moment to its last."""

    @property
    def grown_share(self) -> float:
        """That rise as a share of the size."""
        return self.grown_mb / self.size_mb


class Gauges:
    """Looks once a second at every process that `pids` names, and at the server's memory."""

    def __init__(self, connection: "redis.Redis", pids: Callable[[], Mapping[str, int]]) -> None:
        self.samples: dict[str, list[Sample]] = {}
        """By process name; one that was started again goes on under its name with another pid."""
        self.server_bytes: list[tuple[float, int]] = []
        """The server's `used_memory`, by second."""
        self._redis = connection
        self._pids = pids
        self._began_s = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gauges", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def now_s(self) -> float:
        return time.monotonic() - self._began_s

    def lives(self, name: str) -> int:
        """How many processes had this name."""
        return len({sample.pid for sample in self.samples.get(name, ())})

    def peak_mb(self, name: str) -> float:
        return max(sample.rss_bytes for sample in self.samples[name]) / MEGABYTE

    def trend(self, name: str, *, since_s: float, until_s: float = math.inf) -> Trend:
        """Of a process that was the same all the time."""
        watched = [sample for sample in self.samples[name] if since_s <= sample.at_s <= until_s]
        assert len({sample.pid for sample in watched}) == 1, f"{name} was started again: it has no one life to look at"
        return trend(name, [(sample.at_s, sample.rss_bytes) for sample in watched])

    def thirds(self, name: str) -> tuple[list[Sample], list[Sample]]:
        """The second and the last third of what was seen of it: what is set up once, is by then."""
        seen = self.samples[name]
        return seen[len(seen) // 3 : 2 * len(seen) // 3], seen[2 * len(seen) // 3 :]

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            for name, pid in self._pids().items():
                self._look(name, pid)
            told = cast("dict[str, int]", self._redis.info("memory"))
            self.server_bytes.append((self.now_s, told["used_memory"]))

    def _look(self, name: str, pid: int) -> None:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                connections = len(process.net_connections())
                sample = Sample(
                    at_s=self.now_s,
                    pid=pid,
                    rss_bytes=process.memory_info().rss,
                    files=process.num_fds() - connections,
                    connections=connections,
                    threads=process.num_threads(),
                )
        except psutil.Error:
            return  # killed just now
        self.samples.setdefault(name, []).append(sample)


def trend(name: str, points: Sequence[tuple[float, int]]) -> Trend:
    """The line of least squares through (seconds, bytes)."""
    seconds = [at_s for at_s, _ in points]
    sizes = [size / MEGABYTE for _, size in points]
    per_s = linear_regression(seconds, sizes).slope
    return Trend(
        name=name,
        size_mb=mean(sizes),
        peak_mb=max(sizes),
        mb_per_h=per_s * 3600,
        grown_mb=per_s * (seconds[-1] - seconds[0]),
    )
