"""The stages `analyse` and `graph`: they describe a model and build its lossless variants.

Knows nothing of how a convolution is accelerated, nor of which variant is chosen.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import onnx

from workers.fastconv import accelerate, choice_by_rule, kinds
from workers.fastconv.proof import prove
from workers.inference import constant_noise
from workers.models.variants import FAST, ORIGINAL
from workers.optimise import offline
from workers.optimise.phrases import graph_inputs, phrases
from workers.optimise.stages import PreparationState, StageResult

_SHOWN = 8
_SAME_DB = 200.0
"""Recorded instead of infinity, which JSON does not have, if all samples are equal."""


def analyse(state: PreparationState) -> StageResult:
    """Count the model's operators, weights and random operators."""
    model = onnx.load(state.source.path, load_external_data=False)
    operators = histogram(model)
    weights_mb = offline.weight_bytes(model) / 1e6
    drawn = constant_noise.random_operators(model)
    return StageResult(
        changed=True,
        lines=(
            f"{len(model.graph.node)} nodes: {shown(operators)}",
            f"{weights_mb:.0f} MB of weights, {drawn} random operators",
        ),
        found={"operators": dict(operators), "weights_mb": round(weights_mb, 1), "random": drawn},
    )


def graph(state: PreparationState) -> StageResult:
    """Build the lossless variants: one with constant noise, and one with fast convolution if that is faster."""
    noise = state.noise
    lines = [f"{node} is constant noise now" for node in noise.fixed]
    lines += [f"{node} is still random: the same segment may sound different each time" for node in noise.left]
    built = state.build(ORIGINAL, state.model, lossless=True)
    after = histogram(onnx.load(state.graph(ORIGINAL), load_external_data=False))
    lines.append(f"{ORIGINAL}: saved in optimised form, {built.size_mb:.0f} MB; {_difference(state.model, after)}")
    fast_lines, found = _fast(state)
    return StageResult(
        changed=True,
        lines=(*lines, *fast_lines),
        found={"fixed": list(noise.fixed), "left": list(noise.left), ORIGINAL: dict(after), FAST: found},
    )


def _fast(state: PreparationState) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Build the variant with fast convolution, if it has anything to accelerate and computes the same speech."""
    feeds = graph_inputs(state, phrases(state.source.voices)[-1])
    # By rule and not by measurement: all machines must build the same graph, or a book would not have identical PCM.
    made = accelerate(state.model, choice_by_rule(kinds(state.model)))
    found: dict[str, Any] = {"choice": made.choice.record(), "operators": dict(made.after)}
    if not made.changed:
        return (f"{FAST}: not made. {made}",), found
    proof = prove(state.model, made.model, feeds)
    snr_db = round(min(proof.snr_db, _SAME_DB), 1)
    noise = f"difference {snr_db:.0f} dB below the original's speech, with the same harmonic source"
    if not proof.holds():
        return (f"{FAST}: refused, {noise}, durations {'equal' if proof.same_durations else 'differ'}",), found
    built = state.build(FAST, made.model, lossless=True, snr_db=snr_db)
    return (f"{FAST}: {made}", f"{FAST}: {noise}, durations equal; {built.size_mb:.0f} MB"), {**found, "snr_db": snr_db}


def histogram(model: onnx.ModelProto) -> Counter[str]:
    """The number of nodes per operator."""
    return Counter(node.op_type for node in model.graph.node)


def shown(operators: Mapping[str, int]) -> str:
    """The most frequent operators with their numbers, as text."""
    frequent = [f"{count} {name}" for name, count in Counter(operators).most_common(_SHOWN)]
    rest = len(operators) - len(frequent)
    return ", ".join(frequent) + (f" and {rest} other operators" if rest > 0 else "")


def _difference(before: onnx.ModelProto, after: Mapping[str, int]) -> str:
    """The changes as text, the largest first: `4466 nodes became 2103: Constant 1319 → 0, …`."""
    was = histogram(before)
    names = sorted(was.keys() | after.keys(), key=lambda name: (-abs(was[name] - after.get(name, 0)), name))
    changes = [f"{name} {was[name]} → {after.get(name, 0)}" for name in names if was[name] != after.get(name, 0)]
    count = f"{sum(was.values())} nodes became {sum(after.values())}"
    return f"{count}: {', '.join(changes[:_SHOWN])}" if changes else count
