"""Measures what the books' threads may be told besides being nice: to run only when idle, or to keep to a core each.

    .venv/bin/python benchmarks/make_kokoro_shaped.py /tmp/kokoro-shaped.onnx
    .venv/bin/python benchmarks/priorities.py /tmp/kokoro-shaped.onnx  # under three minutes on two cores, Linux alone

Three ways to lower the books' threads, one after another in one process: what a listener waits for 20 tokens beside
them, and how much of the processor books have then, alone, and beside a busy stranger at usual priority on every core.
The sessions and threads are the product's own.
"""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks.first_sound import machine
from broker.settings import FarmSettings, available_cores
from tasks.engine import Utterance
from workers import standin
from workers.accelerators.probe import phonemes_of
from workers.inference.lanes import Lane
from workers.inference.priority import own_cores
from workers.inference.synthesizer import Synthesizer
from workers.models import voicebank
from workers.models.resolving import Model, resolve

LIVE_TOKENS, BULK_TOKENS = 20, 100
LOOK_S = 8.0
ARMS = ("nice 19", "nice 19, SCHED_IDLE", "nice 19, pinned")
Voice = tuple[str, voicebank.Style]
STRANGER = "while True: pass"


@dataclass(kw_only=True)
class Found:
    """What one arm came to."""

    live_ms: list[float] = field(default_factory=list)
    alone: float = 0.0
    """Cores' worth of processor time that books had, with nothing else on the machine."""
    with_live: float = 0.0
    with_stranger: float = 0.0


class Books:
    """An endless book for each core, on threads that were lowered in one of the ways."""

    def __init__(self, model: Model, arm: str) -> None:
        slots = available_cores()
        self._lane = Lane("bulk", slots=slots, lowered=True, cores=own_cores() if "pinned" in arm else ())
        self._synthesizer = Synthesizer(self._lane, model, threads=1)
        self._voice, self._style = next(iter(voicebank.load(model.voices_path).items()))
        self._ended = threading.Event()
        together = threading.Barrier(slots)

        def settle() -> int:
            together.wait()
            if "SCHED_IDLE" in arm:
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return threading.get_native_id()

        with ThreadPoolExecutor(slots) as callers:
            done = [callers.submit(self._lane.run, settle) for _ in range(slots)]
            self._threads = {each.result().value for each in done}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """They are read while the block runs."""
        self._ended.clear()
        with ThreadPoolExecutor(self._lane.slots) as callers:
            for _ in range(self._lane.slots):
                callers.submit(self._read)
            time.sleep(1)
            yield
            self._ended.set()
        self._lane.close()

    def spent_s(self) -> float:
        """Processor time that their threads have had so far."""
        return sum(
            thread.user_time + thread.system_time for thread in psutil.Process().threads() if thread.id in self._threads
        )

    def _read(self) -> None:
        utterance = Utterance(phonemes=phonemes_of(BULK_TOKENS, self._synthesizer.vocabulary), voice=self._voice)
        while not self._ended.is_set():
            self._synthesizer.say(utterance, self._style)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=standin.VOICES)
    parser.add_argument("-n", type=int, default=10, help="a listener's requests in each condition (default 10)")
    given = parser.parse_args()
    model = resolve(FarmSettings(model=given.model.absolute(), voices=given.voices.absolute()))
    live = Synthesizer(Lane("live", slots=1, lowered=False), model, threads=available_cores())
    load = machine()
    voice = next(iter(voicebank.load(model.voices_path).items()))
    idle = [ask(live, voice) for _ in range(given.n)]
    found = {arm: Found() for arm in ARMS}
    for arm, told in found.items():
        books = Books(model, arm)
        measure(books, live, voice, told, given.n)
    print(f"{load}, {given.n} requests each; a listener alone waits {statistics.median(idle):.0f} ms")
    print(f"{'books at':<24}{'listener, median / max ms':>28}{'books, cores':>18}{'with listener':>16}{'stranger':>10}")
    for arm, told in found.items():
        waits = f"{statistics.median(told.live_ms):.0f} / {max(told.live_ms):.0f}"
        print(f"{arm:<24}{waits:>28}{told.alone:18.2f}{told.with_live:16.2f}{told.with_stranger:10.2f}")


def measure(books: Books, live: Synthesizer, voice: Voice, told: Found, requests: int) -> None:
    """All of one arm's conditions."""
    with books.reading():
        told.alone = rate(books, lambda: time.sleep(LOOK_S))
        told.with_live = rate(books, lambda: told.live_ms.extend(ask(live, voice) for _ in range(requests)))
        with strangers():
            told.with_stranger = rate(books, lambda: time.sleep(2 * LOOK_S))


def ask(live: Synthesizer, voice: Voice) -> float:
    """Milliseconds that a listener waits for a sentence's beginning."""
    name, style = voice
    utterance = Utterance(phonemes=phonemes_of(LIVE_TOKENS, live.vocabulary), voice=name)
    began_s = time.perf_counter()
    live.say(utterance, style)
    return (time.perf_counter() - began_s) * 1000


def rate(books: Books, meanwhile) -> float:  # noqa: ANN001 - anything that takes a while
    """Processor time that the books had for each second."""
    before_s, began_s = books.spent_s(), time.perf_counter()
    meanwhile()
    return (books.spent_s() - before_s) / (time.perf_counter() - began_s)


@contextmanager
def strangers() -> Iterator[None]:
    """A busy process at usual priority for each core."""
    running = [
        subprocess.Popen([sys.executable, "-c", STRANGER])  # noqa: S603 - a loop of our own
        for _ in range(available_cores())
    ]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


if __name__ == "__main__":
    main()
