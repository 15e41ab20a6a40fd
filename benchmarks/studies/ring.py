"""Study: a ring buffer in preallocated memory with one writer and one reader, compared with `queue.Queue`.

    .venv/bin/python benchmarks/studies/ring.py

The ring has no lock: only one thread writes its head, and only one writes its tail. In CPython this relies on the
interpreter's lock. The reader of a ring cannot block until data arrives; it has to poll.
"""

import argparse
import queue
import statistics
import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SEGMENT_SAMPLES = 24_000 * 4
"""A usual segment: four seconds."""
SLOTS, ITEMS, ROUNDS = 8, 2000, 5
_NAP_S = 50e-6


class Pipe(Protocol):
    """Passes segments from one thread to another, in order and without loss."""

    def put(self, audio: NDArray[np.float32]) -> None:
        """Wait for room."""
        ...

    def get(self) -> NDArray[np.float32]:
        """Wait for something."""
        ...


class Ring:
    """A ring of slots of a fixed size. Segments are copied in and out, since slots are reused."""

    def __init__(self, slots: int, samples: int) -> None:
        self._memory = np.zeros((slots, samples), np.float32)
        self._lengths = [0] * slots
        self._written = 0
        self._read = 0

    def put(self, audio: NDArray[np.float32]) -> None:
        """Wait while every slot is full."""
        while self._written - self._read == len(self._memory):
            time.sleep(_NAP_S)
        slot = self._written % len(self._memory)
        self._memory[slot, : len(audio)] = audio
        self._lengths[slot] = len(audio)
        # This comes last: from here on the reader may take the segment.
        self._written += 1

    def get(self) -> NDArray[np.float32]:
        """Wait while every slot is empty."""
        while self._written == self._read:
            time.sleep(_NAP_S)
        slot = self._read % len(self._memory)
        audio = self._memory[slot, : self._lengths[slot]].copy()
        self._read += 1
        return audio


class Queue:
    """Wraps queue.Queue, which passes references without copying."""

    def __init__(self, slots: int) -> None:
        self._queue: queue.Queue[NDArray[np.float32]] = queue.Queue(slots)

    def put(self, audio: NDArray[np.float32]) -> None:
        """Wait while it is full."""
        self._queue.put(audio)

    def get(self) -> NDArray[np.float32]:
        """Wait while it is empty."""
        return self._queue.get()


def passed(pipe: Pipe, items: int, samples: int) -> float:
    """Seconds until so many segments have passed; an error if one is lost, duplicated or out of order."""
    source = np.zeros(samples, np.float32)
    wrong = threading.Event()

    def read() -> None:
        for number in range(items):
            audio = pipe.get()
            if audio[0] != number or len(audio) != samples:
                wrong.set()

    reader = threading.Thread(target=read)
    began_s = time.perf_counter()
    reader.start()
    for number in range(items):
        # A new array for each segment, as from inference.
        audio = source.copy()
        audio[0] = number
        pipe.put(audio)
    reader.join()
    if wrong.is_set():
        raise RuntimeError("A segment was lost, duplicated or out of order.")
    return time.perf_counter() - began_s


def main() -> None:
    """Print the microseconds per segment."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    kinds: dict[str, Callable[[], Pipe]] = {
        "ring": lambda: Ring(SLOTS, SEGMENT_SAMPLES),
        "queue.Queue": lambda: Queue(SLOTS),
    }
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, made in kinds.items():
            taken[name].append(passed(made(), ITEMS, SEGMENT_SAMPLES) / ITEMS * 1e6)
    for name, each in taken.items():
        print(f"{name}: {statistics.median(each):.0f} µs for a segment of 4 s")


if __name__ == "__main__":
    main()
