"""Reads the voices file, an npz with one style table per voice, and mixes blends of voices.

Knows nothing of the model.
"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from chorus import voices
from chorus.errors import ModelError
from chorus.vocabulary import MAX_TOKENS

Style = NDArray[np.float32]
# One row of 256 numbers for each number of tokens, from 1 on.
ROWS, WIDTH = MAX_TOKENS, 256


def load(path: Path) -> Mapping[str, Style]:
    """Every voice in the file by name, read-only; ModelError if it is not a voices file."""
    try:
        with path.open("rb") as file, _npz(file, path) as archive:
            bank = {name: archive[name] for name in sorted(archive.files)}
    except FileNotFoundError as error:
        raise ModelError(f"The voices file {path} does not exist: set CHORUS_VOICES to one that does.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(
            f"{path} is not a voices file, an npz of one table per voice ({error}): set CHORUS_VOICES to one."
        ) from error
    if not bank:
        raise ModelError(f"{path} contains no voice: set CHORUS_VOICES to a file that does.")
    for name, style in bank.items():
        _check(style, name, path)
        style.setflags(write=False)
    return MappingProxyType(bank)


def style(bank: Mapping[str, Style], voice: str) -> Style:
    """The table of a name or a blend: of several voices their weighted mean, row by row."""
    voices.require(voice, bank)
    shares = voices.blend(voice)
    if len(shares) == 1:
        return bank[shares[0].name]
    rows = min(len(bank[share.name]) for share in shares)
    mixed = sum(float(share.weight) * bank[share.name][:rows].astype(np.float64) for share in shares)
    table = np.asarray(mixed, dtype=np.float32)
    table.setflags(write=False)
    return table


def _npz(file: BinaryIO, path: Path) -> np.lib.npyio.NpzFile:
    # The caller opens the file, because numpy would leave it open if the archive is damaged.
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ModelError(f"{path} is a single table, not a voices file: give one with a table per voice, by name.")
    return archive


def _check(style: NDArray[np.generic], name: str, path: Path) -> None:
    if style.dtype != np.float32 or style.shape[1:] != (1, WIDTH) or style.shape[0] < ROWS:
        found = f"{style.dtype} {list(style.shape)}"
        raise ModelError(
            f"Voice {name} in {path} is {found}; Kokoro needs float32 [{ROWS}, 1, {WIDTH}], use its own voices."
        )
