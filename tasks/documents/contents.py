"""A book's own contents: the nav document of EPUB 3 and the NCX of EPUB 2. Knows nothing of the text they lead to."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lxml import etree

from tasks.documents import sections
from tasks.documents.opf import Package, place, text_of, xml

_TYPE = "{http://www.idpf.org/2007/ops}type"
_DEEPEST = 3
"""Sections below this are heard inside the chapter they belong to."""
_LEAST = 2
"""A table of contents with fewer entries than this says nothing about chapters."""
_BARE = re.compile(r"(?:[ivxlcdm]+|\d+)\.?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of the book's own contents."""

    title: str
    path: str
    anchor: str
    part: str = ""
    """What stands above it: `Part One`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    level: int
    title: str
    href: str


def entries(data: bytes, package: Package) -> list[Entry]:
    """The entries which lead into the reading order, in its order, and named so that each is known by its title.

    A nav document's landmarks go into the package's kinds on the way.
    """
    tree = xml(data)
    if tree is None:
        return []
    nav = tree.tag == "{http://www.w3.org/1999/xhtml}html"
    if nav:
        _find_landmarks(tree, package)
    paths = {item.path for item in package.spine}
    found = [one for one in _placed(_nav(tree) if nav else _ncx(tree), package.contents) if one.path in paths]
    return list(_known(found, package.title)) if len(found) >= _LEAST else []


def _placed(lines: Iterable[_Line], base: str) -> Iterator[Entry]:
    above: dict[int, str] = {}
    for line in lines:
        above = {level: title for level, title in above.items() if level < line.level} | {line.level: line.title}
        if line.title and line.href and line.level <= _DEEPEST:
            path, anchor = place(base, line.href)
            yield Entry(title=line.title, path=path, anchor=anchor, part=above.get(line.level - 1, ""))


def _known(found: list[Entry], book: str) -> Iterator[Entry]:
    """A chapter says its part where the contents have another of its name, or where its name is a mere number."""
    times = Counter(entry.title.casefold() for entry in found)
    for entry in found:
        unclear = times[entry.title.casefold()] > 1 or _BARE.fullmatch(entry.title)
        if unclear and entry.part and entry.part.casefold() != book.casefold():
            yield replace(entry, title=f"{entry.part.rstrip('.:')}: {entry.title}")
        else:
            yield entry


def _nav(tree: etree._Element) -> Iterator[_Line]:
    navs = list(tree.iter("{*}nav"))
    for nav in [nav for nav in navs if "toc" in (nav.get(_TYPE) or "").split()] or navs[:1]:
        for label in nav.iter("{*}a", "{*}span"):
            parent = label.getparent()
            # A part without a page of its own is a <span> directly in its <li>.
            unlinked = parent is not None and str(parent.tag).endswith("}li") and label.find(".//{*}a") is None
            if str(label.tag).endswith("}a") or unlinked:
                level = sum(1 for _ in label.iterancestors("{*}li"))
                yield _Line(level=max(1, level), title=text_of(label), href=label.get("href") or "")


def _ncx(tree: etree._Element) -> Iterator[_Line]:
    for point in tree.iter("{*}navPoint"):
        content = point.find("{*}content")
        yield _Line(
            level=1 + sum(1 for _ in point.iterancestors("{*}navPoint")),
            title=text_of(point.find("{*}navLabel")),
            href="" if content is None else content.get("src") or "",
        )


def _find_landmarks(tree: etree._Element, package: Package) -> None:
    for nav in tree.iter("{*}nav"):
        if "landmarks" in (nav.get(_TYPE) or "").split():
            for link in nav.iter("{*}a"):
                if kind := sections.of_types((link.get(_TYPE) or "").split()):
                    package.kinds.setdefault(place(package.contents, link.get("href") or ""), kind)
