"""Measures the acceptance limits for speech from a queue, and says for each whether it is met or why it is not.

    .venv/bin/python benchmarks/gates.py KOKORO-SHAPED.onnx                 # 20 minutes of speech
    .venv/bin/python benchmarks/gates.py KOKORO-SHAPED.onnx --quick         # two minutes

First audio, memory and idle time are taken from the last results of live.py, memory.py and after_idle.py; this script
measures the rest. A listener reads a live job at the speed of playback, at most half a minute ahead, and a simulated
player counts how often the next chunk came too late. Drift is how much slower a book is spoken at its end than at its
beginning: only inference counts, per second of audio.
"""

import itertools
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import after_idle, listener, live, measure, memory, plot, sample_texts
from chorus import Kind
from chorus.wire import RATE_HZ
from tasks.engine import Utterance
from workers.engine.kokoro_engine import KokoroEngine
from workers.engine.opening import open_engine
from workers.optimise.preparing import ready

NAME = "gates"
START_S = 0.4
"""The audio that the simulated player buffers before it starts."""
AHEAD_S = 30.0
UNDER_WAY_S = 0.05
"""How long a keep-alive run has been running when the request arrives."""
CHARACTERS_PER_MINUTE = 850
NOT_MEASURED = "not measured"
FIRST_MS = {live.SHORT: 500, live.LONG: 800}
FACTOR = 0.6
MEMORY_MB = 300
DRIFT = 0.05
READY_S = 10
AFTER_IDLE_MS = 100
KEEP_ALIVE_MS = 50


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One acceptance limit and its measurement."""

    name: str
    bound: str
    found: str
    passed: bool | None
    """None: it was not measured, or does not apply."""
    reason: str = ""


def main() -> None:
    """Measure, save the results, and print the table."""
    options = measure.Options.read(__doc__)
    minutes = options.minutes or (2.0 if options.quick else 20.0)
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        figures = {
            "ready_s": running.ready_s,
            "play": play(running, minutes),
            "book": book(running, minutes),
        }
    with measure.scratch() as home:
        figures["keep_alive"] = during_keep_alive(options, home, 6 if options.quick else 20)
    options.save(NAME, f"{options.conditions(running.model.variant)}, {minutes:g} minutes of speech", figures)
    print(table(figures))


def play(running: measure.Farm, minutes: float) -> dict[str, Any]:
    """Read a live job at the speed of playback; how often the player had nothing to play, and for how long."""
    text = sample_texts.prose(7, round(minutes * CHARACTERS_PER_MINUTE))
    began_s = time.perf_counter()
    job = running.client.submit(text, live=True, voice=sample_texts.VOICE).job
    arrivals: list[tuple[float, float]] = []
    with running.client.listen(job) as chunks:
        for chunk in chunks:
            if chunk.kind is Kind.AUDIO:
                arrivals.append((time.perf_counter() - began_s, len(chunk.pcm) / 2 / RATE_HZ))
                # The pace does not depend on stalls: a reader must not read faster after one.
                played_s = time.perf_counter() - began_s - arrivals[0][0]
                time.sleep(max(0.0, sum(audio_s for _, audio_s in arrivals) - AHEAD_S - played_s))
    listener.require_spoken(running.client.wait(job))
    stalls = listener.underruns(arrivals, start_s=START_S)
    return {"audio_s": sum(audio_s for _, audio_s in arrivals), "stalls_s": stalls}


def book(running: measure.Farm, minutes: float) -> dict[str, Any]:
    """Render a book; over time, the seconds of audio so far and the seconds of inference for it."""
    running.wait_until_idle()
    text = sample_texts.prose(8, round(minutes * CHARACTERS_PER_MINUTE))
    job = running.client.submit(text, format="flac", voice=sample_texts.VOICE).job
    points: list[tuple[float, float]] = []
    while not (record := running.client.job(job)).finished:
        point = (record.frames / RATE_HZ, record.audio_wall_ms / 1000)
        if not points or point != points[-1]:
            points.append(point)
        time.sleep(0.1)
    listener.require_spoken(record)
    wall_s = ((record.finished_ms or 0) - record.created_ms) / 1000
    return {"looks": points, "audio_s": record.frames / RATE_HZ, "wall_s": wall_s, "drift": drift(points)}


def drift(points: list[tuple[float, float]]) -> float:
    """How much more inference a second of audio takes in the last quarter than in the first, as a share."""
    quarter = len(points) // 4
    if not quarter:
        raise listener.InvalidMeasurementError(
            f"{len(points)} segments are too few to measure drift: run it for longer."
        )
    early, late = inference_factor(points[0], points[quarter]), inference_factor(points[-1 - quarter], points[-1])
    return late / early - 1


def inference_factor(begin: tuple[float, float], end: tuple[float, float]) -> float:
    """Seconds of inference per second of audio, between two points."""
    return (end[1] - begin[1]) / (end[0] - begin[0])


def during_keep_alive(options: measure.Options, home: Path, times: int) -> dict[str, list[float]]:
    """Milliseconds of a short utterance on an idle engine, and of one that arrives during a keep-alive run."""
    settings = options.settings(home)
    model = ready(settings, print)
    engine = open_engine(model, settings)
    engine.warm_up()
    found: dict[str, list[float]] = {"idle_ms": [], "kept_ms": []}
    for sentence in itertools.islice(sample_texts.short_sentences(), times):
        utterance = Utterance(phonemes=sample_texts.cut(sentence)[0].phonemes, voice=sample_texts.VOICE)
        found["idle_ms"].append(spoken_ms(engine, utterance))
        beats = [threading.Thread(target=beat, kwargs={"idle_s": 0.0}) for beat in engine.beats()]
        for beat in beats:
            beat.start()
        time.sleep(UNDER_WAY_S)
        found["kept_ms"].append(spoken_ms(engine, utterance))
        for beat in beats:
            beat.join()
    engine.close()
    return found


def spoken_ms(engine: KokoroEngine, utterance: Utterance) -> float:
    """The milliseconds that one utterance takes on the live lane."""
    began_s = time.perf_counter()
    engine.speak(utterance, "live")
    return (time.perf_counter() - began_s) * 1000


def limits(figures: dict[str, Any]) -> list[Limit]:
    """All acceptance limits with their measurements."""
    return [*_first_audio(), _speed(figures), _memory(), *_measured_here(figures), _after_idle(), *_not_applicable()]


def _first_audio() -> Iterator[Limit]:
    result = measure.load(live.NAME)
    for name, bound in FIRST_MS.items():
        if result is None:
            yield Limit(name=f"first audio p95, {name}", bound=f"≤ {bound} ms", found=NOT_MEASURED, passed=None)
            continue
        found = result["figures"][name]
        first, raw = measure.p95(found["first_ms"]), measure.p95(found["raw_ms"])
        reason = f"inference of the first segment takes {raw:.0f} ms of it, alone on all cores" * (first > bound)
        yield Limit(
            name=f"first audio p95, {name}",
            bound=f"≤ {bound} ms",
            found=f"{first:.0f} ms",
            passed=first <= bound,
            reason=reason,
        )


def _speed(figures: dict[str, Any]) -> Limit:
    factor = figures["book"]["wall_s"] / figures["book"]["audio_s"]
    return Limit(name="real-time factor of a book", bound=f"≤ {FACTOR}", found=f"{factor:.2f}", passed=factor <= FACTOR)


def _memory() -> Limit:
    result = measure.load(memory.NAME)
    name, bound = "memory of a voice worker, smallest variant", f"≤ {MEMORY_MB} MB"
    if result is None:
        return Limit(name=name, bound=bound, found=NOT_MEASURED, passed=None)
    workers = result["figures"]["workers"].items()
    least, variant = min((one["warm"], variant) for variant, found in workers for one in found.values())
    reason = f"with `{variant}`; in fp32 the 81.8 million weights alone take 325 MB, and a session needs working memory"
    reason *= least > MEMORY_MB
    return Limit(name=name, bound=bound, found=f"{least:,.0f} MB", passed=least <= MEMORY_MB, reason=reason)


def _measured_here(figures: dict[str, Any]) -> Iterator[Limit]:
    played, rendered = figures["play"], figures["book"]
    stalls, minutes = played["stalls_s"], played["audio_s"] / 60
    yield Limit(
        name="underruns",
        bound="≤ 1 in 10 minutes",
        found=f"{len(stalls)} in {minutes:.1f} minutes, {sum(stalls):.1f} s",
        passed=len(stalls) <= max(1, minutes / 10),
    )
    yield Limit(
        name=f"drift over {rendered['audio_s'] / 60:.0f} minutes of speech",
        bound=f"≤ {DRIFT:.0%}",
        found=f"{rendered['drift']:+.1%}",
        passed=rendered["drift"] <= DRIFT,
    )
    yield Limit(
        name="start of the stack until ready",
        bound=f"< {READY_S} s",
        found=f"{figures['ready_s']:.1f} s",
        passed=figures["ready_s"] < READY_S,
        reason="server, desk and voice worker, sessions loaded and warm",
    )
    pairs = zip(figures["keep_alive"]["idle_ms"], figures["keep_alive"]["kept_ms"], strict=True)
    later_ms = statistics.median(kept - idle for idle, kept in pairs)
    yield Limit(
        name="delay of a request during a keep-alive run",
        bound=f"< {KEEP_ALIVE_MS} ms",
        found=f"{later_ms:+.0f} ms",
        passed=later_ms < KEEP_ALIVE_MS,
    )


def _after_idle() -> Limit:
    result = measure.load(after_idle.NAME)
    name, bound = "delay of the first request after idle minutes", f"< {AFTER_IDLE_MS} ms"
    if result is None:
        return Limit(name=name, bound=bound, found=NOT_MEASURED, passed=None)
    more_ms = after_idle.added_ms(result["figures"]["arms"][after_idle.KEPT])
    reason = f"{result['figures']['minutes']:g} idle minutes; sessions kept warm"
    return Limit(name=name, bound=bound, found=f"{more_ms:+.0f} ms", passed=more_ms < AFTER_IDLE_MS, reason=reason)


def _not_applicable() -> Iterator[Limit]:
    yield Limit(
        name="loudness and true peak",
        bound="−16 ± 1 LUFS, ≤ −1 dBTP",
        found="not normalised",
        passed=None,
        reason="audio is stored at the voice's own loudness; each part's sidecar records its loudness",
    )


def table(figures: dict[str, Any]) -> str:
    """The table for docs/performance.md."""
    words = {True: "passed", False: "**missed**", None: ""}
    return measure.rows(
        ("what", "limit", "measured", "result", "remark"),
        [(limit.name, limit.bound, limit.found, words[limit.passed], limit.reason) for limit in limits(figures)],
    )


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot for docs/performance.md."""
    points = figures["book"]["looks"]
    factors = [(end[0], inference_factor(begin, end)) for begin, end in itertools.pairwise(points)]
    drawn = plot.line_chart(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="Inference over a book", x="seconds of audio spoken", y="seconds of inference per second"),
        [plot.Series(name="segments", points=factors)],
    )
    return [drawn]


if __name__ == "__main__":
    main()
