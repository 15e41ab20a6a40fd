"""Measures what a voice worker's memory comes to, and whether it grows.

    .venv/bin/python benchmarks/memory.py KOKORO-SHAPED.onnx                # also 4,000 segments of the stand-in
    .venv/bin/python benchmarks/memory.py KOKORO-SHAPED.onnx --quick        # 500 of them: too few to settle

It is the resident memory of the worker's own process, read from outside: `ready` when it has signed in, its sessions
loaded and warm; `warm` after usual segments; `peak` while as many segments of nearly 510 tokens are spoken as there
are slots; `after` once they are done, and some seconds later, when the arenas have been given back. The growth is that
of a straight line through the second half of a long run of varied segments, at rest after each sixty of them: by
then it has met the longest, and the allocator has its heaps. While it speaks, an arena holds the most that two segments
ever needed at one time, which rises in steps for long. The stand-in speaks them in minutes, and its process is the same
but for the weights.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import hearing, measure, plot, wording
from chorus.records import JobRecord
from chorus.vocabulary import MAX_TOKENS
from workers import standin
from workers.inference.kept_memory import KEPT_S
from workers.upkeep.ticker import TURN_S

NAME = "memory"
BOTH, BULK = "both", "bulk"
MB = 1e6
MOST_MB = {measure.FAST: 1400, "int8": 1000}
"""With two sessions, by the beginning of a variant's name."""
MOST_BULK_MB = 900
LOOK_S = 0.05
PARAGRAPHS = 24
"""Of 40 to 440 characters each, to one look at the memory."""
# An allocator's pages come and go; less than this over 2,000 segments is no growth.
STILL = 0.02


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    figures: dict[str, Any] = {"workers": {}, "run": {}}
    with measure.scratch() as folder:
        figures["variants"] = measure.variants(options, folder)
        for variant in figures["variants"]:
            for lanes in (BOTH, BULK):
                settings = options.settings(folder / f"{variant}-{lanes}", variant, lanes=lanes)
                with measure.farm(settings) as running:
                    figures["workers"].setdefault(variant, {})[lanes] = worker(running)
        figures["run"] = long_run(folder, 500 if options.quick else 4000)
    options.keep(NAME, options.told("each variant"), figures)
    print(table(figures))


def worker(running: measure.Farm) -> dict[str, float]:
    """Megabytes of a voice worker in its states."""
    voice = running.process("voice")
    found = {"ready": resident_mb(voice)}
    watch(running, wording.prose(1, 300))
    found["warm"] = settled_mb(running, voice)
    slots = running.settings.bulk_slots()
    found["peak"] = max(watch(running, "\n\n".join(breathless(seed) for seed in range(slots))))
    found["after"] = settled_mb(running, voice)
    return found


def settled_mb(running: measure.Farm, voice: psutil.Process) -> float:
    """What it holds once nothing waits any more for a next segment."""
    running.rest()
    time.sleep(KEPT_S + 3 * TURN_S)
    running.rest()
    return resident_mb(voice)


def watch(running: measure.Farm, text: str) -> list[float]:
    """The worker's megabytes while it speaks a text."""
    voice, seen = running.process("voice"), []
    job = running.client.submit(text, format="flac", voice=wording.VOICE).job
    while not (record := running.client.job(job)).finished:
        seen.append(resident_mb(voice))
        time.sleep(LOOK_S)
    hearing.require_spoken(record)
    return [*seen, resident_mb(voice)]


def breathless(seed: int) -> str:
    """A sentence of nearly as many tokens as the model takes, without a place to breathe: it becomes one segment."""
    words = wording.prose(seed, 700).replace(",", "").replace(".", "").replace(" and ", " ").lower().split()
    for count in range(len(words), 0, -1):
        text = " ".join(words[:count])
        if len(wording.cut(text)) == 1:
            return text
    raise hearing.RefusedError("No text becomes one segment.")


def resident_mb(process: psutil.Process) -> float:
    """What it holds in memory."""
    return float(process.memory_info().rss / MB)


def long_run(folder: Path, segments: int) -> dict[str, Any]:
    """Megabytes by the number of segments spoken."""
    options = measure.Options(model=standin.MODEL, voices=standin.VOICES, quick=True)
    points: list[tuple[int, float]] = []
    with measure.farm(options.settings(folder / "long")) as running:
        voice = running.process("voice")
        while not points or points[-1][0] < segments:
            done = points[-1][0] if points else 0
            text = "\n\n".join(wording.prose(done + seed, 40 * (seed % 11 + 1)) for seed in range(PARAGRAPHS))
            record = over(running, running.client.submit(text, format="flac", voice=wording.VOICE).job)
            points.append((done + record.segments_done, settled_mb(running, voice)))
    return {"points": points}


def over(running: measure.Farm, job: str) -> JobRecord:
    """The finished job."""
    return hearing.require_spoken(running.client.wait(job))


def growth_mb(points: list[tuple[int, float]]) -> float:
    """What the line through the second half rises in it: by then everything was met that comes again."""
    steady = points[len(points) // 2 :]
    line = statistics.linear_regression([at for at, _ in steady], [megabytes for _, megabytes in steady])
    return line.slope * (steady[-1][0] - steady[0][0])


def most_mb(variant: str, lanes: str) -> float | None:
    """The goal after the longest segment; None where there is none."""
    most = next((most for name, most in MOST_MB.items() if variant.startswith(name)), None)
    return MOST_BULK_MB if most and lanes == BULK else most


def table(figures: dict[str, Any]) -> str:
    """For docs/performance.md."""
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
    head = ("variant", "", "ready MB", "warm", f"peak at {MAX_TOKENS} tokens", "after", "goal")
    return (
        f"{measure.rows(head, body)}\n\nOver {segments:,} varied segments of the stand-in voice a worker went "
        f"from {first_mb:,.0f} to {last_mb:,.0f} MB; the line through the second half of them rises by {grown_mb:+.1f} "
        f"MB. The goal is none: {measure.verdict(grown_mb <= STILL * last_mb)}."
    )


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plots of docs/performance.md."""
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
