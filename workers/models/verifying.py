"""Computes the digest of every model file on this machine and compares it with the published one.

For `chorus models verify`. Knows no command line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from broker.settings import FarmSettings
from chorus.errors import ChorusError
from chorus.standing_in import PULL
from workers.models import inverse_stft, prepared, published, resolving
from workers.models.digests import sha256_of
from workers.models.published import MODELS, TAGGER_NAME, WEIGHTS_OF_8_BITS, Asset, models_folder

if TYPE_CHECKING:
    import onnx


_KERNELS: Final[Mapping[inverse_stft.Kernels, str]] = {
    "dull": "its inverse transform is 3 to 4 dB too dull above 1 kHz, and is put right unless CHORUS_INVERSE=as-is",
    "exact": "its inverse transform is torch.istft's",
    "none": "",
}


@dataclass(frozen=True, kw_only=True)
class FileVerdict:
    """The result for one file."""

    path: Path
    well: bool
    told: str
    """What it is, or what is wrong with it and the remedy."""


def verify(settings: FarmSettings) -> Iterator[FileVerdict]:
    """Verify every published file that is here, then the model that speaks, then the graphs prepared from it."""
    for name, asset in (
        *MODELS.items(),
        (WEIGHTS_OF_8_BITS.name, WEIGHTS_OF_8_BITS),
        ("", published.VOICES),
        (TAGGER_NAME, published.TAGGER),
    ):
        path = models_folder(settings) / asset.file
        if path.exists():
            yield _pinned(path, name, asset)
    # Published files are verified above; for any other model file there is no published digest.
    try:
        model = resolving.resolve(settings)
    except ChorusError as error:
        yield FileVerdict(path=models_folder(settings), well=False, told=str(error))
        return
    if model.origin not in {asset.sha256 for asset in (*MODELS.values(), WEIGHTS_OF_8_BITS)}:
        yield FileVerdict(
            path=model.path, well=True, told=f"{model.name}, sha256 {sha256_of(model.path)}, no published model"
        )
    if told := _KERNELS[inverse_stft.kernels(_graph(model.path))]:
        yield FileVerdict(path=model.path, well=True, told=told)
    known = prepared.manifest(settings.home_folder(), model.base)
    for name, variant in sorted(known.variants.items() if known else ()):
        place = prepared.folder(settings.home_folder(), model.base) / name
        whole = prepared.is_whole(place, variant)
        told = (
            f"prepared, {variant.size_mb:.0f} MB"
            if whole
            else f"incomplete or missing: `{prepared.OPTIMIZE}` builds it again"
        )
        yield FileVerdict(path=place, well=whole, told=told)


def _graph(path: Path) -> "onnx.ModelProto":
    import onnx  # noqa: PLC0415 - one command needs it

    return onnx.load(path, load_external_data=False)


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
