"""Fetches published files, and asks once whether to fetch them, if a user is at the terminal and the source answers."""

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from broker.settings import FarmSettings
from chorus.errors import ModelError, OutsideError
from chorus.standing_in import PULL
from workers.models import published
from workers.models.published import DEFAULT, MODELS, TAGGER_NAME, Asset, models_folder
from workers.models.resolving import Model, resolve
from workers.process.json_file import read_json, write_json

OFFER = "offer.json"
"""The file in CHORUS_HOME that records the answer."""
# A first command must not wait longer than five seconds for an unreachable source.
PROBE_S = 4.0
# An unreachable source is not asked again with each command of the next hour.
_UNREACHABLE_FOR_S = 3600.0

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes fetched so far and the size of the file."""


def silent(_file: str, _done: int, _total: int) -> None:
    """Show no progress."""


def pull(settings: FarmSettings, name: str = DEFAULT, *, progress: Progress = silent) -> Path:
    """Fetch this model of the manifest, the voices and the tagger; the model's path. What is here is not fetched again.

    The tagger alone by its own name. Where only that cannot be had, the model is whole without it.
    """
    if name == TAGGER_NAME:
        return pull_tagger(settings, progress=progress)
    if name not in MODELS:
        raise ModelError(f"Model {name!r} is not published: choose one of {', '.join((*MODELS, TAGGER_NAME))}.")
    _fetch(settings, published.VOICES, progress)
    path = _fetch(settings, MODELS[name], progress)
    try:
        pull_tagger(settings, progress=progress)
    except (OutsideError, ModelError) as error:
        log.warning("English words are tagged by Chorus's own rules: %s `%s %s` tries again.", error, PULL, TAGGER_NAME)
    return path


def pull_tagger(settings: FarmSettings, *, progress: Progress = silent) -> Path:
    """Fetch spaCy's English tagger and lay its files out; its folder."""
    from workers.models import unpacking  # noqa: PLC0415 - as below

    wheel = _fetch(settings, published.TAGGER, progress)
    unpacking.lay_out(wheel, TAGGER_NAME, settings.tagger_folder())
    return settings.tagger_folder()


def _fetch(settings: FarmSettings, asset: Asset, progress: Progress) -> Path:
    from workers.models import download  # noqa: PLC0415 - an http client is 0.2 s that no other command should pay

    target, source = models_folder(settings) / asset.file, _source(settings, asset)
    if settings.offline and download.is_address(source):
        raise ModelError(
            f"CHORUS_OFFLINE is set and {asset.file} is on the network: unset it, "
            "or set CHORUS_MIRROR to a folder that holds it."
        )
    wanted = download.PinnedFile(source=source, target=target, size_bytes=asset.size_bytes, sha256=asset.sha256)
    download.fetch(wanted, progress=_named(progress, asset.file))
    return target


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
    size_bytes = MODELS[DEFAULT].size_bytes + published.VOICES.size_bytes + published.TAGGER.size_bytes
    return f"Fetch the Kokoro voice now ({size_bytes / 1e6:.0f} MB, once)? Otherwise a stand-in voice speaks"


def _named(progress: Progress, file: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(file, done, total)


def _source(settings: FarmSettings, asset: Asset) -> str:
    base = settings.mirror or asset.upstream
    return f"{base.rstrip('/')}/{asset.file}"


def _worth_asking(settings: FarmSettings) -> bool:
    if settings.model is not None or all(
        (models_folder(settings) / each.file).exists() for each in (MODELS[DEFAULT], published.VOICES)
    ):
        return False
    said = read_json(settings.home_folder() / OFFER)
    if said.get("declined") or time.time() - said.get("unreachable_at", 0) < _UNREACHABLE_FOR_S:
        return False
    return _reachable(settings)


def _reachable(settings: FarmSettings) -> bool:
    from workers.models import download  # noqa: PLC0415 - as in pull

    source = _source(settings, MODELS[DEFAULT])
    if settings.offline and download.is_address(source):
        return False
    if download.reachable(source, within_s=PROBE_S):
        return True
    _remember(settings, unreachable_at=int(time.time()))
    return False


def _remember(settings: FarmSettings, **said: object) -> None:
    # If it cannot be written the question is asked again, which is better than failing.
    with contextlib.suppress(OSError):
        write_json(settings.home_folder() / OFFER, said)
