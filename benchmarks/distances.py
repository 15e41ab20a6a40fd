"""Compares each way of speaking with the model, and the model with itself: it never speaks a sentence twice alike.

    .venv/bin/python benchmarks/distances.py KOKORO.onnx --voices VOICES.bin [--graph GRAPH.onnx …]

The file's random operators make two runs differ, which is the model's own distance. A way of speaking that is no
further away cannot be told from it. All have exact kernels, but one.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure, speaking
from workers.inference.quality import Quality, Rendering, compare
from workers.inference.sessions import Form

NAME = "distances"
TEXTS = ("She bought a loaf of bread and a bottle of milk.", "The train leaves at 7:15 and arrives at 10:40.")
VOICES = ("af_heart", "am_michael")
OWN = "the same file again"
AGAINST = "exact kernels, with the file's own noise"
FORMS: dict[str, Form] = {
    OWN: "exact",
    "exact kernels and constant noise": speaking.FORMS[speaking.EXACT],
    "the file's kernels and constant noise": speaking.FORMS[speaking.AS_EXPORTED],
}


def main() -> None:
    """Measure, keep, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("model", type=Path)
    asked.add_argument("--graph", type=Path, action="append", default=[], help="what `chorus optimize` made of it")
    asked.add_argument("--voices", type=Path, required=True)
    asked.add_argument("--results", type=Path, default=measure.RESULTS, help="folder to write into")
    given = asked.parse_args()
    figures = measured(given.model, given.graph, given.voices)
    measure.save(NAME, f"{given.model.stem}; {len(TEXTS)} sentences by {len(VOICES)} voices", figures, given.results)
    print(table(figures))


def measured(model: Path, graphs: Sequence[Path], voices: Path) -> dict[str, Any]:
    """Means of each measure over sentences and voices, by way of speaking."""
    speak = speaking.ours(model, voices, form="exact")
    wanted, again = rendered(speak), rendered(speak)
    del speak
    found = {OWN: means(wanted, again)}
    for way, form in FORMS.items():
        if way != OWN:
            found[way] = means(wanted, rendered(speaking.ours(model, voices, form=form)))
    for graph in graphs:
        made = rendered(speaking.ours(graph, voices, form="optimised"))
        found[f"prepared: {graph.parent.name}"] = means(wanted, made)
    return {"against": AGAINST, "distances": found}


def rendered(speak: speaking.Speak) -> list[Rendering]:
    """Every sentence by every voice."""
    spoken = [speak(speaking.pieces(text, voice), voice, 1.0) for voice in VOICES for text in TEXTS]
    return [Rendering(audio=one.audio, frames=one.frames) for one in spoken]


def means(wanted: Sequence[Rendering], made: Sequence[Rendering]) -> dict[str, float | None]:
    """Of every measure the mean over the sentences, without those in which it cannot be taken."""
    every = [asdict(compare(*pair)) for pair in zip(wanted, made, strict=True)]
    found: dict[str, float | None] = {}
    for field in fields(Quality):
        values = [one[field.name] for one in every if one[field.name] is not None]
        found[field.name] = round(sum(values) / len(values), 4) if values else None
    return found


def table(figures: dict[str, Any]) -> str:
    """As on the page."""
    heads = ["spoken with", "tokens moved", "spectrum", "mel cepstrum", "pitch", "voicing", "loudness"]
    body = [
        [
            *(way, share(one["tokens_moved"]), unit(one["log_spectral_db"], "dB"), unit(one["mel_cepstral_db"], "dB")),
            *(unit(one["f0_cents"], "cents"), share(one["voicing_apart"]), unit(one["loudness_db"], "dB")),
        ]
        for way, one in figures["distances"].items()
    ]
    return f"Against {figures['against']}:\n\n{measure.rows(heads, body)}"


def unit(value: float | None, name: str) -> str:
    """With its unit, if there is one."""
    return "" if value is None else f"{value:.2f} {name}"


def share(value: float | None) -> str:
    """In per cent, if there is one."""
    return "" if value is None else f"{value:.1%}"


if __name__ == "__main__":
    main()
