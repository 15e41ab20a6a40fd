"""A chapter cut into segments: what one call of the engine speaks, and how long it is silent around them.

Spans are offsets into the chapter's text; laid end to end they hold every character of it that is not a blank. Knows
nothing of jobs, queues or audio files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from chorus.reading import PAUSES_MS
from tasks.documents.model import Chapter, Span
from tasks.phonemes.phonemize import Rules, check
from tasks.segmenting.chapter_reader import ChapterReader, Manner, ReadSpan
from tasks.segmenting.cutting import TARGET_TOKENS, Targets

FRAMES_PER_TOKEN = 3 * 600
"""Kokoro's duration of an average token: three of its frames, each 600 samples at 24 kHz."""
_USUAL = Rules()


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """What the engine speaks in one breath."""

    start: int
    """Offset of its first character in the chapter's text."""
    end: int
    """Offset behind its last; up to the next segment's start there are only blanks."""
    phonemes: str
    """1 to MAX_TOKENS symbols of the vocabulary, at least one of them a sound."""
    pause_ms: int
    """Silence after it, at speed 1."""
    tokens: int
    heading: bool = False
    """Whether headings alone are in it."""
    voice: str = ""
    """Who speaks it, if not the job's voice: a name or a blend."""
    rate: float = 1.0
    """How many times the job's speed."""
    lead_ms: int = 0
    """Silence before it, at speed 1: ordered before the chapter's first word."""
    unsaid: tuple[str, ...] = ()
    """What stands in it and has no sound that a phonemizer knows: it is passed over, and the report names it."""
    g2p_ms: float = field(default=0.0, compare=False)
    """What its phonemes cost: two cuts of one text are equal whatever they cost."""


def segments(
    chapter: Chapter,
    language: str,
    *,
    target: int = TARGET_TOKENS,
    first: int | None = None,
    pauses: Mapping[str, int] = PAUSES_MS,
    rules: Rules = _USUAL,
) -> Iterator[Segment]:
    """The chapter's segments, cut while they are asked for; none if it has nothing to say.

    With `first` the first one is about so many tokens long, and the next ones double up to the target. A pause other
    than the usual is kept: what it stands behind is not put together with what follows.
    """
    check(language)
    manner = Manner(language=language, pauses=pauses, rules=rules, targets=Targets(target=target, first=first))
    reader = ChapterReader(chapter, manner)
    held: ReadSpan | None = None
    ornaments: ReadSpan | None = None
    behind_ms = 0
    for piece in _breaths(_quotations(reader.pieces(), manner), manner):
        if held is None:
            # Ornaments belong to the silence behind what was said, or to what is said first.
            ornaments = piece if ornaments is None else _led(ornaments, piece)
            held = ornaments if ornaments.tokens else None
        elif not piece.tokens:
            held, behind_ms = _silenced(held, piece), behind_ms + piece.silence_ms
        elif _rounds_off(held, piece, manner):
            held = held.then(piece)
        else:
            yield _segment(held, max(held.pause_ms, behind_ms + piece.silence_ms), first=ornaments is not None)
            held, behind_ms, ornaments = piece, 0, None
    if held is not None:
        last_ms = max(pauses["chapter"], behind_ms + reader.last_silence_ms())
        yield _segment(held, last_ms, first=ornaments is not None)


def estimate_frames(tokens: int, speed: float) -> int:
    """About how many samples at 24 kHz so many tokens become."""
    return round(tokens * FRAMES_PER_TOKEN / speed)


def _segment(piece: ReadSpan, pause_ms: int, *, first: bool) -> Segment:
    return Segment(
        start=piece.span.start,
        end=piece.span.end,
        phonemes=piece.said.text,
        pause_ms=pause_ms,
        tokens=piece.tokens,
        heading=piece.heading,
        voice=piece.voice,
        rate=piece.rate,
        lead_ms=piece.silence_ms if first else 0,
        unsaid=piece.unsaid,
        g2p_ms=round(piece.g2p_ms, 3),
    )


def _led(ornaments: ReadSpan, piece: ReadSpan) -> ReadSpan:
    return replace(ornaments.then(piece), silence_ms=ornaments.silence_ms + piece.silence_ms)


def _silenced(held: ReadSpan, piece: ReadSpan) -> ReadSpan:
    """What was said, and behind it what is passed over in silence."""
    return replace(
        held,
        span=Span(start=held.span.start, end=piece.span.end),
        ends="scene" if piece.begins or piece.silence_ms else piece.ends,
        pause_ms=max(held.pause_ms, piece.pause_ms),
        unsaid=held.unsaid + piece.unsaid,
        g2p_ms=held.g2p_ms + piece.g2p_ms,
    )


def _quotations(pieces: Iterator[ReadSpan], manner: Manner) -> Iterator[ReadSpan]:
    """The same, where a quotation that fits into a segment is one piece, however many sentences it has."""
    held: list[ReadSpan] = []
    for piece in pieces:
        if held and (piece.begins or not _together(held[-1], piece)):
            yield reduce(ReadSpan.then, held)
            held = []
        held.append(piece)
        fits = sum(one.tokens + 1 for one in held) <= manner.targets.now
        if piece.quoted and fits:
            continue
        yield from [reduce(ReadSpan.then, held)] if fits else held
        held = []
    if held:
        yield reduce(ReadSpan.then, held)


def _breaths(pieces: Iterator[ReadSpan], manner: Manner) -> Iterator[ReadSpan]:
    """Pieces put together until they are long enough."""
    held: ReadSpan | None = None
    for piece in pieces:
        if held is not None and not _goes_on(held, piece, manner):
            yield held
            manner.targets.next(held.tokens)
            held = None
        held = piece if held is None else held.then(piece)
        if manner.targets.full(held.tokens):
            yield held
            manner.targets.next(held.tokens)
            held = None
    if held is not None:
        yield held


def _goes_on(held: ReadSpan, piece: ReadSpan, manner: Manner) -> bool:
    """Whether a piece is said in the same breath as what is held."""
    targets, tokens = manner.targets, held.tokens + 1 + piece.tokens
    stump = targets.short(held.tokens, heading=held.heading) and tokens <= targets.roomiest
    if not piece.begins:
        return _together(held, piece) and (tokens <= targets.now or stump)
    # A short heading, or a line such as “No.”, sounds wrong alone: it belongs to what follows.
    return stump and held.begins and (held.heading or not piece.heading) and _neighbours(held, piece, manner)


def _rounds_off(held: ReadSpan, piece: ReadSpan, manner: Manner) -> bool:
    """Whether a piece that nothing follows in its own breath is said with what stands before it."""
    targets = manner.targets
    room = targets.now if targets.growing else targets.roomiest
    stump = targets.short(piece.tokens, heading=False) and held.tokens + 1 + piece.tokens <= room
    if not stump or piece.heading or held.heading:
        return False
    return _neighbours(held, piece, manner) if piece.begins else held.ends != "scene" and _together(held, piece)


def _together(held: ReadSpan, piece: ReadSpan) -> bool:
    """Whether nothing ordered stands between two pieces: no silence, and no other voice or rate."""
    alike = (held.voice, held.rate) == (piece.voice, piece.rate)
    return not piece.silence_ms and (alike or not held.tokens or not piece.tokens)


def _neighbours(held: ReadSpan, piece: ReadSpan, manner: Manner) -> bool:
    """Whether two paragraphs may share a breath: both are said, and nobody asked for another pause between them."""
    usual = held.ends in ("paragraph", "heading") and manner.pauses[held.ends] == PAUSES_MS[held.ends]
    return usual and held.tokens > 0 and piece.tokens > 0 and _together(held, piece)
