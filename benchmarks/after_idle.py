"""Measures the first request after idle minutes against those of a busy worker, with and without keep-alive.

    .venv/bin/python benchmarks/after_idle.py KOKORO-SHAPED.onnx [--minutes 10]

Two farms wait side by side, one that keeps its sessions warm and one that is told not to. The first request after a
wait is a sentence that the farm has never met; then it is asked for the same sentence again and again, busy now, and
the median of those is what the first is compared with. One request differs from the next by as much as is looked for:
so they wait several times, in turn the first to be asked. A request's time is that of its first sound.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypedDict

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import hearing, measure, plot, wording

NAME = "after_idle"
KEPT, LEFT = "kept warm", "left alone"
ARMS = {KEPT: 300, LEFT: 0}
"""Seconds between two beats of the keep-alive; 0: none."""
MINUTES = 10.0
WAITS, BEFORE, BUSY = 3, 3, 5
MOST_MS = 100.0


class Wait(TypedDict):
    """What was heard after one wait."""

    first_ms: float
    busy_ms: list[float]


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    minutes = options.minutes or (0.5 if options.quick else MINUTES)
    figures: dict[str, Any] = {"minutes": minutes, "arms": timed(options, minutes)}
    options.keep(NAME, options.told(f"{WAITS} times {minutes:g} idle minutes"), figures)
    print(table(figures))


def timed(options: measure.Options, minutes: float) -> dict[str, list[Wait]]:
    """Each arm's waits."""
    with ExitStack() as open_, measure.scratch() as home:
        farms = {
            arm: open_.enter_context(measure.farm(options.settings(home / str(every_s), keep_alive_s=every_s)))
            for arm, every_s in ARMS.items()
        }
        asked = wording.sayings()
        for _ in range(BEFORE):
            said = next(asked)
            for running in farms.values():
                first_ms(running, said)
        found: dict[str, list[Wait]] = {arm: [] for arm in farms}
        for turn in range(WAITS):
            time.sleep(minutes * 60)
            said = next(asked)
            order = measure.in_turn(farms, turn)
            first = {arm: first_ms(farms[arm], said) for arm in order}
            busy = [{arm: first_ms(farms[arm], said) for arm in order} for _ in range(BUSY)]
            for arm in farms:
                found[arm].append({"first_ms": first[arm], "busy_ms": [one[arm] for one in busy]})
    return found


def first_ms(running: measure.Farm, text: str) -> float:
    """Of one request to a farm that has just come to rest."""
    running.rest()
    return hearing.listen(running.client, text).first_ms


def added_ms(waits: Sequence[Wait]) -> float:
    """What the first one after a wait took more than a busy one."""
    return statistics.median(one["first_ms"] - statistics.median(one["busy_ms"]) for one in waits)


def table(figures: dict[str, Any]) -> str:
    """For docs/performance.md."""
    minutes = figures["minutes"]
    return measure.rows(
        ("sessions", "busy", f"first after {minutes:g} idle minutes", "more", f"goal ≤ {MOST_MS:.0f} ms"),
        [
            (
                arm,
                f"{_usual_busy_ms(waits):.0f} ms",
                f"{_usual_first_ms(waits):.0f} ms",
                f"{added_ms(waits):+.0f} ms",
                measure.verdict(added_ms(waits) <= MOST_MS),
            )
            for arm, waits in figures["arms"].items()
        ],
    )


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot of docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="First sound after idle minutes", x="sessions", y="milliseconds"),
        list(figures["arms"]),
        [
            ("busy", [_usual_busy_ms(waits) for waits in figures["arms"].values()]),
            ("first after the wait", [_usual_first_ms(waits) for waits in figures["arms"].values()]),
        ],
    )
    return [drawn]


def _usual_first_ms(waits: Sequence[Wait]) -> float:
    return statistics.median(one["first_ms"] for one in waits)


def _usual_busy_ms(waits: Sequence[Wait]) -> float:
    return statistics.median(statistics.median(one["busy_ms"]) for one in waits)


if __name__ == "__main__":
    main()
