"""Measures how much slower the first request after idle minutes is, with and without keep-alive.

    .venv/bin/python benchmarks/after_idle.py KOKORO-SHAPED.onnx [--minutes 10]

Two farms idle side by side: one keeps its sessions warm, in the other keep-alive is off. The first request after a wait
is a new sentence. The same sentence is then requested several times in a row, and the first request is compared with
the median of these. Since single requests differ by as much as the effect that is measured, the farms wait several
times and take turns in being asked first. A request's time is that of its first sound.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypedDict

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import listener, measure, plot, sample_texts

NAME = "after_idle"
KEPT, LEFT = "kept warm", "left alone"
LABELS = {KEPT: "kept warm", LEFT: "not kept warm"}
ARMS = {KEPT: 300, LEFT: 0}
"""Seconds between two runs of the keep-alive; 0: keep-alive is off."""
MINUTES = 10.0
WAITS, BEFORE, BUSY = 3, 3, 5
MOST_MS = 100.0


class Wait(TypedDict):
    """The times after one wait."""

    first_ms: float
    busy_ms: list[float]


def main() -> None:
    """Measure, save the results, and print the table."""
    options = measure.Options.read(__doc__)
    minutes = options.minutes or (0.5 if options.quick else MINUTES)
    figures: dict[str, Any] = {"minutes": minutes, "arms": timed(options, minutes)}
    options.save(NAME, options.conditions(f"{WAITS} times {minutes:g} idle minutes"), figures)
    print(table(figures))


def timed(options: measure.Options, minutes: float) -> dict[str, list[Wait]]:
    """The waits of each arm."""
    with ExitStack() as open_, measure.scratch() as home:
        farms = {
            arm: open_.enter_context(measure.farm(options.settings(home / str(every_s), keep_alive_s=every_s)))
            for arm, every_s in ARMS.items()
        }
        sentences = sample_texts.short_sentences()
        for _ in range(BEFORE):
            sentence = next(sentences)
            for running in farms.values():
                first_ms(running, sentence)
        found: dict[str, list[Wait]] = {arm: [] for arm in farms}
        for turn in range(WAITS):
            time.sleep(minutes * 60)
            sentence = next(sentences)
            order = measure.in_turn(farms, turn)
            first = {arm: first_ms(farms[arm], sentence) for arm in order}
            busy = [{arm: first_ms(farms[arm], sentence) for arm in order} for _ in range(BUSY)]
            for arm in farms:
                found[arm].append({"first_ms": first[arm], "busy_ms": [one[arm] for one in busy]})
    return found


def first_ms(running: measure.Farm, text: str) -> float:
    """Milliseconds to the first sound of a request, sent as soon as the farm is idle."""
    running.wait_until_idle()
    return listener.listen(running.client, text).first_ms


def added_ms(waits: Sequence[Wait]) -> float:
    """How much longer the first request after a wait takes than the following ones: the median of the waits."""
    return statistics.median(one["first_ms"] - statistics.median(one["busy_ms"]) for one in waits)


def table(figures: dict[str, Any]) -> str:
    """The table for docs/performance.md."""
    first = f"first request after {figures['minutes']:g} idle minutes"
    return measure.rows(
        ("sessions", "usual request", first, "difference", f"goal ≤ {MOST_MS:.0f} ms"),
        [
            (
                LABELS[arm],
                f"{_usual_busy_ms(waits):.0f} ms",
                f"{_usual_first_ms(waits):.0f} ms",
                f"{added_ms(waits):+.0f} ms",
                measure.verdict(added_ms(waits) <= MOST_MS),
            )
            for arm, waits in figures["arms"].items()
        ],
    )


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot for docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="First sound after idle minutes", x="sessions", y="milliseconds"),
        [LABELS[arm] for arm in figures["arms"]],
        [
            ("usual request", [_usual_busy_ms(waits) for waits in figures["arms"].values()]),
            ("first request after the wait", [_usual_first_ms(waits) for waits in figures["arms"].values()]),
        ],
    )
    return [drawn]


def _usual_first_ms(waits: Sequence[Wait]) -> float:
    return statistics.median(one["first_ms"] for one in waits)


def _usual_busy_ms(waits: Sequence[Wait]) -> float:
    return statistics.median(statistics.median(one["busy_ms"]) for one in waits)


if __name__ == "__main__":
    main()
