"""PDF files, written by hand: lines at places on pages, an outline, and whatever a hostile one would hold."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

LEFT_PT, TOP_PT, LEADING_PT = 72, 720, 14


@dataclass(frozen=True, kw_only=True)
class Set:
    """A line of type and where it stands."""

    text: str
    x: float = LEFT_PT
    y: float = TOP_PT
    size: float = 11


def lines(*texts: str, x: float = LEFT_PT, y: float = TOP_PT, size: float = 11) -> list[Set]:
    """Lines under one another."""
    return [Set(text=text, x=x, y=y - LEADING_PT * at, size=size) for at, text in enumerate(texts)]


def content(page: Sequence[Set]) -> bytes:
    """A page's content stream."""
    shown = (f"/F1 {one.size} Tf 1 0 0 1 {one.x} {one.y} Tm ({_escaped(one.text)}) Tj" for one in page)
    return f"BT {' '.join(shown)} ET".encode("cp1252")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def stream(data: bytes, extra: str = "") -> bytes:
    """A stream object, compressed."""
    packed = zlib.compress(data)
    return f"<</Length {len(packed)}/Filter/FlateDecode{extra}>>stream\n".encode() + packed + b"\nendstream"


def file(objects: dict[int, bytes], *, root: int = 1, info: int | None = None) -> bytes:
    """A file of these objects."""
    out = bytearray(b"%PDF-1.7\n")
    places = {}
    for number, body in objects.items():
        places[number] = len(out)
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start, count = len(out), max(objects) + 1
    rows = (f"{places[at]:010} 00000 n \n" if at in places else "0000000000 65535 f \n" for at in range(count))
    about = f"/Info {info} 0 R" if info else ""
    out += f"xref\n0 {count}\n{''.join(rows)}trailer\n<</Size {count}/Root {root} 0 R{about}>>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())


def pdf(
    *pages: Sequence[Set] | bytes,
    outline: Sequence[tuple[int, str, int]] = (),
    about: str = "",
    language: str = "",
) -> bytes:
    """A file of these pages; the outline is of levels, titles and pages, all counted from 1."""
    first = 10
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(pages)))
    objects = {
        2: f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        5: f"<<{about}>>".encode("cp1252"),
    }
    for at, page in enumerate(pages):
        objects[first + 2 * at] = (
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>"
            f"/Contents {first + 2 * at + 1} 0 R>>"
        ).encode()
        objects[first + 2 * at + 1] = stream(page if isinstance(page, bytes) else content(page))
    root = "<</Type/Catalog/Pages 2 0 R"
    if outline:
        root += "/Outlines 4 0 R"
        objects |= _outline(outline, first, max(objects) + 1)
    objects[1] = f"{root}{f'/Lang({language})' if language else ''}>>".encode()
    return file(dict(sorted(objects.items())), info=5)


def _outline(entries: Sequence[tuple[int, str, int]], first_page: int, first: int) -> dict[int, bytes]:
    """The outline's objects: each entry knows its parent, its neighbours and its children."""
    parents: list[int] = []
    above: dict[int, int] = {0: 4}
    for at, (level, _, _) in enumerate(entries):
        parents.append(above[level - 1])
        above[level] = first + at
    objects = {}
    for number in (4, *range(first, first + len(entries))):
        children = [first + at for at, parent in enumerate(parents) if parent == number]
        family = f"/First {children[0]} 0 R/Last {children[-1]} 0 R/Count {len(children)}" if children else ""
        if number == 4:
            objects[4] = f"<<{family}>>".encode()
            continue
        _, title, page = entries[number - first]
        siblings = [first + at for at, parent in enumerate(parents) if parent == parents[number - first]]
        after = siblings[siblings.index(number) + 1 :]
        following = f"/Next {after[0]} 0 R" if after else ""
        objects[number] = (
            f"<</Title({_escaped(title)})/Parent {parents[number - first]} 0 R{following}{family}"
            f"/Dest[{first_page + 2 * (page - 1)} 0 R/Fit]>>"
        ).encode("cp1252")
    return objects
