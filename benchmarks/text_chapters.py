"""Counts how many titles of a book's table of contents our chapters have, and how many of its characters they contain.

    .venv/bin/python benchmarks/text_chapters.py BOOK.epub...

The table of contents and the characters are counted independently of our reader, with the parsers of the standard
library; our reader is set to leave no section out. A character is accounted for if a chapter contains it, or if it
belongs to the number of a note or of a page, which are left out on purpose.
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
    """Collects the characters of a page, and separately those of note and page numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.marks: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element; elements without an end tag contain no text."""
        if tag not in {"br", "hr", "img", "meta", "link", "col", "wbr"}:
            types = set((dict(attrs).get("epub:type") or "").split())
            self._open.append((tag, bool(types & MARKS)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Skip an empty element."""

    def handle_endtag(self, tag: str) -> None:
        """End an element, and the unclosed elements inside it."""
        while any(name == tag for name, _ in self._open) and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Add text to the page or to the numbers, depending on its element."""
        if not any(name in UNSPOKEN for name, _ in self._open):
            (self.marks if any(mark for _, mark in self._open) else self.text).append(data)


def contents(archive: zipfile.ZipFile, items: dict[str, ET.Element], base: PurePosixPath) -> Iterator[str]:
    """The titles of the navigation document, or of the NCX."""
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
    """The visible characters of a text; spaces, soft hyphens and joiners are not counted."""
    return Counter(char for char in text if not char.isspace() and char not in "\u00ad\u200b\u2060\ufeff")


def count(path: Path) -> Count:
    """Compare a book with our reading of it."""
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
    characters, ours = (
        solid("".join(page.text)),
        sum((solid(chapter.text) for chapter in document.chapters), Counter[str]()),
    )
    return Count(
        name=path.stem,
        titles=len(titles),
        carried=carried(titles, document),
        chars=characters.total(),
        missing=(characters - ours).total(),
        marks=solid("".join(page.marks)).total(),
    )


def carried(titles: list[str], document: Document) -> int:
    """How many of the titles our chapters have in the same order, alone or together with the title of their part."""
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
