"""The calibration sentences for int8: together they contain every sound of English.

Their phonemes are stored here, so that a model gives the same variant whatever phonemizer is installed. A test compares
them with the phonemes of the current one. Knows nothing of graphs or models.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationLine:
    """One calibration sentence."""

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
"""Long and short sentences, a question and an exclamation, with and without pauses."""


def with_voices(voices: Sequence[str], lines: Sequence[CalibrationLine] = LINES) -> list[tuple[CalibrationLine, str]]:
    """Each line with one of the voices, spread evenly from the first to the last."""
    last = max(len(lines) - 1, 1)
    return [(line, voices[place * (len(voices) - 1) // last]) for place, line in enumerate(lines)]
