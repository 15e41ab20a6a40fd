"""Compares the farm with kokoro-onnx, used as its README shows: the same model file, the same text, all cores.

    .venv/bin/python benchmarks/versus.py KOKORO-SHAPED.onnx

`create()` runs with its own session and defaults. Speed is seconds of speech per second of wall time; the silence that
either puts between sentences does not count, since it takes no computing. The farm is timed from the job's creation to
its file, once for each variant of the model. The first sound of `create_stream()` is its first chunk that is not
silent; the farm's is the first sound that a listener receives, measured from the submit. All arms alternate.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import listener, measure, plot, sample_texts
from benchmarks.throughput import FORMATS, pauses_s, spoken
from chorus.wire import RATE_HZ
from tasks.audio.pcm import to_pcm

NAME = "versus"
THEIRS = "kokoro-onnx"
GOALS = {measure.FAST: 1.7, "int8": 2.6}
"""The goal for the speed relative to kokoro-onnx, by the beginning of a variant's name."""
SOONER = 10.0


def main() -> None:
    """Measure, save the results, and print the table."""
    options = measure.Options.read(__doc__)
    with measure.scratch() as folder:
        variants = measure.variants(options, folder)
        with farms(options, folder, variants) as ours:
            speed, first_ms = speeds(options, ours), first_sounds(options, ours[measure.lossless(ours)])
    figures = {"speed": speed, "first_ms": first_ms, "variants": variants}
    options.save(NAME, options.conditions(f"kokoro-onnx {version('kokoro-onnx')}"), figures)
    print(table(figures))


@contextmanager
def farms(options: measure.Options, folder: Path, variants: Iterable[str]) -> Iterator[dict[str, measure.Farm]]:
    """A farm for each variant; all are idle except the one that is timed."""
    with ExitStack() as running:
        found = {}
        for variant in variants:
            found[variant] = running.enter_context(measure.farm(options.settings(folder / variant, variant)))
        yield found


class CountingSession:
    """Wraps kokoro-onnx's session: counts the samples, and can stop a stream by raising an error in its next run."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.frames = 0
        self.runs_left = -1

    def run(self, *given: Any) -> Any:
        """Run the session and count the samples of its output."""
        if not self.runs_left:
            raise StopRunningError
        self.runs_left -= 1
        outputs = self._session.run(*given)
        self.frames += outputs[0].size
        return outputs


class StopRunningError(Exception):
    """The rest of a stream is not needed."""


def kokoro_onnx_session(options: measure.Options) -> tuple[Any, CountingSession]:
    """kokoro-onnx, created as its README shows, and the session that counts its samples."""
    # Imported after workers, which switches onnxruntime's telemetry off.
    import kokoro_onnx  # noqa: PLC0415

    kokoro = kokoro_onnx.Kokoro(str(options.model), str(options.voices))
    kokoro.create("Nobody waits for this.", voice=sample_texts.VOICE)
    kokoro.sess = CountingSession(kokoro.sess)
    return kokoro, kokoro.sess


def speeds(options: measure.Options, ours: dict[str, measure.Farm]) -> dict[str, list[float]]:
    """The speed relative to real time, by arm and round."""
    kokoro, counted = kokoro_onnx_session(options)
    found: dict[str, list[float]] = {name: [] for name in (THEIRS, *ours)}
    for number in range(2 if options.quick else 4):
        text = sample_texts.prose(200 + number, 1000 if options.quick else 2000)
        silence_s = pauses_s(sample_texts.cut(text))
        for arm in measure.in_turn(found, number):
            for farm in ours.values():
                farm.wait_until_idle()
            if arm == THEIRS:
                counted.frames, began_s = 0, time.perf_counter()
                kokoro.create(text, voice=sample_texts.VOICE)
                found[arm].append(counted.frames / RATE_HZ / (time.perf_counter() - began_s))
            else:
                audio_s, wall_s = spoken(ours[arm], text, FORMATS[0], silence_s)
                found[arm].append(audio_s / wall_s)
    return found


def first_sounds(options: measure.Options, ours: measure.Farm) -> dict[str, list[float]]:
    """Milliseconds to the first sound of 800 characters."""
    kokoro, counted = kokoro_onnx_session(options)
    texts = [sample_texts.prose(300 + number, 800) for number in range(2 if options.quick else 5)]
    found: dict[str, list[float]] = {"create_stream()": [], "chorus": []}
    for text in texts:
        ours.wait_until_idle()
        found["create_stream()"].append(asyncio.run(first_of_stream(kokoro, counted, text)))
        found["chorus"].append(listener.first_sound_ms(ours.client, text))
    return found


async def first_of_stream(kokoro: Any, counted: CountingSession, text: str) -> float:
    """Milliseconds to the first chunk that is not silent; the rest of the stream is cancelled."""
    detector = listener.FirstSoundDetector(time.perf_counter())
    counted.runs_left = 1
    try:
        async for audio, _ in kokoro.create_stream(text, voice=sample_texts.VOICE):
            detector.feed(to_pcm(audio), time.perf_counter())
            if detector.has_sound:
                break
    finally:
        counted.runs_left = -1
    return detector.first_ms


def times(figures: dict[str, Any], arm: str) -> float:
    """The speed of an arm relative to kokoro-onnx: the median of the rounds."""
    pairs = zip(figures["speed"][arm], figures["speed"][THEIRS], strict=True)
    return statistics.median(ours / other for ours, other in pairs)


def sooner(figures: dict[str, Any]) -> float:
    """How many times sooner the farm's first sound is: the median of the pairs."""
    pairs = zip(figures["first_ms"]["create_stream()"], figures["first_ms"]["chorus"], strict=True)
    return statistics.median(other / ours for other, ours in pairs)


def table(figures: dict[str, Any]) -> str:
    """The tables for docs/performance.md."""
    body = [("`create()` of kokoro-onnx", f"{statistics.median(figures['speed'][THEIRS]):.2f}", "1", "")]
    for arm, found in figures["speed"].items():
        if arm != THEIRS:
            least = next((goal for name, goal in GOALS.items() if arm.startswith(name)), None)
            goal = f"≥ {least} ×: {measure.verdict(times(figures, arm) >= least)}" if least else ""
            body.append((f"Chorus, {arm}", f"{statistics.median(found):.2f}", f"{times(figures, arm):.2f} ×", goal))
    speed = measure.rows(("whole text to file", "× real time", "relative to `create()`", "goal"), body)
    first = measure.rows(
        ("800 characters", "first sound", "compared with `create_stream()`", "goal"),
        [
            ("`create_stream()`", f"{statistics.median(figures['first_ms']['create_stream()']) / 1000:.2f} s", "1", ""),
            (
                "Chorus, live",
                f"{statistics.median(figures['first_ms']['chorus']) / 1000:.2f} s",
                f"{sooner(figures):.1f} × sooner",
                f"≥ {SOONER:.0f} ×: {measure.verdict(sooner(figures) >= SOONER)}",
            ),
        ],
    )
    return f"{speed}{measure.remarks(figures['variants'])}\n\n{first}"


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot for docs/performance.md."""
    drawn = plot.bars(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="From a text to its file: kokoro-onnx and the farm", x="", y="× real time"),
        list(figures["speed"]),
        [("× real time", [statistics.median(found) for found in figures["speed"].values()])],
    )
    return [drawn]


if __name__ == "__main__":
    main()
