"""Measures what int8 costs and gains: each block of the decoder alone, then more and more of them together.

    .venv/bin/python benchmarks/int8.py KOKORO-SHAPED.onnx

The harmonic source is held and the noise is constant, so that samples can be compared. Each graph runs in turn with the
plain one, on one thread; its speed is the ratio of their best runs, of the whole model from tokens to samples.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnx

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure, plot
from benchmarks.studies import common
from chorus.wire import RATE_HZ
from workers import fastconv
from workers.inference.constant_noise import fix
from workers.inference.quality import Rendering, compare
from workers.optimise.int8 import quantised
from workers.optimise.lossy import LEAST_SNR_DB
from workers.optimise.observing import opened, snr_db
from workers.optimise.sensitivity import GraphPass, Int8Evaluator, unchanged
from workers.optimise.texts import LINES

NAME = "int8"
BITS = (8, 7)
ROUNDS = 2
NOTHING: tuple[str, ...] = ()


class Bench:
    """A model that can be heard with any of its blocks in int8, beside itself."""

    def __init__(self, evaluator: Int8Evaluator) -> None:
        self._evaluator = evaluator
        self._plain = opened(evaluator.model)
        self._reference = Rendering(audio=common.said(self._plain, evaluator.feed)[0])

    def heard(
        self, blocks: Sequence[str], bits: int, graph_pass: GraphPass = unchanged, *, timed: bool = True
    ) -> dict[str, Any]:
        """Numbers of one graph."""
        chosen = self._evaluator.convolutions(blocks)
        graph = (
            quantised(self._evaluator.model, chosen, self._evaluator.ranges, weight_bits=bits)
            if chosen
            else self._evaluator.model
        )
        session = opened(graph_pass(graph))
        audio = common.said(session, self._evaluator.feed)[0]
        pair = {"plain": self._plain, "int8": session}
        taken_s = common.in_turn(pair, self._evaluator.feed, ROUNDS) if timed else {}
        quality = compare(self._reference, Rendering(audio=audio))
        return {
            "blocks": list(blocks),
            "convolutions": len(chosen),
            "bits": bits,
            "snr_db": round(snr_db(self._reference.audio, audio), 1),
            "log_spectral_db": round(quality.log_spectral_db or 0.0, 2),
            "mel_cepstral_db": round(quality.mel_cepstral_db or 0.0, 2),
            "speed": round(taken_s["plain"] / taken_s["int8"], 2) if timed else None,
        }


def main() -> None:
    """Measure, keep, print."""
    options = measure.Options.read(__doc__)
    model = onnx.load(options.model)
    fix(model)
    feeds = common.feeds(options.voices, LINES[:3] if options.quick else LINES)
    evaluator = Int8Evaluator(model, feeds)
    choice = fastconv.accelerate(model, feeds=feeds[0]).choice
    figures = swept(evaluator, Bench(evaluator), partial(tiled, choice))
    frames = common.said(opened(evaluator.model), evaluator.feed)[0].size
    options.keep(NAME, f"{options.told('in sets')}, {frames / RATE_HZ:.1f} s of audio", figures)
    print(table(figures))


def tiled(choice: fastconv.TileChoice, model: onnx.ModelProto) -> onnx.ModelProto:
    """With fast convolution wherever a convolution is left that it pays for."""
    return fastconv.accelerate(model, choice).model


def swept(evaluator: Int8Evaluator, bench: Bench, graph_pass: GraphPass) -> dict[str, Any]:
    """Everything the page shows."""
    largest = max(evaluator.blocks, key=lambda block: len(evaluator.blocks[block]))
    tried = {bits: bench.heard([largest], bits, timed=False)["snr_db"] for bits in BITS}
    bits = max(tried, key=lambda each: tried[each])
    alone = sorted((bench.heard([block], bits) for block in evaluator.blocks), key=lambda one: -one["snr_db"])
    order = [one["blocks"][0] for one in alone]
    sets = [tuple(order[:count]) for count in range(len(order) + 1)]
    return {
        "bits": bits,
        "alone": alone,
        "otherwise": [bench.heard([block], sum(BITS) - bits, timed=False) for block in order],
        "plain": [bench.heard(NOTHING, bits), alone[0], *(bench.heard(each, bits) for each in sets[2:])],
        "tiled": [bench.heard(each, bits, graph_pass) for each in sets],
    }


def table(figures: dict[str, Any]) -> str:
    """For docs/performance.md: blocks alone, then together."""
    head = ("block alone", "convolutions", "× fp32", *(f"weights of {bits} bits" for bits in BITS))
    body = []
    for one, other in zip(figures["alone"], figures["otherwise"], strict=True):
        by_bits = {each["bits"]: shown(each) for each in (one, other)}
        body.append((one["blocks"][0], one["convolutions"], one["speed"], *(by_bits[bits] for bits in BITS)))
    together = [
        (
            named(plain["blocks"]), plain["convolutions"], shown(plain), plain["log_spectral_db"],
            plain["mel_cepstral_db"], plain["speed"], tile["speed"],
        )
        for plain, tile in zip(figures["plain"], figures["tiled"], strict=True)
    ]  # fmt: skip
    columns = ("in int8", "convolutions", "noise", "spectra dB", "cepstra dB", "× fp32", "the rest as tiles: × fp32")
    return f"{measure.rows(head, body)}\n\n{measure.rows(columns, together)}"


def shown(one: dict[str, Any]) -> str:
    """How far below the speech the noise lies, and whether that is within bounds."""
    if not one["blocks"]:
        return "none"
    return f"−{one['snr_db']} dB" + ("" if one["snr_db"] >= LEAST_SNR_DB else ": refused")


def named(blocks: Sequence[str]) -> str:
    """A set, for people."""
    return " + ".join(blocks) or "nothing: fp32"


def draw(figures: dict[str, Any]) -> list[Path]:
    """The curve: to the right is faster, up is nearer to the original. fp32 itself has no noise, and is no point."""
    kinds = {"int8, the rest plain": figures["plain"], "int8, the rest as tiles": figures["tiled"]}
    series = [
        plot.Series(
            name=name,
            points=[(one["speed"], one["snr_db"]) for one in found if one["blocks"]],
            labels=[label(one["blocks"]) for one in found if one["blocks"]],
        )
        for name, found in kinds.items()
    ]
    axes = plot.Axes(
        title="Speed and quality of sets of blocks in int8", x="times fp32", y="dB of speech over noise",
        limit_y=LEAST_SNR_DB, limit_name="refused below",
    )  # fmt: skip
    return [plot.scatter(measure.PLOTS / f"{NAME}.svg", axes, series)]


def label(blocks: Sequence[str]) -> str:
    """What the last block of the set added."""
    return f"+ {blocks[-1]}" if len(blocks) > 1 else blocks[0]


if __name__ == "__main__":
    main()
