"""Counts how many titles of books' own contents our chapters carry, and which of the books' characters they hold.

    .venv/bin/python benchmarks/text_chapters.py BOOK.epub...

The contents and the characters are counted here by means of their own, with the standard library's parsers and without
our reader, which is asked to leave no section out. A character is accounted for if a chapter holds it or if it belongs
to a note's number or a page's number, which are left out on purpose.
"""

import argparse
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from tasks.documents import Document, ReaderOptions, read

UNSPOKEN = ("head", "script", "style", "svg")
MARKS = {"noteref", "backlink", "pagebreak", "landmarks"}
TYPE = "{http://www.idpf.org/2007/ops}type"


@dataclass(frozen=True, kw_only=True)
class Count:
    """One book's line of the table."""

    name: str
    titles: int
    carried: int
    chars: int
    missing: int
    marks: int


class Visible(HTMLParser):
    """The characters of a page, and those of its notes' numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.marks: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element; those without an end hold no text."""
        if tag not in {"br", "hr", "img", "meta", "link", "col", "wbr"}:
            types = set((dict(attrs).get("epub:type") or "").split())
            self._open.append((tag, bool(types & MARKS)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Skip an element that is empty."""

    def handle_endtag(self, tag: str) -> None:
        """End an element, and those inside it that were left open."""
        while any(name == tag for name, _ in self._open) and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take in text, by what it stands in."""
        if not any(name in UNSPOKEN for name, _ in self._open):
            (self.marks if any(mark for _, mark in self._open) else self.said).append(data)


def contents(archive: zipfile.ZipFile, items: dict[str, ET.Element], base: PurePosixPath) -> Iterator[str]:
    """The titles of the nav document, or of the NCX."""
    for item in items.values():
        nav = "nav" in (item.get("properties") or "").split()
        if not nav and item.get("media-type") != "application/x-dtbncx+xml":
            continue
        tree = ET.fromstring(archive.read(str(base / (item.get("href") or ""))))  # noqa: S314 -- one's own books
        nodes = (
            [node for node in tree.iter() if node.get(TYPE) == "toc"] if nav else list(tree.findall(".//{*}navLabel"))
        )
        for node in nodes:
            for title in node.findall(".//{*}a") if nav else (node,):
                yield " ".join("".join(title.itertext()).split())
        if nav:
            return


def solid(text: str) -> Counter[str]:
    """Characters that are seen; a joiner between a word and its dash is not."""
    return Counter(char for char in text if not char.isspace() and char not in "\u00ad\u200b\u2060\ufeff")


def count(path: Path) -> Count:
    """Hold a book against our reading of it."""
    document = read(path.read_bytes(), path.name, ReaderOptions(skip=frozenset()))
    with zipfile.ZipFile(path) as archive:
        package = next(name for name in archive.namelist() if name.endswith(".opf"))
        tree = ET.fromstring(archive.read(package))  # noqa: S314 -- one's own books
        items = {item.get("id") or "": item for item in tree.findall(".//{*}item")}
        base = PurePosixPath(package).parent
        titles = list(contents(archive, items, base))
        page = Visible()
        for spot in tree.findall(".//{*}itemref"):
            page.feed(archive.read(str(base / (items[spot.get("idref") or ""].get("href") or ""))).decode())
    said, held = solid("".join(page.said)), sum((solid(chapter.text) for chapter in document.chapters), Counter[str]())
    return Count(
        name=path.stem,
        titles=len(titles),
        carried=carried(titles, document),
        chars=said.total(),
        missing=(said - held).total(),
        marks=solid("".join(page.marks)).total(),
    )


def carried(titles: list[str], document: Document) -> int:
    """How many titles our chapters have in the same order, alone or behind their part's."""
    found, chapters = 0, iter([chapter.title for chapter in document.chapters])
    left = next(chapters, None)
    for title in titles:
        while left is not None and not (left == title or left.endswith(f": {title}") or left.startswith(f"{title}: ")):
            left = next(chapters, None)
        found += left is not None
    return found


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("books", nargs="+", type=Path, metavar="BOOK.epub")
    books = asked.parse_args().books
    print("| book | titles in its contents | carried by our chapters | characters | accounted for | numbers left out |")
    print("|---|---|---|---|---|---|")
    for path in books:
        found = count(path)
        share = 100 * (1 - found.missing / max(1, found.chars))
        print(f"| {found.name} | {found.titles} | {found.carried} | {found.chars} | {share:.3f} % | {found.marks} |")


if __name__ == "__main__":
    main()
