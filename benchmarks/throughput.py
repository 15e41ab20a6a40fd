"""Measures the throughput of the whole farm, from submitting a text to the finished file, against raw inference.

    .venv/bin/python benchmarks/throughput.py KOKORO-SHAPED.onnx

Raw inference uses one session in this process and as many threads as the farm has slots; each thread takes the next of
the planner's segments. This is the most that the machine can do. In the same time the farm also reads, cuts, queues,
validates, publishes, stores and encodes. The arms alternate; the farm's time is measured by the server's clock, from
the creation of the job to its file.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import listener, measure, plot, sample_texts
from benchmarks.raw import RawInference
from chorus.wire import RATE_HZ
from tasks.segmenting.segments import Segment

NAME = "throughput"
LEAST = 0.97
RAW = "raw"
FORMATS = ("flac", "m4b")
"""The goal applies to the first format. Encoding AAC takes additional time in any program."""
# The farm rounds samples to 16 bits and pauses to whole samples. A larger difference means that the arms spoke
# different text.
SAME_AUDIO = 0.01


def main() -> None:
    """Measure, save the results, and print the table."""
    options = measure.Options.read(__doc__)
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        figures = timed(options, running)
    options.save(NAME, options.conditions(running.model.variant), figures)
    print(table(figures))


def timed(options: measure.Options, running: measure.Farm) -> dict[str, Any]:
    """The speed of each arm relative to real time, with another text each round."""
    slots = running.settings.bulk_slots()
    raw = RawInference(running.model, threads=1)
    figures: dict[str, Any] = {"slots": slots, "audio_s": [], RAW: [], **{name: [] for name in FORMATS}}
    for number in range(2 if options.quick else 4):
        text = sample_texts.prose(100 + number, 1500 if options.quick else 4000)
        segments = sample_texts.cut(text)
        audio_s: list[float] = []
        for arm in measure.in_turn((RAW, *FORMATS), number):
            running.wait_until_idle()
            if arm == RAW:
                spoken_s, wall_s = raw.speak_all([segment.phonemes for segment in segments], slots=slots)
            else:
                spoken_s, wall_s = spoken(running, text, arm, pauses_s(segments))
            audio_s.append(spoken_s)
            figures[arm].append(spoken_s / wall_s)
        if max(audio_s) / min(audio_s) > 1 + SAME_AUDIO:
            raise listener.InvalidMeasurementError(f"The arms spoke audio of different lengths: {audio_s} seconds.")
        figures["audio_s"].append(statistics.median(audio_s))
    return figures


def spoken(running: measure.Farm, text: str, form: str, silence_s: float) -> tuple[float, float]:
    """Seconds of speech without pauses, and seconds from the job's creation to its file."""
    job = running.client.submit(text, format=form, voice=sample_texts.VOICE).job
    record = listener.require_spoken(running.client.wait(job))
    return record.frames / RATE_HZ - silence_s, ((record.finished_ms or 0) - record.created_ms) / 1000


def pauses_s(segments: list[Segment]) -> float:
    """Seconds of silence between and after the segments."""
    return sum(segment.pause_ms for segment in segments) / 1000


def share(figures: dict[str, Any], form: str) -> float:
    """The farm's speed relative to raw inference: the median of the rounds."""
    return statistics.median(farm / raw for farm, raw in zip(figures[form], figures[RAW], strict=True))


def table(figures: dict[str, Any]) -> str:
    """The table for docs/performance.md."""
    body = [(f"`session.run`, {figures['slots']} threads on one session", *speeds(figures[RAW]), "1", "")]
    for form in FORMATS:
        reached = share(figures, form)
        goal = f"≥ {LEAST}: {measure.verdict(reached >= LEAST)}" if form == FORMATS[0] else ""
        body.append((f"the whole farm, from text to {form}", *speeds(figures[form]), f"{reached:.3f}", goal))
    return measure.rows(("", "× real time, each round", "median", "share of raw inference", "goal"), body)


def speeds(rounds: list[float]) -> tuple[str, str]:
    """The speed of each round, and the median, as text."""
    return " · ".join(f"{one:.2f}" for one in rounds), f"{statistics.median(rounds):.2f}"


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot for docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="The whole farm compared with raw inference", x="round", y="× real time"),
        [str(number) for number in range(1, len(figures[RAW]) + 1)],
        [("session.run on all cores", figures[RAW]), *((f"from text to {form}", figures[form]) for form in FORMATS)],
    )
    return [drawn]


if __name__ == "__main__":
    main()
