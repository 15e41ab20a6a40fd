"""plan:k — chapter k becomes segments. Idempotent: what an earlier attempt handed over already is passed over."""

import itertools
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, cast

from broker import process
from broker.ledger import Claim, Outcome
from broker.store import source_key
from chorus import languages
from chorus.errors import OptionError, SourceError
from chorus.keys import UNFINISHED_S, JobKeys
from chorus.request import Request
from tasks import documents
from tasks.documents.model import Document, select
from tasks.encode.cover import read_cover
from tasks.salvage import Salvage, salvage
from tasks.segments import Segment, estimate_frames, segments

# A live job's first segment: a few words, so that they are heard soon.
LIVE_FIRST_TOKENS = 15
BATCH = 32
READ_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A document as its job wants it."""

    document: Document
    language: str
    salvage: Salvage
    """What need not be spoken again."""


def plan(claim: Claim) -> tuple[Outcome, str]:
    """Cut a chapter and hand its segments over: the first at once, the others in batches."""
    here = process.current()
    request = Request.from_json(claim.request)
    planned = _read(claim, request)
    chapter = planned.document.chapters[claim.number]
    about = _about(planned) if claim.number == 0 else None
    if about is not None and _fits_a_file(planned.document.cover):
        here.redis.set(JobKeys(claim.job).cover, planned.document.cover or b"", nx=True, ex=UNFINISHED_S)
    specs = (_spec(claim.number, request, planned, segment) for segment in _segments(claim, request, planned))
    handed = 0
    for batch in itertools.chain([list(itertools.islice(specs, 1))], _batches(specs)):
        outcome = here.ledger.extend(claim, batch, first_index=handed, document=about)
        if outcome.status != "ok":
            return outcome, ""
        here.send(outcome)
        handed, about = handed + len(batch), None
    outcome = here.ledger.commit_plan(claim, title=chapter.title, characters=len(chapter.text))
    return outcome, f"{chapter.title or 'untitled'}: {handed} segments"


def _batches(specs: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(itertools.islice(specs, BATCH)):
        yield batch


def _segments(claim: Claim, request: Request, planned: Planned) -> Iterator[Segment]:
    first = LIVE_FIRST_TOKENS if request.live and claim.number == 0 else None
    return segments(planned.document.chapters[claim.number], planned.language, first=first)


def _spec(number: int, request: Request, planned: Planned, segment: Segment) -> dict[str, Any]:
    text = planned.document.chapters[number].text[segment.start : segment.end]
    stored = planned.salvage.get((number, segment.start, text))
    return {
        "chapter": number,
        "start": segment.start,
        "end": segment.end,
        "text": text,
        "phonemes": segment.phonemes,
        "pause_ms": segment.pause_ms,
        "characters": _solid(text),
        "frames": estimate_frames(segment.tokens, request.speed),
        **({"stored": asdict(stored)} if stored else {}),
    }


def _fits_a_file(cover: bytes | None) -> bool:
    """Whether the document's own cover can go into a finished file; a drawing or a damaged picture is left out."""
    if cover is None:
        return False
    try:
        read_cover(cover)
    except OptionError:
        return False
    return True


def _about(planned: Planned) -> dict[str, Any]:
    document = planned.document
    return {
        "title": document.title,
        "author": document.author,
        "series": document.series,
        "language": planned.language,
        "chapters": len(document.chapters),
        "characters": sum(_solid(chapter.text) for chapter in document.chapters),
    }


def _solid(text: str) -> int:
    """Characters that are not white space: what `covered` and `source` count, so that they can be equal."""
    return sum(map(len, text.split()))


_read_lately: OrderedDict[tuple[object, ...], Planned] = OrderedDict()
_reading = Lock()


def _read(claim: Claim, request: Request) -> Planned:
    """The job's document. A book of a hundred chapters is planned in a hundred steps, but read once."""
    # An id may come again, with another document, once its first job has expired or was lost.
    created = process.current().redis.hget(JobKeys(claim.job).record, "created_ms")
    key = (claim.job, claim.epoch, created)
    with _reading:
        if key not in _read_lately:
            _read_lately[key] = _read_anew(claim, request)
        _read_lately.move_to_end(key)
        while len(_read_lately) > READ_AT_ONCE:
            _read_lately.popitem(last=False)
        return _read_lately[key]


def _read_anew(claim: Claim, request: Request) -> Planned:
    here = process.current()
    source = cast("bytes | None", here.redis.get(JobKeys(claim.job).source))
    if source is None and here.store is not None and here.store.exists(source_key(claim.job)):
        source = here.store.read(source_key(claim.job))
    if source is None:
        raise SourceError(f"The source of job {claim.job} is gone: submit it again.")
    document = select(documents.read(source, request.name, documents.wanted(request)), request.chapters)
    return Planned(document=document, language=spoken_language(request, document), salvage=salvage(here, claim))


def spoken_language(request: Request, document: Document) -> str:
    """What was asked for; else the voice's own, unless the document says that it is in another language."""
    if request.language:
        return request.language
    own = languages.for_voice(request.voice)
    try:
        stated = languages.normalise(document.language) if document.language else own
    except OptionError:
        return own
    # A British book read by an American voice is read in American.
    return own if stated.split("-")[0] == own.split("-")[0] else stated
