"""Measures every gate that the reference sets for a voice on a queue, and says of each if it is passed, or why not.

    .venv/bin/python benchmarks/gates.py KOKORO-SHAPED.onnx                 # 20 minutes of speech
    .venv/bin/python benchmarks/gates.py KOKORO-SHAPED.onnx --quick         # two minutes

First audio, memory and the wait are taken from what live.py, memory.py and after_idle.py measured last; this one
measures the rest. A listener reads a live job at the pace of its sound, never more than half a minute ahead, and a
player's clock counts where the next piece came too late. Drift is how much slower a book is spoken at its end than at
its beginning, inference alone: each segment's time by its length.
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

from benchmarks import after_idle, hearing, live, measure, memory, plot, wording
from chorus import Kind
from chorus.wire import RATE_HZ
from tasks.engine import Utterance
from workers.engine.kokoro_engine import KokoroEngine
from workers.engine.opening import open_engine
from workers.optimise.preparing import ready

NAME = "gates"
START_S = 0.4
"""What the reference's player holds before it begins."""
AHEAD_S = 30.0
UNDER_WAY_S = 0.05
"""How long a beat has been running when somebody comes."""
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
class Gate:
    """One of the reference's bounds."""

    name: str
    bound: str
    found: str
    passed: bool | None
    """None: there is nothing to pass."""
    reason: str = ""


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    minutes = options.minutes or (2.0 if options.quick else 20.0)
    with measure.scratch() as home, measure.farm(options.settings(home)) as running:
        figures = {
            "ready_s": running.ready_s,
            "play": played(running, minutes),
            "book": book(running, minutes),
        }
    with measure.scratch() as home:
        figures["keep_alive"] = given_way(options, home, 6 if options.quick else 20)
    options.keep(NAME, f"{options.told(running.model.variant)}, {minutes:g} minutes of speech", figures)
    print(table(figures))


def played(running: measure.Farm, minutes: float) -> dict[str, Any]:
    """A live job, read at the pace of its sound: how often the player ran dry, and for how long."""
    text = wording.prose(7, round(minutes * CHARACTERS_PER_MINUTE))
    began_s = time.perf_counter()
    job = running.client.submit(text, live=True, voice=wording.VOICE).job
    arrivals: list[tuple[float, float]] = []
    with running.client.listen(job) as listener:
        for chunk in listener:
            if chunk.kind is Kind.AUDIO:
                arrivals.append((time.perf_counter() - began_s, len(chunk.pcm) / 2 / RATE_HZ))
                # Stalls move the end of the sound, not this: a reader that was late is not to hurry.
                played_s = time.perf_counter() - began_s - arrivals[0][0]
                time.sleep(max(0.0, sum(audio_s for _, audio_s in arrivals) - AHEAD_S - played_s))
    hearing.require_spoken(running.client.wait(job))
    stalls = hearing.underruns(arrivals, start_s=START_S)
    return {"audio_s": sum(audio_s for _, audio_s in arrivals), "stalls_s": stalls}


def book(running: measure.Farm, minutes: float) -> dict[str, Any]:
    """A file job: after each look the seconds of audio so far and the seconds of inference they took."""
    running.rest()
    text = wording.prose(8, round(minutes * CHARACTERS_PER_MINUTE))
    job = running.client.submit(text, format="flac", voice=wording.VOICE).job
    looks: list[tuple[float, float]] = []
    while not (record := running.client.job(job)).finished:
        look = (record.frames / RATE_HZ, record.audio_wall_ms / 1000)
        if not looks or look != looks[-1]:
            looks.append(look)
        time.sleep(0.1)
    hearing.require_spoken(record)
    wall_s = ((record.finished_ms or 0) - record.created_ms) / 1000
    return {"looks": looks, "audio_s": record.frames / RATE_HZ, "wall_s": wall_s, "drift": drift(looks)}


def drift(looks: list[tuple[float, float]]) -> float:
    """How much more inference a second of audio takes in the last quarter than in the first, as a share."""
    quarter = len(looks) // 4
    if not quarter:
        raise hearing.RefusedError(f"{len(looks)} segments tell no drift: measure for longer.")
    early, late = dearness(looks[0], looks[quarter]), dearness(looks[-1 - quarter], looks[-1])
    return late / early - 1


def dearness(begin: tuple[float, float], end: tuple[float, float]) -> float:
    """Seconds of inference to a second of audio, between two looks."""
    return (end[1] - begin[1]) / (end[0] - begin[0])


def given_way(options: measure.Options, home: Path, times: int) -> dict[str, list[float]]:
    """Milliseconds of a short utterance on an idle engine, and of one that comes while each session is kept warm."""
    settings = options.settings(home)
    model = ready(settings, print)
    engine = open_engine(model, settings)
    engine.warm_up()
    found: dict[str, list[float]] = {"idle_ms": [], "kept_ms": []}
    for saying in itertools.islice(wording.sayings(), times):
        utterance = Utterance(phonemes=wording.cut(saying)[0].phonemes, voice=wording.VOICE)
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
    """Milliseconds of one utterance on the live lane."""
    began_s = time.perf_counter()
    engine.speak(utterance, "live")
    return (time.perf_counter() - began_s) * 1000


def gates(figures: dict[str, Any]) -> list[Gate]:
    """The reference's list, in its order."""
    return [*_first_audio(), _speed(figures), _memory(), *_own(figures), _after_idle(), *_answered()]


def _first_audio() -> Iterator[Gate]:
    told = measure.kept(live.NAME)
    for name, bound in FIRST_MS.items():
        if told is None:
            yield Gate(name=f"first audio p95, {name}", bound=f"≤ {bound} ms", found=NOT_MEASURED, passed=None)
            continue
        found = told["figures"][name]
        first, raw = measure.p95(found["first_ms"]), measure.p95(found["raw_ms"])
        reason = f"of it {raw:.0f} ms are the inference of the first segment, alone on all cores" * (first > bound)
        yield Gate(
            name=f"first audio p95, {name}",
            bound=f"≤ {bound} ms",
            found=f"{first:.0f} ms",
            passed=first <= bound,
            reason=reason,
        )


def _speed(figures: dict[str, Any]) -> Gate:
    factor = figures["book"]["wall_s"] / figures["book"]["audio_s"]
    return Gate(name="real-time factor of a book", bound=f"≤ {FACTOR}", found=f"{factor:.2f}", passed=factor <= FACTOR)


def _memory() -> Gate:
    told = measure.kept(memory.NAME)
    name, bound = "memory of a voice worker, the least", f"≤ {MEMORY_MB} MB"
    if told is None:
        return Gate(name=name, bound=bound, found=NOT_MEASURED, passed=None)
    workers = told["figures"]["workers"].items()
    least, variant = min((one["warm"], variant) for variant, found in workers for one in found.values())
    reason = f"as `{variant}`; 81.8 million weights are 325 MB in fp32, and a session's working memory comes on top"
    reason *= least > MEMORY_MB
    return Gate(name=name, bound=bound, found=f"{least:,.0f} MB", passed=least <= MEMORY_MB, reason=reason)


def _own(figures: dict[str, Any]) -> Iterator[Gate]:
    play, told = figures["play"], figures["book"]
    stalls, minutes = play["stalls_s"], play["audio_s"] / 60
    yield Gate(
        name="underruns",
        bound="≤ 1 in 10 minutes",
        found=f"{len(stalls)} in {minutes:.1f} minutes, {sum(stalls):.1f} s",
        passed=len(stalls) <= max(1, minutes / 10),
    )
    yield Gate(
        name=f"drift over {told['audio_s'] / 60:.0f} minutes of speech",
        bound=f"≤ {DRIFT:.0%}",
        found=f"{told['drift']:+.1%}",
        passed=told["drift"] <= DRIFT,
    )
    yield Gate(
        name="ready, from nothing",
        bound=f"< {READY_S} s",
        found=f"{figures['ready_s']:.1f} s",
        passed=figures["ready_s"] < READY_S,
        reason="server, desk and voice worker, sessions loaded and warm",
    )
    pairs = zip(figures["keep_alive"]["idle_ms"], figures["keep_alive"]["kept_ms"], strict=True)
    later_ms = statistics.median(kept - idle for idle, kept in pairs)
    yield Gate(
        name="keep-alive, what it costs who comes meanwhile",
        bound=f"< {KEEP_ALIVE_MS} ms",
        found=f"{later_ms:+.0f} ms",
        passed=later_ms < KEEP_ALIVE_MS,
    )


def _after_idle() -> Gate:
    told = measure.kept(after_idle.NAME)
    name, bound = "first request after a rest", f"< {AFTER_IDLE_MS} ms more"
    if told is None:
        return Gate(name=name, bound=bound, found=NOT_MEASURED, passed=None)
    more_ms = after_idle.added_ms(told["figures"]["arms"][after_idle.KEPT])
    reason = f"{told['figures']['minutes']:g} idle minutes; sessions kept warm"
    return Gate(name=name, bound=bound, found=f"{more_ms:+.0f} ms", passed=more_ms < AFTER_IDLE_MS, reason=reason)


def _answered() -> Iterator[Gate]:
    yield Gate(
        name="loudness and true peak",
        bound="−16 ± 1 LUFS, ≤ −1 dBTP",
        found="as the voice speaks",
        passed=None,
        reason="audio is not made louder or softer; each part's loudness stands in its sidecar",
    )


def table(figures: dict[str, Any]) -> str:
    """For docs/performance.md."""
    words = {True: "passed", False: "**missed**", None: ""}
    return measure.rows(
        ("gate", "bound", "measured", "", "why"),
        [(gate.name, gate.bound, gate.found, words[gate.passed], gate.reason) for gate in gates(figures)],
    )


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot of docs/performance.md."""
    looks = figures["book"]["looks"]
    factors = [(end[0], dearness(begin, end)) for begin, end in itertools.pairwise(looks)]
    drawn = plot.line_chart(
        measure.PLOTS / f"{NAME}.svg",
        plot.Axes(title="Inference over a book", x="seconds of audio spoken", y="seconds of inference per second"),
        [plot.Series(name="segments", points=factors)],
    )
    return [drawn]


if __name__ == "__main__":
    main()
