"""Study: returning the arena's memory after every run, compared with keeping it for the next run.

    .venv/bin/python benchmarks/studies/arena.py KOKORO-SHAPED.onnx --prepared HOME

It uses the farm's graph, two threads on one session, and a text of a dozen segments.
"""

import statistics
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks import measure, sample_texts
from benchmarks.raw import RawInference
from benchmarks.studies.common import cost
from workers.inference.sessions import keeping, shrinking
from workers.models.resolving import resolve

ROUNDS = 3
SLOTS = 2


def main() -> None:
    """Print speed, processor time, fresh pages and memory of both; they take turns."""
    options = measure.Options.read(__doc__)
    with measure.scratch() as home:
        raw = RawInference(resolve(options.settings(home)), threads=1)
    texts = [segment.phonemes for segment in sample_texts.cut(sample_texts.prose(300, 1100))]
    found: dict[str, list[tuple[float, ...]]] = {"kept": [], "given back": []}
    for turn in range(ROUNDS):
        for name in measure.in_turn(found, turn):
            wishes = keeping() if name == "kept" else shrinking()
            found[name].append(spoken(partial(raw.speak_all, texts, slots=SLOTS, wishes=wishes)))
    for name, rounds in found.items():
        speed, cpu_s, pages, megabytes = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{name}: {speed:.2f} × real time, {cpu_s:.4f} s of a core and {pages:,.0f} fresh pages per second of")
        print(f"  audio, {megabytes:,.0f} MB afterwards")


def spoken(speak: "partial[tuple[float, float]]") -> tuple[float, ...]:
    """Speed relative to real time; seconds of a core and fresh pages per second of audio; megabytes afterwards."""
    (audio_s, wall_s), took = cost(speak)
    return audio_s / wall_s, took.cpu_s / audio_s, took.fresh_pages / audio_s, took.megabytes


if __name__ == "__main__":
    main()
