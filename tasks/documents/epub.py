"""EPUB 2 and 3: reading order, contents, cover and chapters. Knows nothing of how markup becomes paragraphs.

Nothing is ever unpacked to disk, and nothing outside the archive is looked up.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from lxml import etree

from chorus.errors import SourceError
from tasks.documents.archive import Archive
from tasks.documents.html import Block, Blocks
from tasks.documents.model import USUAL, Document, Draft, Wanted, audible, counted
from tasks.documents.plain import title_of

_CONTAINER = "META-INF/container.xml"
_TEXT_TYPES = frozenset(("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/xml", "text/xml"))
_TEXT_ENDINGS = (".xhtml", ".html", ".htm", ".xml")
_ENTITY = re.compile(r"&[^;\s]*;")
_AUTHOR_ROLES = frozenset(("aut", ""))
_LEAST_CONTENTS = 2
"""A table of contents with fewer entries than this says nothing about chapters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Item:
    path: str
    media: str
    properties: frozenset[str]
    linear: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """One line of the book's own contents."""

    title: str
    path: str
    anchor: str


@dataclass(kw_only=True)
class _Package:
    """The package file, as far as we need it."""

    title: str = ""
    author: str = ""
    language: str = ""
    spine: list[_Item] = field(default_factory=list)
    items: dict[str, _Item] = field(default_factory=dict)
    contents: str = ""
    """The path of the nav document or the NCX."""
    cover: _Item | None = None
    left_out: list[str] = field(default_factory=list)


def read(data: bytes, name: str, wanted: Wanted = USUAL) -> Document:  # noqa: ARG001 -- not yet
    """The document in an EPUB file."""
    with Archive(data, name) as archive:
        package = _package(archive, _package_path(archive))
        if not package.spine:
            raise SourceError(f"{name} lists no documents to read in its package file: it is damaged, fetch it again.")
        blocks = Blocks()
        drafts = list(_drafts(archive, package, _contents(archive, package), blocks))
        cover = archive.read(package.cover.path) if package.cover and archive.has(package.cover.path) else None
    title = package.title or title_of(name)
    chapters, silent = audible(drafts, otherwise=title)
    left_out = (
        *package.left_out,
        *silent,
        *counted(blocks.images, "image"),
        *counted(blocks.marks, "note or page mark"),
    )
    return Document(
        title=title,
        author=package.author,
        language=package.language,
        cover=cover,
        cover_type=package.cover.media if package.cover and cover else "",
        chapters=chapters,
        left_out=left_out,
    )


def _package_path(archive: Archive) -> str:
    """Where the package file is: as the container says, else the only place it can be."""
    if archive.has(_CONTAINER):
        tree = _xml(archive.read(_CONTAINER))
        for root in tree.iter("{*}rootfile") if tree is not None else ():
            path = _resolve("", root.get("full-path") or "")
            if archive.has(path):
                return path
    found = sorted(path for path in archive.names() if path.lower().endswith(".opf"))
    if not found:
        raise SourceError(
            f"{archive.name} has no package file (.opf), so its reading order is unknown: fetch it again."
        )
    return found[0]


def _package(archive: Archive, path: str) -> _Package:
    tree = _xml(archive.read(path))
    if tree is None:
        raise SourceError(f"{archive.name} has a damaged package file ({path}): fetch it again.")
    package = _Package(title=_meta(tree, "title"), author=", ".join(_creators(tree)), language=_meta(tree, "language"))
    for node in tree.iter("{*}item"):
        item = _Item(
            path=_resolve(path, node.get("href") or ""),
            media=(node.get("media-type") or "").lower(),
            properties=frozenset((node.get("properties") or "").split()),
        )
        package.items.setdefault(node.get("id") or item.path, item)
    _read_spine(archive, tree, package)
    _find_contents(tree, package)
    _find_cover(tree, package)
    return package


def _read_spine(archive: Archive, tree: etree._Element, package: _Package) -> None:
    seen = set()
    for node in tree.iter("{*}itemref"):
        item = package.items.get(node.get("idref") or "")
        if item is None or item.path in seen:
            continue
        seen.add(item.path)
        shown = posixpath.basename(item.path) or item.path
        if not archive.has(item.path):
            package.left_out.append(f"{shown} (missing from the archive)")
        elif item.media not in _TEXT_TYPES and not item.path.lower().endswith(_TEXT_ENDINGS):
            package.left_out.append(f"{shown} ({item.media or 'no text'})")
        elif "nav" in item.properties:
            package.left_out.append(f"{shown} (the table of contents)")
        elif node.get("linear") == "no":
            package.left_out.append(f"{shown} (outside the reading order)")
        else:
            package.spine.append(item)


def _find_contents(tree: etree._Element, package: _Package) -> None:
    navs = [item.path for item in package.items.values() if "nav" in item.properties]
    named = [package.items.get(spine.get("toc") or "") for spine in tree.iter("{*}spine")]
    typed = [item for item in package.items.values() if item.media == "application/x-dtbncx+xml"]
    package.contents = next(iter(navs), "") or next((item.path for item in (*named, *typed) if item), "")


def _find_cover(tree: etree._Element, package: _Package) -> None:
    marked = [item for item in package.items.values() if "cover-image" in item.properties]
    names = [node.get("content") or "" for node in tree.iter("{*}meta") if node.get("name") == "cover"]
    named = [package.items[name] for name in names if name in package.items]
    package.cover = next((item for item in (*marked, *named) if item.media.startswith("image/")), None)


def _meta(tree: etree._Element, field_name: str) -> str:
    for node in tree.iter(f"{{*}}{field_name}"):
        if text := _text(node):
            return text
    return ""


def _creators(tree: etree._Element) -> Iterator[str]:
    """The authors: all creators but those whose role says that they were something else."""
    refined = {
        (node.get("refines") or "").lstrip("#"): (node.text or "").strip()
        for node in tree.iter("{*}meta")
        # Standard Ebooks gives an author several roles; being the author is the one that counts.
        if node.get("property") == "role" and (node.text or "").strip() in _AUTHOR_ROLES
    }
    others = {
        (node.get("refines") or "").lstrip("#") for node in tree.iter("{*}meta") if node.get("property") == "role"
    } - set(refined)
    for node in tree.iter("{*}creator"):
        role = next((str(value) for key, value in node.attrib.items() if str(key).endswith("}role")), "aut")
        text = _text(node)
        if text and role in _AUTHOR_ROLES and node.get("id") not in others:
            yield text


def _text(node: etree._Element | None) -> str:
    if node is None:
        return ""
    # An entity is never resolved: it stands there as itself, and its name is nobody's title.
    parts = (str(part) for part in node.itertext("*", etree.Entity))
    return " ".join("".join(part for part in parts if not _ENTITY.fullmatch(part)).split())


def _contents(archive: Archive, package: _Package) -> list[_Entry]:
    """The entries of the book's own contents which lead into the reading order, in its order."""
    if not archive.has(package.contents):
        return []
    tree = _xml(archive.read(package.contents))
    if tree is None:
        return []
    places = {item.path: number for number, item in enumerate(package.spine)}
    found = _nav_entries(tree) if tree.tag == "{http://www.w3.org/1999/xhtml}html" else _ncx_entries(tree)
    entries = []
    for title, href in found:
        target, _, anchor = href.partition("#")
        path = _resolve(package.contents, target)
        if path in places and title:
            entries.append(_Entry(title=title, path=path, anchor=unquote(anchor)))
    return entries if len(entries) >= _LEAST_CONTENTS else []


def _nav_entries(tree: etree._Element) -> Iterator[tuple[str, str]]:
    navs = list(tree.iter("{*}nav"))
    for nav in [nav for nav in navs if "toc" in (nav.get("{http://www.idpf.org/2007/ops}type") or "").split()] or navs[
        :1
    ]:
        for link in nav.iter("{*}a"):
            yield _text(link), link.get("href") or ""


def _ncx_entries(tree: etree._Element) -> Iterator[tuple[str, str]]:
    for point in tree.iter("{*}navPoint"):
        label = point.find("{*}navLabel")
        content = point.find("{*}content")
        yield _text(label), "" if content is None else content.get("src") or ""


def _drafts(archive: Archive, package: _Package, entries: list[_Entry], reader: Blocks) -> Iterator[Draft]:
    """The chapters as the contents cut them; without contents, one per document."""
    starts: dict[str, list[_Entry]] = {}
    for entry in entries:
        starts.setdefault(entry.path, []).append(entry)
    draft = Draft()
    for item in package.spine:
        blocks = list(reader.read(archive.text(item.path)))
        titles = _titles(starts.get(item.path, []), blocks)
        if not entries:
            titles[0] = ""
        for index, block in enumerate(blocks):
            if index in titles and draft.paragraphs:
                yield draft
                draft = Draft()
            draft.title = draft.title or titles.get(index, "")
            draft.add(block.text, heading=block.heading)
    yield draft


def _titles(entries: list[_Entry], blocks: list[Block]) -> dict[int, str]:
    """Before which of a document's blocks a chapter starts, and what the contents call it."""
    places = {anchor: index for index, block in reversed(list(enumerate(blocks))) for anchor in block.anchors}
    titles: dict[int, str] = {}
    for entry in entries:
        # An anchor that is not there still leads a reader to its document.
        titles.setdefault(places.get(entry.anchor, 0), entry.title)
    return titles


def _resolve(base: str, href: str) -> str:
    """A link's path inside the archive; one that leads out of it is no member's name and is not found."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(href.partition("#")[0])))


def _xml(data: bytes) -> etree._Element | None:
    """The root of an XML file, read with neither entities nor network; None where nothing can be made of it."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return None
