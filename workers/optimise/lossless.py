"""The stages that look at a model and make what speaks like it: `analyse` and `graph`.

Knows nothing of how a convolution becomes fast, nor of what is chosen in the end.
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
from workers.optimise.phrases import phrases, spoken
from workers.optimise.stages import StageFinding, Work

_SHOWN = 8
_SAME_DB = 200.0
"""What is said where every sample is the same: JSON has no infinity."""


def analyse(work: Work) -> StageFinding:
    """What the file holds."""
    model = onnx.load(work.source.path, load_external_data=False)
    operators = histogram(model)
    weights_mb = offline.weight_bytes(model) / 1e6
    drawn = constant_noise.random_operators(model)
    return StageFinding(
        changed=True,
        lines=(
            f"{len(model.graph.node)} nodes: {shown(operators)}",
            f"{weights_mb:.0f} MB of weights, {drawn} random operators",
        ),
        found={"operators": dict(operators), "weights_mb": round(weights_mb, 1), "random": drawn},
    )


def graph(work: Work) -> StageFinding:
    """Build the lossless variants: constant noise first, then whatever is faster at no loss."""
    fixed = work.noise
    lines = [f"{told} is constant noise now" for told in fixed.fixed]
    lines += [f"{told} still draws: the same segment may sound different each time" for told in fixed.left]
    built = work.build(ORIGINAL, work.model, lossless=True)
    after = histogram(onnx.load(work.graph(ORIGINAL), load_external_data=False))
    lines.append(f"{ORIGINAL}: optimised once and for all, {built.size_mb:.0f} MB; {_difference(work.model, after)}")
    told, found = _fast(work)
    return StageFinding(
        changed=True,
        lines=(*lines, *told),
        found={"fixed": list(fixed.fixed), "left": list(fixed.left), ORIGINAL: dict(after), FAST: found},
    )


def _fast(work: Work) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The same with fast convolution, where this machine gains by it and it says the same."""
    feeds = spoken(work, phrases(work.source.voices)[-1])
    # By rule and not by measurement: machines of one type must build the same graph, or a book were not one PCM.
    made = accelerate(work.model, choice_by_rule(kinds(work.model)))
    found: dict[str, Any] = {"choice": made.choice.record(), "operators": dict(made.after)}
    if not made.changed:
        return (f"{FAST}: not made. {made}",), found
    proof = prove(work.model, made.model, feeds)
    snr_db = round(min(proof.snr_db, _SAME_DB), 1)
    told = f"{snr_db:.0f} dB from the original with its source held fixed"
    if not proof.holds():
        return (f"{FAST}: refused, {told}, durations {'equal' if proof.same_durations else 'differ'}",), found
    built = work.build(FAST, made.model, lossless=True, snr_db=snr_db)
    return (f"{FAST}: {made}", f"{FAST}: {told}, durations equal; {built.size_mb:.0f} MB"), {**found, "snr_db": snr_db}


def histogram(model: onnx.ModelProto) -> Counter[str]:
    """How many nodes of each operator there are."""
    return Counter(node.op_type for node in model.graph.node)


def shown(operators: Mapping[str, int]) -> str:
    """The most frequent ones."""
    told = [f"{count} {name}" for name, count in Counter(operators).most_common(_SHOWN)]
    rest = len(operators) - len(told)
    return ", ".join(told) + (f" and {rest} other operators" if rest > 0 else "")


def _difference(before: onnx.ModelProto, after: Mapping[str, int]) -> str:
    """`4466 nodes became 2103: Constant 1319 → 0, …`, the largest changes first."""
    was = histogram(before)
    changes = sorted(was.keys() | after.keys(), key=lambda name: (-abs(was[name] - after.get(name, 0)), name))
    told = [f"{name} {was[name]} → {after.get(name, 0)}" for name in changes if was[name] != after.get(name, 0)]
    count = f"{sum(was.values())} nodes became {sum(after.values())}"
    return f"{count}: {', '.join(told[:_SHOWN])}" if told else count
