"""Lets Whisper hear Kokoro in every language that it speaks here, beside kokoro-onnx with the same phonemes and file.

    .venv/bin/python benchmarks/listen_setup.py                 # once: faster-whisper, from a lock of its own
    .venv/bin/python benchmarks/languages.py KOKORO.onnx --voices VOICES.bin

Whisper base hears some languages much worse than English, and the phonemes have errors of their own. What counts is
that the product is heard no worse than the other with the same phonemes. Hindi is counted by letters.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure, speaking, transcripts, whisper
from benchmarks.recogniser import WordErrors
from chorus.languages import LANGUAGES, for_voice
from chorus.wire import RATE_HZ

NAME = "languages"
TEXTS = speaking.TEXTS.with_name("languages.txt")
VOICES = {
    "es": ("ef_dora",),
    "fr-fr": ("ff_siwis",),
    "it": ("if_sara",),
    "pt-br": ("pf_dora",),
    "hi": ("hf_alpha",),
    "en-us": ("af_heart",),
    "en-gb": ("bf_emma",),
}
BY_LETTERS = ("hi",)
PROMPTS = {"hi": "यह हिन्दी में है।"}
"""Without it Whisper base writes Hindi in Arabic letters. With it, it repeats itself: it does not understand Hindi."""
WAYS = (speaking.EXACT, speaking.THEIRS)
EASY = 20
"""English sentences; all of them are heard in benchmarks/listening.py."""
AT_ONCE, BREATH_S = 5, 0.6
"""Sentences that Whisper hears one after the other, and the silence between them: it always takes half a minute."""
ALLOWED = 0.005
"""How much larger the share of errors may be than the other's."""
UNHEARD = 0.5
"""Where more than this is wrong in both, the recogniser does not understand the language."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Some sentences by one voice, and what was heard of them."""

    language: str
    way: str
    voice: str
    said: str
    text: str
    errors: WordErrors


def main() -> None:
    """Speak, hear, keep, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("model", type=Path)
    asked.add_argument("--voices", type=Path, required=True)
    asked.add_argument("--keep", type=Path, default=speaking.KEPT, help="folder of what was spoken and heard")
    asked.add_argument("--language", nargs="+", choices=VOICES, default=[*VOICES], help="only these")
    asked.add_argument("--results", type=Path, default=measure.RESULTS, help="folder to write into")
    given = asked.parse_args()
    whisper.require()
    weights = whisper.fetch(given.keep / "whisper-base")
    every = [one for language in given.language for one in heard(given, language, weights)]
    figures = figures_of(every)
    ears = f"{whisper.NAME}, faster-whisper {version('faster-whisper')}"
    measure.save(NAME, f"{given.model.stem}; kokoro-onnx {version('kokoro-onnx')}; {ears}", figures, given.results)
    print(table(figures))


def texts(language: str) -> tuple[str, ...]:
    """The sentences to be spoken: short everyday ones, without figures."""
    if language.startswith("en"):
        return tuple(one.text for one in speaking.sentences() if one.kind == "easy")[:EASY]
    kind = language.partition("-")[0]
    return tuple(one.text for one in speaking.sentences(TEXTS) if one.kind == kind)


def heard(given: argparse.Namespace, language: str, weights: Path) -> Iterator[Heard]:
    """All sentences of a language by its voices, in both ways."""
    keeper = speaking.Keeper(given.keep / "spoken")
    for way, speak in speaking.ways(given.model, given.voices):
        if way not in WAYS:
            continue
        for voice in VOICES[language]:
            every = texts(language)
            for said in (every[at : at + AT_ONCE] for at in range(0, len(every), AT_ONCE)):
                yield hear(keeper, given, way, speak, voice, said, weights)


def hear(
    keeper: speaking.Keeper,
    given: argparse.Namespace,
    way: str,
    speak: speaking.Speak,
    voice: str,
    said: Sequence[str],
    weights: Path,
) -> Heard:
    """Speak some sentences and have them heard; both are kept."""
    sounds, names = [], []
    for text in said:
        pieces = speaking.pieces(text, voice)
        digest = hashlib.sha256(repr(pieces).encode()).hexdigest()[:12]
        names.append(keeper.name(given.model.stem, way, voice, "1", digest))
        sounds += [keeper.spoken(names[-1], speak, pieces, voice, 1.0).audio]
        sounds += [np.zeros(round(BREATH_S * RATE_HZ), np.float32)]
    language = for_voice(voice)
    prompt = PROMPTS.get(language, "")
    path = given.keep / "heard" / f"{hashlib.sha256(' '.join([*names, prompt]).encode()).hexdigest()[:16]}.txt"
    text = whisper.hear_once(
        path, lambda: np.concatenate(sounds), RATE_HZ, weights, language=language.partition("-")[0], prompt=prompt
    )
    wanted = " ".join(said)
    errors = compare(language, wanted, text)
    return Heard(language=language, way=way, voice=voice, said=wanted, text=text, errors=errors)


def compare(language: str, wanted: str, text: str) -> WordErrors:
    """The errors in what was heard: words, or letters where words are written in many ways."""
    if language.startswith("en"):
        return transcripts.compare(wanted, text)
    units = transcripts.signs if language in BY_LETTERS else transcripts.written_words
    return transcripts.counted(units(wanted), units(text))


def figures_of(every: Sequence[Heard]) -> dict[str, Any]:
    """The figures, as they are kept."""
    sums: dict[tuple[str, str], WordErrors] = {}
    for one in every:
        key = one.language, one.way
        sums[key] = sums.get(key, WordErrors()) + one.errors
    return {
        "languages": {
            language: {way: asdict(sums[language, way]) for way in WAYS}
            for language in dict.fromkeys(one.language for one in every)
        },
        "wrong": [
            {"language": one.language, "way": one.way, "voice": one.voice, "errors": one.errors.errors,
             "text": one.said, "heard": one.text}
            for one in every if one.errors.errors
        ],
    }  # fmt: skip


def judgement(ours: WordErrors, theirs: WordErrors) -> str:
    """Whether ours is heard as well, as far as the recogniser understands the language."""
    if min(ours.share, theirs.share) > UNHEARD:
        return "cannot be judged"
    return "passed" if ours.share - theirs.share <= ALLOWED else "**missed**"


def table(figures: dict[str, Any]) -> str:
    """As on the page."""
    body = []
    for language, ways in figures["languages"].items():
        found = [WordErrors(**ways[way]) for way in WAYS]
        counted = [f"{one.errors} of {one.words}, {one.share:.1%}" for one in found]
        judged = judgement(*found)
        unit = "letters" if language in BY_LETTERS else "words"
        body.append([LANGUAGES[language], ", ".join(VOICES[language]), unit, *counted, judged])
    return measure.rows(["language", "voices", "counted", *WAYS, "at most 0.5 points more"], body)


if __name__ == "__main__":
    main()
