"""Measures the memory of a voice worker, and whether it grows over time.

    .venv/bin/python benchmarks/memory.py KOKORO-SHAPED.onnx                # also 4,000 segments of the stand-in
    .venv/bin/python benchmarks/memory.py KOKORO-SHAPED.onnx --quick        # 500 of them: too few to settle

It measures the resident memory of the worker's process from outside: `ready` when the worker has registered, with its
sessions loaded and warm; `warm` after usual segments; `peak` while it speaks a segment of nearly 510 tokens in every
slot; `after` some seconds after these segments, when it has returned the memory of the arenas.

The growth is that of a straight line through the second half of a long run of varied segments; memory is read when the
worker is idle, after every sixty segments. By the second half the worker has met the longest segments, and the
allocator has created its heaps. While a worker speaks, an arena holds the most memory that two segments ever needed at
the same time, which rises in steps for a long time. The long run uses the stand-in voice, which takes minutes; its
process differs from Kokoro's only in the weights.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import listener, measure, plot, sample_texts
from chorus.records import JobRecord
from chorus.vocabulary import MAX_TOKENS
from workers import standin
from workers.inference.kept_memory import KEPT_S
from workers.upkeep.ticker import TURN_S

NAME = "memory"
BOTH, BULK = "both", "bulk"
MB = 1e6
MOST_MB = {measure.FAST: 1400, "int8": 1000}
"""The goal with two sessions, by the beginning of a variant's name."""
MOST_BULK_MB = 900
INTERVAL_S = 0.05
PARAGRAPHS = 24
"""Paragraphs of 40 to 440 characters between two readings of the memory."""
# The least share that counts as growth over 2,000 segments: an allocator's pages vary by less.
GROWTH_SHARE = 0.02


def main() -> None:
    """Measure, save the results, and print the table."""
    options = measure.Options.read(__doc__)
    figures: dict[str, Any] = {"workers": {}, "run": {}}
    with measure.scratch() as folder:
        figures["variants"] = measure.variants(options, folder)
        for variant in figures["variants"]:
            for lanes in (BOTH, BULK):
                settings = options.settings(folder / f"{variant}-{lanes}", variant, lanes=lanes)
                with measure.farm(settings) as running:
                    figures["workers"].setdefault(variant, {})[lanes] = worker_mb(running)
        figures["run"] = long_run(folder, 500 if options.quick else 4000)
    options.save(NAME, options.conditions("each variant"), figures)
    print(table(figures))


def worker_mb(running: measure.Farm) -> dict[str, float]:
    """The memory of a voice worker by state, in megabytes."""
    voice = running.process("voice")
    found = {"ready": resident_mb(voice)}
    speak(running, sample_texts.prose(1, 300))
    found["warm"] = settled_mb(running, voice)
    slots = running.settings.bulk_slots()
    found["peak"] = max(speak(running, "\n\n".join(longest_segment(seed) for seed in range(slots))))
    found["after"] = settled_mb(running, voice)
    return found


def settled_mb(running: measure.Farm, voice: psutil.Process) -> float:
    """The memory of the worker once it is idle and has returned what it keeps for a next segment."""
    running.wait_until_idle()
    time.sleep(KEPT_S + 3 * TURN_S)
    running.wait_until_idle()
    return resident_mb(voice)


def speak(running: measure.Farm, text: str) -> list[float]:
    """Speak a text; the readings of the worker's memory meanwhile, in megabytes."""
    voice, readings = running.process("voice"), []
    job = running.client.submit(text, format="flac", voice=sample_texts.VOICE).job
    while not (record := running.client.job(job)).finished:
        readings.append(resident_mb(voice))
        time.sleep(INTERVAL_S)
    listener.require_spoken(record)
    return [*readings, resident_mb(voice)]


def longest_segment(seed: int) -> str:
    """A sentence of nearly as many tokens as the model takes, without punctuation, so that it becomes one segment."""
    words = sample_texts.prose(seed, 700).replace(",", "").replace(".", "").replace(" and ", " ").lower().split()
    for count in range(len(words), 0, -1):
        text = " ".join(words[:count])
        if len(sample_texts.cut(text)) == 1:
            return text
    raise listener.InvalidMeasurementError("No text becomes one segment.")


def resident_mb(process: psutil.Process) -> float:
    """The resident memory of a process in megabytes."""
    return float(process.memory_info().rss / MB)


def long_run(folder: Path, segments: int) -> dict[str, Any]:
    """The memory in megabytes by the number of spoken segments."""
    options = measure.Options(model=standin.MODEL, voices=standin.VOICES, quick=True)
    points: list[tuple[int, float]] = []
    with measure.farm(options.settings(folder / "long")) as running:
        voice = running.process("voice")
        while not points or points[-1][0] < segments:
            done = points[-1][0] if points else 0
            text = "\n\n".join(sample_texts.prose(done + seed, 40 * (seed % 11 + 1)) for seed in range(PARAGRAPHS))
            record = finished(running, running.client.submit(text, format="flac", voice=sample_texts.VOICE).job)
            points.append((done + record.segments_done, settled_mb(running, voice)))
    return {"points": points}


def finished(running: measure.Farm, job: str) -> JobRecord:
    """Wait for a job and return its record."""
    return listener.require_spoken(running.client.wait(job))


def growth_mb(points: list[tuple[int, float]]) -> float:
    """The rise of a straight line through the second half of the points, over that half."""
    steady = points[len(points) // 2 :]
    line = statistics.linear_regression([at for at, _ in steady], [megabytes for _, megabytes in steady])
    return line.slope * (steady[-1][0] - steady[0][0])


def most_mb(variant: str, lanes: str) -> float | None:
    """The goal for the memory after the longest segment; None if the variant has no goal."""
    most = next((most for name, most in MOST_MB.items() if variant.startswith(name)), None)
    return MOST_BULK_MB if most and lanes == BULK else most


def table(figures: dict[str, Any]) -> str:
    """The table for docs/performance.md."""
    body = []
    for variant, found in figures["workers"].items():
        for lanes, one in found.items():
            most = most_mb(variant, lanes)
            goal = f"after ≤ {most:,.0f}: {measure.verdict(one['after'] <= most)}" if most else ""
            states = [f"{one[state]:,.0f}" for state in ("ready", "warm", "peak", "after")]
            body.append((variant, "two sessions" if lanes == BOTH else "`CHORUS_LANES=bulk`", *states, goal))
    run = figures["run"]
    (_, first_mb), (segments, last_mb) = run["points"][0], run["points"][-1]
    grown_mb = growth_mb(run["points"])
    head = ("variant", "lanes", "ready, MB", "warm", f"peak at {MAX_TOKENS} tokens", "after", "goal")
    return (
        f"{measure.rows(head, body)}\n\nA worker that spoke {segments:,} varied segments with the stand-in voice went "
        f"from {first_mb:,.0f} to {last_mb:,.0f} MB. A straight line through the second half of the readings rises by "
        f"{grown_mb:+.1f} MB. Goal, no growth beyond {GROWTH_SHARE:.0%}: "
        f"{measure.verdict(grown_mb <= GROWTH_SHARE * last_mb)}."
    )


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plots for docs/performance.md."""
    arms = [(variant, lanes) for variant, found in figures["workers"].items() for lanes in found]
    states = ("ready", "warm", "peak", "after")
    states_drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="Resident memory of a voice worker", x="", y="MB"),
        [f"{variant}, {lanes}" for variant, lanes in arms],
        [(state, [figures["workers"][variant][lanes][state] for variant, lanes in arms]) for state in states],
    )
    run_drawn = plot.line_chart(
        measure.PLOTS / f"{NAME}-run.svg",
        plot.Axes(title="Resident memory over a long run", x="segments spoken", y="MB"),
        [plot.Series(name="voice worker", points=[(at, megabytes) for at, megabytes in figures["run"]["points"]])],
    )
    return [states_drawn, run_drawn]


if __name__ == "__main__":
    main()
