"""Measures how much the farm adds to the time to first sound, compared with raw inference of the first segment.

    .venv/bin/python benchmarks/live.py KOKORO-SHAPED.onnx

Raw inference is `session.run` in this process, on all cores, with the tokens of the planner's first segment. The two
arms alternate, every request has another text, and the farm is warm and idle before each. `in the worker` is the time
that the voice worker measured for the same inference: the difference from raw inference is due to the machine, and the
rest of the request's time is the farm's.
"""

import itertools
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import listener, measure, plot, sample_texts
from benchmarks.raw import RawInference
from broker.settings import available_cores

NAME = "live"
SHORT, LONG = "one sentence", "800 characters"
MOST_MS = 30.0


def main() -> None:
    """Measure, save the results, and print the table."""
    options = measure.Options.read(__doc__)
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        figures = timed(options, running)
    conditions = f"{options.conditions(running.model.variant)}, {len(figures[SHORT]['first_ms'])} of each"
    options.save(NAME, conditions, figures)
    print(table(figures))


def timed(options: measure.Options, running: measure.Farm) -> dict[str, Any]:
    """Milliseconds by text and arm."""
    raw = RawInference(running.model, threads=available_cores())
    figures: dict[str, Any] = {name: {"raw_ms": [], "worker_ms": [], "first_ms": []} for name in (SHORT, LONG)}
    for number, sentence in enumerate(itertools.islice(sample_texts.short_sentences(), 4 if options.quick else 15)):
        time_text(running, raw, figures[SHORT], sentence)
        time_text(running, raw, figures[LONG], sample_texts.prose(number, 800))
    return figures


def time_text(running: measure.Farm, raw: RawInference, found: dict[str, list[float]], text: str) -> None:
    """Time both arms with one text."""
    segments = sample_texts.cut(text, live=True)
    running.wait_until_idle()
    began_s = time.perf_counter()
    raw.speak(segments[0].phonemes)
    found["raw_ms"].append((time.perf_counter() - began_s) * 1000)
    if len(segments) == 1:
        request = listener.listen(running.client, text)
        found["first_ms"].append(request.first_ms)
        found["worker_ms"].append(request.record.audio_wall_ms)
    else:
        found["first_ms"].append(listener.first_sound_ms(running.client, text))


def added_ms(found: dict[str, list[float]]) -> float:
    """How much longer a request takes than raw inference of its first segment: the median of the pairs."""
    return statistics.median(first - raw for first, raw in zip(found["first_ms"], found["raw_ms"], strict=True))


def table(figures: dict[str, Any]) -> str:
    """The table for docs/performance.md."""
    return measure.rows(
        ("text", "raw inference", "in the worker", "first sound", "added by the farm", f"goal ≤ {MOST_MS:.0f} ms"),
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
    """The plot for docs/performance.md."""
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
