"""A recogniser understands the stand-in voice about as well as the one it was measured on."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import intelligibility

from workers.standin import MODEL, VOICES

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed: no recogniser for the speech")


@pytest.mark.parametrize("voice", ["am_adam", "af_heart"])
@pytest.mark.parametrize(("text", "most"), [("easy", 0.06), ("novel", 0.24)])
def test_its_words_are_understood(voice: str, text: str, most: float) -> None:
    speak = intelligibility.stand_in(MODEL, VOICES, voice, 1.0)
    found = intelligibility.recognised(intelligibility.texts()[text], speak, say=True)
    assert found.errors.share <= most
    assert -25 < found.loudness_db < -21
    assert found.peak <= 0.7
    assert found.offset < 1e-3
    assert 140 < found.errors.words / found.seconds * 60 < 180
