"""Measures what the farm adds to the first sound: a warm live request against the raw inference of its first segment.

    .venv/bin/python benchmarks/live.py KOKORO-SHAPED.onnx

Raw is `session.run` in this process, on all cores, of the very tokens that the planner cuts first. Both arms alternate,
texts differ from request to request, and the farm is at rest before each. `in the worker` is the same inference as the
voice worker timed it: what it takes more than raw is the machine's, what the request takes beyond it is the farm's.
"""

import itertools
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import hearing, measure, plot, wording
from benchmarks.raw import Raw
from broker.settings import available_cores

NAME = "live"
SHORT, LONG = "one sentence", "800 characters"
MOST_MS = 30.0


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        figures = timed(options, running)
    options.keep(NAME, f"{options.told(running.model.variant)}, {len(figures[SHORT]['first_ms'])} of each", figures)
    print(table(figures))


def timed(options: measure.Options, running: measure.Farm) -> dict[str, Any]:
    """Milliseconds by text and arm."""
    raw = Raw(running.model, threads=available_cores())
    figures: dict[str, Any] = {name: {"raw_ms": [], "worker_ms": [], "first_ms": []} for name in (SHORT, LONG)}
    for number, saying in enumerate(itertools.islice(wording.sayings(), 4 if options.quick else 15)):
        one(running, raw, figures[SHORT], saying)
        one(running, raw, figures[LONG], wording.prose(number, 800))
    return figures


def one(running: measure.Farm, raw: Raw, found: dict[str, list[float]], text: str) -> None:
    """Both arms of one text."""
    segments = wording.cut(text, live=True)
    running.rest()
    began_s = time.perf_counter()
    raw.speak(segments[0].phonemes)
    found["raw_ms"].append((time.perf_counter() - began_s) * 1000)
    if len(segments) == 1:
        heard = hearing.listen(running.client, text)
        found["first_ms"].append(heard.first_ms)
        found["worker_ms"].append(heard.record.audio_wall_ms)
    else:
        found["first_ms"].append(hearing.first_sound_ms(running.client, text))


def added_ms(found: dict[str, list[float]]) -> float:
    """What a request takes more than the raw inference of its first segment: the median of the pairs."""
    return statistics.median(first - raw for first, raw in zip(found["first_ms"], found["raw_ms"], strict=True))


def table(figures: dict[str, Any]) -> str:
    """For docs/performance.md."""
    return measure.rows(
        ("text", "raw inference", "in the worker", "first sound", "added", f"goal ≤ {MOST_MS:.0f} ms"),
        [
            (
                name,
                f"{statistics.median(found['raw_ms']):.0f} ms",
                f"{statistics.median(found['worker_ms']):.0f} ms" if found["worker_ms"] else "",
                f"{statistics.median(found['first_ms']):.0f} ms",
                f"{added_ms(found):.0f} ms",
                measure.verdict(added_ms(found) <= MOST_MS),
            )
            for name, found in figures.items()
        ],
    )


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot of docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="First sound of a live request", x="text", y="milliseconds"),
        list(figures),
        [(arm, [statistics.median(found[key]) for found in figures.values()])
         for arm, key in (("raw inference of the first segment", "raw_ms"), ("first sound", "first_ms"))],
    )  # fmt: skip
    return [drawn]


if __name__ == "__main__":
    main()
