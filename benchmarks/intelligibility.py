"""Measures how intelligible the stand-in voice is: the word error rate of a speech recogniser.

    .venv/bin/python benchmarks/intelligibility.py                  # the stand-in voice: a few voices, a few speeds
    .venv/bin/python benchmarks/intelligibility.py --voice bf_emma  # one of them
    .venv/bin/python benchmarks/intelligibility.py --flite rms      # flite's own voice, for comparison
    .venv/bin/python benchmarks/intelligibility.py --say            # also print each sentence as it was recognised

The recogniser is pocketsphinx with its English model. The sentences are those of benchmarks/text/heard.txt; none of
them was used to build the voice. The table also shows loudness, the highest peak, DC offset and words per minute.
"""

import argparse
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks.recogniser import WordErrors, count, recognise, words
from chorus.vocabulary import VOCABULARY
from tasks.phonemes import phonemize
from workers.standin import MODEL, VOICES

TEXTS = Path(__file__).resolve().parent / "text" / "heard.txt"
USUAL = (("am_adam", 1.0), ("bm_george", 1.0), ("af_heart", 1.0), ("am_adam", 0.7), ("am_adam", 1.4))

Samples = NDArray[np.float32]
Say = Callable[[str], tuple[Samples, int]]
"""Speaks a sentence: samples between -1 and 1, and how many of them a second."""


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """The word errors of a text, and properties of its audio."""

    errors: WordErrors
    seconds: float
    loudness_db: float
    peak: float
    offset: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", action="append", help="a voice of the stand-in; may be repeated")
    parser.add_argument("--speed", type=float, default=1.0, help="speaking rate (default 1)")
    parser.add_argument("--flite", help="measure this voice of flite instead")
    parser.add_argument("--model", type=Path, default=MODEL, help="the model file (default: the stand-in's)")
    parser.add_argument("--voices", type=Path, default=VOICES, help="its voices (default: the stand-in's)")
    parser.add_argument("--say", action="store_true", help="print each sentence as it was recognised")
    given = parser.parse_args()
    print("| voice | speed | easy | page of a novel | loudness | peak | offset | words per minute |")
    print("|---|---|---|---|---|---|---|---|")
    if given.flite:
        print(row(given.flite, 1.0, flite(given.flite), say=given.say))
        return
    chosen = [(name, given.speed) for name in given.voice] if given.voice else USUAL
    for name, speed in chosen:
        print(row(name, speed, stand_in(given.model, given.voices, name, speed), say=given.say), flush=True)


def row(name: str, speed: float, speak: Say, *, say: bool) -> str:
    """A line of the table."""
    easy, novel = (recognised(sentences, speak, say=say) for sentences in texts().values())
    both = easy.errors.words + novel.errors.words
    pace = both / (easy.seconds + novel.seconds) * 60
    return (
        f"| {name} | {speed:g} | {easy.errors.share:.1%} | {novel.errors.share:.1%} | "
        f"{np.mean([easy.loudness_db, novel.loudness_db]):.1f} dB | {max(easy.peak, novel.peak):.2f} | "
        f"{max(easy.offset, novel.offset):.0e} | {pace:.0f} |"
    )


def texts() -> dict[str, list[str]]:
    """The sentences of each text, by its name."""
    found: dict[str, list[str]] = {}
    for line in TEXTS.read_text("utf-8").splitlines():
        if line.startswith("== "):
            found[line.removeprefix("== ")] = []
        elif line and not line.startswith("#"):
            found[list(found)[-1]].append(line)
    return found


def recognised(sentences: list[str], speak: Say, *, say: bool) -> Recognition:
    """Speak sentences, let the recogniser transcribe them, and count its errors."""
    spoken = [speak(sentence) for sentence in sentences]
    transcripts = [[one.word for one in recognise(*one)] for one in spoken]
    if say:
        for sentence, found in zip(sentences, transcripts, strict=True):
            print(f"{count(words(sentence), found).errors}  {' '.join(words(sentence))}\n   {' '.join(found)}")
    counts = [count(words(sentence), found) for sentence, found in zip(sentences, transcripts, strict=True)]
    power = np.concatenate([samples.astype(np.float64) ** 2 for samples, _ in spoken])
    return Recognition(
        errors=sum(counts, WordErrors()),
        seconds=sum(len(samples) / rate_hz for samples, rate_hz in spoken),
        loudness_db=float(10 * np.log10(power.mean())),
        peak=max(float(np.abs(samples).max()) for samples, _ in spoken),
        offset=max(abs(float(samples.mean())) for samples, _ in spoken),
    )


def stand_in(model: Path, voices: Path, name: str, speed: float) -> Say:
    """The stand-in voice, as a worker speaks with it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    with np.load(voices) as styles:
        style = styles[name]
    language = "en-gb" if name.startswith("b") else "en-us"

    def speak(sentence: str) -> tuple[Samples, int]:
        phonemes = phonemize.phonemize(sentence, language).text
        tokens = np.array([[0, *(VOCABULARY[symbol] for symbol in phonemes), 0]], np.int64)
        feed = {"tokens": tokens, "style": style[len(phonemes)], "speed": np.array([speed], np.float32)}
        return session.run(["audio"], feed)[0], 24_000

    return speak


def flite(name: str) -> Say:
    """One of flite's own voices."""

    def speak(sentence: str) -> tuple[Samples, int]:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            subprocess.run(["flite", "-voice", name, "-t", sentence, "-o", file.name], check=True)  # noqa: S603, S607
            with wave.open(file.name) as sound:
                samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
                return samples.astype(np.float32) / 32768, sound.getframerate()

    return speak


if __name__ == "__main__":
    main()
