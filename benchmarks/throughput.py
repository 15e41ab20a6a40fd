"""Measures what the farm takes of a machine's speed: a text from its submit to its file, against raw inference.

    .venv/bin/python benchmarks/throughput.py KOKORO-SHAPED.onnx

Raw is one session in this process and as many threads as the farm has slots, each taking the next of the very segments
that the planner cuts: the most this machine gives. The farm reads, cuts, queues, speaks, checks, publishes, stores and
encodes meanwhile. The arms alternate; the farm's clock is the server's, from the job's creation to its file.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import hearing, measure, plot, wording
from benchmarks.raw import Raw
from chorus.wire import RATE_HZ
from tasks.segmenting.segments import Segment

NAME = "throughput"
LEAST = 0.97
RAW = "raw"
FORMATS = ("flac", "m4b")
"""The goal is the first one's. AAC costs its encoder's time besides, whoever encodes it."""
# The farm rounds to 16 bits and to whole pauses; more than this apart, the arms did not speak the same.
SAME_AUDIO = 0.01


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        figures = timed(options, running)
    options.keep(NAME, options.told(running.model.variant), figures)
    print(table(figures))


def timed(options: measure.Options, running: measure.Farm) -> dict[str, Any]:
    """Times real time of each arm, a text of its own each round."""
    slots = running.settings.bulk_slots()
    raw = Raw(running.model, threads=1)
    figures: dict[str, Any] = {"slots": slots, "audio_s": [], RAW: [], **{name: [] for name in FORMATS}}
    for number in range(2 if options.quick else 4):
        text = wording.prose(100 + number, 1500 if options.quick else 4000)
        segments = wording.cut(text)
        audio_s: list[float] = []
        for arm in measure.in_turn((RAW, *FORMATS), number):
            running.rest()
            if arm == RAW:
                heard_s, wall_s = raw.speak_all([segment.phonemes for segment in segments], slots=slots)
            else:
                heard_s, wall_s = spoken(running, text, arm, pauses_s(segments))
            audio_s.append(heard_s)
            figures[arm].append(heard_s / wall_s)
        if max(audio_s) / min(audio_s) > 1 + SAME_AUDIO:
            raise hearing.RefusedError(f"The arms did not speak the same: {audio_s} seconds.")
        figures["audio_s"].append(statistics.median(audio_s))
    return figures


def spoken(running: measure.Farm, text: str, form: str, silence_s: float) -> tuple[float, float]:
    """Seconds of speech, pauses not counted, and seconds from the job's creation to its file."""
    job = running.client.submit(text, format=form, voice=wording.VOICE).job
    record = hearing.require_spoken(running.client.wait(job))
    return record.frames / RATE_HZ - silence_s, ((record.finished_ms or 0) - record.created_ms) / 1000


def pauses_s(segments: list[Segment]) -> float:
    """Silence between and behind them."""
    return sum(segment.pause_ms for segment in segments) / 1000


def share(figures: dict[str, Any], form: str) -> float:
    """The farm's share of raw speed: the median of the rounds."""
    return statistics.median(farm / raw for farm, raw in zip(figures[form], figures[RAW], strict=True))


def table(figures: dict[str, Any]) -> str:
    """For docs/performance.md."""
    body = [(f"`session.run`, {figures['slots']} threads on one session", *told(figures[RAW]), "1", "")]
    for form in FORMATS:
        reached = share(figures, form)
        goal = f"≥ {LEAST}: {measure.verdict(reached >= LEAST)}" if form == FORMATS[0] else ""
        body.append((f"the whole farm, from text to {form}", *told(figures[form]), f"{reached:.3f}", goal))
    return measure.rows(("", "times real time, by round", "median", "share of raw", "goal"), body)


def told(speeds: list[float]) -> tuple[str, str]:
    """Each round, and their median."""
    return " · ".join(f"{one:.2f}" for one in speeds), f"{statistics.median(speeds):.2f}"


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot of docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="The whole farm against raw inference", x="round", y="times real time"),
        [str(number) for number in range(1, len(figures[RAW]) + 1)],
        [("session.run on all cores", figures[RAW]), *((f"from text to {form}", figures[form]) for form in FORMATS)],
    )
    return [drawn]


if __name__ == "__main__":
    main()
