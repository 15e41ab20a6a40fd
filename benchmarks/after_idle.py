"""Measures the first request after idle minutes against those of a busy worker, with and without keep-alive.

    PYTHONPATH=. python benchmarks/after_idle.py KOKORO-SHAPED.onnx [--minutes 10]

Two farms wait side by side, one that keeps its sessions warm and one that is told not to. The first request after the
wait is a sentence that the farm has never met; then it is asked for the same sentence again and again, busy now, and
the median of those is what the first is compared with. A request's time is that of its first sound.
"""

import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import hearing, measure, plot, wording

NAME = "after_idle"
KEPT, LEFT = "kept warm", "left alone"
ARMS = {KEPT: 300, LEFT: 0}
"""Seconds between two beats of the keep-alive; 0: none."""
MINUTES = 10.0
BEFORE, BUSY = 3, 9
MOST_MS = 100.0


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    minutes = options.minutes or (0.5 if options.quick else MINUTES)
    figures: dict[str, Any] = {"minutes": minutes, "arms": timed(options, minutes)}
    options.keep(NAME, options.told(f"{minutes:g} idle minutes"), figures)
    print(table(figures))


def timed(options: measure.Options, minutes: float) -> dict[str, Any]:
    """Milliseconds of each arm: the first after the wait, and busy."""
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
        time.sleep(minutes * 60)
        said = next(asked)
        found = {arm: {"first_ms": [first_ms(running, said)], "busy_ms": []} for arm, running in farms.items()}
        for _ in range(BUSY):
            for arm, running in farms.items():
                found[arm]["busy_ms"].append(first_ms(running, said))
    return found


def first_ms(running: measure.Farm, text: str) -> float:
    """Of one request to a farm that has just come to rest."""
    running.rest()
    return hearing.listen(running.client, text).first_ms


def added_ms(found: dict[str, list[float]]) -> float:
    """What the first one after the wait took more than a busy one."""
    return statistics.median(found["first_ms"]) - statistics.median(found["busy_ms"])


def table(figures: dict[str, Any]) -> str:
    """For docs/performance.md."""
    minutes = figures["minutes"]
    return measure.rows(
        ("sessions", "busy", f"first after {minutes:g} idle minutes", "more", f"goal ≤ {MOST_MS:.0f} ms"),
        [
            (
                arm,
                f"{statistics.median(found['busy_ms']):.0f} ms",
                f"{statistics.median(found['first_ms']):.0f} ms",
                f"{added_ms(found):+.0f} ms",
                measure.verdict(added_ms(found) <= MOST_MS),
            )
            for arm, found in figures["arms"].items()
        ],
    )


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot of docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="First sound after idle minutes", x="sessions", y="milliseconds"),
        list(figures["arms"]),
        [
            ("busy", [statistics.median(found["busy_ms"]) for found in figures["arms"].values()]),
            ("first after the wait", [statistics.median(found["first_ms"]) for found in figures["arms"].values()]),
        ],
    )
    return [drawn]


if __name__ == "__main__":
    main()
