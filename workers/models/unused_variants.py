"""Prepared graphs that no worker of this machine would load now: another model's, another onnxruntime's, not chosen.

Deleting one costs its making: `chorus optimize`, or the next start with that model, makes it again. A lossy one is a
sound of its own, to which unfinished jobs may be pinned, and stays. Only for a moment at which no voice worker runs.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from broker.disk_use import total_bytes
from broker.settings import FarmSettings
from chorus.errors import DiskError, ModelError
from workers.models import prepared, resolving
from workers.models.variants import FILE, Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class UnusedVariant:
    """A folder of prepared graphs that can be deleted."""

    folder: Path
    what: str
    """`kokoro-v1.0 as original`, for people."""
    disk_bytes: int
    why: str
    """`made of another model`, for people."""


def unused(settings: FarmSettings) -> tuple[UnusedVariant, ...]:
    """All of them, without deleting any; none if it is not known which model this machine speaks with."""
    try:
        model = resolving.resolve(settings)
    except ModelError:
        return ()
    here = prepared.folder(settings.home_folder(), model.origin)
    return tuple(_in_all(here, model.variant))


def remove(one: UnusedVariant) -> bool:
    """Delete it; False if it is being prepared at this moment."""
    whole = (one.folder / FILE).exists()
    with _alone(one.folder if whole else one.folder.parent) as alone:
        if not alone:
            return False
        try:
            # The manifest's entry is removed first: after an interruption the remaining files count as no variant.
            if whole:
                (one.folder / FILE).unlink()
            elif known := Manifest.read(one.folder.parent):
                replace(known.without_variant(one.folder.name), stages={}).write(one.folder.parent)
            shutil.rmtree(one.folder)
        except OSError as error:
            raise DiskError(f"{one.folder} cannot be deleted ({error.strerror}): delete it by hand.") from error
    return True


def _in_all(here: Path, variant: str) -> Iterator[UnusedVariant]:
    """`here` is the folder of the model that speaks, `variant` the one it speaks as."""
    for folder in sorted(here.parent.parent.glob("*/*")):
        known = Manifest.read(folder)
        if folder == here:
            chosen = known.choice.variant if known and known.choice else ""
            yield from _lossless(folder, known, "not chosen", spare={variant, chosen})
        elif folder.name != here.name:
            yield _whole(folder, _model(known), "made for another onnxruntime or processor")
        elif known and not all(one.lossless for one in known.variants.values()):
            yield from _lossless(folder, known, "made of another model", spare=set())
        elif folder.is_dir():
            yield _whole(folder, _model(known), "made of another model")


def _lossless(folder: Path, known: Manifest | None, why: str, *, spare: set[str]) -> Iterator[UnusedVariant]:
    for one in known.variants.values() if known else ():
        if one.lossless and one.name not in spare and (folder / one.name).is_dir():
            yield _whole(folder / one.name, f"{_model(known)} as {one.name}", why)


def _model(known: Manifest | None) -> str:
    return known.model if known else "an unknown model"


def _whole(folder: Path, what: str, why: str) -> UnusedVariant:
    return UnusedVariant(folder=folder, what=what, disk_bytes=total_bytes(folder), why=why)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Hold the lock of this folder's preparation while the block runs; False if another process holds it."""
    with (folder / prepared.LOCK).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
