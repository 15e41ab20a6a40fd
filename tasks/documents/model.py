"""What every reader makes of a file: chapters of plain paragraphs. Knows nothing of any file format or of speech."""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

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
"""What stands between two paragraphs of a chapter's text, and never inside one."""

_EMOJI = range(0x1F000, 0x20000)
_TITLE_HEADINGS = 2
_NAMES = {
    "cover": "cover page", "titlepage": "title page", "copyright": "copyright page", "dedication": "dedication",
    "contents": "table of contents", "notes": "note", "index": "index", "bibliography": "bibliography",
    "tables": "table", "images": "image", "code": "code block",
}  # fmt: skip
_MANY = {"contents": "tables of contents", "index": "indexes", "bibliography": "bibliographies"}
_BARE = "bare"
"""Counted like a kind: images that were to be read and have no alternative text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of a text, its first and last characters no blanks."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """A stretch of a chapter's text that is one breath of thought."""

    start: int
    """Offset of the first character in the chapter's text."""
    end: int
    """Offset behind the last one."""
    heading: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What a reader knows about a stretch of a chapter's text and its letters do not say."""

    start: int
    """Offset of the first character it is about, in the chapter's text."""
    end: int
    """Offset behind the last one; for a pause the same as `start`: it lies before the character there."""
    kind: MarkKind
    value: str
    """By kind: a language tag as the document states it; a voice or a blend of voices; a factor of the speed (`1.2`);
    the words to say instead; their phonemes in Kokoro's or plain IPA; how SSML wants it read (`characters`, `date`,
    `telephone`, …); the silence in milliseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderOptions:
    """What a reader should do about things that are not a document's plain text."""

    skip: frozenset[str] = SKIPPED
    """Of chorus.reading.SKIPPABLE: whole sections and notes that are not spoken."""
    speak: frozenset[str] = frozenset()
    """Of chorus.reading.SPEAKABLE: what is left out otherwise."""
    encoding: str = ""
    """Of a text file, where it is known."""

    def leaves_out(self, kind: str) -> bool:
        """Whether a section, paragraph or run of this kind is not to be heard."""
        return kind in self.skip or (kind in SPEAKABLE and kind not in self.speak)


USUAL = ReaderOptions()


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """One chapter. Every span of a later stage is an offset into `text`."""

    title: str
    """For the file's chapter marks; what is spoken stands in `text`, headings included."""
    text: str
    """Paragraphs separated by an empty line."""
    headings: tuple[int, ...] = ()
    """Which paragraphs, counted from 0, are headings."""
    marks: tuple[Mark, ...] = ()
    """In the order of their starts; of marks of one kind over one character the last and innermost counts."""
    kind: str = ""
    """What the section is, a word of chorus.reading.SKIPPABLE; empty for a chapter like any other."""

    def paragraphs(self) -> Iterator[Paragraph]:
        """The paragraphs in order; with the breaks between them they are the whole text."""
        headings = frozenset(self.headings)
        start = 0
        for index, text in enumerate(self.text.split(BREAK)):
            yield Paragraph(start=start, end=start + len(text), heading=index in headings)
            start += len(text) + len(BREAK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One source, read."""

    title: str
    author: str = ""
    series: str = ""
    """As in `Discworld #3`."""
    language: str = ""
    """As the document states it, not yet normalised; empty when it does not say."""
    cover: bytes | None = None
    cover_type: str = ""
    """The cover's media type, `image/jpeg` for one."""
    chapters: tuple[Chapter, ...] = ()
    left_out: tuple[str, ...] = ()
    """What the source holds and nobody will hear, each with its reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Passage:
    """A paragraph before it has its place."""

    text: str
    marks: tuple[Mark, ...]
    heading: bool
    note: bool


@dataclass(kw_only=True)
class Draft:
    """A chapter while a reader collects it: paragraphs go in, a Chapter of the wanted ones comes out."""

    title: str = ""
    kind: str = ""
    """What the section is, a word of chorus.reading.SKIPPABLE."""
    wanted: ReaderOptions = USUAL
    paragraphs: list[_Passage] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """How much of each kind was added and is not wanted."""
    _told: bool = False
    """Whether there is more than headings."""
    _voice: Tag | None = None
    _pauses: tuple[Tag, ...] = ()
    """Of paragraphs that had nothing else."""

    def add(self, text: str | Iterable[Run], *, heading: bool = False, kind: str = "", continued: bool = False) -> None:
        """Append a paragraph; one without any visible character is no paragraph.

        `kind` is a word of SKIPPABLE or SPEAKABLE, `continued` says that it belongs to the same note, table or code
        block as the one before. Notes come to stand behind everything else in their chapter.
        """
        runs = [Run(text)] if isinstance(text, str) else list(text)
        if self.wanted.leaves_out(kind):
            self.left_out[kind] += not continued and any(clean(run.text) for run in runs)
            return
        pauses, self._pauses = self._pauses, ()
        found, tags = placed([*(Run("", (tag,)) for tag in pauses), *self._voiced(filter(self._wants, runs))])
        if not found:
            self._pauses = tuple(one.tag for one in tags)
            return
        marks = tuple(Mark(start=one.start, end=one.end, kind=one.tag.kind, value=one.tag.value) for one in tags)
        self._told = self._told or not heading
        self.paragraphs.append(_Passage(text=found, marks=marks, heading=heading, note=kind == "notes"))

    @property
    def only_headings(self) -> bool:
        """Whether nothing stands under the headings yet."""
        return not self._told

    def chapter(self, *, otherwise: str = "") -> Chapter:
        """The finished chapter; without a title of its own it is called by its headings, or else this."""
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
        """What the headings at the top say: `Chapter 1` above `The Storm` is `Chapter 1: The Storm`."""
        opening = [passage.text for passage in itertools.takewhile(lambda one: one.heading, self.paragraphs)]
        if len(opening) == _TITLE_HEADINGS:
            return ": ".join(heading.rstrip(".:") for heading in opening)
        # More than two are a list of headings, and the last one is this chapter's own.
        return opening[-1] if opening else next((one.text for one in self.paragraphs if one.heading), "")

    def _wants(self, run: Run) -> bool:
        """Whether a run is heard; if not, it is counted."""
        silent = self.wanted.leaves_out(run.kind)
        bare = run.kind == "images" and not silent and not clean(run.text)
        if silent or bare:
            self.left_out[_BARE if bare else run.kind] += 1
        return not silent and not bare

    def _voiced(self, runs: Iterable[Run]) -> Iterator[Run]:
        """The runs in the voice that was last switched to."""
        for run in runs:
            if not run.text and run.tags and run.tags[-1].kind == "voice":
                self._voice = run.tags[-1] if run.tags[-1].value else None
            else:
                yield run if self._voice is None or not run.text else replace(run, tags=(self._voice, *run.tags))


def speakable(text: str) -> bool:
    """Whether a reader would say anything: a letter, a number, a sum of money, an emoji; not a row of asterisks."""
    return any(char.isalnum() or unicodedata.category(char) == "Sc" or ord(char) in _EMOJI for char in text)


def counted(count: int, name: str) -> tuple[str, ...]:
    """`3 images`, as `left_out` takes it; nothing for none."""
    return (f"{count} {name}{'' if count == 1 else 's'}",) if count else ()


def audible(drafts: Iterable[Draft], *, otherwise: str) -> tuple[tuple[Chapter, ...], tuple[str, ...]]:
    """The chapters with something to say that is wanted, and what is left out, each with its reason."""
    spoken: list[Chapter] = []
    silent: list[str] = []
    counts: Counter[str] = Counter()
    for draft in drafts:
        counts.update(draft.left_out)
        if draft.wanted.leaves_out(draft.kind):
            silent.append(f"{draft.chapter().title or f'the {_NAMES[draft.kind]}'} ({_why(draft.kind)})")
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
    many = f"{count} {_MANY[kind]}" if count > 1 and kind in _MANY else counted(count, _NAMES[kind])[0]
    return f"{many} ({_why(kind)})"


def _why(kind: str) -> str:
    return f"unless --speak {kind}" if kind in SPEAKABLE else f"--skip {kind}"


def select(document: Document, spec: str) -> Document:
    """The document with these chapters only: `1-3,5`, counted from 1, in the document's order; empty for all."""
    if not spec.strip():
        return document
    last = len(document.chapters)
    wanted: set[int] = set()
    for part in spec.split(","):
        wanted |= set(_range(part, last))
    kept = tuple(chapter for number, chapter in enumerate(document.chapters, 1) if number in wanted)
    return replace(document, chapters=kept)


def _range(part: str, last: int) -> range:
    match = re.fullmatch(r"\s*(\d{1,9})\s*(?:(-)\s*(\d{1,9})?)?\s*", part)
    if match is None:
        raise OptionError(f"Chapters {part.strip()!r} is not understood: write numbers and ranges like 1-3,5.")
    first = int(match[1])
    final = int(match[3]) if match[3] else last if match[2] else first
    if not 1 <= first <= final <= last:
        raise OptionError(f"Chapters {part.strip()} are not there: this document has chapters 1 to {last}.")
    return range(first, final + 1)
