"""Measures whether books delay a listener: the time to first sound on an idle farm and beside two books.

    .venv/bin/python benchmarks/make_kokoro_shaped.py /tmp/kokoro-shaped.onnx
    .venv/bin/python benchmarks/qos.py /tmp/kokoro-shaped.onnx            # about ten minutes on two cores

Requests on an idle and on a busy farm alternate in blocks within one run, so that other load on the machine affects
both. A request's time is that from `submit` to the first sample louder than 0.1 % of full scale at the listener; every
request has another text, and caches are off. Requests are sent at a steady pace and not one directly after another,
since a live lane that is never idle would rightly take all cores. The throughput of the books is seconds of audio per
second, with and without live requests. For comparison the script prints the share of the time in which the live
session, which uses all cores, spoke.
"""

import argparse
import array
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks.first_sound import SILENCE, machine
from broker.settings import FarmSettings
from chorus import Client, Kind
from chorus.wire import RATE_HZ
from workers import standin
from workers.stack.stack import ensure

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Grace", "Hugo", "Ida", "Jon", "Kate", "Leo", "Mia", "Ned", "Olga")
SENTENCE = "The tide came in and the tide went out, and nobody on the long pier thought to count how often it did. "
BLOCK = 10
"""Requests in one condition before the other has its turn."""
BULK_INTERVAL_S = 20.0
PERIOD_S = 6.0
"""The usual time from one request to the next; several times as long as speaking one takes."""


@dataclass(frozen=True, kw_only=True)
class LiveTimes:
    """The times of one live request."""

    first_ms: float
    """From the submit to the first sound."""
    work_s: float
    """Inference of the whole request."""


@dataclass(kw_only=True)
class Books:
    """Two books that are longer than the measurement."""

    client: Client
    running: tuple[str, ...] = ()

    def start(self) -> None:
        """Submit both and wait until both are being spoken."""
        texts = [f"Book {number}. " + SENTENCE * 3000 for number in (1, 2)]
        self.running = tuple(self.client.submit(text, format="flac").job for text in texts)
        while not all(self.client.job(job).segments_done for job in self.running):
            time.sleep(0.05)

    def stop(self) -> None:
        """Cancel both, and wait until the lanes are free."""
        for job in self.running:
            self.client.want(job, "cancelled")
            self.client.wait(job)
        time.sleep(3)
        self.running = ()

    def frames(self) -> int:
        """The samples that were spoken so far."""
        return sum(self.client.job(job).frames for job in self.running)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
    parser.add_argument("-n", type=int, default=50, help="requests in each condition (default 50)")
    parser.add_argument("--period", type=float, default=PERIOD_S, help="seconds from one request to the next")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chorus-qos-") as home, farm(given.model, given.voices, home) as client:
        ask = partial(request, client, greetings(), period_s=given.period)
        ask()  # the first request is slower; another script measures that
        idle: list[LiveTimes] = []
        loaded: list[LiveTimes] = []
        alone = with_live = live_s = 0.0
        while len(idle) < given.n:
            idle += [ask() for _ in range(BLOCK)]
            books = Books(client=client)
            books.start()
            alone += throughput(books, partial(time.sleep, BULK_INTERVAL_S))
            began_s = time.perf_counter()
            with_live += throughput(books, lambda: loaded.extend(ask() for _ in range(BLOCK)))
            live_s += time.perf_counter() - began_s
            books.stop()
    blocks = given.n / BLOCK
    report(idle, loaded)
    work = sum(one.work_s for one in loaded) / live_s
    kept = with_live / alone
    print(f"books alone {alone / blocks:.2f} × real time, with live requests {with_live / blocks:.2f} × ({kept:.0%})")
    print(f"the live session was speaking in {work:.0%} of that time, which leaves {1 - work:.0%} to the books")


@contextmanager
def farm(model: Path, voices: Path, home: str) -> Iterator[Client]:
    """A stack of this checkout, whose workers are ready."""
    # Caches are off, since cached audio is not spoken.
    settings = FarmSettings(home=Path(home), model=model.absolute(), voices=voices.absolute(), cache_mb=0)
    with ensure(settings) as stack, Client(stack.url) as client:
        while {worker.role for worker in client.workers()} != {"voice", "desk"}:
            time.sleep(0.1)
        yield client


def greetings() -> Iterator[str]:
    """Short texts, no two of them the same."""
    for names in itertools.permutations(NAMES, 3):
        yield f"Hello {' and '.join(names)}, the boat is here."


def request(client: Client, texts: Iterator[str], *, period_s: float) -> LiveTimes:
    """Request the next text, listen to its end, and wait until the next request is due."""
    began_s = time.perf_counter()
    job = client.submit(next(texts), live=True).job
    first_ms = 0.0
    with client.listen(job) as listener:
        for chunk in listener:
            loud = chunk.kind is Kind.AUDIO and any(abs(sample) > SILENCE for sample in array.array("h", chunk.pcm))
            if loud and not first_ms:
                first_ms = (time.perf_counter() - began_s) * 1000
    time.sleep(max(0.0, began_s + period_s - time.perf_counter()))
    return LiveTimes(first_ms=first_ms, work_s=client.job(job).audio_wall_ms / 1000)


def throughput(books: Books, meanwhile: Callable[[], object]) -> float:
    """Seconds of the books' audio per second, while `meanwhile` runs."""
    frames, began_s = books.frames(), time.perf_counter()
    meanwhile()
    return (books.frames() - frames) / RATE_HZ / (time.perf_counter() - began_s)


def report(idle: list[LiveTimes], loaded: list[LiveTimes]) -> None:
    """Print the table of docs/operations.md."""
    print(f"{machine()}, load average {os.getloadavg()[0]:.1f}, n = {len(idle)} and {len(loaded)}")
    print(f"{'':<34}{'p50 ms':>8}{'p95 ms':>8}{'max ms':>8}")
    for name, requests in (("live first audio, idle", idle), ("live first audio, two books", loaded)):
        found = [one.first_ms for one in requests]
        p95 = statistics.quantiles(found, n=20)[-1]
        print(f"{name:<34}{statistics.median(found):8.0f}{p95:8.0f}{max(found):8.0f}")
    ratio = statistics.median(one.first_ms for one in loaded) / statistics.median(one.first_ms for one in idle)
    print(f"ratio of medians {ratio:.2f}")


if __name__ == "__main__":
    main()
