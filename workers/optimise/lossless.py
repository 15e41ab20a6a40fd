"""The stages that look at a model and make what speaks like it: `analyse` and `graph`.

Knows nothing of sessions.
"""

from collections import Counter
from collections.abc import Mapping

import onnx

from workers.optimise import noise, offline
from workers.optimise.manifest import ORIGINAL
from workers.optimise.stages import Finding, Work

_SHOWN = 8


def analyse(work: Work) -> Finding:
    """What the file holds."""
    model = onnx.load(work.source.path, load_external_data=False)
    operators = histogram(model)
    weights_mb = offline.weight_bytes(model) / 1e6
    drawn = noise.random_operators(model)
    return Finding(
        changed=True,
        lines=(
            f"{len(model.graph.node)} nodes: {shown(operators)}",
            f"{weights_mb:.0f} MB of weights, {drawn} random operators",
        ),
        found={"operators": dict(operators), "weights_mb": round(weights_mb, 1), "random": drawn},
    )


def graph(work: Work) -> Finding:
    """Build the lossless variants: constant noise first, then whatever is faster at no loss."""
    fixed = work.noise
    lines = [f"{told} is constant noise now" for told in fixed.fixed]
    lines += [f"{told} still draws: the same segment may sound different each time" for told in fixed.left]
    built = work.build(ORIGINAL, work.model, lossless=True)
    after = histogram(onnx.load(work.graph(ORIGINAL), load_external_data=False))
    lines.append(f"{ORIGINAL}: optimised once and for all, {built.size_mb:.0f} MB; {_difference(work.model, after)}")
    return Finding(
        changed=True,
        lines=tuple(lines),
        found={"fixed": list(fixed.fixed), "left": list(fixed.left), ORIGINAL: dict(after)},
    )


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
