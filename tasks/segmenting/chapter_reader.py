"""Reads a chapter as spans with their phonemes: a span is a sentence, or a part of a sentence that is too long.

Knows nothing of how spans become segments.
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
"""To find where to cut a long sentence, this many times the length of a segment is phonemized."""
_STOPS = tuple(".!?…:;,—")
_QUOTES = '"“”() '


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadSpan:
    """A span with its phonemes. A span without phonemes is not spoken and only becomes silence."""

    span: Span
    phonemes: Phonemes
    heading: bool
    begins: bool
    """Whether it is the first of its paragraph."""
    ends: str
    """What ends after it: a key of chorus.reading.PAUSES_MS."""
    pause_ms: int
    """The silence after it, from the kind of its end."""
    silence_ms: int = 0
    """The silence that marks request before it."""
    quoted: bool = False
    """Whether a quotation is still open after it."""
    voice: str = ""
    rate: float = 1.0
    unsaid: tuple[str, ...] = ()
    """The text in it for which no phonemizer has a sound."""
    g2p_ms: float = 0.0

    @property
    def tokens(self) -> int:
        """How many tokens its phonemes are."""
        return self.phonemes.tokens

    def joined_with(self, other: "ReadSpan") -> "ReadSpan":
        """Both as one span."""
        text = " ".join(part for part in (self._with_stop(other), other.phonemes.text) if part)
        spoken = other if other.tokens else self
        return replace(
            other,
            span=Span(start=self.span.start, end=other.span.end),
            phonemes=replace(spoken.phonemes, text=text),
            begins=self.begins,
            silence_ms=self.silence_ms,
            voice=spoken.voice,
            rate=spoken.rate,
            unsaid=self.unsaid + other.unsaid,
            g2p_ms=self.g2p_ms + other.g2p_ms,
        )

    def _with_stop(self, other: "ReadSpan") -> str:
        """Its phonemes before those of `other`. A full stop makes the voice pause between two paragraphs."""
        text = self.phonemes.text
        stops = not text or not other.begins or text.rstrip(_QUOTES).endswith(_STOPS)
        return text if stops else f"{text}."


@dataclass(frozen=True, kw_only=True, slots=True)
class ChapterOptions:
    """The language, pauses, rules and lengths with which a chapter is read."""

    language: str
    pauses: Mapping[str, int]
    """In ms, by the kind of end."""
    rules: Rules
    targets: Targets


class ChapterReader:
    """Reads one chapter; a span is phonemized only when it is requested."""

    def __init__(self, chapter: Chapter, options: ChapterOptions) -> None:
        self._chapter = chapter
        self._text = chapter.text
        self._options = options
        self._marks = Marks(chapter)
        self._read_to = -1
        self._density = 0.0

    def spans(self) -> Iterator[ReadSpan]:
        """The chapter's spans in order; only blanks lie between them."""
        for paragraph in self._chapter.paragraphs():
            for body in trimmed(self._text, paragraph.start, paragraph.end):
                yield from self._paragraph(paragraph, body)

    def last_silence_ms(self) -> int:
        """The silence that marks request after the last span."""
        return self._marks.silence_ms(self._read_to, len(self._text))

    def _paragraph(self, paragraph: Paragraph, body: Span) -> Iterator[ReadSpan]:
        quotation = Quotation()
        for sentence in self._sentences(body):
            self._density = 0.0
            for stretch in self._marks.stretches(sentence):
                rest: Span | None = stretch.span
                while rest is not None:
                    read = self._read_beginning(rest, heading=paragraph.heading)
                    ends = self._ends(read, sentence, body, heading=paragraph.heading)
                    yield replace(
                        read,
                        begins=read.span.start == body.start,
                        ends=ends,
                        pause_ms=self._options.pauses[ends],
                        silence_ms=self._marks.silence_ms(self._read_to, read.span.start),
                        quoted=quotation.read(self._text[read.span.start : read.span.end]),
                        voice=stretch.voice,
                        rate=stretch.rate,
                    )
                    self._read_to = read.span.start
                    rest = next(trimmed(self._text, read.span.end, stretch.span.end), None)

    def _sentences(self, body: Span) -> Iterator[Span]:
        """A paragraph's sentences. None ends inside a stretch that is replaced as a whole."""
        start = body.start
        for sentence in sentences(self._text, body.start, body.end, self._language(body)):
            if sentence.end == body.end or not self._marks.splits_atom(sentence.end):
                yield Span(start=start, end=sentence.end)
                start = next((rest.start for rest in trimmed(self._text, sentence.end, body.end)), body.end)

    def _language(self, body: Span) -> str:
        stated = self._marks.language(body)
        try:
            return languages.normalise(stated) if stated else self._options.language
        except OptionError:
            return self._options.language

    def _read_beginning(self, rest: Span, *, heading: bool) -> ReadSpan:
        """The beginning of the rest of a sentence, no longer than one segment should be."""
        span = self._bounded(rest)
        began_s = time.perf_counter()
        phonemes = self._phonemes(span, heading=heading)
        while phonemes.tokens > self._options.targets.longest:
            if phonemes.tokens <= MAX_TOKENS or not self._drop_endless(span):
                at = cutting.cut(self._text, span, phonemes.tokens, self._options.targets, self._marks)
                if at is None:
                    break
                span = self._until(span, at)
            phonemes = self._phonemes(span, heading=heading)
        self._density = phonemes.tokens / (span.end - span.start)
        return ReadSpan(
            span=span,
            phonemes=phonemes,
            heading=heading,
            begins=False,
            ends="cut",
            pause_ms=0,
            unsaid=self._unsaid(span, phonemes),
            g2p_ms=(time.perf_counter() - began_s) * 1000,
        )

    def _drop_endless(self, span: Span) -> bool:
        """Drop replacements that are too long for any segment, so that their text is spoken; whether there were any."""
        endless = [atom for atom in self._marks.atoms(span) if self._phonemes(atom, heading=False).tokens > MAX_TOKENS]
        for atom in endless:
            self._marks.drop_atoms(atom)
        return bool(endless)

    def _bounded(self, rest: Span) -> Span:
        """As much of the rest as is needed to find a cut, estimated from the tokens per character so far."""
        longest = LONGEST_TEXT
        if self._density:
            longest = min(longest, round(_LOOKED_AT * self._options.targets.longest / self._density) + 1)
        if rest.end - rest.start <= longest:
            return rest
        bound = Span(start=rest.start, end=min(rest.end, self._marks.after_atom(rest.start + longest)))
        at = cutting.clause_end(self._text, bound, longest * 0.8, self._marks)
        return self._until(rest, at or cutting.word_end(self._text, bound, longest, self._marks))

    def _phonemes(self, span: Span, *, heading: bool) -> Phonemes:
        return phonemize(
            self._text[span.start : span.end],
            self._options.language,
            heading=heading,
            marks=self._marks.within(span),
            rules=self._options.rules,
        )

    def _unsaid(self, span: Span, phonemes: Phonemes) -> tuple[str, ...]:
        text = self._text[span.start : span.end]
        return (text,) if not phonemes.text and speakable(text) else phonemes.lost

    def _until(self, span: Span, end: int) -> Span:
        return next(trimmed(self._text, span.start, end))

    def _ends(self, read: ReadSpan, sentence: Span, body: Span, *, heading: bool) -> str:
        span = read.span
        if span.end == body.end:
            return "heading" if heading else "paragraph" if read.tokens or span != body else "scene"
        if span.end == sentence.end:
            return "sentence"
        return "clause" if cutting.ends_clause(self._text[span.start : span.end]) else "cut"
