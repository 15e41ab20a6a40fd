"""The result of every reader: chapters of plain paragraphs with marks. Knows nothing of file formats or speech."""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from chorus.checks import shown
from chorus.errors import OptionError
from chorus.reading import SKIPPED, SPEAKABLE
from tasks.documents.runs import MarkKind, Run, Tag, clean, placed

__all__ = [
    "BREAK",
    "USUAL",
    "Chapter",
    "Document",
    "Draft",
    "Mark",
    "MarkKind",
    "Paragraph",
    "ReaderOptions",
    "Run",
    "Tag",
    "audible",
    "clean",
    "counted",
    "select",
    "speakable",
]  # fmt: skip

BREAK = "\n\n"
"""Separates two paragraphs in a chapter's text, and never occurs inside one."""

_EMOJI = range(0x1F000, 0x20000)
_TITLE_HEADINGS = 2
_NAMES = {
    "cover": "cover page", "titlepage": "title page", "copyright": "copyright page", "dedication": "dedication",
    "contents": "table of contents", "notes": "note", "index": "index", "bibliography": "bibliography",
    "tables": "table", "images": "image", "code": "code block",
}  # fmt: skip
_PLURALS = {"contents": "tables of contents", "index": "indexes", "bibliography": "bibliographies"}
_BARE = "bare"
"""Counted like a kind: images that should be spoken and have no alternative text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of a text whose first and last characters are no blanks."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """One paragraph of a chapter's text."""

    start: int
    """The offset of its first character in the chapter's text."""
    end: int
    """The offset after its last character."""
    heading: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A property of a stretch of a chapter's text that its letters do not show."""

    start: int
    """The offset of its first character in the chapter's text."""
    end: int
    """The offset after its last character. For a pause the same as `start`: it comes before the character there."""
    kind: MarkKind
    value: str
    """By kind: a language tag as the document states it; a voice or a blend of voices; a factor of the speed (`1.2`);
    the words to speak instead; their phonemes in Kokoro's or plain IPA; how SSML asks to read it (`characters`, `date`,
    `telephone`, …); the silence in milliseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderOptions:
    """Which parts of a document are spoken, and its encoding."""

    skip: frozenset[str] = SKIPPED
    """Kinds of chorus.reading.SKIPPABLE: sections and notes that are not spoken."""
    speak: frozenset[str] = frozenset()
    """Kinds of chorus.reading.SPEAKABLE that are spoken, and would be left out by default."""
    encoding: str = ""
    """The encoding of a text file; empty: to be detected."""

    def leaves_out(self, kind: str) -> bool:
        """Whether a section, paragraph or run of this kind is not spoken."""
        return kind in self.skip or (kind in SPEAKABLE and kind not in self.speak)


USUAL = ReaderOptions()


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """One chapter. Every span of a later stage is an offset into `text`."""

    title: str
    """The title for the file's chapter marks. Everything spoken, headings included, is in `text`."""
    text: str
    """Paragraphs with an empty line between them."""
    headings: tuple[int, ...] = ()
    """The indices of the paragraphs that are headings."""
    marks: tuple[Mark, ...] = ()
    """In the order of their starts. Of several marks of one kind over a character the last, innermost one counts."""
    kind: str = ""
    """The kind of section, a word of chorus.reading.SKIPPABLE; empty for an ordinary chapter."""

    def paragraphs(self) -> Iterator[Paragraph]:
        """The paragraphs in order. Together with the breaks between them they are the whole text."""
        headings = frozenset(self.headings)
        start = 0
        for index, text in enumerate(self.text.split(BREAK)):
            yield Paragraph(start=start, end=start + len(text), heading=index in headings)
            start += len(text) + len(BREAK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One source that was read."""

    title: str
    author: str = ""
    series: str = ""
    """For example `Discworld #3`."""
    language: str = ""
    """The language as the document states it, not normalised; empty if it states none."""
    cover: bytes | None = None
    cover_type: str = ""
    """The cover's media type, for example `image/jpeg`."""
    chapters: tuple[Chapter, ...] = ()
    left_out: tuple[str, ...] = ()
    """The parts of the source that are not spoken, each with the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Passage:
    """A paragraph of a draft, with marks relative to it."""

    text: str
    marks: tuple[Mark, ...]
    heading: bool
    note: bool


@dataclass(kw_only=True)
class Draft:
    """A chapter that a reader is collecting. Paragraphs are added, and `chapter` makes a Chapter of those to speak."""

    title: str = ""
    kind: str = ""
    """The kind of section, a word of chorus.reading.SKIPPABLE; empty for an ordinary chapter."""
    options: ReaderOptions = USUAL
    paragraphs: list[_Passage] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """How many paragraphs and runs were left out, by kind."""
    _has_body: bool = False
    """Whether it has other paragraphs than headings."""
    _voice: Tag | None = None
    _pauses: tuple[Tag, ...] = ()
    """The pauses of paragraphs without text, for the next paragraph."""

    def add(self, text: str | Iterable[Run], *, heading: bool = False, kind: str = "", continued: bool = False) -> None:
        """Append a paragraph, unless it has no visible character or is not to be spoken.

        `kind` is a word of SKIPPABLE or SPEAKABLE. `continued` means that it belongs to the same note, table or code
        block as the paragraph before. Notes are placed at the end of their chapter.
        """
        runs = [Run(text)] if isinstance(text, str) else list(text)
        if self.options.leaves_out(kind):
            self.left_out[kind] += not continued and any(clean(run.text) for run in runs)
            return
        pauses, self._pauses = self._pauses, ()
        found, tags = placed([*(Run("", (tag,)) for tag in pauses), *self._voiced(filter(self._is_spoken, runs))])
        if not found:
            self._pauses = tuple(one.tag for one in tags)
            return
        marks = tuple(Mark(start=one.start, end=one.end, kind=one.tag.kind, value=one.tag.value) for one in tags)
        self._has_body = self._has_body or not heading
        self.paragraphs.append(_Passage(text=found, marks=marks, heading=heading, note=kind == "notes"))

    @property
    def only_headings(self) -> bool:
        """Whether it has headings only so far."""
        return not self._has_body

    def chapter(self, *, otherwise: str = "") -> Chapter:
        """The finished chapter. If it has no title, its headings are the title, else `otherwise`."""
        passages = sorted(self.paragraphs, key=lambda passage: passage.note)
        marks: list[Mark] = []
        start = 0
        for passage in passages:
            marks += (replace(mark, start=start + mark.start, end=start + mark.end) for mark in passage.marks)
            start += len(passage.text) + len(BREAK)
        text = BREAK.join(passage.text for passage in passages)
        marks += (Mark(start=len(text), end=len(text), kind=tag.kind, value=tag.value) for tag in self._pauses)
        return Chapter(
            title=" ".join((self.title or self._heading() or otherwise).split()),
            text=text,
            headings=tuple(index for index, passage in enumerate(passages) if passage.heading),
            marks=tuple(marks),
            kind=self.kind,
        )

    def _heading(self) -> str:
        """The title from the headings at the top: `Chapter 1` above `The Storm` gives `Chapter 1: The Storm`."""
        opening = [passage.text for passage in itertools.takewhile(lambda one: one.heading, self.paragraphs)]
        if len(opening) == _TITLE_HEADINGS:
            return ": ".join(heading.rstrip(".:") for heading in opening)
        # More than two headings are a list, and the last one is the chapter's own.
        return opening[-1] if opening else next((one.text for one in self.paragraphs if one.heading), "")

    def _is_spoken(self, run: Run) -> bool:
        """Whether a run is spoken; if not, it is counted."""
        silent = self.options.leaves_out(run.kind)
        bare = run.kind == "images" and not silent and not clean(run.text)
        if silent or bare:
            self.left_out[_BARE if bare else run.kind] += 1
        return not silent and not bare

    def _voiced(self, runs: Iterable[Run]) -> Iterator[Run]:
        """The runs with the voice that the last change of voice set."""
        for run in runs:
            if not run.text and run.tags and run.tags[-1].kind == "voice":
                self._voice = run.tags[-1] if run.tags[-1].value else None
            else:
                yield run if self._voice is None or not run.text else replace(run, tags=(self._voice, *run.tags))


def speakable(text: str) -> bool:
    """Whether there is anything to read aloud: a letter, a number, a currency sign or an emoji, not just asterisks."""
    return any(char.isalnum() or unicodedata.category(char) == "Sc" or ord(char) in _EMOJI for char in text)


def counted(count: int, name: str) -> tuple[str, ...]:
    """An entry of `left_out` such as `3 images`; none for a count of 0."""
    return (f"{count} {name}{'' if count == 1 else 's'}",) if count else ()


def audible(drafts: Iterable[Draft], *, otherwise: str) -> tuple[tuple[Chapter, ...], tuple[str, ...]]:
    """The chapters that are spoken, and what is left out, each with the reason."""
    spoken: list[Chapter] = []
    silent: list[str] = []
    counts: Counter[str] = Counter()
    for draft in drafts:
        counts.update(draft.left_out)
        if draft.options.leaves_out(draft.kind):
            silent.append(f"{draft.chapter().title or f'the {_NAMES[draft.kind]}'} ({_reason(draft.kind)})")
        elif draft.paragraphs or draft.title:
            chapter = draft.chapter(otherwise=otherwise)
            if speakable(chapter.text):
                spoken.append(chapter)
            else:
                silent.append(f"{chapter.title or 'a chapter'} (no text)")
    return tuple(spoken), (*silent, *(_left_out(kind, count) for kind, count in counts.items() if count))


def _left_out(kind: str, count: int) -> str:
    if kind == _BARE:
        return f"{counted(count, 'image')[0]} (without alternative text)"
    many = f"{count} {_PLURALS[kind]}" if count > 1 and kind in _PLURALS else counted(count, _NAMES[kind])[0]
    return f"{many} ({_reason(kind)})"


def _reason(kind: str) -> str:
    return f"unless --speak {kind}" if kind in SPEAKABLE else f"--skip {kind}"


def select(document: Document, spec: str) -> Document:
    """The document with only these chapters, in its own order: `1-3,5`, counted from 1; all for an empty spec."""
    if not spec.strip():
        return document
    last = len(document.chapters)
    chosen: set[int] = set()
    for part in spec.split(","):
        chosen |= set(_range(part, last))
    kept = tuple(chapter for number, chapter in enumerate(document.chapters, 1) if number in chosen)
    return replace(document, chapters=kept)


def _range(part: str, last: int) -> range:
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*(?:(-)\s*([0-9]{1,9})?)?\s*", part)
    if match is None:
        raise OptionError(f"Chapters {shown(part.strip())!r} is not understood: write numbers and ranges like 1-3,5.")
    first = int(match[1])
    final = int(match[3]) if match[3] else last if match[2] else first
    if not 1 <= first <= final <= last:
        raise OptionError(f"Chapters {part.strip()} do not exist: choose among 1 to {last}, which this document has.")
    return range(first, final + 1)
