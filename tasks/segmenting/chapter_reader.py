"""A chapter read out piece by piece: its sentences with their phonemes, or parts of those that are too long.

Knows nothing of how pieces become segments.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from chorus import languages
from chorus.errors import OptionError
from chorus.vocabulary import MAX_TOKENS
from tasks.documents.model import Chapter, Paragraph, Span, speakable
from tasks.phonemes.phonemize import Phonemes, Rules, phonemize
from tasks.segmenting import cutting
from tasks.segmenting.cutting import Quotation, Targets
from tasks.segmenting.marks import LONGEST_TEXT, Marks
from tasks.segmenting.sentences import sentences, trimmed

_LOOKED_AT = 3
"""Of a long sentence's rest, so many times what a segment takes is phonemized to see where to cut it."""
_STOPS = tuple(".!?…:;,—")
_QUOTES = '"“”() '


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadSpan:
    """A span with its phonemes; without phonemes it is passed over in silence."""

    span: Span
    said: Phonemes
    heading: bool
    begins: bool
    """Whether its paragraph begins with it."""
    ends: str
    """What ends behind it: a name of chorus.reading.PAUSES_MS."""
    pause_ms: int
    """The silence that follows from it."""
    silence_ms: int = 0
    """The silence ordered before it."""
    quoted: bool = False
    """Whether a quotation goes on behind it."""
    voice: str = ""
    rate: float = 1.0
    unsaid: tuple[str, ...] = ()
    """What stands there and has no sound that a phonemizer knows."""
    g2p_ms: float = 0.0

    @property
    def tokens(self) -> int:
        """How many tokens it is."""
        return self.said.tokens

    def then(self, other: "ReadSpan") -> "ReadSpan":
        """Both in one breath."""
        text = " ".join(said for said in (self._stopped(other), other.said.text) if said)
        louder = other if other.tokens else self
        return replace(
            other,
            span=Span(start=self.span.start, end=other.span.end),
            said=replace(louder.said, text=text),
            begins=self.begins,
            silence_ms=self.silence_ms,
            voice=louder.voice,
            rate=louder.rate,
            unsaid=self.unsaid + other.unsaid,
            g2p_ms=self.g2p_ms + other.g2p_ms,
        )

    def _stopped(self, other: "ReadSpan") -> str:
        """Between two paragraphs in one breath a stop makes the voice rest, where the text has none."""
        said = self.said.text
        stops = not said or not other.begins or said.rstrip(_QUOTES).endswith(_STOPS)
        return said if stops else f"{said}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How a chapter is read."""

    language: str
    pauses: Mapping[str, int]
    """In ms, by what ends."""
    rules: Rules
    targets: Targets


class ChapterReader:
    """Reads one chapter, as it is asked for pieces."""

    def __init__(self, chapter: Chapter, manner: Manner) -> None:
        self._chapter = chapter
        self._text = chapter.text
        self._manner = manner
        self._marks = Marks(chapter)
        self._read_to = -1
        self._density = 0.0

    def pieces(self) -> Iterator[ReadSpan]:
        """The chapter's pieces in order; between them are only blanks."""
        for paragraph in self._chapter.paragraphs():
            for body in trimmed(self._text, paragraph.start, paragraph.end):
                yield from self._paragraph(paragraph, body)

    def last_silence_ms(self) -> int:
        """The silence ordered behind the last piece."""
        return self._marks.silence_ms(self._read_to, len(self._text))

    def _paragraph(self, paragraph: Paragraph, body: Span) -> Iterator[ReadSpan]:
        quotation = Quotation()
        for sentence in self._sentences(body):
            self._density = 0.0
            for stretch in self._marks.stretches(sentence):
                rest: Span | None = stretch.span
                while rest is not None:
                    piece = self._take(rest, heading=paragraph.heading)
                    ends = self._ends(piece, sentence, body, heading=paragraph.heading)
                    yield replace(
                        piece,
                        begins=piece.span.start == body.start,
                        ends=ends,
                        pause_ms=self._manner.pauses[ends],
                        silence_ms=self._marks.silence_ms(self._read_to, piece.span.start),
                        quoted=quotation.read(self._text[piece.span.start : piece.span.end]),
                        voice=stretch.voice,
                        rate=stretch.rate,
                    )
                    self._read_to = piece.span.start
                    rest = next(trimmed(self._text, piece.span.end, stretch.span.end), None)

    def _sentences(self, body: Span) -> Iterator[Span]:
        """A paragraph's sentences; none ends inside of what is replaced as a whole."""
        start = body.start
        for sentence in sentences(self._text, body.start, body.end, self._language(body)):
            if sentence.end == body.end or not self._marks.parts_atom(sentence.end):
                yield Span(start=start, end=sentence.end)
                start = next((rest.start for rest in trimmed(self._text, sentence.end, body.end)), body.end)

    def _language(self, body: Span) -> str:
        stated = self._marks.language(body)
        try:
            return languages.normalise(stated) if stated else self._manner.language
        except OptionError:
            return self._manner.language

    def _take(self, rest: Span, *, heading: bool) -> ReadSpan:
        """The beginning of what is left of a sentence, as much as one segment should have of it."""
        span = self._bounded(rest)
        began_s = time.perf_counter()
        said = self._said(span, heading=heading)
        while said.tokens > self._manner.targets.longest:
            if said.tokens <= MAX_TOKENS or not self._let_go(span):
                at = cutting.cut(self._text, span, said.tokens, self._manner.targets, self._marks)
                if at is None:
                    break
                span = self._until(span, at)
            said = self._said(span, heading=heading)
        self._density = said.tokens / (span.end - span.start)
        return ReadSpan(
            span=span,
            said=said,
            heading=heading,
            begins=False,
            ends="cut",
            pause_ms=0,
            unsaid=self._unsaid(span, said),
            g2p_ms=(time.perf_counter() - began_s) * 1000,
        )

    def _let_go(self, span: Span) -> bool:
        """What would be said instead of some words, and is longer than any breath: the words themselves are said."""
        endless = [atom for atom in self._marks.atoms(span) if self._said(atom, heading=False).tokens > MAX_TOKENS]
        for atom in endless:
            self._marks.let_go(atom)
        return bool(endless)

    def _bounded(self, rest: Span) -> Span:
        """As much of it as is worth looking at, going by how many tokens its beginning had."""
        longest = LONGEST_TEXT
        if self._density:
            longest = min(longest, round(_LOOKED_AT * self._manner.targets.longest / self._density) + 1)
        if rest.end - rest.start <= longest:
            return rest
        bound = Span(start=rest.start, end=min(rest.end, self._marks.behind_atom(rest.start + longest)))
        at = cutting.clause_end(self._text, bound, longest * 0.8, self._marks)
        return self._until(rest, at or cutting.word_end(self._text, bound, longest, self._marks))

    def _said(self, span: Span, *, heading: bool) -> Phonemes:
        return phonemize(
            self._text[span.start : span.end],
            self._manner.language,
            heading=heading,
            marks=self._marks.within(span),
            rules=self._manner.rules,
        )

    def _unsaid(self, span: Span, said: Phonemes) -> tuple[str, ...]:
        text = self._text[span.start : span.end]
        return (text,) if not said.text and speakable(text) else said.lost

    def _until(self, span: Span, end: int) -> Span:
        return next(trimmed(self._text, span.start, end))

    def _ends(self, piece: ReadSpan, sentence: Span, body: Span, *, heading: bool) -> str:
        span = piece.span
        if span.end == body.end:
            return "heading" if heading else "paragraph" if piece.tokens or span != body else "scene"
        if span.end == sentence.end:
            return "sentence"
        return "clause" if cutting.ends_clause(self._text[span.start : span.end]) else "cut"
