"""What a document holds before it is spoken: chapters, words, segments, length. Knows nothing of jobs."""

from dataclasses import dataclass
from typing import Final

from chorus import reading
from chorus.request import Request, Wishes
from chorus.sources import Source
from chorus.wire import RATE_HZ
from tasks import documents
from tasks.documents.model import Document, select
from tasks.phonemes.phonemize import Rules
from tasks.plan import spoken_language
from tasks.segmenting.segments import Segment, estimate_frames, segments

SAMPLE_CHARACTERS: Final = 3000
"""How many characters are cut to estimate the length of the whole document: about three minutes of audio."""


@dataclass(frozen=True, kw_only=True)
class ChapterTable:
    """One chapter."""

    number: int
    """Its number in `--chapters`, from 1."""
    title: str
    words: int
    segments: int
    estimated_s: int
    """Roughly how long its audio will last at the chosen speed."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What `chorus inspect --json` prints."""

    title: str
    author: str
    language: str
    """The language in which a render would speak it."""
    cover: bool
    chapters: tuple[ChapterTable, ...]
    words: int
    segments: int
    estimated_s: int
    left_out: tuple[str, ...]
    """What the source contains and a render does not speak."""


def inspect_source(source: Source, wishes: Wishes) -> Inspection:
    """Read a source as a render would, and count what it holds."""
    named: Wishes = {**wishes, "name": source.name}
    request = Request(**named)
    document = select(documents.read(source.read(), source.name, documents.reader_options(request)), request.chapters)
    return inspect(document, spoken_language(request, document), request)


def inspect(document: Document, language: str, request: Request) -> Inspection:
    """Cut the whole document into segments as a render would, and count them."""
    rows = []
    speed, pauses, rules = request.speed, reading.pauses(request.pauses), Rules.of(request)
    for number, chapter in enumerate(document.chapters, 1):
        cut = list(segments(chapter, language, pauses=pauses, rules=rules))
        rows.append(
            ChapterTable(
                number=number,
                title=chapter.title,
                words=len(chapter.text.split()),
                segments=len(cut),
                estimated_s=round(sum(_lasts_s(segment, speed) for segment in cut)),
            )
        )
    return Inspection(
        title=document.title,
        author=document.author,
        language=language,
        cover=document.cover is not None,
        chapters=tuple(rows),
        words=sum(row.words for row in rows),
        segments=sum(row.segments for row in rows),
        estimated_s=sum(row.estimated_s for row in rows),
        left_out=document.left_out,
    )


def estimate_s(document: Document, language: str, request: Request) -> float:
    """An estimate of how long a document will last, from the beginning of its longest chapter."""
    chapter = max(document.chapters, key=lambda one: len(one.text))
    characters, seconds = 0, 0.0
    for segment in segments(chapter, language, pauses=reading.pauses(request.pauses), rules=Rules.of(request)):
        characters += segment.end - segment.start
        seconds += _lasts_s(segment, request.speed)
        if characters >= SAMPLE_CHARACTERS:
            break
    return seconds / characters * sum(len(one.text) for one in document.chapters) if characters else 0.0


def _lasts_s(segment: Segment, speed: float) -> float:
    pauses_s = (segment.lead_ms + segment.pause_ms) / 1000 / speed
    return estimate_frames(segment.tokens, speed * segment.rate) / RATE_HZ + pauses_s
