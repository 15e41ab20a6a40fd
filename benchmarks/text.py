"""Runs all evaluations of reading text, and prints one table, which docs/text.md shows.

    .venv/bin/python benchmarks/text.py                                  # the test sets in benchmarks/text
    .venv/bin/python benchmarks/text.py BOOK.epub …                      # also your own books: chapters and segments

The test sets were written or collected by the authors of the rules; each set says which part was held out, that is, not
used while working on the rules. The last rows need no reference: they count how many segments end at a punctuation
mark, where a speaker breathes.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import text_chapters, text_homographs, text_reading
from benchmarks.planning import novel
from tasks import documents
from tasks.segmenting.segments import segments

HERE = Path(__file__).resolve().parent
WORDS = 20_000
MARKS = tuple(".!?…,;:—–)。、，！？।")
CLOSERS = "\"'’”»)]}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table."""

    what: str
    cases: int
    right: str
    command: str


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("books", nargs="*", type=Path, help="books to evaluate as well")
    books = parser.parse_args().books
    print("| what is asked | cases | right | command |")
    print("|---|---|---|---|")
    for row in rows(books):
        print(f"| {row.what} | {row.cases:,} | {row.right} | `{row.command}` |")


def rows(books: list[Path]) -> Iterator[Row]:
    """The rows of all evaluations."""
    yield from reading()
    yield from homographs()
    yield from chapters([book for book in books if book.suffix.lower() == ".epub"])
    yield from segment_ends([("a made-up novel", "novel.md", novel(WORDS))])
    yield from segment_ends((book.name, book.name, book.read_bytes()) for book in books)


def reading() -> Iterator[Row]:
    """The rows for sentence boundaries and for figures, dates and signs."""
    command = "benchmarks/text_reading.py"
    cut: dict[str, list[text_reading.Boundaries]] = {}
    for language, sentences in text_reading.paragraphs():
        cut.setdefault(language, []).append(text_reading.boundaries(language, sentences))
    for language, parts in cut.items():
        whole = text_reading.summed(parts)
        yield Row(what=f"sentence ends, {language}", cases=whole.wanted, right=f"F1 {whole.f1:.3f}", command=command)
    found = text_reading.cases()
    for language in dict.fromkeys(case.language for case in found):
        own = [case for case in found if case.language == language]
        held = [case for case in own if case.held]
        right = f"{text_reading.share(own):.1%} (held apart: {text_reading.share(held):.1%} of {len(held)})"
        yield Row(what=f"figures, dates and signs, {language}", cases=len(own), right=right, command=command)


def homographs() -> Iterator[Row]:
    """The rows for English homographs, function words, marks and sums of money."""
    found = text_homographs.cases(HERE / "text" / "homographs.tsv")
    closed = [case.right for case in found if case.word.lower() in text_homographs.CLOSED]
    alike = [case.right for case in found if case.word.lower() not in text_homographs.CLOSED]
    money = [
        text_homographs.money_right(line) for line in (HERE / "text" / "currency.tsv").read_text("utf-8").splitlines()
    ]
    for what, answers in (
        ("homographs, en-us", alike),
        ("a, an, the, to, in, I, that", closed),
        ("marks kept in these sentences", [text_homographs.marks_kept(case.sentence) for case in found]),
        ("sums of money, en-us", money),
    ):
        share = f"{sum(answers) / len(answers):.1%}"
        yield Row(what=what, cases=len(answers), right=share, command="benchmarks/text_homographs.py")


def chapters(books: list[Path]) -> Iterator[Row]:
    """The rows for the titles and characters of books, compared with the books' own tables of contents and pages."""
    for book in books:
        found, command = text_chapters.count(book), "benchmarks/text_chapters.py BOOK"
        titles = f"{found.carried / max(1, found.titles):.1%}"
        kept = f"{1 - found.missing / max(1, found.chars):.3%}"
        yield Row(what=f"titles of its contents, {book.name}", cases=found.titles, right=titles, command=command)
        yield Row(what=f"characters of its pages, {book.name}", cases=found.chars, right=kept, command=command)


def segment_ends(texts: "Iterator[tuple[str, str, bytes]] | list[tuple[str, str, bytes]]") -> Iterator[Row]:
    """The rows for segments that end at a punctuation mark; headings do not count."""
    for what, name, data in texts:
        ends = [
            chapter.text[segment.start : segment.end].rstrip(CLOSERS).endswith(MARKS)
            for chapter in documents.read(data, name).chapters
            for segment in segments(chapter, "en-us")
            if not segment.heading
        ]
        share = f"{sum(ends) / len(ends):.2%}"
        yield Row(
            what=f"segments that end at a mark, {what}", cases=len(ends), right=share, command="benchmarks/text.py"
        )


if __name__ == "__main__":
    main()
