"""The stage `quantize`: builds int8 variants from the least sensitive blocks, and decides whether they are good enough.

Knows nothing of how a convolution becomes int8, nor of how speech is compared.
"""

from collections.abc import Iterator

import numpy as np

from workers import fastconv
from workers.inference.kokoro_graph import KokoroGraph
from workers.inference.quality import Bounds, Quality, Rendering, compare, worst
from workers.inference.sessions import open_session
from workers.models import voicebank
from workers.models.variants import FAST, ORIGINAL
from workers.optimise import trial
from workers.optimise.int8 import blocks, quantised
from workers.optimise.observing import Feed
from workers.optimise.sensitivity import GraphPass, Int8Evaluator, Int8Measurement, Sweep, sweep, unchanged
from workers.optimise.stages import PreparationState, StageResult
from workers.optimise.texts import with_voices

GRAPH_STAGE = "graph"
INT8, INT8_ALL = "int8", "int8-all"
"""The variant with the fastest set of blocks within the bounds, and the one with all blocks, which is used only if
the user requests it by name."""
BOUNDS = Bounds()
LEAST_SNR_DB = 25.0
"""The least signal-to-noise ratio. A tone masks noise in its own band that lies 15 to 25 dB below it, depending on the
band."""


def quantize(state: PreparationState) -> StageResult:
    """Measure what int8 costs and gains for each block on this machine, and build the variants."""
    if not blocks(state.model):
        return StageResult(
            changed=False,
            lines=("the model has none of the convolutions of Kokoro's decoder, so there is nothing to quantize",),
        )
    evaluator = Int8Evaluator(state.model, list(_feeds(state)), _tiling(state))
    measured = sweep(evaluator)
    lines = [str(one) for one in measured.all()]
    lines.append(f"weights of {measured.everything.weight_bits} bits suit this processor")
    chosen = fastest_within_bounds(measured)
    if chosen is None:
        lines.append(f"{INT8}: not built, since no block that is faster in int8 stays within the quality bounds")
    else:
        lines.append(_build(state, INT8, evaluator, chosen))
    if chosen is None or {*chosen.blocks} != {*evaluator.blocks}:
        lines.append(_build(state, INT8_ALL, evaluator, measured.everything))
    return StageResult(changed=True, lines=tuple(lines), found=_found(measured))


def fastest_within_bounds(measured: Sweep) -> Int8Measurement | None:
    """The fastest set of blocks whose quality is within the bounds; None if there is none."""
    within = [one for one in measured.together if one.snr_db >= LEAST_SNR_DB and one.quality.within(BOUNDS)]
    return max(within, key=lambda one: one.speed_ratio, default=None)


def judge_lossy(original: trial.TrialResult, lossy: trial.TrialResult) -> tuple[bool, str, dict[str, float]]:
    """Whether a lossy variant is close enough to the original, with the reason and the measurements.

    Every phrase is compared, and the worst value of each measure counts.
    """
    if not all(np.isfinite(take.audio).all() for takes in lossy.takes for take in takes):
        return False, "refused: some samples are not numbers", {}
    quality = worst(
        compare(
            Rendering(audio=reference[0].audio, frames=reference[0].frames),
            Rendering(audio=take.audio, frames=take.frames),
        )
        for takes, reference in zip(lossy.takes, original.takes, strict=True)
        for take in takes[:1]
    )
    beyond = quality.beyond(BOUNDS)
    numbers = {name: round(value, 4) for name, value in _measures(quality)}
    numbers["distance_db"] = numbers.get("log_spectral_db", 0.0)
    reason = ", ".join(beyond) if beyond else _summary(quality)
    return not beyond, f"{'refused' if beyond else 'within bounds'}: {reason}", numbers


def _feeds(state: PreparationState) -> Iterator[Feed]:
    """The calibration lines as inputs of the graph, each spoken by another of the user's voices."""
    graph = KokoroGraph(open_session(state.graph(ORIGINAL), threads=1, form="optimised"))
    for line, voice in with_voices(sorted(voicebank.load(state.source.voices))):
        yield trial.feed(graph, state.source.voices, trial.Phrase(phonemes=line.phonemes, voice=voice))


def _tiling(state: PreparationState) -> GraphPass:
    """The fast convolution of the graph stage, applied to the layers that stay in fp32.

    An int8 variant must be faster than the variant with fast convolution, so it uses fast convolution as well.
    """
    if FAST not in state.manifest.variants:
        return unchanged
    choice = fastconv.TileChoice.from_record(state.manifest.stages[GRAPH_STAGE].found[FAST]["choice"])
    return lambda model: fastconv.accelerate(model, choice).model


def _build(state: PreparationState, name: str, evaluator: Int8Evaluator, chosen: Int8Measurement) -> str:
    """Build the variant with these blocks in int8, and return a line about it."""
    convolutions = evaluator.convolutions(chosen.blocks)
    model = quantised(state.model, convolutions, evaluator.ranges, weight_bits=chosen.weight_bits)
    built = state.build(
        name, evaluator.graph_pass(model), lossless=False, sounds_like=model, snr_db=round(chosen.snr_db, 1)
    )  # fmt: skip
    return f"{name}: {chosen.name}, {built.size_mb:.0f} MB; it is a sound of its own ({built.digest[:12]})"


def _found(measured: Sweep) -> dict[str, object]:
    return {
        "weight_bits": measured.everything.weight_bits,
        "heard": [
            {
                "blocks": list(one.blocks),
                "convolutions": one.convolutions,
                "snr_db": round(one.snr_db, 2),
                "speed_ratio": round(one.speed_ratio, 3),
                **{name: round(value, 4) for name, value in _measures(one.quality)},
            }
            for one in measured.all()
        ],
    }


def _measures(quality: Quality) -> Iterator[tuple[str, float]]:
    """The measures that have a value, by name."""
    for name in Quality.__dataclass_fields__:
        value = getattr(quality, name)
        if value is not None:
            yield name, value


def _summary(quality: Quality) -> str:
    """The most important measures, as text."""
    shown = (
        ("spectra", quality.log_spectral_db, "dB"),
        ("cepstra", quality.mel_cepstral_db, "dB"),
        ("pitch", quality.f0_cents, "cents"),
        ("loudness", quality.loudness_db, "dB"),
    )
    return ", ".join(f"{name} {value:.2f} {unit} apart" for name, value, unit in shown if value is not None)
