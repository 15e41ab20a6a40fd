"""Study: a ring of one writer and one reader over preallocated memory, against `queue.Queue`, between two threads.

    .venv/bin/python benchmarks/studies/ring.py

Head and tail each have one thread that writes them, and nothing is locked; in CPython that holds under the
interpreter's lock, and no further. The reader of a ring has nothing to sleep on: it looks, and looks again.
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
"""An ordinary segment: four seconds."""
SLOTS, ITEMS, ROUNDS = 8, 2000, 5
_NAP_S = 50e-6


class Pipe(Protocol):
    """From one thread to another, in order, nothing lost."""

    def put(self, audio: NDArray[np.float32]) -> None:
        """Wait for room."""
        ...

    def get(self) -> NDArray[np.float32]:
        """Wait for something."""
        ...


class Ring:
    """Slots of a fixed size; what is put is copied in, what is got is copied out, since its slot is used again."""

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
        # Last: from here on the reader may take it.
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
    """queue.Queue hands over a reference: nothing is copied at all."""

    def __init__(self, slots: int) -> None:
        self._queue: queue.Queue[NDArray[np.float32]] = queue.Queue(slots)

    def put(self, audio: NDArray[np.float32]) -> None:
        """Wait while it is full."""
        self._queue.put(audio)

    def get(self) -> NDArray[np.float32]:
        """Wait while it is empty."""
        return self._queue.get()


def passed(pipe: Pipe, items: int, samples: int) -> float:
    """Seconds until so many segments are through, each looked at on the other side; an error if one is not its own."""
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
        # As inference hands it over: an array of its own each time.
        audio = source.copy()
        audio[0] = number
        pipe.put(audio)
    reader.join()
    if wrong.is_set():
        raise RuntimeError("A segment was lost, doubled or overtaken.")
    return time.perf_counter() - began_s


def main() -> None:
    """Print microseconds for each segment."""
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
