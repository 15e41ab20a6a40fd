"""What every reader makes of a file: chapters of plain paragraphs. Knows nothing of any file format or of speech."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from chorus.errors import OptionError
from chorus.reading import SKIPPED

BREAK = "\n\n"
"""What stands between two paragraphs of a chapter's text, and never inside one."""

# Joiners and marks that show how to break or order letters, never a sound; espeak would spell some of them.
# U+200C and U+200D stay: Hindi is written with them.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n[\n ]*")
_EMOJI = range(0x1F000, 0x20000)
_TITLE_HEADINGS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """A stretch of a chapter's text that is one breath of thought."""

    start: int
    """Offset of the first character in the chapter's text."""
    end: int
    """Offset behind the last one."""
    heading: bool = False


MarkKind = Literal["language", "voice", "rate", "say", "phonemes", "as", "pause"]


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
class Wanted:
    """What a reader should do about things that are not a document's plain text."""

    skip: frozenset[str] = SKIPPED
    """Of chorus.reading.SKIPPABLE: whole sections and notes that are not spoken."""
    speak: frozenset[str] = frozenset()
    """Of chorus.reading.SPEAKABLE: what is left out otherwise."""
    encoding: str = ""
    """Of a text file, where it is known."""


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
    language: str = ""
    """As the document states it, not yet normalised; empty when it does not say."""
    cover: bytes | None = None
    cover_type: str = ""
    """The cover's media type, `image/jpeg` for one."""
    chapters: tuple[Chapter, ...] = ()
    left_out: tuple[str, ...] = ()
    """What the source holds and nobody will hear, each with its reason."""


@dataclass(kw_only=True)
class Draft:
    """A chapter while a reader collects it: clean paragraphs go in, a Chapter comes out."""

    title: str = ""
    paragraphs: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)

    def add(self, text: str, *, heading: bool = False) -> None:
        """Append a paragraph; one without any visible character is no paragraph."""
        text = clean(text)
        if not text:
            return
        if heading:
            self.headings.append(len(self.paragraphs))
        self.paragraphs.append(text)

    @property
    def only_headings(self) -> bool:
        """Whether nothing stands under the headings yet."""
        return len(self.headings) == len(self.paragraphs)

    def chapter(self, *, otherwise: str = "") -> Chapter:
        """The finished chapter; without a title of its own it is called by its headings, or else this."""
        title = " ".join((self.title or self._heading() or otherwise).split())
        return Chapter(title=title, text=BREAK.join(self.paragraphs), headings=tuple(self.headings))

    def _heading(self) -> str:
        """What the headings at the top say: `Chapter 1` above `The Storm` is `Chapter 1: The Storm`."""
        opening = [self.paragraphs[at] for index, at in enumerate(self.headings) if at == index]
        if len(opening) == _TITLE_HEADINGS:
            return ": ".join(heading.rstrip(".:") for heading in opening)
        # More than two are a list of headings, and the last one is this chapter's own.
        return opening[-1] if opening else next((self.paragraphs[at] for at in self.headings), "")


def clean(text: str) -> str:
    """One paragraph's text: composed letters, single blanks, single line ends, nothing invisible."""
    text = _CONTROL.sub("", unicodedata.normalize("NFC", text)).translate(_INVISIBLE)
    text = _LINE_ENDS.sub("\n", _BLANKS.sub(" ", "\n".join(text.splitlines())))
    return text.strip()


def speakable(text: str) -> bool:
    """Whether a reader would say anything: a letter, a number, a sum of money, an emoji; not a row of asterisks."""
    return any(char.isalnum() or unicodedata.category(char) == "Sc" or ord(char) in _EMOJI for char in text)


def counted(count: int, name: str) -> tuple[str, ...]:
    """`3 images`, as `left_out` takes it; nothing for none."""
    return (f"{count} {name}{'' if count == 1 else 's'}",) if count else ()


def audible(drafts: Iterable[Draft], *, otherwise: str) -> tuple[tuple[Chapter, ...], tuple[str, ...]]:
    """The chapters with something to say, and the names of those without."""
    chapters = [draft.chapter(otherwise=otherwise) for draft in drafts if draft.paragraphs or draft.title]
    spoken = tuple(chapter for chapter in chapters if speakable(chapter.text))
    silent = tuple(f"{chapter.title or 'a chapter'} (no text)" for chapter in chapters if not speakable(chapter.text))
    return spoken, silent


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
