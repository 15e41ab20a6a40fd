"""A user who waits for a worker's first start with a model is told what it is doing."""

import platform
import sys
from pathlib import Path

import noisy
import pytest
from toy.build import VOICES

from broker.settings import FarmSettings
from workers.accelerators import verdicts
from workers.cli import first_start
from workers.models.resolving import resolve
from workers.optimise import preparing


@pytest.mark.parametrize(
    ("system", "chip", "told"),
    [
        ("linux", "x86_64", [preparing.NOTE]),
        ("darwin", "arm64", [preparing.NOTE, verdicts.NOTE]),
    ],
)
def test_each_step_that_takes_minutes_is_announced_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, chip: str, told: list[str]
) -> None:
    settings = FarmSettings(home=tmp_path, model=noisy.build(tmp_path / "noisy.onnx"), voices=VOICES)
    model = resolve(settings)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: chip)
    assert first_start.notes(settings, model) == tuple(f"{note}." for note in told)


def test_nothing_is_announced_for_a_voice_that_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    settings = FarmSettings(home=tmp_path)
    assert first_start.notes(settings, resolve(settings)) == ()
