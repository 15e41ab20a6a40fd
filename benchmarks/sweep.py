"""Measures how many requests at once pay: listeners, and jobs without one, each at 1, 2, 4 and 8 at a time.

    .venv/bin/python benchmarks/sweep.py KOKORO-SHAPED.onnx

Every request is a sentence that nobody has asked for before, and nothing is remembered. So many threads send one after
another; `first sound` and `whole` are from the submit on, at the listener; pauses are no speech. The knee is the
smallest number at which the throughput is within a twentieth of the best: beyond it requests only wait longer.
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

from benchmarks import hearing, measure, plot, wording
from benchmarks.throughput import pauses_s
from chorus.wire import RATE_HZ

NAME = "sweep"
KINDS = {"live": True, "books": False}
AT_ONCE = (1, 2, 4, 8)
NEAR_BEST = 0.95


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        figures = timed(running, wording.sayings(), 12 if options.quick else 32)
    options.keep(
        NAME,
        f"{options.told(running.model.variant)}, {len(figures['live']['1']['first_ms'])} requests of each",
        figures,
    )
    print(table(figures))


def timed(running: measure.Farm, texts: Iterator[str], requests: int) -> dict[str, Any]:
    """By kind and number at once: milliseconds, and seconds of audio per second."""
    figures: dict[str, Any] = {}
    for kind, count in itertools.product(KINDS, AT_ONCE):
        running.rest()
        figures.setdefault(kind, {})[str(count)] = sent(running, list(itertools.islice(texts, requests)), count, kind)
    return figures


def sent(running: measure.Farm, texts: list[str], count: int, kind: str) -> dict[str, Any]:
    """All of these texts, so many at a time."""
    waiting, door = iter(texts), threading.Lock()
    heard: list[hearing.Live] = []

    def ask() -> None:
        while True:
            with door:
                text = next(waiting, None)
            if text is None:
                return
            heard.append(hearing.listen(running.client, text, live=KINDS[kind]))

    began_s = time.perf_counter()
    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s = time.perf_counter() - began_s
    if len(heard) != len(texts):
        raise hearing.RefusedError(f"{len(texts) - len(heard)} of {len(texts)} requests were not served.")
    silent_s = sum(pauses_s(wording.cut(text, live=KINDS[kind])) for text in texts)
    spoken_s = sum(one.record.frames for one in heard) / RATE_HZ - silent_s
    return {
        "first_ms": [one.first_ms for one in heard],
        "whole_ms": [one.whole_ms for one in heard],
        "times_real_time": spoken_s / wall_s,
    }


def knee(found: dict[str, Any]) -> int:
    """The smallest number at once that is near the best."""
    best = max(one["times_real_time"] for one in found.values())
    return min(int(count) for count, one in found.items() if one["times_real_time"] >= NEAR_BEST * best)


def table(figures: dict[str, Any]) -> str:
    """For docs/performance.md."""
    body = []
    for kind, found in figures.items():
        for count, one in found.items():
            milliseconds = [*spread(one["first_ms"]), *spread(one["whole_ms"])]
            here = "knee" if int(count) == knee(found) else ""
            body.append((kind, count, *milliseconds, f"{one['times_real_time']:.2f}", here))
    head = ("lane", "at once", "first sound p50 ms", "p95", "whole p50 ms", "p95", "times real time", "")
    return measure.rows(head, body)


def spread(values: list[float]) -> tuple[str, str]:
    """The median, and the 95th percentile."""
    return f"{statistics.median(values):.0f}", f"{measure.p95(values):.0f}"


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot of docs/performance.md."""
    drawn = plot.line_chart(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="Requests at once", x="times real time", y="whole request, median, seconds"),
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
