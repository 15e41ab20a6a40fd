"""Hostile files: each gives its text or one sentence, within 300 MB and ten seconds, and writes nothing."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docx
import pytest
from printing import content, file, lines, pdf, stream
from test_epub import META, NAV, TWO, epub, locked, nav, ncx, package, page, zipped

HERE = Path(__file__).parent
PEAK_MB = 300
HUGE = 300 << 20
LAUGHS = "<!DOCTYPE x [" + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)) + "]>"
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd"><!ENTITY h SYSTEM "http://127.0.0.1:9/x">]>'


def bomb(members: dict[str, str | bytes], huge: str, size: int = HUGE) -> bytes:
    """An archive with one member of so many bytes that are all alike."""
    out = io.BytesIO(zipped(members))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open(huge, "w") as member:
        for _ in range(size >> 20):
            member.write(b"0" * (1 << 20))
    return out.getvalue()


def understated() -> bytes:
    """An archive that calls its bomb a trifle."""
    data = bytearray(bomb({}, "OEBPS/1.xhtml", 20 << 20))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    with zipfile.ZipFile(io.BytesIO(epub(TWO))) as book:
        members = {name: book.read(name) for name in book.namelist() if name != "OEBPS/1.xhtml"}
    with zipfile.ZipFile(io.BytesIO(bytes(data)), "a") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
        archive.fp.seek(0)
        return archive.fp.read()


def one(body: str) -> bytes:
    return epub({"1.xhtml": page(body)})


def nested_nav() -> str:
    return "<li><a href='1.xhtml'>x</a><ol>" * 2000 + "</ol></li>" * 2000


EPUBS: dict[str, Callable[[], bytes]] = {
    "a chapter of 300 MB": lambda: bomb({"mimetype": "x", "OEBPS/book.opf": package(["1.xhtml"])}, "OEBPS/1.xhtml"),
    "a picture of 64 MB": lambda: bomb(
        {
            "OEBPS/book.opf": package(
                list(TWO), items='<item id="c" href="c.jpg" media-type="image/jpeg" properties="cover-image"/>'
            )
        }
        | {f"OEBPS/{k}": v for k, v in TWO.items()},
        "OEBPS/c.jpg",
        64 << 20,
    ),
    "a bomb that calls itself a trifle": understated,
    "documents with too many elements together": lambda: epub(
        {f"{n}.xhtml": page(f"<p>x{n}</p>" + "<!---->" * 140_000) for n in range(5)}
    ),
    "40 chapters of 2 MB": lambda: epub({f"{n}.xhtml": page(f"<p>{n} {'word ' * 400_000}</p>") for n in range(40)}),
    "20,001 members": lambda: zipped({f"f{n}": "" for n in range(20_001)}),
    "5,000 tiny chapters": lambda: epub({f"{n}.xhtml": page(f"<p>Page {n}.</p>") for n in range(5000)}),
    "members outside of it": lambda: epub(TWO, extra={"../../../evil.xhtml": "x", "/etc/evil": "x", "..\\evil": "x"}),
    "links outside of it": lambda: epub(
        TWO, opf=package([*TWO, "../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd"])
    ),
    "entities from outside": lambda: epub(
        {"1.xhtml": OUTSIDE + page("<p>Here &e; &h; it is.</p>")},
        opf=OUTSIDE + package(["1.xhtml"], meta="<dc:title>A &e; B</dc:title>"),
    ),
    "a billion laughs": lambda: epub(
        {"1.xhtml": LAUGHS + page("<p>Ha &l11;</p>")}, opf=LAUGHS + package(["1.xhtml"], meta=META + "&l11;")
    ),
    "a billion laughs in the contents": lambda: epub(
        TWO,
        opf=package(list(TWO), items=NAV),
        extra={"OEBPS/nav.xhtml": LAUGHS + nav(("&l11;", "1.xhtml"), ("b", "2.xhtml"))},
    ),
    "elements 200,000 deep": lambda: one("<div>" * 200_000 + "deep"),
    "a package file 100,000 deep": lambda: epub(TWO, opf="<a>" * 100_000 + package(list(TWO)) + "</a>" * 100_000),
    "contents 2,000 deep": lambda: epub(
        TWO, opf=package(list(TWO), items=NAV), extra={"OEBPS/nav.xhtml": nav().replace("<ol>", f"<ol>{nested_nav()}")}
    ),
    "contents of 50,000 lines": lambda: epub(
        TWO,
        opf=package(
            list(TWO),
            items='<item id="x" href="t.ncx" media-type="application/x-dtbncx+xml"/>',
            spine_attributes=' toc="x"',
        ),
        extra={"OEBPS/t.ncx": ncx(*((f"Line {n}", f"1.xhtml#a{n}") for n in range(50_000)))},
    ),
    "a megabyte without a space": lambda: one(f"<p>{'a' * (1 << 20)}</p>"),
    "a megabyte of accents": lambda: one(f"<p>a{chr(0x301) * (1 << 19)}</p>"),
    "20,000 notes": lambda: one(
        "".join(
            f"<p>x<a epub:type='noteref' href='#n'>{n}</a></p><aside epub:type='footnote'>n</aside>"
            for n in range(20_000)
        )
    ),
    "70,000 languages": lambda: one("<p>" + "".join(f"<i lang='fr'>un{n}</i> " for n in range(70_000))),
    "tables in tables": lambda: one("<table><tr><td>" * 5000 + "deep"),
    "lists in lists": lambda: one("<ol><li>" * 50_000 + "deep"),
    "a copy protection": lambda: locked("http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
    "half of it": lambda: epub(TWO)[: len(epub(TWO)) // 2],
    "a wrong encoding": lambda: epub({"1.xhtml": page("<p>Größe</p>").replace("utf-8", "utf-16").encode("utf-8")}),
    "bytes of no encoding": lambda: epub(
        {"1.xhtml": page("<p>Text @</p>").encode().replace(b"@", bytes(range(128, 256)))}
    ),
}

PAGES: dict[str, Callable[[], bytes]] = {
    "elements 140,000 deep": lambda: b"<div>" * 140_000,
    "formats that are never closed": lambda: b"".join(b"<p><b id=%d>x" % n for n in range(70_000)),
    "formats inside one another": lambda: b"<a><b><i><u><font>" * 29_000 + b"x",
    "seven megabytes of tags' beginnings": lambda: b"<p>x</p>" + b"<" * (7 << 20),
    "open quotes": lambda: b"<p>x</p>" + b'<a href="' * 1_000_000,
    "open character data": lambda: b"<html><p>x</p>" + b"<![CDATA[" * 1_000_000,
    "open comments": lambda: b"<html><p>x</p>" + b"<!--" * 2_000_000,
    "800,000 attributes": lambda: b"<p " + b" ".join(b"a%d=1" % n for n in range(800_000)) + b">x</p>",
    "140,000 headings": lambda: b"<h2>x" * 140_000 + b"<p>y",
    "140,000 small paragraphs": lambda: b"<p>x" * 140_000,
    "seven megabytes without a space": lambda: b"<p>" + b"a" * (7 << 20),
    "10,000 rows": lambda: b"<table><tr><th>Name<th>Age" + b"<tr><td>a<td>b" * 10_000,
    "characters of no meaning": lambda: b"<p>x" + b"&#0;&#xD800;&#x110000;&#99999999999;" * 100_000,
    "marks inside marks": lambda: b"<span role=doc-pagebreak>" * 200_000 + b"x" * 100,
    "notes inside notes": lambda: b"<span role=doc-footnote>" * 100_000 + b"x",
}


def objects(first: bytes, *more: bytes) -> bytes:
    """A PDF file with one page whose content is object 5."""
    head = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>"}
    head[3] = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R"
        b"/Resources<</Font<</F1 4 0 R>>/XObject<</X 6 0 R>>>>>>"
    )
    head[4] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode 20 0 R>>"
    return file(head | {5: first} | dict(enumerate(more, 6)))


def form(inside: bytes, calls: int) -> bytes:
    """A form that draws another."""
    return stream(inside, f"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {calls} 0 R>>>>")


SHOWN = content(lines("Some text."))
CMAP = b"/CIDInit /ProcSet findresource begin begincmap 1 beginbfrange <0000> <FFFFFFFF> <0041> endbfrange endcmap"

PDFS: dict[str, Callable[[], bytes]] = {
    "a page of 80 MB": lambda: pdf(b"0 " * (40 << 20)),
    "a bomb in a bomb": lambda: objects(
        stream(stream(bytes(60 << 20)).partition(b"stream\n")[2]).replace(
            b"/FlateDecode", b"[/FlateDecode/FlateDecode]"
        )
    ),
    "a million operators": lambda: pdf(b"BT /F1 9 Tf " + b"1 0 0 1 9 9 Tm (x) Tj " * 1_000_000 + b"ET"),
    "many heavy pages": lambda: pdf(*[b"BT /F1 9 Tf " + b"1 0 0 1 9 9 Tm (x) Tj " * 20_000 + b"ET"] * 60),
    "arrays 100,000 deep": lambda: pdf(b"[" * 100_000),
    "dictionaries 100,000 deep": lambda: objects(b"<</A" * 100_000),
    "forms that draw one another twice": lambda: objects(
        stream(b"/X Do"), *(form(b"/X Do /X Do", n + 1) for n in range(6, 40))
    ),
    "a form that draws itself": lambda: objects(stream(SHOWN + b" /X Do"), form(b"/X Do", 6)),
    "pages in a circle": lambda: file(
        {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"}
    ),
    "pages beyond number": lambda: file(
        {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[3 0 R]/Count 999999999>>", 3: b"<</Type/Page>>"}
    ),
    "5,001 pages": lambda: pdf(*[b""] * 5001),
    "one page 100,000 times": lambda: file(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[" + b"3 0 R " * 99_000 + b"]/Count 99000>>",
            3: b"<</Type/Page/Parent 2 0 R>>",
        }
    ),
    "an outline in a circle": lambda: pdf(lines("Some text."), outline=[(1, "a", 1), (1, "b", 1)]).replace(
        b"/Next 13 0 R", b"/Next 12 0 R"
    ),
    "tables of objects in a circle": lambda: pdf(lines("Some text.")).replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev 9"),
    "letters beyond number": lambda: objects(stream(SHOWN), b"null", *[b"null"] * 13, stream(CMAP)),
    "a stream longer than the file": lambda: pdf(lines("Some text.")).replace(b"/Length ", b"/Length 99999999"),
    "a file that only begins": lambda: b"%PDF-1.7\n" + b"1 0 obj\n" * 500_000,
    "63 MB of nothing": lambda: b"%PDF-1.7\n" + bytes(63 << 20),
    "half of it": lambda: pdf(*[lines("Some text.")] * 50)[:4000],
}


def word(part: str = "word/document.xml", text: str | bytes = "", *, extra: dict[str, bytes] | None = None) -> bytes:
    """A Word file with one part changed and others added."""
    package, out = docx.Document(), io.BytesIO()
    package.add_paragraph("Some text.")
    package.save(out)
    with zipfile.ZipFile(out) as archive:
        members: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    return zipped(members | ({part: text} if text else {}) | (extra or {}))


def body(inside: str, before: str = "") -> bytes:
    spaces = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    return word(text=f"{before}<w:document {spaces}><w:body>{inside}</w:body></w:document>")


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def word_bomb() -> bytes:
    with zipfile.ZipFile(io.BytesIO(word())) as archive:
        members: dict[str, str | bytes] = {n: archive.read(n) for n in archive.namelist() if n != "word/document.xml"}
    return bomb(members, "word/document.xml", 64 << 20)


RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
CELL, CELL_END = "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"
WORDS: dict[str, Callable[[], bytes]] = {
    "a text of 64 MB": word_bomb,
    "twenty styles of 4 MB": lambda: word(extra={f"word/s{n}.xml": bytes(4 << 20) for n in range(20)}),
    "2,000 parts": lambda: word(extra={f"word/s{n}.xml": b"" for n in range(2000)}),
    "members outside of it": lambda: word(extra={"../../evil.xml": b"x", "/etc/evil.xml": b"x"}),
    "entities from outside": lambda: body(paragraph("Here &e; &h; it is."), OUTSIDE),
    "a billion laughs": lambda: body(paragraph("Ha &l11;"), LAUGHS),
    "elements 100,000 deep": lambda: body("<w:sdt>" * 100_000),
    "tables in tables": lambda: body(CELL * 60 + paragraph("deep") + CELL_END * 60),
    "5,000 headings": lambda: body(f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr></w:p>{paragraph("x")}' * 5000),
    "a megabyte without a space": lambda: body(paragraph("a" * (1 << 20))),
    "50,000 runs": lambda: body(
        "<w:p>"
        + "".join(f'<w:r><w:rPr><w:lang w:val="fr"/></w:rPr><w:t>a{n}</w:t></w:r>' for n in range(50_000))
        + "</w:p>"
    ),
    "half of it": lambda: word()[:9000],
    "links to itself": lambda: word(
        "word/_rels/document.xml.rels",
        f"<Relationships xmlns='{RELATIONS}'>"
        "<Relationship Id='a' Type='x/styles' Target='document.xml'/></Relationships>",
    ),
}

FILES = {
    f"{kind}: {name}": (ending, made)
    for kind, ending, made_by_name in (
        ("EPUB", "epub", EPUBS), ("HTML", "html", PAGES), ("PDF", "pdf", PDFS), ("Word", "docx", WORDS),
    )
    for name, made in made_by_name.items()
}  # fmt: skip


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def apart(shelf: Path) -> Iterator[Callable[[Path], dict[str, Any]]]:
    """Reads a file in a child with limits."""
    here = {"PYTHONPATH": f"{HERE.parents[1]}", "PATH": os.environ["PATH"]}
    command = [sys.executable, HERE / "child_process.py"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=here, cwd=shelf
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None

        def read(path: Path) -> dict[str, Any]:
            print(path, file=reader.stdin, flush=True)
            line = reader.stdout.readline()
            assert line.startswith("{"), line + reader.stdout.read()
            return json.loads(line)

        yield read
        reader.stdin.close()


Apart = Callable[[Path], dict[str, Any]]


def reads_well(path: Path, told: dict[str, Any]) -> bool:
    """The file's text, or one sentence about it; and nothing that stands elsewhere."""
    said = told["said"]
    refused = said.startswith((f"refused: {path} ", f"refused: {path.name} "))
    return (said.startswith("read: ") or (refused and "\n" not in said)) and "root:" not in said


@pytest.mark.parametrize("which", FILES)
def test_a_hostile_file_gives_its_text_or_one_sentence_in_little_memory_and_time(
    shelf: Path, apart: Apart, which: str
) -> None:
    ending, made = FILES[which]
    path = shelf / f"hostile.{ending}"
    path.write_bytes(made())
    told = apart(path)
    assert told["status"] == 0, "it ran out of time or memory, or wrote a file"
    assert reads_well(path, told)
    assert told["peak_mb"] < PEAK_MB
    assert [found.name for found in shelf.iterdir()] == [path.name]
    path.unlink()


@pytest.mark.parametrize("ending", ["epub", "html", "pdf", "docx", "txt", "md"])
def test_a_file_of_300_mb_is_refused_without_loading_it(shelf: Path, apart: Apart, ending: str) -> None:
    path = shelf / f"huge.{ending}"
    with path.open("wb") as out:
        out.truncate(HUGE)
    told = apart(path)
    path.unlink()
    assert told["status"] == 0
    assert reads_well(path, told)
    assert "300 MB" in told["said"]
    assert told["peak_mb"] < PEAK_MB
