"""Cuts a chapter into segments: what one call of the engine speaks, and how long the silence around it is.

A segment's start and end are offsets into the chapter's text. Together the segments hold every character that is not a
blank. Knows nothing of jobs, queues or audio files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from chorus.reading import PAUSES_MS
from tasks.documents.model import Chapter, Span
from tasks.phonemes.phonemize import Rules, check
from tasks.segmenting.chapter_reader import ChapterOptions, ChapterReader, ReadSpan
from tasks.segmenting.cutting import TARGET_TOKENS, Targets

FRAMES_PER_TOKEN = 3 * 600
"""The average duration of a token in Kokoro: three of its frames, each 600 samples at 24 kHz."""
_USUAL = Rules()


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """What the engine speaks in one call."""

    start: int
    """The offset of its first character in the chapter's text."""
    end: int
    """The offset after its last character; up to the next segment's start there are only blanks."""
    phonemes: str
    """1 to MAX_TOKENS symbols of the vocabulary, at least one of them a sound."""
    pause_ms: int
    """Silence after it, at speed 1."""
    tokens: int
    heading: bool = False
    """Whether it holds headings only."""
    voice: str = ""
    """Its voice, a name or a blend, if that is not the job's voice."""
    rate: float = 1.0
    """A factor of the job's speed."""
    lead_ms: int = 0
    """Silence before it, at speed 1. Only the first segment has one, where marks request it."""
    unsaid: tuple[str, ...] = ()
    """The text in it for which no phonemizer has a sound. It is not spoken, and the report names it."""
    g2p_ms: float = field(default=0.0, compare=False)
    """The time its phonemes took. Not compared: two cuts of one text are equal whatever they took."""


def segments(
    chapter: Chapter,
    language: str,
    *,
    target: int = TARGET_TOKENS,
    first: int | None = None,
    pauses: Mapping[str, int] = PAUSES_MS,
    rules: Rules = _USUAL,
) -> Iterator[Segment]:
    """The chapter's segments, each cut when it is requested; none if there is nothing to speak.

    With `first` the first segment is about that many tokens long, and the next ones double up to the target. A pause
    that differs from the default is kept: the spans before and after it are not joined.
    """
    check(language)
    options = ChapterOptions(language=language, pauses=pauses, rules=rules, targets=Targets(target=target, first=first))
    reader = ChapterReader(chapter, options)
    pending: ReadSpan | None = None
    ornaments: ReadSpan | None = None
    silence_ms = 0
    for read in _joined(_whole_quotations(reader.spans(), options), options):
        if pending is None:
            # Ornaments, such as a row of asterisks, join the silence before them, or the chapter's first words.
            ornaments = read if ornaments is None else _with_ornaments(ornaments, read)
            pending = ornaments if ornaments.tokens else None
        elif not read.tokens:
            pending, silence_ms = _with_silence(pending, read), silence_ms + read.silence_ms
        elif _joins_previous(pending, read, options):
            pending = pending.joined_with(read)
        else:
            yield _segment(pending, max(pending.pause_ms, silence_ms + read.silence_ms), first=ornaments is not None)
            pending, silence_ms, ornaments = read, 0, None
    if pending is not None:
        last_ms = max(pauses["chapter"], silence_ms + reader.last_silence_ms())
        yield _segment(pending, last_ms, first=ornaments is not None)


def estimate_frames(tokens: int, speed: float) -> int:
    """About how many samples at 24 kHz this many tokens become."""
    return round(tokens * FRAMES_PER_TOKEN / speed)


def _segment(read: ReadSpan, pause_ms: int, *, first: bool) -> Segment:
    return Segment(
        start=read.span.start,
        end=read.span.end,
        phonemes=read.phonemes.text,
        pause_ms=pause_ms,
        tokens=read.tokens,
        heading=read.heading,
        voice=read.voice,
        rate=read.rate,
        lead_ms=read.silence_ms if first else 0,
        unsaid=read.unsaid,
        g2p_ms=round(read.g2p_ms, 3),
    )


def _with_ornaments(ornaments: ReadSpan, read: ReadSpan) -> ReadSpan:
    return replace(ornaments.joined_with(read), silence_ms=ornaments.silence_ms + read.silence_ms)


def _with_silence(pending: ReadSpan, read: ReadSpan) -> ReadSpan:
    """A spoken span with an unspoken one after it."""
    return replace(
        pending,
        span=Span(start=pending.span.start, end=read.span.end),
        ends="scene" if read.begins or read.silence_ms else read.ends,
        pause_ms=max(pending.pause_ms, read.pause_ms),
        unsaid=pending.unsaid + read.unsaid,
        g2p_ms=pending.g2p_ms + read.g2p_ms,
    )


def _whole_quotations(spans: Iterator[ReadSpan], options: ChapterOptions) -> Iterator[ReadSpan]:
    """The same spans, with a quotation of several sentences as one span if it fits into a segment."""
    pending: list[ReadSpan] = []
    for read in spans:
        if pending and (read.begins or not _compatible(pending[-1], read)):
            yield reduce(ReadSpan.joined_with, pending)
            pending = []
        pending.append(read)
        fits = sum(one.tokens + 1 for one in pending) <= options.targets.now
        if read.quoted and fits:
            continue
        yield from [reduce(ReadSpan.joined_with, pending)] if fits else pending
        pending = []
    if pending:
        yield reduce(ReadSpan.joined_with, pending)


def _joined(spans: Iterator[ReadSpan], options: ChapterOptions) -> Iterator[ReadSpan]:
    """The spans, joined until they are long enough for a segment."""
    pending: ReadSpan | None = None
    for read in spans:
        if pending is not None and not _joins_next(pending, read, options):
            yield pending
            options.targets.next(pending.tokens)
            pending = None
        pending = read if pending is None else pending.joined_with(read)
        if options.targets.full(pending.tokens):
            yield pending
            options.targets.next(pending.tokens)
            pending = None
    if pending is not None:
        yield pending


def _joins_next(pending: ReadSpan, read: ReadSpan, options: ChapterOptions) -> bool:
    """Whether the pending span and the next one go into the same segment."""
    targets, tokens = options.targets, pending.tokens + 1 + read.tokens
    too_short = targets.short(pending.tokens, heading=pending.heading) and tokens <= targets.longest_joined
    if not read.begins:
        return _compatible(pending, read) and (tokens <= targets.now or too_short)
    # A short heading, or a line such as “No.”, sounds wrong alone and is joined with what follows.
    return (
        too_short
        and pending.begins
        and (pending.heading or not read.heading)
        and _paragraphs_join(pending, read, options)
    )


def _joins_previous(pending: ReadSpan, read: ReadSpan, options: ChapterOptions) -> bool:
    """Whether a span that could not be joined with what follows is joined with the pending one before it."""
    targets = options.targets
    room = targets.now if targets.growing else targets.longest_joined
    too_short = targets.short(read.tokens, heading=False) and pending.tokens + 1 + read.tokens <= room
    if not too_short or read.heading or pending.heading:
        return False
    return (
        _paragraphs_join(pending, read, options)
        if read.begins
        else pending.ends != "scene" and _compatible(pending, read)
    )


def _compatible(pending: ReadSpan, read: ReadSpan) -> bool:
    """Whether two spans may be joined: the same voice and rate, and no requested silence between them."""
    same = (pending.voice, pending.rate) == (read.voice, read.rate)
    return not read.silence_ms and (same or not pending.tokens or not read.tokens)


def _paragraphs_join(pending: ReadSpan, read: ReadSpan, options: ChapterOptions) -> bool:
    """Whether two paragraphs may be joined: both are spoken, and the pause between them is the default."""
    default = pending.ends in ("paragraph", "heading") and options.pauses[pending.ends] == PAUSES_MS[pending.ends]
    return default and pending.tokens > 0 and read.tokens > 0 and _compatible(pending, read)
