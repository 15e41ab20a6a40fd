"""Measures the start of a voice worker, stage by stage, from the start of its process until it can speak.

    .venv/bin/python benchmarks/start.py KOKORO-SHAPED.onnx

First the whole stack is started several times, so that the server and the desk start on the same cores at the same
time. Then only the voice worker is terminated, and the supervisor starts another. The times of the stages are those
that the worker records and `chorus status` shows. The files are in the system's cache, as on a machine that has spoken
recently.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import listener, measure, plot
from broker import session_control

NAME = "start"
LEAST_S = 2.5
WITH, ALONE = "with the stack", "alone"
STAGES = {
    "imports": "importing Python, Celery and our modules",
    "libraries": "importing onnxruntime and numpy",
    "model": "choosing the graph",
    "voices": "loading the voices",
    "sessions": "opening two sessions",
    "warm_up": "warming up each session",
    "celery": "starting Celery's consumer",
    "sign_in": "registering the worker",
}
TIMEOUT_S, INTERVAL_S = 60.0, 0.1


def main() -> None:
    """Measure, save the results, and print the table."""
    options = measure.Options.read(__doc__)
    times = 3 if options.quick else 7
    figures: dict[str, list[dict[str, float]]] = {WITH: [], ALONE: []}
    for _ in range(times):
        with measure.scratch() as home, measure.farm(options.settings(home)) as running:
            figures[WITH].append(stages(running))
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        for _ in range(times):
            figures[ALONE].append(restart(running))
    options.save(NAME, f"{options.conditions(running.model.variant)}, median of {times}", figures)
    print(table(figures))


def stages(running: measure.Farm) -> dict[str, float]:
    """The seconds of each stage of the voice worker's start."""
    (one,) = session_control.status(running.url)
    return dict(one.startup_s)


def restart(running: measure.Farm) -> dict[str, float]:
    """Terminate the voice worker; the seconds of each stage of its successor's start."""
    before = running.process("voice")
    running.wait_until_idle()
    before.terminate()
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        voices = [worker.pid for worker in running.client.workers() if worker.role == "voice"]
        if voices and before.pid not in voices:
            return stages(running)
        if time.monotonic() > deadline_s:
            raise listener.InvalidMeasurementError(f"No other voice worker registered within {TIMEOUT_S:.0f} s.")
        time.sleep(INTERVAL_S)


def table(figures: dict[str, list[dict[str, float]]]) -> str:
    """The table for docs/performance.md."""
    arms = (WITH, ALONE)
    body: list[tuple[str, ...]] = [
        (text, *(f"{median_s(figures[arm], stage):.2f} s" for arm in arms), "") for stage, text in STAGES.items()
    ]
    ready = {arm: median_s(figures[arm], "ready") for arm in arms}
    goal = f"≤ {LEAST_S} s: {measure.verdict(max(ready.values()) <= LEAST_S)}"
    body.append(("**ready**", *(f"**{ready[arm]:.2f} s**" for arm in arms), goal))
    return measure.rows(("stage", *arms, "goal"), body)


def median_s(starts: list[dict[str, float]], stage: str) -> float:
    """The median seconds of a stage."""
    return statistics.median(one.get(stage, 0.0) for one in starts)


def draw(figures: dict[str, list[dict[str, float]]]) -> list[Path]:
    """The plot for docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="A voice worker's start", x="", y="seconds"),
        [*STAGES],
        [(arm, [median_s(found, stage) for stage in STAGES]) for arm, found in figures.items()],
    )
    return [drawn]


if __name__ == "__main__":
    main()
