"""The stage `quantize`: variants in int8, made of the blocks that can bear it, and what decides whether they are good.

Knows nothing of how a convolution becomes int8, nor of how speech is measured.
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
from workers.optimise.sensitivity import Ear, Finish, Heard, Sweep, sweep, unchanged
from workers.optimise.stages import StageFinding, Work
from workers.optimise.texts import spread

GRAPH_STAGE = "graph"
INT8, INT8_ALL = "int8", "int8-all"
"""As many blocks as stay within bounds; all of them, for who asks for it by name."""
BOUNDS = Bounds()
LEAST_SNR_DB = 25.0
"""A tone hides noise that lies 15 to 25 dB below it in its own band, the lower the higher the band."""


def quantize(work: Work) -> StageFinding:
    """Find out what int8 costs each block here, and build what pays."""
    if not blocks(work.model):
        return StageFinding(
            changed=False, lines=("no convolution has the name of one of Kokoro's: nothing to quantize",)
        )
    ear = Ear(work.model, list(_feeds(work)), _tiling(work))
    heard = sweep(ear)
    lines = [str(one) for one in heard.heard()]
    lines.append(f"weights of {heard.everything.weight_bits} bits suit this processor")
    chosen = bearable(heard)
    if chosen is None:
        lines.append(f"{INT8}: not made, since no block that gains by it stays within bounds")
    else:
        lines.append(_build(work, INT8, ear, chosen))
    if chosen is None or {*chosen.blocks} != {*ear.blocks}:
        lines.append(_build(work, INT8_ALL, ear, heard.everything))
    return StageFinding(changed=True, lines=tuple(lines), found=_found(heard))


def bearable(heard: Sweep) -> Heard | None:
    """The fastest of those that stay within bounds while the source is held; None if none does."""
    within = [one for one in heard.together if one.snr_db >= LEAST_SNR_DB and one.quality.within(BOUNDS)]
    return max(within, key=lambda one: one.speed_ratio, default=None)


def judged(original: trial.TrialResult, heard: trial.TrialResult) -> tuple[bool, str, dict[str, float]]:
    """Whether what is heard passes for the original: every phrase, by the worst of each measure."""
    if not all(np.isfinite(take.audio).all() for takes in heard.takes for take in takes):
        return False, "refused: some samples are not numbers", {}
    found = worst(
        compare(
            Rendering(audio=given[0].audio, frames=given[0].frames), Rendering(audio=take.audio, frames=take.frames)
        )
        for takes, given in zip(heard.takes, original.takes, strict=True)
        for take in takes[:1]
    )
    beyond = found.beyond(BOUNDS)
    numbers = {name: round(value, 4) for name, value in _measures(found)}
    numbers["distance_db"] = numbers.get("log_spectral_db", 0.0)
    told = ", ".join(beyond) if beyond else _told(found)
    return not beyond, f"{'refused' if beyond else 'within bounds'}: {told}", numbers


def _feeds(work: Work) -> Iterator[Feed]:
    """What the model says while it is watched: each line by another of the user's voices."""
    graph = KokoroGraph(open_session(work.graph(ORIGINAL), threads=1, form="optimised"))
    for line, voice in spread(sorted(voicebank.load(work.source.voices))):
        yield trial.feed(graph, work.source.voices, trial.Phrase(phonemes=line.phonemes, voice=voice))


def _tiling(work: Work) -> Finish:
    """What stays in fp32 runs as tiles where the graph stage found that they pay; int8 has to be faster than those."""
    if FAST not in work.manifest.variants:
        return unchanged
    choice = fastconv.TileChoice.from_record(work.manifest.stages[GRAPH_STAGE].found[FAST]["choice"])
    return lambda model: fastconv.accelerate(model, choice).model


def _build(work: Work, name: str, ear: Ear, chosen: Heard) -> str:
    model = quantised(work.model, ear.convolutions(chosen.blocks), ear.ranges, weight_bits=chosen.weight_bits)
    built = work.build(
        name, ear.finish(model), lossless=False, sounds_like=model, snr_db=round(chosen.snr_db, 1)
    )  # fmt: skip
    return f"{name}: {chosen.name}, {built.size_mb:.0f} MB, with a sound of its own ({built.digest[:12]})"


def _found(heard: Sweep) -> dict[str, object]:
    return {
        "weight_bits": heard.everything.weight_bits,
        "heard": [
            {
                "blocks": list(one.blocks),
                "convolutions": one.convolutions,
                "snr_db": round(one.snr_db, 2),
                "speed_ratio": round(one.speed_ratio, 3),
                **{name: round(value, 4) for name, value in _measures(one.quality)},
            }
            for one in heard.heard()
        ],
    }


def _measures(quality: Quality) -> Iterator[tuple[str, float]]:
    """Those that could be measured."""
    for name in Quality.__dataclass_fields__:
        value = getattr(quality, name)
        if value is not None:
            yield name, value


def _told(quality: Quality) -> str:
    """The measures that people ask for."""
    shown = (
        ("spectra", quality.log_spectral_db, "dB"),
        ("cepstra", quality.mel_cepstral_db, "dB"),
        ("pitch", quality.f0_cents, "cents"),
        ("loudness", quality.loudness_db, "dB"),
    )
    return ", ".join(f"{name} {value:.2f} {unit} apart" for name, value, unit in shown if value is not None)
