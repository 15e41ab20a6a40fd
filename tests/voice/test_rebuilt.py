"""The stand-in voice is what its script makes of flite and the sentences that are here."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from workers.standin import MODEL
from workers.standin.build import build, measured, sentences, stored

pytestmark = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed: nothing to build from")


def test_measured_anew_it_is_the_same_voice(tmp_path: Path) -> None:
    """To the byte where the arithmetic is; on another kind of processor a few levels may be rounded the other way."""
    units, committed = measured(sentences()), stored()
    assert np.array_equal(units.entering, committed.entering)
    assert np.array_equal(units.leaving, committed.leaving)
    off = np.abs(units.steps.astype(int) - committed.steps)
    assert off.max() <= 1
    assert np.count_nonzero(off) < 1e-3 * off.size
    if not off.any():
        assert build(units, tmp_path / "model.onnx").read_bytes() == MODEL.read_bytes()
