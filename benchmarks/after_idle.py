"""Measures the first request after idle minutes against those of a busy worker, with and without keep-alive.

    PYTHONPATH=. python benchmarks/after_idle.py KOKORO-SHAPED.onnx [--minutes 10]

Two farms wait side by side, one that keeps its sessions warm and one that is told not to. Every request is another
sentence of the same number of phoneme tokens, and its time is that of its first sound. A farm is busy when it has just
spoken: the medians of before and after the wait are what the first one after it is compared with.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import hearing, measure, plot, wording

NAME = "after_idle"
KEPT, LEFT = "kept warm", "left alone"
ARMS = {KEPT: 300, LEFT: 0}
"""Seconds between two beats of the keep-alive; 0: none."""
MINUTES = 10.0
BUSY = 5
MOST_MS = 100.0
_CANDIDATES = 400


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    minutes = options.minutes or (0.5 if options.quick else MINUTES)
    figures: dict[str, Any] = {"minutes": minutes, "arms": timed(options, minutes)}
    options.keep(NAME, options.told(f"{minutes:g} idle minutes"), figures)
    print(table(figures))


def timed(options: measure.Options, minutes: float) -> dict[str, Any]:
    """Milliseconds of each arm: busy before and after, and the first after the wait."""
    texts = alike()
    with ExitStack() as open_, measure.scratch() as home:
        farms = {
            arm: open_.enter_context(measure.farm(options.settings(home / str(every_s), keep_alive_s=every_s)))
            for arm, every_s in ARMS.items()
        }
        found = {arm: {"busy_ms": [], "first_ms": []} for arm in ARMS}
        busy(farms, found, texts)
        time.sleep(minutes * 60)
        for arm, running in farms.items():
            running.rest()
            found[arm]["first_ms"].append(hearing.listen(running.client, next(texts)).first_ms)
        busy(farms, found, texts)
    return found


def busy(farms: dict[str, measure.Farm], found: dict[str, dict[str, list[float]]], texts: Iterator[str]) -> None:
    """Some requests one after the other, the arms in turn; the first of each only makes it busy."""
    for number in range(BUSY + 1):
        for arm, running in farms.items():
            running.rest()
            heard = hearing.listen(running.client, next(texts))
            if number:
                found[arm]["busy_ms"].append(heard.first_ms)


def alike() -> Iterator[str]:
    """Sentences that the planner leaves whole, all of the same number of tokens, none of them twice."""
    sizes: dict[int, list[str]] = defaultdict(list)
    for _, saying in zip(range(_CANDIDATES), wording.sayings(), strict=False):
        pieces = wording.cut(saying, live=True)
        if len(pieces) == 1:
            sizes[len(pieces[0].phonemes)].append(saying)
    return iter(max(sizes.values(), key=len))


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
