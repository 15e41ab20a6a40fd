"""Measures how long planning a book takes, and how soon its first segment is ready.

    .venv/bin/python benchmarks/planning.py                           # a made-up novel of 100,000 words
    .venv/bin/python benchmarks/planning.py BOOK.epub --words 100000  # a book, repeated until it has so many words

It uses one thread and loads the dictionaries before the measurement, as in a desk that has planned before. `first
segment` is the time of a live job from the document's bytes until its first segment is cut. `whole` is the time to
read, cut and digest the book to the end, with an empty cache for each repetition. The limits apply to processor time,
which equals wall time on a free core; both are printed. `G2P` is the share of the time for phonemes.
"""

import argparse
import math
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks.first_sound import machine
from chorus.request import Request
from tasks import documents
from tasks.parts.coverage import digest
from tasks.phonemes.phonemize import forget, phonemize
from tasks.plan import LIVE_FIRST_TOKENS, spoken_language
from tasks.segmenting.segments import Segment, segments

WORDS = 100_000
MOST_S = 60.0
FIRST_MOST_MS = 1000.0
CHAPTERS = 40
SUBJECTS = (
    "the keeper",
    "Dr. Ellis",
    "a gull",
    "my aunt",
    "the miller's son",
    "nobody",
    "the captain",
    "old Mr. Hargreave",
)
VERBS = ("read", "had lived with", "wound", "will record", "kept", "has closed", "counted", "objected to", "refused")
THINGS = (
    "the minute book", "a live wire", "£3.50", "the 4th of May, 1895", "27 lighthouses", "the lamp", "a desert of sand",
    "10:30 and after", "two thirds of it", "the whole of Chapter IV", "an invalid ticket", "www.example.com",
)  # fmt: skip
PLACES = (
    "in the house by the sea", "on the long pier", "at St. Anne's", "before dawn", "as if it were nothing", "close by",
    "for the sake of the gulls", "in a low voice", "with both hands", "without a word", "behind the door", "yesterday",
)  # fmt: skip
ENDS = (".", ".", ".", "!", "?", "; and so it was.", " — or so they said.", ", which is to say: never.")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The times of planning one book."""

    words: int
    segments: int
    read: "Spent"
    first: "Spent"
    whole: "Spent"
    g2p_s: float


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Wall time and processor time."""

    clock_s: float
    cpu_s: float

    @classmethod
    def so_far(cls) -> Self:
        """The current readings of both clocks; the difference of two is the time between them."""
        return cls(clock_s=time.perf_counter(), cpu_s=time.process_time())

    def __sub__(self, other: Self) -> Self:
        return type(self)(clock_s=self.clock_s - other.clock_s, cpu_s=self.cpu_s - other.cpu_s)

    def __add__(self, other: Self) -> Self:
        return type(self)(clock_s=self.clock_s + other.clock_s, cpu_s=self.cpu_s + other.cpu_s)


def main() -> None:
    """Measure, and print a table; the exit status is 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("book", nargs="?", type=Path, help="an EPUB, Markdown or text file (default: made-up text)")
    parser.add_argument("--words", type=int, default=WORDS, help="repeat the book up to so many words (default 100000)")
    given = parser.parse_args()
    data, name = (given.book.read_bytes(), given.book.name) if given.book else (novel(given.words), "novel.md")
    phonemize("They have not lost a line, said Mr. Xyzzyfoo.", "en-us")
    measured = measure(data, name, given.words)
    print(f"{name} on {machine()}")
    for label, value, bound in rows(measured):
        print(f"{label:<24}{value:>14}   {bound}")
    most_s = MOST_S * measured.words / WORDS
    if measured.whole.cpu_s > most_s or measured.first.cpu_s * 1000 > FIRST_MOST_MS:
        raise SystemExit(1)


def measure(data: bytes, name: str, words: int) -> Measured:
    """Measure reading, cutting the first segment of a live job, and cutting all segments."""
    forget()
    began = Spent.so_far()
    document = documents.read(data, name)
    read = Spent.so_far() - began
    language = spoken_language(Request(name=name, live=True), document)
    next(segments(document.chapters[0], language, first=LIVE_FIRST_TOKENS))
    first = Spent.so_far() - began
    once = sum(len(chapter.text.split()) for chapter in document.chapters)
    times = max(1, math.ceil(words / once))
    began = Spent.so_far()
    cut: list[Segment] = []
    for _ in range(times):
        forget()
        for chapter in document.chapters:
            cut += segments(chapter, language)
            digest([chapter.text])
    return Measured(
        words=times * once,
        segments=len(cut),
        read=read,
        first=first,
        whole=read + (Spent.so_far() - began),
        g2p_s=sum(segment.g2p_ms for segment in cut) / 1000,
    )


def novel(words: int) -> bytes:
    """A made-up novel in Markdown; the text is always the same."""
    chance = random.Random(1895)  # noqa: S311 - a text, not a secret
    chapters = []
    for number in range(1, CHAPTERS + 1):
        paragraphs = [f"# Chapter {number}"]
        count = 0
        while count < words / CHAPTERS:
            paragraph = " ".join(sentence(chance) for _ in range(chance.randint(1, 9)))
            count += len(paragraph.split())
            paragraphs.append(paragraph)
        chapters.append("\n\n".join(paragraphs))
    return "\n\n".join(chapters).encode()


def sentence(chance: random.Random) -> str:
    """A made-up sentence of random length."""
    clauses = [
        " ".join(map(chance.choice, (SUBJECTS, VERBS, THINGS, PLACES))) + number(chance)
        for _ in range(chance.randint(1, 4))
    ]
    text = ", and ".join(clauses) + chance.choice(ENDS)
    return f"“{text[:1].upper()}{text[1:]}”" if chance.random() < 1 / 4 else f"{text[:1].upper()}{text[1:]}"


def number(chance: random.Random) -> str:
    """A number for one clause of eight, else nothing."""
    return "" if chance.random() < 7 / 8 else f" number {chance.randint(1, 9999)}"


def rows(measured: Measured) -> list[tuple[str, str, str]]:
    """The rows of the table: what was measured, processor time, and wall time with the limit."""
    read, first, whole = measured.read, measured.first, measured.whole
    return [
        ("words", f"{measured.words:,}", ""),
        ("segments", f"{measured.segments:,}", ""),
        ("reading the document", f"{read.cpu_s:.2f} s", f"{read.clock_s:.2f} s wall time"),
        ("first segment", f"{first.cpu_s * 1000:.0f} ms", f"{first.clock_s * 1000:.0f} ms wall time; limit 1000"),
        ("whole", f"{whole.cpu_s:.1f} s", f"{whole.clock_s:.1f} s wall time; limit 60 for 100,000 words"),
        ("words per second", f"{measured.words / whole.cpu_s:,.0f}", ""),
        ("G2P", f"{measured.g2p_s / whole.clock_s:.0%}", ""),
    ]


if __name__ == "__main__":
    main()
