"""Which model this process speaks with: the manifest of published files, the order of choice, and the offer to fetch.

Knows nothing of sessions: it hands out paths, names and digests.
"""

import contextlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from broker.settings import FarmSettings
from chorus.errors import ModelError, OutsideError
from chorus.standing_in import NAME, PULL
from workers import standin
from workers.digests import Digests
from workers.optimise import prepared
from workers.optimise.manifest import RAW

UPSTREAM = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.1/"
USE = "chorus models use"
STAND_IN, NO_CHOICE = "stand-in", "default"
"""What it takes besides published names and files."""
CHOICE = "model.json"
"""What it chose, in CHORUS_HOME."""

# No first command may wait longer than five seconds to learn that there is nothing to fetch.
PROBE_S = 4.0
# An unreachable source is not asked again with each command of the next hour.
_UNREACHABLE_FOR_S = 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A published file, pinned."""

    file: str
    size_bytes: int
    sha256: str
    licence: str = "Apache-2.0"
    upstream: str = UPSTREAM
    """The address of its folder; CHORUS_MIRROR stands for all of them."""


VOICES = Asset(
    file="voices-v1.0.bin",
    size_bytes=28_214_398,
    sha256="bca610b8308e8d99f32e6fe4197e7ec01679264efed0cac9140fe9c29f1fbf7d",
)
DEFAULT = "kokoro-v1.0"
MODELS = {
    DEFAULT: Asset(
        file="kokoro-v1.0.onnx",
        size_bytes=325_505_369,
        sha256="beb0d1848dee9a49da392cc3df26958d46cfa35d321edf434f52949153f0df3a",
    ),
    "kokoro-v1.0.fp16": Asset(
        file="kokoro-v1.0.fp16.onnx",
        size_bytes=163_527_961,
        sha256="f3a290d384fbb27966d462905c71a46cef9e5fd00516b40df32a0b4afe77ac96",
    ),
    "kokoro-v1.0.int8": Asset(
        file="kokoro-v1.0.int8.onnx",
        size_bytes=114_119_327,
        sha256="ae315a79b623f244700e4afb9246c46a26066782e049ba174bf3ba433970ee9c",
    ),
}
TAGGER_NAME = "en_core_web_sm"
TAGGER = Asset(
    file="en_core_web_sm-3.8.0-py3-none-any.whl",
    size_bytes=12_806_118,
    sha256="1932429db727d4bff3deed6b34cfc05df17794f4a52eeb26cf8928f7c1a0fb85",
    licence="MIT",
    upstream="https://github.com/explosion/spacy-models/releases/download/en_core_web_sm-3.8.0/",
)
"""spaCy's English tagger: not needed, but it tells nouns from verbs where our own rules do not."""
PINNED_NAMES = {asset.sha256: name for name, asset in MODELS.items()}


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model file and its voices, checked and digested."""

    name: str
    """For people: `kokoro-v1.0`, `stand-in voice`, or what the file calls itself."""
    path: Path
    """The file itself."""
    origin: str
    """The digest of the file."""
    digest: str
    """Of what it sounds like: the file's, or that of a lossy variant made of it."""
    voices_path: Path
    voices_digest: str
    stand_in: bool
    """It only stands in for Kokoro: say so wherever it is heard."""
    graph: Path
    """What sessions load: the file, or what was made of it for this machine."""
    optimised: bool
    """Whether the graph is loaded as it stands: onnxruntime's work on it was done before."""
    variant: str
    """`raw` for the file as it is, `original`, `fast`, or one that trades quality for speed."""
    why: str
    """Why this one, with its numbers, as a sentence for people."""

    @property
    def sound(self) -> str:
        """What a job pins: the first 12 hex digits of the model's digest."""
        return self.digest[:12]


Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes that are here and the bytes there will be."""


def silent(_file: str, _done: int, _total: int) -> None:
    """Show no progress."""


def models_folder(settings: FarmSettings) -> Path:
    """Where pulled files lie."""
    return settings.home_folder() / "models"


def resolve(settings: FarmSettings) -> Model:
    """The model of CHORUS_MODEL, else the one that `use` chose, else the pulled one, else the stand-in.

    ModelError if it is not what it should be.
    """
    pulled = models_folder(settings) / MODELS[DEFAULT].file
    pulled_voices = models_folder(settings) / VOICES.file
    if settings.model is not None:
        if not settings.model.exists():
            raise ModelError(f"CHORUS_MODEL={settings.model} does not exist: name a Kokoro model, or unset it.")
        return _checked(settings, settings.model, settings.voices or _voices_for(settings.model, pulled_voices))
    if used := _used(settings):
        if not used.exists():
            raise ModelError(f"{used} is gone, which `{USE}` chose: choose another, or `{USE} {NO_CHOICE}`.")
        return _checked(
            settings, used, settings.voices or _voices_for(used, pulled_voices), pinned=_pin_of(settings, used)
        )
    if pulled.exists() and pulled_voices.exists():
        return _checked(settings, pulled, settings.voices or pulled_voices, pinned=MODELS[DEFAULT].sha256)
    return _checked(settings, standin.MODEL, settings.voices or standin.VOICES)


def as_it_is(model: Model, why: str) -> Model:
    """The same model without what was made of it."""
    told = f"{prepared.AS_IT_IS}: {why.rstrip('.')}"
    return replace(model, graph=model.path, optimised=False, variant=RAW, digest=model.origin, why=told)


def pull(settings: FarmSettings, name: str = DEFAULT, *, progress: Progress = silent) -> Path:
    """Fetch this model of the manifest, the voices and the tagger; the model's path. What is here is not fetched again.

    The tagger alone by its own name. Where only that cannot be had, the model is whole without it.
    """
    if name == TAGGER_NAME:
        return pull_tagger(settings, progress=progress)
    if name not in MODELS:
        raise ModelError(f"Model {name!r} is not published: choose one of {', '.join((*MODELS, TAGGER_NAME))}.")
    _fetch(settings, VOICES, progress)
    path = _fetch(settings, MODELS[name], progress)
    try:
        pull_tagger(settings, progress=progress)
    except (OutsideError, ModelError) as error:
        log.warning("English is tagged by our own rules: %s `%s %s` tries again.", error, PULL, TAGGER_NAME)
    return path


def pull_tagger(settings: FarmSettings, *, progress: Progress = silent) -> Path:
    """Fetch spaCy's English tagger and lay its files out; its folder."""
    from workers import unpacking  # noqa: PLC0415 - as below

    wheel = _fetch(settings, TAGGER, progress)
    unpacking.lay_out(wheel, TAGGER_NAME, settings.tagger_folder())
    return settings.tagger_folder()


def _fetch(settings: FarmSettings, asset: Asset, progress: Progress) -> Path:
    from workers import download  # noqa: PLC0415 - an http client is 0.2 s that no other command should pay

    target, source = models_folder(settings) / asset.file, _source(settings, asset)
    if settings.offline and download.is_address(source):
        raise ModelError(
            f"CHORUS_OFFLINE is set and {asset.file} is on the network: unset it, "
            "or set CHORUS_MIRROR to a folder that holds it."
        )
    wanted = download.Wanted(source=source, target=target, size_bytes=asset.size_bytes, sha256=asset.sha256)
    download.fetch(wanted, progress=_named(progress, asset.file))
    return target


def _used(settings: FarmSettings) -> Path | None:
    try:
        told = json.loads((settings.home_folder() / CHOICE).read_text("utf-8"))
        return Path(told["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _pin_of(settings: FarmSettings, path: Path) -> str:
    """A published file's digest, where it lies where it was pulled to."""
    pulled = {models_folder(settings) / asset.file: asset.sha256 for asset in MODELS.values()}
    return pulled.get(path, "")


def offer(settings: FarmSettings, *, terminal: bool, ask: Callable[[str], bool], progress: Progress = silent) -> Model:
    """The model to speak with, fetched first if a person at a terminal says so: asked once, and never twice."""
    if terminal and _worth_asking(settings):
        if ask(question()):
            pull(settings, progress=progress)
        else:
            _remember(settings, declined=True)
    return resolve(settings)


def question() -> str:
    """What a person is asked, once."""
    size_bytes = MODELS[DEFAULT].size_bytes + VOICES.size_bytes + TAGGER.size_bytes
    return f"Fetch the Kokoro voice now ({size_bytes / 1e6:.0f} MB, once)? Otherwise a stand-in voice speaks"


def _named(progress: Progress, file: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(file, done, total)


def _checked(settings: FarmSettings, path: Path, voices: Path, *, pinned: str = "") -> Model:
    digests = Digests(settings.home_folder() / "digests.json")
    digest = _digest(digests, path, "model")
    if pinned and digest != pinned:
        raise ModelError(f"{path} is not the file that was fetched: delete it and run `{PULL}`.")
    voices_digest = _digest(digests, voices, "voices")
    name = PINNED_NAMES.get(digest) or digests.once(digest, lambda: _name_of(path))
    graph = prepared.pick(settings.home_folder(), path, digest, settings.variant)
    if voices_digest != VOICES.sha256:
        digests.once(voices_digest, lambda: _names_in(voices))
    return Model(
        name=name,
        path=path,
        origin=digest,
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
    try:
        return digests.of(path)
    except OSError as error:
        remedy = "set CHORUS_MODEL and CHORUS_VOICES to files that can be read"
        raise ModelError(f"The {kind} file {path} cannot be read ({error.strerror}): {remedy}.") from error


def _name_of(path: Path) -> str:
    from workers import shape  # noqa: PLC0415 - onnx is loaded only for a file nobody has checked yet

    return shape.name_of(path)


def _names_in(path: Path) -> str:
    from workers import voicebank  # noqa: PLC0415 - numpy, for the same reason

    return " ".join(voicebank.load(path))


def _voices_for(model: Path, pulled: Path) -> Path:
    """The voices file in the model's folder: its namesake, the published one, the only one; else the pulled one."""
    for name in (f"{model.stem}-voices.bin", VOICES.file):
        if model.with_name(name).exists():
            return model.with_name(name)
    others = sorted(model.parent.glob("*.bin"))
    if len(others) > 1:
        names = ", ".join(other.name for other in others)
        raise ModelError(f"Several voices files lie beside {model} ({names}): set CHORUS_VOICES to the right one.")
    if not others and not pulled.exists():
        raise ModelError(f"{model} needs its voices, and no voices file lies beside it: set CHORUS_VOICES to one.")
    return others[0] if others else pulled


def _source(settings: FarmSettings, asset: Asset) -> str:
    base = settings.mirror or asset.upstream
    return f"{base.rstrip('/')}/{asset.file}"


def _worth_asking(settings: FarmSettings) -> bool:
    if settings.model is not None or all(
        (models_folder(settings) / each.file).exists() for each in (MODELS[DEFAULT], VOICES)
    ):
        return False
    said = _remembered(settings)
    if said.get("declined") or time.time() - said.get("unreachable_at", 0) < _UNREACHABLE_FOR_S:
        return False
    return _reachable(settings)


def _reachable(settings: FarmSettings) -> bool:
    from workers import download  # noqa: PLC0415 - as in pull

    source = _source(settings, MODELS[DEFAULT])
    if settings.offline and download.is_address(source):
        return False
    if download.reachable(source, within_s=PROBE_S):
        return True
    _remember(settings, unreachable_at=int(time.time()))
    return False


def _remembered(settings: FarmSettings) -> dict[str, Any]:
    try:
        said = json.loads((settings.home_folder() / "offer.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _remember(settings: FarmSettings, **said: object) -> None:
    # Where nothing can be written the question comes again, which is no reason to fail.
    with contextlib.suppress(OSError):
        (settings.home_folder() / "offer.json").write_text(json.dumps(said), "utf-8")
