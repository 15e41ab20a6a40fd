"""The stages that decide: `validate` hears each variant beside the model, `bench` times them, `choose` takes one.

Each variant speaks in a process of its own (`trial`). Knows nothing of how a variant was made.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from chorus.errors import FarmError
from workers.inference.quality import Rendering, compare
from workers.models.variants import ORIGINAL, RAW, Variant, VariantChoice
from workers.optimise import lossy, trial
from workers.optimise.phrases import phrases
from workers.optimise.stages import StageFinding, Work

_ROUNDS = 2
_COMPARABLE, _TURNS = 2, 2
# The original differs from itself by chance; so does the distance between two of its runs.
_LEEWAY = 1.1
# Where there is no chance in the original: what another order of additions makes of the source's phase.
_UNHEARD_DB = 0.5
FASTER = 1.1
"""So many times faster a variant must be than the original to be worth its disk: what noise measures is no gain."""


def validate(work: Work) -> StageFinding:
    """Compare each variant nobody has looked at with the model as it is."""
    waiting = [one for one in work.manifest.variants.values() if one.valid is None]
    if not waiting:
        return StageFinding(changed=False, lines=("every variant was validated before",))
    order = trial.TrialRequest(
        graph=str(work.source.path), optimised=False, voices=str(work.source.voices),
        phrases=phrases(work.source.voices), rounds=_ROUNDS,
    )  # fmt: skip
    raw = trial.hold(order)
    lines = []
    for variant in waiting:
        try:
            held = trial.hold(replace(order, graph=str(work.graph(variant.name)), optimised=True))
            judged = compared(raw, held) if variant.lossless else lossy.judged(_original(work, order), held)
            valid, why, numbers = judged[0], judged[1], {**judged[2], **measured(held)}
        except FarmError as error:
            # One that kills its process is refused; the others are none the worse for it.
            valid, why, numbers = False, f"refused: {error}", {}
        work.note(variant.name, valid=valid, why=why, numbers=numbers)
        lines.append(f"{variant.name}: {why}")
    return StageFinding(
        changed=True, lines=tuple(lines), found={one.name: one.valid for one in work.manifest.variants.values()}
    )


def _original(work: Work, order: trial.TrialRequest) -> trial.TrialResult:
    """The model with constant noise: beside it, nothing but the loss is heard."""
    return trial.hold(replace(order, graph=str(work.graph(ORIGINAL)), optimised=True, rounds=1))


def compared(raw: trial.TrialResult, heard: trial.TrialResult) -> tuple[bool, str, dict[str, float]]:
    """Whether these are two takes of one graph: as long, token by token, and no further apart than its own two are."""
    same_length = all(
        mine.frames == theirs.frames
        for takes, given in zip(heard.takes, raw.takes, strict=True)
        for mine in takes
        for theirs in given
    )
    if not same_length:
        return False, "refused: tokens last longer or shorter than in the original", {}
    if not all(np.isfinite(take.audio).all() for takes in heard.takes for take in takes):
        return False, "refused: some samples are not numbers", {}
    own_db = max(distance_db(first.audio, second.audio) for first, second in (takes[:2] for takes in raw.takes))
    distance = max(
        distance_db(mine.audio, theirs.audio)
        for takes, given in zip(heard.takes, raw.takes, strict=True)
        for mine in takes[:1]
        for theirs in given
    )
    again = all(np.array_equal(takes[0].audio, take.audio) for takes in heard.takes for take in takes[1:])
    numbers = {"distance_db": round(distance, 3), "own_distance_db": round(own_db, 3), "repeats": float(again)}
    told = f"{distance:.2f} dB from the original, which is {own_db:.2f} dB from itself from run to run"
    valid = distance <= max(own_db * _LEEWAY, _UNHEARD_DB)
    twice = "the same samples each time" if again else "other samples each time"
    return valid, f"{'durations equal' if valid else 'refused'}, {told}; {twice}", numbers


def distance_db(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of their spectra. The phase of Kokoro's source flips where samples differ by nothing: samples say nothing."""
    return compare(Rendering(audio=other), Rendering(audio=one)).log_spectral_db or 0.0


def bench(work: Work) -> StageFinding:
    """Time every valid variant, in turns, so that a noisy machine is noisy for all; processor time, one thread."""
    valid = [one.name for one in work.manifest.variants.values() if one.valid]
    if len(valid) < _COMPARABLE:
        return StageFinding(changed=False, lines=tuple(_told(work, name) for name in valid))
    said = phrases(work.source.voices)[-1:]
    orders = {
        name: trial.TrialRequest(
            graph=str(work.graph(name)), optimised=True, voices=str(work.source.voices), phrases=said, rounds=1
        )
        for name in valid
    }
    trials: dict[str, list[trial.TrialResult]] = {name: [] for name in valid}
    for _ in range(_TURNS):
        for name, order in orders.items():
            trials[name].append(trial.hold(order))
    cpu_s = {name: min(one.cpu_s() for one in held) for name, held in trials.items()}
    for name, held in trials.items():
        ratio = cpu_s[ORIGINAL] / cpu_s[name] if ORIGINAL in cpu_s else 1.0
        work.note(name, numbers={**measured(*held), "speed_ratio": round(ratio, 3)})
    found = {name: dict(work.manifest.variants[name].numbers) for name in valid}
    return StageFinding(changed=True, lines=tuple(_told(work, name) for name in valid), found=found)


def measured(*held: trial.TrialResult) -> dict[str, float]:
    """The best of these trials of one graph: what a noisy neighbour adds is no cost of it."""
    cpu_s = min(one.cpu_s() / one.audio_s() for one in held)
    return {
        "cpu_s_per_audio_s": round(cpu_s, 3),
        "load_s": round(min(one.load_s for one in held), 3),
        "loaded_mb": round(min(one.loaded_mb for one in held), 1),
        "rss_mb": round(min(one.rss_mb for one in held), 1),
    }


def _told(work: Work, name: str) -> str:
    variant = work.manifest.variants[name]
    numbers = variant.numbers
    ratio = f"{numbers['speed_ratio']:.2f} × the original's speed, " if "speed_ratio" in numbers else ""
    return (
        f"{name}: {ratio}{numbers['cpu_s_per_audio_s']:.2f} s of one core per second of audio; "
        f"loads in {numbers['load_s']:.1f} s, takes {numbers['rss_mb']:.0f} MB when it has spoken, "
        f"{variant.size_mb:.0f} MB on the disk"
    )


def choose(work: Work) -> StageFinding:
    """The fastest valid variant where it pays; a lossy one is among them only once it was validated here."""
    choice = chosen(work.manifest.variants.values())
    work.keep(replace(work.manifest, choice=choice))
    return StageFinding(changed=True, lines=(f"{choice.variant}: {choice.why}",), found={"variant": choice.variant})


def chosen(variants: Iterable[Variant]) -> VariantChoice:
    """Of these the fastest that is valid, if it is faster than the original by more than chance."""
    valid = [one for one in variants if one.valid]
    original = next((one for one in valid if one.name == ORIGINAL), None)
    best = max(valid, key=_speed, default=None)
    if best is None:
        return VariantChoice(variant=RAW, why="no variant passed, so the file is spoken as it is")
    if original is not None and (best is original or _speed(best) < FASTER):
        others = ", ".join(f"{one.name} {_speed(one):.2f} ×" for one in valid if one is not original)
        return VariantChoice(
            variant=ORIGINAL, why="nothing is faster here" + (f" by enough ({others})" if others else "")
        )
    distance = best.numbers.get("distance_db", math.nan)
    return VariantChoice(
        variant=best.name, why=f"{_speed(best):.2f} × the original's speed here, {distance:.2f} dB from it"
    )


def _speed(variant: Variant) -> float:
    return variant.numbers.get("speed_ratio", 1.0)
