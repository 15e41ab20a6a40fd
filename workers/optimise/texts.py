"""What a graph is watched with while int8 is fitted to it: sentences that hold every sound of English, as phonemes.

The phonemes are what our own reader makes of the texts, and stand here so that one model gives one variant whatever
release of a phonemizer is installed. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationLine:
    """One sentence."""

    text: str
    phonemes: str


LINES = (
    CalibrationLine(text="Oh no! Not him again.", phonemes="ˈO nˈO! nˌɑt hˌɪm əɡˈɛn."),
    CalibrationLine(
        text="The quick brown fox jumps over the lazy dog.",
        phonemes="ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˈOvəɹ ðə lˈAzi dˈɔɡ.",
    ),
    CalibrationLine(
        text="Why did you leave the keys on the kitchen table?",
        phonemes="wˌI dˈɪd ju lˈiv ðə kˈiz ˌɔn ðə kˈɪʧᵊn tˈAbᵊl?",
    ),
    CalibrationLine(
        text="She sells sea shells by the shore; the shells she sells are surely seashells.",
        phonemes="ʃˌi sˈɛlz sˈi ʃˈɛlz bI ðə ʃˈɔɹ; ðə ʃˈɛlz ʃi sˈɛlz ɑɹ ʃˈʊɹli sˈiʃˌɛlz.",
    ),
    CalibrationLine(
        text="A joyful measure of choir music, thought George, and went on singing.",
        phonemes="ɐ ʤˈYfəl mˈɛʒəɹ ʌv kwˈIəɹ mjˈuzɪk, θˈɔt ʤˈɔɹʤ, ænd wˈɛnt ˌɔn sˈɪŋɪŋ.",
    ),
    CalibrationLine(
        text="In nineteen eighty-four, eleven people voted for the church.",
        phonemes="ɪn nˌIntˈin ˈATifˌɔɹ, əlˈɛvᵊn pˈipᵊl vˈOTᵻd fɔɹ ðə ʧˈɜɹʧ.",
    ),
)
"""Long and short, a question and an exclamation, pauses and none."""


def spread(voices: Sequence[str], lines: Sequence[CalibrationLine] = LINES) -> list[tuple[CalibrationLine, str]]:
    """Each line with a voice of its own, from the first of the file to the last."""
    last = max(len(lines) - 1, 1)
    return [(line, voices[place * (len(voices) - 1) // last]) for place, line in enumerate(lines)]
