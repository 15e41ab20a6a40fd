"""Measures how long a voice worker takes from its process's start until it can speak, stage by stage.

    .venv/bin/python benchmarks/start.py KOKORO-SHAPED.onnx

The whole stack starts from nothing, so often: on the same cores, at the same time, the server and the desk start too.
Then the voice worker alone is told to go, and the supervisor starts another. The worker's own record tells the stages,
as `chorus status` shows them. Files are in the system's cache, as on a machine that has spoken lately.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import hearing, measure, plot
from broker import session_control

NAME = "start"
LEAST_S = 2.5
WITH, ALONE = "with the stack", "alone"
STAGES = {
    "imports": "Python, Celery and our own modules",
    "libraries": "onnxruntime and numpy",
    "model": "which graph it is",
    "voices": "the voices",
    "sessions": "two sessions",
    "warm_up": "a first run of each",
    "celery": "Celery's consumer",
    "sign_in": "signed in",
}
PATIENCE_S, LOOK_S = 60.0, 0.1


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    times = 3 if options.quick else 7
    figures: dict[str, list[dict[str, float]]] = {WITH: [], ALONE: []}
    for _ in range(times):
        with measure.scratch() as home, measure.farm(options.settings(home)) as running:
            figures[WITH].append(spans(running))
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        for _ in range(times):
            figures[ALONE].append(started_again(running))
    options.keep(NAME, f"{options.told(running.model.variant)}, median of {times}", figures)
    print(table(figures))


def spans(running: measure.Farm) -> dict[str, float]:
    """What the stages of the voice worker's start took."""
    (one,) = session_control.status(running.url)
    return dict(one.startup_s)


def started_again(running: measure.Farm) -> dict[str, float]:
    """The same of the one that the supervisor starts when this one has gone."""
    before = running.process("voice")
    running.rest()
    before.terminate()
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        voices = [worker.pid for worker in running.client.workers() if worker.role == "voice"]
        if voices and before.pid not in voices:
            return spans(running)
        if time.monotonic() > deadline_s:
            raise hearing.RefusedError(f"No other voice worker came within {PATIENCE_S:.0f} s.")
        time.sleep(LOOK_S)


def table(figures: dict[str, list[dict[str, float]]]) -> str:
    """For docs/performance.md."""
    arms = (WITH, ALONE)
    body: list[tuple[str, ...]] = [
        (why, *(f"{middle(figures[arm], stage):.2f} s" for arm in arms), "") for stage, why in STAGES.items()
    ]
    ready = {arm: middle(figures[arm], "ready") for arm in arms}
    goal = f"≤ {LEAST_S} s: {measure.verdict(max(ready.values()) <= LEAST_S)}"
    body.append(("**ready**", *(f"**{ready[arm]:.2f} s**" for arm in arms), goal))
    return measure.rows(("stage", *arms, "goal"), body)


def middle(starts: list[dict[str, float]], stage: str) -> float:
    """Its median."""
    return statistics.median(one.get(stage, 0.0) for one in starts)


def draw(figures: dict[str, list[dict[str, float]]]) -> list[Path]:
    """The plot of docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="A voice worker's start", x="", y="seconds"),
        [*STAGES],
        [(arm, [middle(found, stage) for stage in STAGES]) for arm, found in figures.items()],
    )
    return [drawn]


if __name__ == "__main__":
    main()
