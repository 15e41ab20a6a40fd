"""Lets Whisper hear a Kokoro model, and counts the words it hears wrong: by way of speaking, voice and speed.

    .venv/bin/python benchmarks/listen_setup.py                 # once: faster-whisper, from a lock of its own
    .venv/bin/python benchmarks/listening.py KOKORO.onnx --voices VOICES.bin [GRAPH.onnx …] [--quick]

kokoro-onnx speaks the same phonemes with the same file in the same run. Whisper hears missing and wrong words, but not
noise, clipping or dropouts: signal measures stand beside its figures. What was spoken and heard stays in --keep, so
that a run that was interrupted goes on where it stopped.
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure, speaking, transcripts, whisper
from benchmarks.recogniser import WordErrors
from benchmarks.signal_measures import Signal, measured
from chorus.wire import RATE_HZ

NAME = "listening"
SPEEDS = (0.5, 0.75, 1.25, 1.5, 2.0)
QUICK = {"easy": 4, "numbers": 2, "names": 2}
"""How many sentences of each kind --quick speaks; of every other kind, one."""
THREADS = 2


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is asked for."""

    models: tuple[Path, ...]
    voices: Path
    quick: bool
    keep: Path
    results: Path


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """One sentence, spoken in one way."""

    model: str
    way: str
    voice: str
    speed: float
    sentence: speaking.Sentence
    spoken: speaking.Spoken
    name: str
    """Under which it and what was heard of it are kept."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A rendering, as Whisper heard it."""

    rendering: Rendering
    text: str
    count: WordErrors


def main() -> None:
    """Speak, hear, keep, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("models", nargs="+", type=Path, help="model files, or graphs that `chorus optimize` made")
    asked.add_argument("--voices", type=Path, required=True, help="their voices")
    asked.add_argument("--quick", action="store_true", help="a few sentences and three voices")
    asked.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "chorus-listening")
    asked.add_argument("--results", type=Path, default=measure.RESULTS, help="folder to write into")
    given = vars(asked.parse_args())
    options = Options(**given | {"models": tuple(given["models"])})
    whisper.require()
    weights = whisper.fetch(options.keep / "whisper-base")
    renderings = list(spoken(options))
    figures = figures_of([heard(one, weights, options.keep) for one in renderings], quick=options.quick)
    measure.save(NAME, conditions(options), figures, options.results)
    print(table(figures))


def chosen(options: Options) -> tuple[tuple[speaking.Sentence, ...], Sequence[str]]:
    """The sentences and voices of this run."""
    every = speaking.sentences()
    if not options.quick:
        return every, speaking.VOICES
    kinds = dict.fromkeys(one.kind for one in every)
    few = [one for kind in kinds for one in [one for one in every if one.kind == kind][: QUICK.get(kind, 1)]]
    return tuple(few), speaking.VOICES[:3]


def spoken(options: Options) -> Iterator[Rendering]:
    """Every rendering of this run: all sentences by all voices at speed 1, and the easy ones at the other speeds."""
    keeper = speaking.Keeper(options.keep / "spoken")
    sentences, voices = chosen(options)
    easy = [one for one in sentences if one.kind == "easy"][: 3 if options.quick else None]
    asked = [(one, voice, 1.0) for voice in voices for one in sentences]
    asked += [(one, voices[0], speed) for speed in SPEEDS for one in easy]
    for model in options.models:
        for way, speak in speaking.ways(model, options.voices, threads=THREADS):
            # The other speeds are asked of what the product speaks with, and of kokoro-onnx beside it.
            for sentence, voice, speed in asked:
                if speed != 1 and way not in (speaking.EXACT, speaking.THEIRS):
                    continue
                said = speaking.pieces(sentence.text, voice)
                digest = hashlib.sha256(repr(said).encode()).hexdigest()[:12]
                name = keeper.name(model.stem, way, voice, f"{speed:g}", digest)
                sound = keeper.spoken(name, speak, said, voice, speed)
                yield Rendering(
                    model=model.stem, way=way, voice=voice, speed=speed, sentence=sentence, spoken=sound, name=name
                )


def heard(one: Rendering, weights: Path, keep: Path) -> Heard:
    """What Whisper hears; kept beside the sound."""
    path = keep / "heard" / f"{one.name}.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(whisper.hear(one.spoken.audio, RATE_HZ, weights), "utf-8")
    text = path.read_text("utf-8")
    return Heard(rendering=one, text=text, count=transcripts.compare(one.sentence.said, text))


def figures_of(every: Sequence[Heard], *, quick: bool) -> dict[str, Any]:
    """The figures, as they are kept."""
    usual = [one for one in every if one.rendering.speed == 1]
    first = usual[0].rendering
    of_first = [one for one in usual if (one.rendering.model, one.rendering.way) == (first.model, first.way)]
    return {
        "quick": quick,
        "sentences": len({one.rendering.sentence.text for one in usual}),
        "voices": list(dict.fromkeys(one.rendering.voice for one in usual)),
        "words": sum(one.count.words for one in of_first if one.rendering.voice == first.voice),
        "by_voice": counted(usual, ("model", "way", "voice")),
        "by_kind": counted(usual, ("model", "way"), kind=True),
        "by_speed": counted([one for one in every if one.rendering.voice == first.voice and is_easy(one)],
                            ("model", "way", "speed")),
        "signals": signals(usual),
        "wrong": [
            {"way": one.rendering.way, "voice": one.rendering.voice, "speed": one.rendering.speed,
             "text": one.rendering.sentence.text, "heard": one.text, "errors": one.count.errors}
            for one in every if one.count.errors
        ],
    }  # fmt: skip


def is_easy(one: Heard) -> bool:
    """Whether it is one of the sentences that are spoken at every speed."""
    return one.rendering.sentence.kind == "easy"


def counted(every: Iterable[Heard], names: Sequence[str], *, kind: bool = False) -> list[dict[str, Any]]:
    """Words and errors for each combination of these properties."""
    sums: dict[tuple[Any, ...], WordErrors] = {}
    for one in every:
        key = tuple(getattr(one.rendering, name) for name in names)
        key += (one.rendering.sentence.kind,) if kind else ()
        sums[key] = sums.get(key, WordErrors()) + one.count
    heads = [*names, *(["kind"] if kind else [])]
    return [dict(zip(heads, key, strict=True)) | asdict(count) for key, count in sums.items()]


def signals(every: Sequence[Heard]) -> list[dict[str, Any]]:
    """The signal measures of each way: the worst of each for faults, the median for what is neither good nor bad."""
    found: dict[tuple[str, str], list[Signal]] = {}
    for one in every:
        sound = one.rendering.spoken
        found.setdefault((one.rendering.model, one.rendering.way), []).append(measured(sound.audio, sound.joins))
    return [
        {"model": model, "way": way} | {field.name: summed(many, field.name) for field in fields(Signal)}
        for (model, way), many in found.items()
    ]


def summed(many: Sequence[Signal], name: str) -> float | None:
    """One measure of many sounds."""
    values = [value for value in (getattr(one, name) for one in many) if value is not None]
    if not values:
        return None
    return round(float(max(values) if name in Signal.FAULTS else np.median(values)), 5)


def conditions(options: Options) -> str:
    """What was measured with, for the page."""
    size = "a small run" if options.quick else "the whole run"
    ears = f"{whisper.NAME}, faster-whisper {version('faster-whisper')}"
    return f"{size}; kokoro-onnx {version('kokoro-onnx')}; {ears}"


def table(figures: dict[str, Any]) -> str:
    """As on the page."""
    return "\n\n".join((sizes(figures), errors(figures), speeds(figures), faults(figures), misheard(figures)))


def sizes(figures: dict[str, Any]) -> str:
    """How much was heard."""
    return (
        f"{figures['sentences']} sentences of {figures['words']} words by {len(figures['voices'])} voices "
        f"({', '.join(figures['voices'])})."
    )


def errors(figures: dict[str, Any]) -> str:
    """Word errors by voice and by kind of text."""
    voices = figures["voices"]
    kinds = list(dict.fromkeys(one["kind"] for one in figures["by_kind"]))
    body = []
    for model, way in dict.fromkeys((one["model"], one["way"]) for one in figures["by_voice"]):
        of_voice = {one["voice"]: one for one in figures["by_voice"] if (one["model"], one["way"]) == (model, way)}
        of_kind = {one["kind"]: one for one in figures["by_kind"] if (one["model"], one["way"]) == (model, way)}
        both = [share([*of_voice.values()]), *(share([of_voice[one]]) for one in voices)]
        body.append([named(model), way, *both, *(share([of_kind[one]]) for one in kinds)])
    return measure.rows(["file", "spoken with", "all", *voices, *kinds], body)


def speeds(figures: dict[str, Any]) -> str:
    """Word errors of the easy sentences by speed, of the first voice."""
    steps = sorted({one["speed"] for one in figures["by_speed"]})
    body = []
    for model, way in dict.fromkeys((one["model"], one["way"]) for one in figures["by_speed"]):
        of_speed = {one["speed"]: one for one in figures["by_speed"] if (one["model"], one["way"]) == (model, way)}
        if len(of_speed) > 1:
            body.append([named(model), way, *(share([of_speed[one]]) for one in steps)])
    return measure.rows(["file", "spoken with", *(f"speed {one:g}" for one in steps)], body)


def faults(figures: dict[str, Any]) -> str:
    """The signal measures that a recogniser knows nothing of."""
    heads = ["file", "spoken with", "level", "peak", "flat tops", "offset", "floor", "dropouts", "pitch leaps"]
    heads += ["head / tail", "end", "step at joins", "2-8 kHz", "8-11 kHz"]
    body = [
        [
            *(named(one["model"]), one["way"], decibels(one["level_db"]), f"{one['peak']:.2f}", f"{one['flat']:.3%}"),
            *(f"{one['dc']:.4f}", decibels(one["floor_db"]), f"{one['dropouts']:g}", f"{one['jumps']:.1%}"),
            *(f"{one['head_ms']:.0f} / {one['tail_ms']:.0f} ms", decibels(one["end_db"]), decibels(one["click_db"])),
            *(decibels(one["bright_db"]), decibels(one["top_db"])),
        ]
        for one in figures["signals"]
    ]
    return measure.rows(heads, body)


def misheard(figures: dict[str, Any]) -> str:
    """Each sentence of which a word was heard wrong: the reader may judge whose fault it is."""
    body = [
        [one["way"], one["voice"], f"{one['speed']:g}", one["errors"], one["text"], one["heard"]]
        for one in figures["wrong"]
    ]
    return measure.rows(["spoken with", "voice", "speed", "errors", "to be said", "heard"], body)


def named(model: str) -> str:
    """A file's name as code; a prepared graph's name says nothing."""
    return "as above" if f"{model}.onnx" == speaking.PREPARED else f"`{model}`"


def share(counts: Sequence[dict[str, Any]]) -> str:
    """Errors of words, and in per cent."""
    wrong, words = sum(one["errors"] for one in counts), sum(one["words"] for one in counts)
    return f"{wrong} of {words}, {wrong / max(1, words):.1%}"


def decibels(value: float | None) -> str:
    """A level, if there is one."""
    return "" if value is None else f"{value:+.1f} dB".replace("-", "−")


if __name__ == "__main__":
    main()
