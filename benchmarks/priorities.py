"""Compares ways to lower the priority of book threads: nice 19 alone, with SCHED_IDLE, or with each pinned to a core.

    .venv/bin/python benchmarks/make_kokoro_shaped.py /tmp/kokoro-shaped.onnx
    .venv/bin/python benchmarks/priorities.py /tmp/kokoro-shaped.onnx  # under three minutes on two cores, Linux alone

The three ways are measured one after another in one process: how long a listener waits for 20 tokens beside the book
threads, and how much processor time the book threads get beside the listener, alone, and beside another program that
keeps every core busy at normal priority. The sessions and threads are those of a voice worker.
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
INTERVAL_S = 8.0
ARMS = ("nice 19", "nice 19, SCHED_IDLE", "nice 19, pinned")
Voice = tuple[str, voicebank.Style]
STRANGER = "while True: pass"


@dataclass(kw_only=True)
class Found:
    """The measurements of one arm."""

    live_ms: list[float] = field(default_factory=list)
    """How long the listener waited, for each request."""
    alone: float = 0.0
    """Processor time of the book threads, in cores, with nothing else on the machine; the others likewise."""
    with_live: float = 0.0
    with_stranger: float = 0.0


class Books:
    """An endless book for each core, on threads whose priority was lowered in one of the ways."""

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
        """Speak the books while the block runs."""
        self._ended.clear()
        with ThreadPoolExecutor(self._lane.slots) as callers:
            for _ in range(self._lane.slots):
                callers.submit(self._read)
            time.sleep(1)
            yield
            self._ended.set()
        self._lane.close()

    def spent_s(self) -> float:
        """The processor time of their threads so far, in seconds."""
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
    parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
    parser.add_argument("-n", type=int, default=10, help="a listener's requests in each condition (default 10)")
    given = parser.parse_args()
    model = resolve(FarmSettings(model=given.model.absolute(), voices=given.voices.absolute()))
    live = Synthesizer(Lane("live", slots=1, lowered=False), model, threads=available_cores())
    load = machine()
    voice = next(iter(voicebank.load(model.voices_path).items()))
    idle = [ask(live, voice) for _ in range(given.n)]
    found = {arm: Found() for arm in ARMS}
    for arm, measured in found.items():
        books = Books(model, arm)
        measure(books, live, voice, measured, given.n)
    print(f"{load}, {given.n} requests each; without books a listener waits {statistics.median(idle):.0f} ms")
    print(f"{'book threads':<24}{'listener: median / max ms':>28}{'cores: alone':>15}{'with listener':>15}{'busy':>8}")
    for arm, measured in found.items():
        waits = f"{statistics.median(measured.live_ms):.0f} / {max(measured.live_ms):.0f}"
        print(f"{arm:<24}{waits:>28}{measured.alone:15.2f}{measured.with_live:15.2f}{measured.with_stranger:8.2f}")


def measure(books: Books, live: Synthesizer, voice: Voice, measured: Found, requests: int) -> None:
    """Measure all conditions of one arm."""
    with books.reading():
        measured.alone = rate(books, lambda: time.sleep(INTERVAL_S))
        measured.with_live = rate(books, lambda: measured.live_ms.extend(ask(live, voice) for _ in range(requests)))
        with strangers():
            measured.with_stranger = rate(books, lambda: time.sleep(2 * INTERVAL_S))


def ask(live: Synthesizer, voice: Voice) -> float:
    """The milliseconds that a listener waits for the beginning of a sentence."""
    name, style = voice
    utterance = Utterance(phonemes=phonemes_of(LIVE_TOKENS, live.vocabulary), voice=name)
    began_s = time.perf_counter()
    live.say(utterance, style)
    return (time.perf_counter() - began_s) * 1000


def rate(books: Books, meanwhile) -> float:  # noqa: ANN001 - anything that takes a while
    """The processor time of the book threads per second, while `meanwhile` runs."""
    before_s, began_s = books.spent_s(), time.perf_counter()
    meanwhile()
    return (books.spent_s() - before_s) / (time.perf_counter() - began_s)


@contextmanager
def strangers() -> Iterator[None]:
    """Run a busy process at normal priority for each core."""
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
