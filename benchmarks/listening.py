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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure, speaking, transcripts, whisper
from benchmarks.listening_report import table
from benchmarks.recogniser import WordErrors
from benchmarks.signal_measures import Signal, measured
from chorus.wire import RATE_HZ

NAME = "listening"
SPEEDS = (0.5, 0.75, 1.25, 1.5, 2.0)
QUICK = {"easy": 4, "numbers": 2, "names": 2}
"""How many sentences of each kind --quick speaks; of every other kind, one."""
GROUPS = {"easy": "easy", "numbers": "numbers and names", "names": "numbers and names"}
"""Kinds that are counted together; all others are novels."""
LONGEST_S, BREATH_S = 27.0, 0.6
"""Of a take, and of the silence between its sentences."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is asked for."""

    models: tuple[Path, ...]
    voices: Path
    quick: bool
    keep: Path
    results: Path
    way: tuple[str, ...] = ()
    """Only these ways of speaking, if any is named."""
    speed: tuple[float, ...] = SPEEDS


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
class Take:
    """Some sentences of one group, spoken in the same way, as they are played to Whisper: one after the other.

    Whisper always listens to half a minute, and takes as long for a word as for that.
    """

    group: str
    renderings: tuple[Rendering, ...]

    @property
    def first(self) -> Rendering:
        """Whose way, voice and speed are those of all."""
        return self.renderings[0]

    @property
    def audio(self) -> speaking.Samples:
        """All of them, with a breath between."""
        breath = np.zeros(round(BREATH_S * RATE_HZ), np.float32)
        return np.concatenate([part for one in self.renderings for part in (one.spoken.audio, breath)])

    @property
    def name(self) -> str:
        """Under which what was heard of it is kept."""
        return hashlib.sha256(" ".join(one.name for one in self.renderings).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A take, as Whisper heard it."""

    take: Take
    text: str
    errors: WordErrors

    @property
    def said(self) -> str:
        """What was to be heard."""
        return " ".join(one.sentence.text for one in self.take.renderings)


def main() -> None:
    """Speak, hear, keep, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("models", nargs="+", type=Path, help="model files, or graphs that `chorus optimize` made")
    asked.add_argument("--voices", type=Path, required=True, help="their voices")
    asked.add_argument("--quick", action="store_true", help="a few sentences and three voices")
    asked.add_argument("--keep", type=Path, default=speaking.KEPT, help="folder of what was spoken and heard")
    asked.add_argument("--results", type=Path, default=measure.RESULTS, help="folder to write into")
    asked.add_argument("--way", action="append", default=[], help="only this way of speaking; several may be named")
    asked.add_argument("--speed", action="append", type=float, default=[], help="only this speed beside 1; the same")
    given = vars(asked.parse_args())
    speeds = tuple(given.pop("speed")) or SPEEDS
    options = Options(**given | {"models": tuple(given["models"]), "way": tuple(given["way"]), "speed": speeds})
    whisper.require()
    weights = whisper.fetch(options.keep / "whisper-base")
    every = [heard(take, weights, options.keep) for take in takes(spoken(options))]
    figures = figures_of(every, quick=options.quick)
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
    asked += [(one, voices[0], speed) for speed in options.speed for one in easy]
    # The other speeds are asked of what the product speaks with and, in a whole run, of kokoro-onnx beside it.
    at_every_speed = (speaking.EXACT,) if options.quick else (speaking.EXACT, speaking.THEIRS)
    for model in options.models:
        for way, speak in speaking.ways(model, options.voices):
            for sentence, voice, speed in asked:
                if (options.way and way not in options.way) or (speed != 1 and way not in at_every_speed):
                    continue
                said = speaking.pieces(sentence.text, voice)
                digest = hashlib.sha256(repr(said).encode()).hexdigest()[:12]
                name = keeper.name(model.stem, way, voice, f"{speed:g}", digest)
                sound = keeper.spoken(name, speak, said, voice, speed)
                yield Rendering(
                    model=model.stem, way=way, voice=voice, speed=speed, sentence=sentence, spoken=sound, name=name
                )


def takes(renderings: Iterable[Rendering]) -> Iterator[Take]:
    """Sentences of one group, way, voice and speed together, up to half a minute."""
    for group, many in groupby(renderings, key=lambda one: (group_of(one), one.model, one.way, one.voice, one.speed)):
        rest = list(many)
        while rest:
            lengths = accumulate(one.spoken.audio.size / RATE_HZ + BREATH_S for one in rest)
            count = max(1, sum(length <= LONGEST_S for length in lengths))
            yield Take(group=group[0], renderings=tuple(rest[:count]))
            rest = rest[count:]


def group_of(one: Rendering) -> str:
    """With which kinds this one is counted."""
    return GROUPS.get(one.sentence.kind, "novels")


def heard(take: Take, weights: Path, keep: Path) -> Heard:
    """What Whisper hears; kept beside the sound."""
    text = whisper.hear_once(keep / "heard" / f"{take.name}.txt", lambda: take.audio, RATE_HZ, weights)
    said = " ".join(one.sentence.said for one in take.renderings)
    return Heard(take=take, text=text, errors=transcripts.compare(said, text))


def figures_of(every: Sequence[Heard], *, quick: bool) -> dict[str, Any]:
    """The figures, as they are kept."""
    usual = [one for one in every if one.take.first.speed == 1]
    first = usual[0].take.first
    alike = [one for one in usual if (one.take.first.model, one.take.first.way) == (first.model, first.way)]
    voices = dict.fromkeys(one.take.first.voice for one in usual)
    # The other speeds are asked of some easy sentences only; these are what speed 1 is compared by.
    slow = {one.sentence.text for each in every if each.take.first.speed != 1 for one in each.take.renderings}
    return {
        "quick": quick,
        "sentences": sum(len(one.take.renderings) for one in alike) // len(voices),
        "words": sum(one.errors.words for one in alike) // len(voices),
        "slow": len(slow),
        "voices": list(voices),
        "by_voice": counted(usual, "voice"),
        "by_group": counted(usual, "group"),
        "by_speed": counted([one for one in every if is_easy(one) and voice_of(one) == first.voice], "speed"),
        "signals": signals(usual),
        "wrong": [
            {"way": one.take.first.way, "voice": voice_of(one), "speed": one.take.first.speed,
             "errors": one.errors.errors, "text": one.said, "heard": one.text}
            for one in every if one.errors.errors
        ],
    }  # fmt: skip


def is_easy(one: Heard) -> bool:
    """Whether its sentences may be spoken at every speed."""
    return one.take.group == "easy"


def voice_of(one: Heard) -> str:
    """Whose it is."""
    return one.take.first.voice


def counted(every: Iterable[Heard], name: str) -> list[dict[str, Any]]:
    """Words and errors of each way of speaking for each value of one property."""
    sums: dict[tuple[Any, ...], WordErrors] = {}
    for one in every:
        first = one.take.first
        key = (first.model, first.way, one.take.group if name == "group" else getattr(first, name))
        sums[key] = sums.get(key, WordErrors()) + one.errors
    return [dict(zip(("model", "way", name), key, strict=True)) | asdict(errors) for key, errors in sums.items()]


def signals(every: Sequence[Heard]) -> list[dict[str, Any]]:
    """The signal measures of each way: the worst of each for faults, the median for what is neither good nor bad."""
    found: dict[tuple[str, str], list[Signal]] = {}
    for one in (rendering for each in every for rendering in each.take.renderings):
        found.setdefault((one.model, one.way), []).append(measured(one.spoken.audio, one.spoken.joins))
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
    compared = f"kokoro-onnx {version('kokoro-onnx')}" if speaking.THEIRS in (options.way or [speaking.THEIRS]) else ""
    ears = f"{whisper.NAME}, faster-whisper {version('faster-whisper')}"
    return "; ".join(filter(None, (size, compared or "kokoro-onnx was not heard", ears)))


if __name__ == "__main__":
    main()
