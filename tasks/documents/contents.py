"""Reads a book's table of contents: the nav document of EPUB 3 or the NCX of EPUB 2. Knows nothing of the text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lxml import etree

from tasks.documents import sections
from tasks.documents.opf import Package, place, text_of

_TYPE = "{http://www.idpf.org/2007/ops}type"
_DEEPEST = 3
"""Sections below this level become part of the chapter that they belong to."""
_LEAST = 2
"""A table of contents with fewer entries than this does not define chapters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentsEntry:
    """One entry of the table of contents."""

    title: str
    path: str
    anchor: str
    part: str = ""
    """The title of the entry above it: `Part One`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    level: int
    title: str
    href: str


def entries(tree: etree._Element | None, package: Package) -> list[ContentsEntry]:
    """The entries that lead into the reading order, in its order, with titles that tell them apart.

    The landmarks of a nav document are added to the package's kinds.
    """
    if tree is None:
        return []
    nav = tree.tag == "{http://www.w3.org/1999/xhtml}html"
    if nav:
        _find_landmarks(tree, package)
    paths = {item.path for item in package.spine}
    found = [one for one in _placed(_nav(tree) if nav else _ncx(tree), package.contents) if one.path in paths]
    titles = sections.clear_titles([(entry.title, entry.part) for entry in found], package.title)
    named = [replace(entry, title=title) for entry, title in zip(found, titles, strict=True)]
    return named if len(named) >= _LEAST else []


def _placed(lines: Iterable[_Line], base: str) -> Iterator[ContentsEntry]:
    above: dict[int, str] = {}
    for line in lines:
        above = {level: title for level, title in above.items() if level < line.level} | {line.level: line.title}
        if line.title and line.href and line.level <= _DEEPEST:
            path, anchor = place(base, line.href)
            yield ContentsEntry(title=line.title, path=path, anchor=anchor, part=above.get(line.level - 1, ""))


def _nav(tree: etree._Element) -> Iterator[_Line]:
    navs = list(tree.iter("{*}nav"))
    for nav in [nav for nav in navs if "toc" in (nav.get(_TYPE) or "").split()] or navs[:1]:
        for label in nav.iter("{*}a", "{*}span"):
            parent = label.getparent()
            # A part without a page of its own is a <span> directly in the <li>.
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
