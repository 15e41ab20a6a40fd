"""The metadata of a finished book: title, chapters and tags, made fit for every container. Knows nothing of FFmpeg."""

import unicodedata
from dataclasses import dataclass

from chorus.wire import RATE_HZ

# The longest title of a Nero chapter in an mp4. The muxer would cut a longer one within a character.
_TITLE_BYTES = 255
_THREE_LETTERS = {
    "en": "eng",
    "es": "spa",
    "fr": "fra",
    "hi": "hin",
    "it": "ita",
    "ja": "jpn",
    "pt": "por",
    "zh": "zho",
}


@dataclass(frozen=True, kw_only=True)
class BookChapter:
    """One chapter of the finished audio."""

    title: str
    start: int
    """Its first frame."""
    frames: int


@dataclass(frozen=True, kw_only=True)
class BookMeta:
    """Everything in the file except its audio."""

    title: str
    author: str = ""
    series: str = ""
    """For example `Discworld #3`."""
    language: str = ""
    """For example `en` or `pt-br`; empty: unknown."""
    date: str = ""
    """The document's date, if it has one. Today's date would make two renders of one book differ."""
    chapters: tuple[BookChapter, ...] = ()
    """In order and without gaps, over all of the audio; none: the book has no chapters."""
    cover: bytes | None = None
    """JPEG or PNG."""
    comment: str = ""
    """Names the voice, and says if it was the stand-in voice."""


def frames_of(book: BookMeta) -> int | None:
    """The number of frames that the chapters add up to; None if there are no chapters."""
    return book.chapters[-1].start + book.chapters[-1].frames if book.chapters else None


def clean(text: str) -> str:
    """One line without control characters, at most 255 bytes, which every tag format and every player accepts."""
    visible = "".join(" " if unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} else sign for sign in text)
    line = " ".join(visible.split())
    if len(line.encode()) <= _TITLE_BYTES:
        return line
    return line.encode()[: _TITLE_BYTES - len("…".encode())].decode("utf-8", "ignore").rstrip() + "…"


def chapter_titles(book: BookMeta) -> tuple[str, ...]:
    """The titles, cleaned and never empty: a player shows an empty title as a blank that nobody can select."""
    return tuple(clean(chapter.title) or f"Chapter {number}" for number, chapter in enumerate(book.chapters, 1))


def tags(book: BookMeta) -> dict[str, str]:
    """The tags of every container."""
    found = {
        "title": clean(book.title),
        "album": clean(book.title),
        "artist": clean(book.author),
        "album_artist": clean(book.author),
        "genre": "Audiobook",
        "grouping": clean(book.series),
        "date": clean(book.date),
        "language": three_letters(book.language),
        "comment": clean(book.comment),
    }
    return {name: value for name, value in found.items() if value}


def three_letters(language: str) -> str:
    """The ISO 639-2 code of a language, as mp4 and ID3 need it; empty if it is unknown."""
    return _THREE_LETTERS.get(language.replace("_", "-").split("-")[0].lower(), "")


def vorbis_chapters(book: BookMeta) -> dict[str, str]:
    """Chapters as Ogg and FLAC store them: numbered comments, a time and a name for each."""
    comments: dict[str, str] = {}
    for number, (chapter, title) in enumerate(zip(book.chapters, chapter_titles(book), strict=True), 1):
        minutes, rest = divmod(chapter.start, 60 * RATE_HZ)
        seconds, rest = divmod(rest, RATE_HZ)
        clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{rest * 1000 // RATE_HZ:03}"
        comments |= {f"CHAPTER{number:03}": clock, f"CHAPTER{number:03}NAME": title}
    return comments
