"""Computes the digest of every model file on this machine and compares it with the published one.

For `chorus models verify`. Knows no command line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from broker.settings import FarmSettings
from chorus.errors import ChorusError
from chorus.standing_in import PULL
from workers.models import prepared, published, resolving
from workers.models.digests import sha256_of
from workers.models.published import MODELS, TAGGER_NAME, Asset, models_folder


@dataclass(frozen=True, kw_only=True)
class FileVerdict:
    """The result for one file."""

    path: Path
    well: bool
    told: str
    """What it is, or what is wrong with it and the remedy."""


def verify(settings: FarmSettings) -> Iterator[FileVerdict]:
    """Verify every published file that is here, then the model that speaks, then the graphs prepared from it."""
    for name, asset in (*MODELS.items(), ("", published.VOICES), (TAGGER_NAME, published.TAGGER)):
        path = models_folder(settings) / asset.file
        if path.exists():
            yield _pinned(path, name, asset)
    # Published files are verified above; for any other model file there is no published digest.
    try:
        model = resolving.resolve(settings)
    except ChorusError as error:
        yield FileVerdict(path=models_folder(settings), well=False, told=str(error))
        return
    if model.origin not in {asset.sha256 for asset in MODELS.values()}:
        yield FileVerdict(
            path=model.path, well=True, told=f"{model.name}, sha256 {sha256_of(model.path)}, no published model"
        )
    known = prepared.manifest(settings.home_folder(), model.origin)
    for name, variant in sorted(known.variants.items() if known else ()):
        place = prepared.folder(settings.home_folder(), model.origin) / name
        whole = prepared.is_whole(place, variant)
        told = (
            f"prepared, {variant.size_mb:.0f} MB"
            if whole
            else f"incomplete or missing: `{prepared.OPTIMIZE}` builds it again"
        )
        yield FileVerdict(path=place, well=whole, told=told)


def _pinned(path: Path, name: str, asset: Asset) -> FileVerdict:
    found = sha256_of(path)
    if found == asset.sha256:
        return FileVerdict(path=path, well=True, told=f"as published, sha256 {found}")
    again = f"{PULL} {name}".rstrip()
    return FileVerdict(
        path=path,
        well=False,
        told=f"{path.stat().st_size} bytes, sha256 {found[:12]}… instead of {asset.size_bytes} bytes, "
        f"{asset.sha256[:12]}…: `{again}` fetches it again",
    )
