"""Decides which model this machine speaks with, and checks its files.

Knows nothing of sessions: it returns paths, names and digests.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from broker.settings import FarmSettings
from chorus.errors import ModelError
from chorus.input_file import is_missing
from chorus.standing_in import NAME, PULL
from workers import standin
from workers.models import prepared, published
from workers.models.digests import Digests
from workers.models.prepared import SourceFile
from workers.models.published import DEFAULT, FIVE_VOICES, MODELS, PINNED_NAMES, WEIGHTS_OF_8_BITS, models_folder
from workers.models.variants import RAW

USE = "chorus models use"
STAND_IN, NO_CHOICE = "stand-in", "default"
"""What `chorus models use` accepts besides published names and files."""
CHOICE = "model.json"
"""The file in CHORUS_HOME with the choice of `chorus models use`."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model file and its voices, checked and digested."""

    name: str
    """The name for people: `kokoro-v1.0`, `stand-in voice`, or the name in the file's metadata."""
    path: Path
    """The file itself."""
    origin: str
    """The digest of the file."""
    base: str
    """The digest of the model's own sound: the file's, or another where its inverse transform was put right."""
    exact: bool
    """Whether it was."""
    digest: str
    """Of what it sounds like: `base`, or that of a lossy variant; the file's where it speaks as it is."""
    voices_path: Path
    voices_digest: str
    stand_in: bool
    """Whether it is the stand-in voice, which every surface must say."""
    graph: Path
    """The graph that sessions load: the file itself, or one that was made from it for this machine."""
    optimised: bool
    """Whether the graph is loaded as it stands: onnxruntime's work on it was done before."""
    variant: str
    """`raw` for the file as it is, `original`, `fast`, or one that trades quality for speed."""
    why: str
    """Why this one, with its numbers, as a sentence for people."""

    @property
    def source(self) -> str:
        """The licence of the file, and what is known of where it comes from; empty for a file of the user's own."""
        if self.origin == WEIGHTS_OF_8_BITS.sha256:
            return f"{WEIGHTS_OF_8_BITS.label}. {WEIGHTS_OF_8_BITS.licence}. {WEIGHTS_OF_8_BITS.provenance}"
        licences = {asset.sha256: asset.licence for asset in MODELS.values()}
        return f"As published by kokoro-onnx. {licences[self.origin]}." if self.origin in licences else ""

    @property
    def sound(self) -> str:
        """What a job is pinned to: the first 12 hex digits of `digest`."""
        return self.digest[:12]


def resolve(settings: FarmSettings) -> Model:
    """CHORUS_MODEL, else what `use` chose, else the release that was pulled, else packages' Kokoro, else the stand-in.

    ModelError if its files are missing or damaged.
    """
    pulled = models_folder(settings) / MODELS[DEFAULT].file
    pulled_voices = models_folder(settings) / published.VOICES.file
    if settings.model is not None:
        if is_missing(settings.model):
            raise ModelError(f"CHORUS_MODEL={settings.model} does not exist: name a Kokoro model, or unset it.")
        return _checked(settings, settings.model, settings.voices or _voices_for(settings.model, pulled_voices))
    if chosen := used(settings):
        if not chosen.exists():
            raise ModelError(
                f"{chosen}, chosen by `{USE}`, does not exist any more: choose another, or `{USE} {NO_CHOICE}`."
            )
        return _checked(
            settings, chosen, settings.voices or _voices_for(chosen, pulled_voices), pinned=_pin_of(settings, chosen)
        )
    if pulled.exists() and pulled_voices.exists():
        return _checked(settings, pulled, settings.voices or pulled_voices, pinned=MODELS[DEFAULT].sha256)
    if assembled := _assembled(settings):
        path, voices = assembled
        return _checked(settings, path, settings.voices or voices, pinned=WEIGHTS_OF_8_BITS.sha256)
    return _checked(settings, standin.MODEL, settings.voices or standin.VOICES)


def _assembled(settings: FarmSettings) -> tuple[Path, Path] | None:
    """The model that was put together from packages, and its voices: all of them, or the five that pip has."""
    folder = models_folder(settings)
    path = folder / WEIGHTS_OF_8_BITS.file
    voices = [folder / asset.file for asset in (published.VOICES, FIVE_VOICES) if (folder / asset.file).exists()]
    return (path, voices[0]) if voices and path.exists() else None


def as_it_is(model: Model, why: str) -> Model:
    """The same model without what was made of it, and with the same sound."""
    source = SourceFile(path=model.path, origin=model.origin, exact=model.exact)
    graph = prepared.unprepared(source, why.rstrip("."))
    return replace(model, graph=graph.path, optimised=False, variant=graph.variant, digest=graph.digest, why=graph.why)


def used(settings: FarmSettings) -> Path | None:
    """What `chorus models use` chose; None: nothing."""
    try:
        told = json.loads((settings.home_folder() / CHOICE).read_text("utf-8"))
        return Path(told["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _pin_of(settings: FarmSettings, path: Path) -> str:
    """The published digest that this file must have, if it is one that was downloaded; else empty."""
    pinned = (*MODELS.values(), WEIGHTS_OF_8_BITS)
    pulled = {models_folder(settings) / asset.file: asset.sha256 for asset in pinned}
    return pulled.get(path, "")


def _checked(settings: FarmSettings, path: Path, voices: Path, *, pinned: str = "") -> Model:
    digests = Digests(settings.home_folder() / "digests.json")
    digest = _digest(digests, path, "model")
    if pinned and digest != pinned:
        raise ModelError(f"{path} is not the file that was fetched: delete it and run `{PULL}`.")
    voices_digest = _digest(digests, voices, "voices")
    name = PINNED_NAMES.get(digest) or digests.once(digest, lambda: _name_of(path))
    exact = settings.inverse == "exact" and digests.once(f"{digest}.kernels", lambda: _kernels_of(path)) == "dull"
    source = SourceFile(path=path, origin=digest, exact=exact)
    graph = prepared.pick(settings.home_folder(), source, settings.variant)
    if voices_digest != published.VOICES.sha256:
        digests.once(voices_digest, lambda: _names_in(voices))
    return Model(
        name=name,
        path=path,
        origin=digest,
        base=source.base,
        exact=exact and graph.variant != RAW,
        digest=graph.digest,
        voices_path=voices,
        voices_digest=voices_digest,
        stand_in=name == NAME,
        graph=graph.path,
        optimised=graph.optimised,
        variant=graph.variant,
        why=graph.why,
    )


def _digest(digests: Digests, path: Path, kind: str) -> str:
    remedy = "set CHORUS_MODEL and CHORUS_VOICES to files that can be read"
    try:
        # A device or a pipe may never end.
        if path.exists() and not path.is_file():
            raise ModelError(
                f"The {kind} file {path} is not a plain file: set CHORUS_MODEL and CHORUS_VOICES to files."
            )
        return digests.of(path)
    except OSError as error:
        raise ModelError(f"The {kind} file {path} cannot be read ({error.strerror}): {remedy}.") from error


def _name_of(path: Path) -> str:
    from workers.models import shape  # noqa: PLC0415 - onnx is loaded only for a file nobody has checked yet

    return shape.name_of(path)


def _kernels_of(path: Path) -> str:
    import onnx  # noqa: PLC0415 - the same

    from workers.models import inverse_stft  # noqa: PLC0415 - the same

    return inverse_stft.kernels(onnx.load(path, load_external_data=False))


def _names_in(path: Path) -> str:
    from workers.models import voicebank  # noqa: PLC0415 - numpy, for the same reason

    return " ".join(voicebank.load(path))


def _voices_for(model: Path, pulled: Path) -> Path:
    """The voices file in the model's folder: its namesake, the published one, the only one; else the pulled one."""
    for name in (f"{model.stem}-voices.bin", published.VOICES.file, FIVE_VOICES.file):
        if model.with_name(name).exists():
            return model.with_name(name)
    others = sorted(model.parent.glob("*.bin"))
    if len(others) > 1:
        names = ", ".join(other.name for other in others)
        raise ModelError(f"Several voices files lie beside {model} ({names}): set CHORUS_VOICES to the right one.")
    if not others and not pulled.exists():
        raise ModelError(f"{model} needs its voices, and no voices file lies beside it: set CHORUS_VOICES to one.")
    return others[0] if others else pulled
