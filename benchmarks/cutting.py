"""Measures what cutting does to speech: a cut in mid-sentence against the whole, long segments against short ones.

    .venv/bin/python benchmarks/cutting.py KOKORO.onnx --voices VOICES.bin       # after benchmarks/listen_setup.py

The model says how long each token lasts, so that one word can be compared in both. Knows nothing of how the product
cuts: the rules that follow stand in docs/quality.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure, speaking, transcripts, whisper
from benchmarks.signal_measures import measured, seam, silence_ms
from chorus.vocabulary import MAX_TOKENS
from chorus.wire import RATE_HZ

NAME = "cutting"
VOICE = "af_heart"
FRAME = 600
"""Samples of one of Kokoro's frames."""
CUT = (
    "Once or twice she had peeped into the book her sister was reading, but it had no pictures or conversations in it.",
    "With a philosophical flourish Cato throws himself upon his sword; I quietly take to the ship.",
)
LONG = (
    "Some years ago, never mind how long precisely, having little or no money in my purse, and nothing particular to "
    "interest me on shore, I thought I would sail about a little and see the watery part of the world. It is a way I "
    "have of driving off the spleen, and regulating the circulation."
)
TARGETS = (60, 150, MAX_TOKENS)
SHORT = ("Yes.", "No.", "Why?", "Stop!", "Never.", "Who?")
_BREATH_S = 0.6


def main() -> None:
    """Measure, keep, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("model", type=Path)
    asked.add_argument("--voices", type=Path, required=True)
    asked.add_argument("--keep", type=Path, default=speaking.KEPT)
    asked.add_argument("--results", type=Path, default=measure.RESULTS, help="folder to write into")
    given = asked.parse_args()
    whisper.require()
    weights = whisper.fetch(given.keep / "whisper-base")
    speak = speaking.ours(given.model, given.voices, form=speaking.FORMS[speaking.EXACT])
    figures = {
        "joins": [one for text in CUT for one in joins(text, speak)],
        "short": short(speak, weights),
        "lengths": [length(target, speak, weights) for target in TARGETS],
    }
    conditions = f"{given.model.stem}, exact kernels, {VOICE}; {whisper.NAME}"
    measure.save(NAME, conditions, figures, given.results)
    print(table(figures))


def joins(text: str, speak: speaking.Speak) -> list[dict[str, Any]]:
    """A sentence as a whole, cut after its clause, and cut between two words of a clause."""
    phonemes = speaking.pieces(text, VOICE, target=MAX_TOKENS)[0].phonemes
    whole = speak([speaking.Piece(phonemes=phonemes)], VOICE, 1.0)
    places = {"after a clause": clause_end(phonemes), "between two words": word_end(phonemes)}
    found = []
    for where, at in places.items():
        said = [speaking.Piece(phonemes=phonemes[:at]), speaking.Piece(phonemes=phonemes[at + 1 :])]
        found.append({"text": text, "where": where} | joined(whole, speak(said, VOICE, 1.0), phonemes, at))
    return found


def clause_end(phonemes: str) -> int:
    """The blank after the first comma or semicolon."""
    return next(at for at, sign in enumerate(phonemes) if sign == " " and phonemes[at - 1] in ",;")


def word_end(phonemes: str) -> int:
    """The blank nearest to the middle of the first clause."""
    middle = clause_end(phonemes) // 2
    return min((at for at, sign in enumerate(phonemes) if sign == " "), key=lambda at: abs(at - middle))


def joined(whole: speaking.Spoken, cut: speaking.Spoken, phonemes: str, at: int) -> dict[str, Any]:
    """What differs: the words at the cut, the silence in it, and how the pitch and the level go on."""
    # Each piece has a pad before its first token and one after its last.
    before = slice(1 + word_start(phonemes, at), 1 + at)
    here = sum(whole.frames[: 1 + at]) * FRAME
    place = cut.joins[0]
    first, second = cut.audio[:place], cut.audio[place:]
    whole_louder, whole_higher = seam(whole.audio, here)
    louder, higher = seam(cut.audio, place)
    return {
        "longer": cut.audio.size / whole.audio.size - 1,
        "word_longer": sum(cut.frames[before]) / max(1, sum(whole.frames[before])) - 1,
        "gap_ms": silence_ms(first)[1] + silence_ms(second)[0],
        "whole_louder_db": whole_louder,
        "louder_db": louder,
        "whole_higher_cents": whole_higher,
        "higher_cents": higher,
    }


def word_start(phonemes: str, at: int) -> int:
    """Where the word that ends here begins."""
    return phonemes.rfind(" ", 0, at) + 1


def length(target: int, speak: speaking.Speak, weights: Path) -> dict[str, Any]:
    """A text in segments of about so many tokens."""
    said = speaking.pieces(LONG, VOICE, target=target)
    spoken = speak(said, VOICE, 1.0)
    heard = whisper.hear(spoken.audio, RATE_HZ, weights)
    return judged(said, spoken) | {
        "tokens": [len(piece.phonemes) for piece in said],
        "heard": heard,
        **counted(transcripts.compare(LONG, heard)),
    }


def short(speak: speaking.Speak, weights: Path) -> list[dict[str, Any]]:
    """Sentences of a word, each in a segment of its own, and all in one."""
    alone = [speaking.pieces(text, VOICE)[0] for text in SHORT]
    together = [speaking.Piece(phonemes=" ".join(piece.phonemes for piece in alone))]
    apart = [speaking.Piece(phonemes=piece.phonemes, pause_s=_BREATH_S) for piece in alone]
    found = []
    for how, said in (("each in a segment of its own", apart), ("all in one segment", together)):
        spoken = speak(said, VOICE, 1.0)
        heard = whisper.hear(spoken.audio, RATE_HZ, weights)
        errors = counted(transcripts.compare(" ".join(SHORT), heard))
        found.append({"how": how, "heard": heard} | judged(said, spoken) | errors)
    return found


def judged(said: Sequence[speaking.Piece], spoken: speaking.Spoken) -> dict[str, Any]:
    """Pace and sound, without the pauses between pieces."""
    signal = measured(spoken.audio, spoken.joins)
    tokens = sum(len(piece.phonemes) for piece in said)
    heard = spoken.audio[np.abs(spoken.audio) > 0].size
    return {
        "tokens_a_second": tokens / (heard / RATE_HZ),
        "level_db": signal.level_db,
        "bright_db": signal.bright_db,
        "jumps": signal.jumps,
    }


def counted(errors: Any) -> dict[str, int]:
    """Words and errors."""
    return {"words": errors.words, "errors": errors.errors}


def table(figures: dict[str, Any]) -> str:
    """As on the page."""
    cut = measure.rows(
        ["cut", "sentence longer", "word before it longer", "silence in it", "level after it", "pitch after it"],
        [
            [
                *(one["where"], f"{one['longer']:+.0%}", f"{one['word_longer']:+.0%}", f"{one['gap_ms']:.0f} ms"),
                f"{unit(one['louder_db'], 'dB')} (whole: {unit(one['whole_louder_db'], 'dB')})",
                f"{unit(one['higher_cents'], 'cents')} (whole: {unit(one['whole_higher_cents'], 'cents')})",
            ]
            for one in figures["joins"]
        ],
    )
    heads = ["tokens a second", "level", "2-8 kHz", "pitch leaps", "word errors"]
    lengths = measure.rows(
        ["tokens of each segment", *heads],
        [[", ".join(map(str, one["tokens"])), *sound(one)] for one in figures["lengths"]],
    )
    words = measure.rows(
        ["sentences of a word", *heads, "heard"],
        [[one["how"], *sound(one), one["heard"]] for one in figures["short"]],
    )
    return f"{cut}\n\n{lengths}\n\n{words}"


def sound(one: dict[str, Any]) -> list[str]:
    """The columns that both tables of lengths share."""
    return [
        *(f"{one['tokens_a_second']:.1f}", unit(one["level_db"], "dB"), unit(one["bright_db"], "dB")),
        *(f"{one['jumps']:.1%}", f"{one['errors']} of {one['words']}"),
    ]


def unit(value: float | None, name: str) -> str:
    """With its sign and unit, if there is a value."""
    return "none" if value is None else f"{value:+.1f} {name}"


if __name__ == "__main__":
    main()
