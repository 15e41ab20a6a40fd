"""Measures the loss and the speed of int8: each block of the decoder alone, then the least sensitive blocks together.

    .venv/bin/python benchmarks/int8.py KOKORO-SHAPED.onnx

All graphs get the same harmonic source and constant noise, so that their samples can be compared. Each graph alternates
with the plain one, on one thread. The speed is the ratio of their fastest runs, of the whole model from tokens to
samples.
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


class Comparison:
    """Compares a model with some of its blocks in int8 with the plain model."""

    def __init__(self, evaluator: Int8Evaluator) -> None:
        self._evaluator = evaluator
        self._plain = opened(evaluator.model)
        self._reference = Rendering(audio=common.spoken(self._plain, evaluator.feed)[0])

    def measure(
        self, blocks: Sequence[str], bits: int, graph_pass: GraphPass = unchanged, *, timed: bool = True
    ) -> dict[str, Any]:
        """The loss, and if `timed` the speed, with these blocks in int8."""
        chosen, graph = self._evaluator.convolutions(blocks), self._evaluator.model
        if chosen:
            graph = quantised(graph, chosen, self._evaluator.ranges, weight_bits=bits)
        session = opened(graph_pass(graph))
        audio = common.spoken(session, self._evaluator.feed)[0]
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
    """Measure, save the results, and print the tables."""
    options = measure.Options.read(__doc__)
    model = onnx.load(options.model)
    fix(model)
    feeds = common.feeds(options.voices, LINES[:3] if options.quick else LINES)
    evaluator = Int8Evaluator(model, feeds)
    choice = fastconv.accelerate(model, feeds=feeds[0]).choice
    figures = sweep(evaluator, Comparison(evaluator), partial(tiled, choice))
    samples = common.spoken(opened(evaluator.model), evaluator.feed)[0].size
    options.save(NAME, f"{options.conditions('in sets')}, {samples / RATE_HZ:.1f} s of audio", figures)
    print(table(figures))


def tiled(choice: fastconv.TileChoice, model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with fast convolution for the convolutions that are not int8, as far as the choice has them."""
    return fastconv.accelerate(model, choice).model


def sweep(evaluator: Int8Evaluator, comparison: Comparison, graph_pass: GraphPass) -> dict[str, Any]:
    """All figures of the page."""
    largest = max(evaluator.blocks, key=lambda block: len(evaluator.blocks[block]))
    tried = {bits: comparison.measure([largest], bits, timed=False)["snr_db"] for bits in BITS}
    bits = max(tried, key=lambda each: tried[each])
    alone = sorted((comparison.measure([block], bits) for block in evaluator.blocks), key=lambda one: -one["snr_db"])
    order = [one["blocks"][0] for one in alone]
    sets = [tuple(order[:count]) for count in range(len(order) + 1)]
    return {
        "bits": bits,
        "alone": alone,
        "otherwise": [comparison.measure([block], sum(BITS) - bits, timed=False) for block in order],
        "plain": [comparison.measure(NOTHING, bits), alone[0], *(comparison.measure(each, bits) for each in sets[2:])],
        "tiled": [comparison.measure(each, bits, graph_pass) for each in sets],
    }


def table(figures: dict[str, Any]) -> str:
    """The tables for docs/performance.md: blocks alone, then together."""
    head = ("block alone", "convolutions", "× fp32", *(f"noise, {bits}-bit weights" for bits in BITS))
    body = []
    for one, other in zip(figures["alone"], figures["otherwise"], strict=True):
        by_bits = {each["bits"]: noise(each) for each in (one, other)}
        body.append((one["blocks"][0], one["convolutions"], one["speed"], *(by_bits[bits] for bits in BITS)))
    together = [
        (
            set_name(plain["blocks"]), plain["convolutions"], noise(plain), plain["log_spectral_db"],
            plain["mel_cepstral_db"], plain["speed"], tile["speed"],
        )
        for plain, tile in zip(figures["plain"], figures["tiled"], strict=True)
    ]  # fmt: skip
    columns = (
        "in int8", "convolutions", "noise", "spectra, dB", "cepstra, dB", "× fp32", "× fp32 with tiles for the rest",
    )  # fmt: skip
    return f"{measure.rows(head, body)}\n\n{measure.rows(columns, together)}"


def noise(one: dict[str, Any]) -> str:
    """The level of the noise relative to the speech, and whether the set is refused for it, as text."""
    if not one["blocks"]:
        return "none"
    return f"−{one['snr_db']} dB" + ("" if one["snr_db"] >= LEAST_SNR_DB else ": refused")


def set_name(blocks: Sequence[str]) -> str:
    """The blocks of a set, as text."""
    return " + ".join(blocks) or "none (fp32)"


def draw(figures: dict[str, Any]) -> list[Path]:
    """The plot of speed and noise. fp32 is not a point of it, since it has no noise."""
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
        title="Speed and quality of sets of blocks in int8", x="× fp32", y="signal-to-noise ratio, dB",
        limit_y=LEAST_SNR_DB, limit_name="refused below",
    )  # fmt: skip
    return [plot.scatter(measure.PLOTS / f"{NAME}.svg", axes, series)]


def label(blocks: Sequence[str]) -> str:
    """The block that this set adds to the previous one."""
    return f"+ {blocks[-1]}" if len(blocks) > 1 else blocks[0]


if __name__ == "__main__":
    main()
