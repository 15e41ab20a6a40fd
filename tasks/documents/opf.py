"""Reads an EPUB's package file: title, authors, reading order, cover. Knows nothing of the text."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from lxml import etree

from chorus.errors import SourceError
from tasks.documents import sections
from tasks.documents.archive import Archive

_CONTAINER = "META-INF/container.xml"
_TEXT_TYPES = frozenset(("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/xml", "text/xml"))
_TEXT_ENDINGS = (".xhtml", ".html", ".htm", ".xml")
_ENTITY = re.compile(r"&[^;\s]*;")
_AUTHOR_ROLES = frozenset(("aut", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One file of the book."""

    path: str
    media: str
    properties: frozenset[str]


@dataclass(kw_only=True)
class Package:
    """The parts of the package file that we need."""

    title: str = ""
    author: str = ""
    series: str = ""
    """For example `Discworld #3`."""
    languages: tuple[str, ...] = ()
    """The first is the main language."""
    spine: list[Item] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    contents: str = ""
    """The path of the nav document or the NCX."""
    cover: Item | None = None
    kinds: dict[tuple[str, str], str] = field(default_factory=dict)
    """The kinds of sections that the book states, by path and anchor."""
    left_out: list[str] = field(default_factory=list)


def package(archive: Archive) -> Package:
    """The package file of an EPUB."""
    path = _path(archive)
    tree = archive.tree(path)
    if tree is None:
        raise SourceError(f"{archive.name} has a damaged package file ({path}): fetch it again.")
    found = Package(
        title=_title(tree),
        author=", ".join(_creators(tree)),
        series=_series(tree),
        languages=tuple(filter(None, map(text_of, tree.iter("{*}language")))),
    )
    for node in tree.iter("{*}item"):
        item = Item(
            path=resolve(path, node.get("href") or ""),
            media=(node.get("media-type") or "").lower(),
            properties=frozenset((node.get("properties") or "").split()),
        )
        found.items.setdefault(node.get("id") or item.path, item)
    _find_kinds(tree, path, found)
    _read_spine(archive, tree, found)
    _find_contents(tree, found)
    _find_cover(tree, found)
    return found


def _path(archive: Archive) -> str:
    """The path of the package file: as the container states it, else the first .opf in the archive."""
    if archive.has(_CONTAINER):
        tree = archive.tree(_CONTAINER)
        for root in tree.iter("{*}rootfile") if tree is not None else ():
            path = resolve("", root.get("full-path") or "")
            if archive.has(path):
                return path
    found = sorted(path for path in archive.names() if path.lower().endswith(".opf"))
    if not found:
        raise SourceError(
            f"{archive.name} has no package file (.opf), so its reading order is unknown: fetch it again."
        )
    return found[0]


def _find_kinds(tree: etree._Element, base: str, package: Package) -> None:
    """Add the kinds that the guide of EPUB 2 states."""
    for node in tree.iter("{*}reference"):
        if kind := sections.of_types((node.get("type") or "").split()):
            package.kinds.setdefault(place(base, node.get("href") or ""), kind)


def _read_spine(archive: Archive, tree: etree._Element, package: Package) -> None:
    seen = set()
    for node in tree.iter("{*}itemref"):
        item = package.items.get(node.get("idref") or "")
        if item is None or item.path in seen:
            continue
        seen.add(item.path)
        shown = posixpath.basename(item.path) or item.path
        kind = package.kinds.get((item.path, "")) or sections.of_path(item.path)
        if not archive.has(item.path):
            package.left_out.append(f"{shown} (missing from the archive)")
        elif item.media not in _TEXT_TYPES and not item.path.lower().endswith(_TEXT_ENDINGS):
            package.left_out.append(f"{shown} ({item.media or 'no text'})")
        # Many books keep notes outside the reading order, so that a reader shows them in a pop-up.
        elif node.get("linear") == "no" and kind not in {"notes", "contents"}:
            package.left_out.append(f"{shown} (outside the reading order)")
        else:
            package.spine.append(item)


def _find_contents(tree: etree._Element, package: Package) -> None:
    navs = [item.path for item in package.items.values() if "nav" in item.properties]
    named = [package.items.get(spine.get("toc") or "") for spine in tree.iter("{*}spine")]
    typed = [item for item in package.items.values() if item.media == "application/x-dtbncx+xml"]
    package.contents = next(iter(navs), "") or next((item.path for item in (*named, *typed) if item), "")


def _find_cover(tree: etree._Element, package: Package) -> None:
    marked = [item for item in package.items.values() if "cover-image" in item.properties]
    names = [node.get("content") or "" for node in tree.iter("{*}meta") if node.get("name") == "cover"]
    named = [package.items[name] for name in names if name in package.items]
    package.cover = next((item for item in (*marked, *named) if item.media.startswith("image/")), None)


def _title(tree: etree._Element) -> str:
    """The main title if the book marks one, else the first."""
    main = {about for about, kind in _refined(tree, "title-type") if kind == "main"}
    titles = [(node.get("id"), text) for node in tree.iter("{*}title") if (text := text_of(node))]
    return next((text for about, text in titles if about in main), titles[0][1] if titles else "")


def _series(tree: etree._Element) -> str:
    """The series as calibre writes it, else as in EPUB 3: a collection of the kind `series` or without a kind."""
    named = {node.get("name"): node.get("content") or "" for node in tree.iter("{*}meta") if node.get("name")}
    if name := " ".join(named.get("calibre:series", "").split()):
        return _numbered(name, named.get("calibre:series_index", ""))
    kinds, positions = dict(_refined(tree, "collection-type")), dict(_refined(tree, "group-position"))
    for node in tree.iter("{*}meta"):
        about = node.get("id") or ""
        if node.get("property") == "belongs-to-collection" and kinds.get(about, "series") == "series":
            return _numbered(text_of(node), positions.get(about, ""))
    return ""


def _numbered(series: str, position: str) -> str:
    # Calibre writes positions with a fraction, so that a short story can come between two books.
    position = re.sub(r"\.0+$", "", position.strip())
    return f"{series} #{position}" if series and re.fullmatch(r"[\d.]{1,9}", position) else series


def _refined(tree: etree._Element, about: str) -> Iterator[tuple[str, str]]:
    """The ids of other elements, and what a property of this name says of each."""
    for node in tree.iter("{*}meta"):
        if node.get("property") == about:
            yield (node.get("refines") or "").lstrip("#"), text_of(node)


def _creators(tree: etree._Element) -> Iterator[str]:
    """The authors: all creators, except those with other roles only."""
    roles = list(_refined(tree, "role"))
    # Standard Ebooks gives an author several roles. Whoever is an author among other things is one.
    others = {about for about, _ in roles} - {about for about, role in roles if role in _AUTHOR_ROLES}
    for node in tree.iter("{*}creator"):
        role = next((str(value) for key, value in node.attrib.items() if str(key).endswith("}role")), "aut")
        text = text_of(node)
        if text and role in _AUTHOR_ROLES and node.get("id") not in others:
            yield text


def text_of(node: etree._Element | None) -> str:
    """The text of an element on one line."""
    if node is None:
        return ""
    # Entities are never resolved. Their names remain as nodes and belong to no title.
    parts = (str(part) for part in node.itertext("*", etree.Entity))
    return " ".join("".join(part for part in parts if not _ENTITY.fullmatch(part)).split())


def place(base: str, href: str) -> tuple[str, str]:
    """The path and the anchor that a link leads to."""
    target, _, anchor = href.partition("#")
    return resolve(base, target), unquote(anchor)


def resolve(base: str, href: str) -> str:
    """The path of a link inside the archive. A link that leads out of it matches no member."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(href.partition("#")[0])))
