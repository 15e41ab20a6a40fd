"""The stages that decide: `validate` compares each variant with the model, `bench` times them, `choose` selects one.

Each variant speaks in a separate process (`trial`). Knows nothing of how a variant was made.
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
from workers.optimise.stages import PreparationState, StageResult

_ROUNDS = 2
_COMPARABLE, _TURNS = 2, 2
# A lossless variant may differ from the original by this factor times the difference between two runs of the original,
# which has random noise. The factor allows for the chance in that measurement.
_LEEWAY = 1.1
# The limit for an original without random noise: another order of additions can change the phase of its harmonic
# source.
_INAUDIBLE_DB = 0.5
FASTER = 1.1
"""How many times faster than the original a variant must be to be chosen: a smaller gain may be measurement noise."""


def validate(state: PreparationState) -> StageResult:
    """Compare each variant that was not validated yet with the original model."""
    waiting = [one for one in state.manifest.variants.values() if one.valid is None]
    if not waiting:
        return StageResult(changed=False, lines=("every variant was validated before",))
    request = trial.TrialRequest(
        graph=str(state.source.path), optimised=False, exact=state.source.exact, voices=str(state.source.voices),
        phrases=phrases(state.source.voices), rounds=_ROUNDS,
    )  # fmt: skip
    raw = trial.run_trial(request)
    lines = []
    for variant in waiting:
        try:
            result = trial.run_trial(replace(request, graph=str(state.graph(variant.name)), optimised=True))
            judged = (
                judge_lossless(raw, result)
                if variant.lossless
                else lossy.judge_lossy(_original_trial(state, request), result)
            )
            valid, why, numbers = judged[0], judged[1], {**judged[2], **least_costs(result)}
        except FarmError as error:
            # A variant whose process fails is refused, and the others are still validated.
            valid, why, numbers = False, f"refused: {error}", {}
        state.update_variant(variant.name, valid=valid, why=why, numbers=numbers)
        lines.append(f"{variant.name}: {why}")
    return StageResult(
        changed=True, lines=tuple(lines), found={one.name: one.valid for one in state.manifest.variants.values()}
    )


def _original_trial(state: PreparationState, request: trial.TrialRequest) -> trial.TrialResult:
    """A trial of the model with constant noise: any difference from it is the loss of a lossy variant."""
    return trial.run_trial(replace(request, graph=str(state.graph(ORIGINAL)), optimised=True, rounds=1))


def judge_lossless(raw: trial.TrialResult, variant: trial.TrialResult) -> tuple[bool, str, dict[str, float]]:
    """Whether a lossless variant speaks like the original; with the reason and the measurements.

    Every token must have the same length, and the spectra may not differ by more than two runs of the original do.
    """
    same_length = all(
        mine.frames == theirs.frames
        for takes, originals in zip(variant.takes, raw.takes, strict=True)
        for mine in takes
        for theirs in originals
    )
    if not same_length:
        return False, "refused: tokens last longer or shorter than in the original", {}
    if not all(np.isfinite(take.audio).all() for takes in variant.takes for take in takes):
        return False, "refused: some samples are not numbers", {}
    own_db = max(distance_db(first.audio, second.audio) for first, second in (takes[:2] for takes in raw.takes))
    distance = max(
        distance_db(mine.audio, theirs.audio)
        for takes, originals in zip(variant.takes, raw.takes, strict=True)
        for mine in takes[:1]
        for theirs in originals
    )
    again = all(np.array_equal(takes[0].audio, take.audio) for takes in variant.takes for take in takes[1:])
    numbers = {"distance_db": round(distance, 3), "own_distance_db": round(own_db, 3), "repeats": float(again)}
    difference = f"{distance:.2f} dB from the original, whose own runs differ by {own_db:.2f} dB"
    valid = distance <= max(own_db * _LEEWAY, _INAUDIBLE_DB)
    repeats = "the same samples each time" if again else "different samples each time"
    return valid, f"{'durations equal' if valid else 'refused'}, {difference}; {repeats}", numbers


def distance_db(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The distance of their spectra.

    Samples cannot be compared: a tiny difference can flip the phase of Kokoro's harmonic source.
    """
    return compare(Rendering(audio=other), Rendering(audio=one)).log_spectral_db or 0.0


def bench(state: PreparationState) -> StageResult:
    """Measure the processor time of every valid variant on one thread; they take turns, so other load affects all."""
    valid = [one.name for one in state.manifest.variants.values() if one.valid]
    if len(valid) < _COMPARABLE:
        return StageResult(changed=False, lines=tuple(_costs(state, name) for name in valid))
    spoken = phrases(state.source.voices)[-1:]
    requests = {
        name: trial.TrialRequest(
            graph=str(state.graph(name)), optimised=True, voices=str(state.source.voices), phrases=spoken, rounds=1
        )
        for name in valid
    }
    trials: dict[str, list[trial.TrialResult]] = {name: [] for name in valid}
    for _ in range(_TURNS):
        for name, request in requests.items():
            trials[name].append(trial.run_trial(request))
    cpu_s = {name: min(one.cpu_s() for one in results) for name, results in trials.items()}
    for name, results in trials.items():
        ratio = cpu_s[ORIGINAL] / cpu_s[name] if ORIGINAL in cpu_s else 1.0
        state.update_variant(name, numbers={**least_costs(*results), "speed_ratio": round(ratio, 3)})
    found = {name: dict(state.manifest.variants[name].numbers) for name in valid}
    return StageResult(changed=True, lines=tuple(_costs(state, name) for name in valid), found=found)


def least_costs(*trials: trial.TrialResult) -> dict[str, float]:
    """The least values of several trials of one graph: anything above them is due to other load on the machine."""
    cpu_s = min(one.cpu_s() / one.audio_s() for one in trials)
    return {
        "cpu_s_per_audio_s": round(cpu_s, 3),
        "load_s": round(min(one.load_s for one in trials), 3),
        "loaded_mb": round(min(one.loaded_mb for one in trials), 1),
        "rss_mb": round(min(one.rss_mb for one in trials), 1),
    }


def _costs(state: PreparationState, name: str) -> str:
    """A line for users about the speed, memory and size of a variant."""
    variant = state.manifest.variants[name]
    numbers = variant.numbers
    ratio = f"{numbers['speed_ratio']:.2f} × the original's speed, " if "speed_ratio" in numbers else ""
    return (
        f"{name}: {ratio}{numbers['cpu_s_per_audio_s']:.2f} s of one core per second of audio; "
        f"loads in {numbers['load_s']:.1f} s; takes {numbers['rss_mb']:.0f} MB of memory after speaking, "
        f"{variant.size_mb:.0f} MB on the disk"
    )


def choose(state: PreparationState) -> StageResult:
    """Choose the fastest valid variant, if it is faster than the original by enough."""
    choice = best_variant(state.manifest.variants.values())
    state.save(replace(state.manifest, choice=choice))
    return StageResult(changed=True, lines=(f"{choice.variant}: {choice.why}",), found={"variant": choice.variant})


def best_variant(variants: Iterable[Variant]) -> VariantChoice:
    """The fastest valid variant if it is at least FASTER times as fast as the original; else the original."""
    valid = [one for one in variants if one.valid]
    original = next((one for one in valid if one.name == ORIGINAL), None)
    best = max(valid, key=_speed, default=None)
    if best is None:
        return VariantChoice(variant=RAW, why="no variant passed validation, so the model file is used unchanged")
    if original is not None and (best is original or _speed(best) < FASTER):
        others = ", ".join(f"{one.name} {_speed(one):.2f} ×" for one in valid if one is not original)
        return VariantChoice(
            variant=ORIGINAL, why="no variant is faster here" + (f" by enough ({others})" if others else "")
        )
    distance = best.numbers.get("distance_db", math.nan)
    return VariantChoice(
        variant=best.name, why=f"{_speed(best):.2f} × the original's speed here, {distance:.2f} dB from it"
    )


def _speed(variant: Variant) -> float:
    return variant.numbers.get("speed_ratio", 1.0)
