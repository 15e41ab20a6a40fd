"""Measures throughput and latency with 1, 2, 4 and 8 requests at once, for live jobs and for books.

    .venv/bin/python benchmarks/sweep.py KOKORO-SHAPED.onnx

Every request is a new sentence, and caches are off. Each of the threads sends one request after another. `first sound`
and `whole` are measured from the submit to the listener; pauses do not count as speech. The knee is the smallest number
of requests whose throughput is within 5 % of the best: beyond it, requests only wait longer.
"""

import itertools
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import listener, measure, plot, sample_texts
from benchmarks.throughput import pauses_s
from chorus.wire import RATE_HZ

NAME = "sweep"
KINDS = {"live": True, "books": False}
AT_ONCE = (1, 2, 4, 8)
NEAR_BEST = 0.95


def main() -> None:
    """Measure, save the results, and print the table."""
    options = measure.Options.read(__doc__)
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        figures = timed(running, sample_texts.short_sentences(), 12 if options.quick else 32)
    requests = len(figures["live"]["1"]["first_ms"])
    options.save(NAME, f"{options.conditions(running.model.variant)}, {requests} requests of each", figures)
    print(table(figures))


def timed(running: measure.Farm, texts: Iterator[str], requests: int) -> dict[str, Any]:
    """By kind and number of requests at once: milliseconds, and seconds of audio per second."""
    figures: dict[str, Any] = {}
    for kind, count in itertools.product(KINDS, AT_ONCE):
        running.wait_until_idle()
        figures.setdefault(kind, {})[str(count)] = send(running, list(itertools.islice(texts, requests)), count, kind)
    return figures


def send(running: measure.Farm, texts: list[str], count: int, kind: str) -> dict[str, Any]:
    """Request all of these texts, `count` at a time."""
    waiting, lock = iter(texts), threading.Lock()
    answered: list[listener.LiveRequest] = []

    def request_texts() -> None:
        while True:
            with lock:
                text = next(waiting, None)
            if text is None:
                return
            answered.append(listener.listen(running.client, text, live=KINDS[kind]))

    began_s = time.perf_counter()
    threads = [threading.Thread(target=request_texts) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s = time.perf_counter() - began_s
    if len(answered) != len(texts):
        failed = len(texts) - len(answered)
        raise listener.InvalidMeasurementError(f"{failed} of {len(texts)} requests were not served.")
    silent_s = sum(pauses_s(sample_texts.cut(text, live=KINDS[kind])) for text in texts)
    spoken_s = sum(one.record.frames for one in answered) / RATE_HZ - silent_s
    return {
        "first_ms": [one.first_ms for one in answered],
        "whole_ms": [one.whole_ms for one in answered],
        "times_real_time": spoken_s / wall_s,
    }


def knee(found: dict[str, Any]) -> int:
    """The smallest number of requests at once whose throughput is near the best."""
    best = max(one["times_real_time"] for one in found.values())
    return min(int(count) for count, one in found.items() if one["times_real_time"] >= NEAR_BEST * best)


def table(figures: dict[str, Any]) -> str:
    """The table for docs/performance.md."""
    body = []
    for kind, found in figures.items():
        for count, one in found.items():
            milliseconds = [*spread(one["first_ms"]), *spread(one["whole_ms"])]
            here = "knee" if int(count) == knee(found) else ""
            body.append((kind, count, *milliseconds, f"{one['times_real_time']:.2f}", here))
    head = (
        "jobs", "requests at once", "first sound, p50 ms", "p95", "whole request, p50 ms", "p95", "× real time", "",
    )  # fmt: skip
    return measure.rows(head, body)


def spread(values: list[float]) -> tuple[str, str]:
    """The median and the 95th percentile, as text."""
    return f"{statistics.median(values):.0f}", f"{measure.p95(values):.0f}"


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot for docs/performance.md."""
    drawn = plot.line_chart(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="Requests at once", x="× real time", y="whole request, median, seconds"),
        [
            plot.Series(
                name=kind,
                points=[(one["times_real_time"], statistics.median(one["whole_ms"]) / 1000) for one in found.values()],
                labels=list(found),
            )
            for kind, found in figures.items()
        ],
    )
    return [drawn]


if __name__ == "__main__":
    main()
