"""The step `plan:k`: it cuts chapter k into segments and gives them to the ledger. Knows nothing of speech.

It is idempotent: the ledger ignores segments that an earlier attempt gave it. When the ledger has enough for now, the
half-cut chapter is kept, and the next attempt in this process continues it.
"""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar, cast

from broker import registry, worker_process
from broker.ledger import Claim, Outcome
from broker.specs import ChapterPlan, DocumentFacts, SegmentSpec
from broker.store import source_key
from chorus import languages, reading, voices
from chorus.errors import FarmError, OptionError, SourceError
from chorus.keys import UNFINISHED_S, JobKeys
from chorus.request import Request
from tasks import documents
from tasks.audio.cover import read_cover
from tasks.documents.model import Chapter, Document, Span, select
from tasks.parts.coverage import digest, gaps, solid
from tasks.parts.salvage import Salvage, salvage
from tasks.phonemes import writing_systems
from tasks.phonemes.phonemize import Rules
from tasks.segmenting.segments import Segment, estimate_frames, segments

# A live job's first segment is a few words, so that the listener hears them soon.
LIVE_FIRST_TOKENS = 15
BATCH = 32
KEPT_JOBS = 4
"""How many documents, and how many half-cut chapters, a process keeps for the next step of their job."""
MOST_UNSAID = 500
"""At most this many stretches of a chapter are named as not spoken; the report counts the others."""
_LONGEST_UNSAID = 200
_SHOWN = 60

_Kept = TypeVar("_Kept")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A document as its job will speak it."""

    document: Document
    language: str
    salvage: Salvage
    """The segments that are in the store already and need not be spoken again."""


@dataclass(kw_only=True)
class Cut:
    """A chapter's segments, with what is counted and collected while they are cut."""

    chapter: Chapter
    segments: Iterable[Segment]
    g2p_ms: float = 0.0
    _spans: list[Span] = field(default_factory=list)
    _unsaid: list[str] = field(default_factory=list)
    _uncounted: int = 0
    """How many more stretches than those are not spoken."""

    def watched(self) -> Iterator[Segment]:
        """The segments as they are cut; each is counted on its way."""
        for segment in self.segments:
            self.g2p_ms += segment.g2p_ms
            self._spans.append(Span(start=segment.start, end=segment.end))
            for text in segment.unsaid:
                if len(self._unsaid) < MOST_UNSAID:
                    self._unsaid.append(text if len(text) <= _LONGEST_UNSAID else f"{text[:_LONGEST_UNSAID]}…")
                else:
                    self._uncounted += 1
            yield segment

    def check(self) -> None:
        """FarmError if the segments lose or repeat a character, so that no word of a text is lost silently."""
        for gap in gaps(self.chapter.text, self._spans) if self._spans else ():
            words = self.chapter.text[gap.start : gap.end][:_SHOWN]
            raise FarmError(
                f"The chapter's segments do not hold {words!r} (at character {gap.start}) exactly once. "
                "This is an error in Chorus: please report it with the document."
            )

    def committed(self, count: int) -> ChapterPlan:
        """The chapter's plan as it is committed, with what the report needs to prove that all of it was spoken."""
        return ChapterPlan(
            title=self.chapter.title,
            characters=len(self.chapter.text),
            segments=count,
            sha256=digest([self.chapter.text]),
            unsaid=(*self._unsaid, *((f"{self._uncounted} more",) if self._uncounted else ())),
        )


@dataclass(kw_only=True)
class Cutting:
    """A chapter whose segments are being given to the ledger."""

    cut: Cut
    specs: Iterator[SegmentSpec]
    in_ledger: int = 0
    """How many segments the ledger has."""

    def batches(self) -> Iterator[list[SegmentSpec]]:
        """The first segment alone, an empty batch if there is none; then batches of up to BATCH."""
        if not self.in_ledger:
            yield list(itertools.islice(self.specs, 1))
        while batch := list(itertools.islice(self.specs, BATCH)):
            yield batch


class _Recent(Generic[_Kept]):
    """The few values that were used last, by a job's run. Safe for many threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._lock = Lock()

    def put(self, key: tuple[object, ...], value: _Kept) -> None:
        """Keep this value; the one used longest ago is dropped."""
        with self._lock:
            self._put(key, value)

    def pop(self, key: tuple[object, ...]) -> _Kept | None:
        """Remove and return the value; None if there is none."""
        with self._lock:
            return self._kept.pop(key, None)

    def get(self, key: tuple[object, ...], make: Callable[[], _Kept]) -> _Kept:
        """The kept value, else a new one from `make`, which is called once however many threads ask."""
        with self._lock:
            self._put(key, self._kept[key] if key in self._kept else make())
            return self._kept[key]

    def _put(self, key: tuple[object, ...], value: _Kept) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_JOBS:
            self._kept.popitem(last=False)


class Planner:
    """Cuts chapters and gives their segments to the ledger. Keeps the last documents and the last half-cut chapters."""

    def __init__(self) -> None:
        self._documents = _Recent[Planned]()
        self._half_cut = _Recent[Cutting]()

    def plan(self, claim: Claim) -> tuple[Outcome, str]:
        """Cut a chapter and give its segments to the ledger: the first at once, the others in batches."""
        here = worker_process.current()
        request = Request.from_json(claim.request)
        planned = self._documents.get(_run_of(claim), lambda: _read(claim, request))
        chapter = planned.document.chapters[claim.number]
        cutting = self._half_cut.pop((*_run_of(claim), claim.step)) or _begin(claim, request, planned)
        facts = _facts(planned) if claim.number == 0 and not cutting.in_ledger else None
        for batch in cutting.batches():
            outcome = here.ledger.extend(claim, batch, first_index=cutting.in_ledger, document=facts)
            cutting.in_ledger, facts = cutting.in_ledger + len(batch), None
            if outcome.status == "enough":
                # The next attempt may run on another desk, which then cuts the chapter from its beginning.
                self._half_cut.put((*_run_of(claim), claim.step), cutting)
            if outcome.status != "ok":
                return outcome, f"{chapter.title or 'untitled'}: {cutting.in_ledger} segments so far"
            here.send(outcome)
        cutting.cut.check()
        outcome = here.ledger.commit_plan(claim, cutting.cut.committed(cutting.in_ledger))
        taken = f"{cutting.in_ledger} segments, {cutting.cut.g2p_ms:.0f} ms of phonemes"
        return outcome, f"{chapter.title or 'untitled'}: {taken}"


def _run_of(claim: Claim) -> tuple[object, ...]:
    # A job id may be used again, with another document, once the first job has expired or was lost.
    return claim.job, claim.epoch, worker_process.current().redis.hget(JobKeys(claim.job).record, "created_ms")


def _begin(claim: Claim, request: Request, planned: Planned) -> Cutting:
    here = worker_process.current()
    if claim.number == 0 and _fits_a_file(planned.document.cover):
        here.redis.set(JobKeys(claim.job).cover, planned.document.cover or b"", nx=True, ex=UNFINISHED_S)
    cut = _segments(claim, request, planned)
    return Cutting(cut=cut, specs=(_spec(claim.number, request, planned, segment) for segment in cut.watched()))


def _segments(claim: Claim, request: Request, planned: Planned) -> Cut:
    chapter = planned.document.chapters[claim.number]
    first = LIVE_FIRST_TOKENS if request.live and claim.number == 0 else None
    pauses, rules = reading.pauses(request.pauses), Rules.of(request)
    return Cut(chapter=chapter, segments=segments(chapter, planned.language, first=first, pauses=pauses, rules=rules))


def _spec(number: int, request: Request, planned: Planned, segment: Segment) -> SegmentSpec:
    text = planned.document.chapters[number].text[segment.start : segment.end]
    return SegmentSpec(
        chapter=number,
        start=segment.start,
        end=segment.end,
        text=text,
        phonemes=segment.phonemes,
        pause_ms=segment.pause_ms,
        characters=len(solid(text)),
        frames=estimate_frames(segment.tokens, request.speed * segment.rate),
        g2p_ms=segment.g2p_ms,
        voice=segment.voice or "",
        rate=segment.rate,
        lead_ms=segment.lead_ms,
        stored=planned.salvage.get((number, segment.start, text)),
    )


def _fits_a_file(cover: bytes | None) -> bool:
    """Whether a finished file can hold the document's own cover; a drawing or a damaged picture is left out."""
    if cover is None:
        return False
    try:
        read_cover(cover)
    except OptionError:
        return False
    return True


def _facts(planned: Planned) -> DocumentFacts:
    document = planned.document
    return DocumentFacts(
        title=document.title,
        author=document.author,
        series=document.series,
        language=planned.language,
        chapters=len(document.chapters),
        characters=sum(len(solid(chapter.text)) for chapter in document.chapters),
    )


def _read(claim: Claim, request: Request) -> Planned:
    """Read the job's document. The planner keeps it: a book of a hundred chapters is planned in a hundred steps."""
    here = worker_process.current()
    source = cast("bytes | None", here.redis.get(JobKeys(claim.job).source))
    if source is None and here.store is not None and here.store.exists(source_key(claim.job)):
        source = here.store.read(source_key(claim.job))
    if source is None:
        raise SourceError(f"The source of job {claim.job} is gone: submit it again.")
    _check_voice(claim, request)
    document = select(documents.read(source, request.name, documents.reader_options(request)), request.chapters)
    return Planned(document=document, language=spoken_language(request, document), salvage=salvage(here, claim))


def _check_voice(claim: Claim, request: Request) -> None:
    """OptionError for an unknown voice. Otherwise the first letter of its name would be taken for its language."""
    workers = registry.read(worker_process.current().redis).workers
    known = {name for worker in workers if worker.sound == claim.sound for name in worker.voices}
    # Without a registered worker of this sound its voices are unknown. The worker that speaks will refuse the voice.
    if known:
        voices.require(request.voice, known, letters=languages.letters_of(request.language))


def spoken_language(request: Request, document: Document) -> str:
    """The requested language; else the one that the document states or its letters show; else the voice's own."""
    if request.language:
        return request.language
    own = languages.for_voice(request.voice)
    try:
        stated = languages.normalise(document.language) if document.language else _by_its_letters(document, own)
    except OptionError:
        return own
    # An American voice reads a British book as American English.
    return own if stated.split("-")[0] == own.split("-")[0] else stated


def _by_its_letters(document: Document, own: str) -> str:
    found = writing_systems.language_of(chapter.text for chapter in document.chapters)
    # A Japanese text as short as a heading may have no kana, and would look Chinese.
    return own if not found or (found, own) == ("zh", "ja") else found
