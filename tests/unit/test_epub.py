"""EPUBs, both well-formed ones and broken or hostile ones."""

import io
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chorus.errors import SourceError
from tasks.documents import Chapter, Document, ReaderOptions, archive, read

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
META = (
    "<dc:title>The Small Book</dc:title><dc:creator id='a'>Ann Author</dc:creator><dc:creator id='b'>Bob Painter"
    "</dc:creator><meta property='role' refines='#b'>ill</meta><dc:language>en-GB</dc:language>"
)
XHTML = "application/xhtml+xml"


def page(body: str, head: str = "<title>t</title>") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head>{head}</head><body>{body}</body></html>'
    )


def nav(*entries: tuple[str, str]) -> str:
    links = "".join(f'<li><a href="{href}">{title}</a></li>' for title, href in entries)
    return page(f'<nav epub:type="landmarks"><a href="x">no</a></nav><nav epub:type="toc"><ol>{links}</ol></nav>')


def ncx(*entries: tuple[str, str]) -> str:
    points = "".join(
        f'<navPoint><navLabel><text>{title}</text></navLabel><content src="{href}"/></navPoint>'
        for title, href in entries
    )
    return f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{points}</navMap></ncx>'


def package(spine: list[str], *, items: str = "", meta: str = META, spine_attributes: str = "") -> str:
    manifest = "".join(f'<item id="{path}" href="{path}" media-type="{XHTML}"/>' for path in spine)
    refs = "".join(f'<itemref idref="{path}"/>' for path in spine)
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"'
        f' xmlns:opf="http://www.idpf.org/2007/opf">{meta}</metadata><manifest>{manifest}{items}</manifest>'
        f"<spine{spine_attributes}>{refs}</spine></package>"
    )


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for path, content in members.items():
            out.writestr(path, content)
    return buffer.getvalue()


def epub(
    pages: Mapping[str, str | bytes], *, opf: str | None = None, extra: Mapping[str, str | bytes] | None = None
) -> bytes:
    members: dict[str, str | bytes] = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER}
    members["OEBPS/book.opf"] = opf if opf is not None else package(list(pages))
    return zipped(members | {f"OEBPS/{path}": content for path, content in pages.items()} | dict(extra or {}))


TWO = {"1.xhtml": page("<h1>One</h1><p>First.</p>"), "2.xhtml": page("<h1>Two</h1><p>Second.</p>")}
NAV = '<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'


def opened(data: bytes) -> Document:
    return read(data, "small.epub")


def only(body: str) -> Chapter:
    (chapter,) = opened(epub({"1.xhtml": page(body)})).chapters
    return chapter


def test_a_book_gives_its_title_author_language_and_chapters() -> None:
    document = opened(epub(TWO))
    assert (document.title, document.author, document.language) == ("The Small Book", "Ann Author", "en-GB")
    assert document.chapters == (
        Chapter(title="One", text="One\n\nFirst.", headings=(0,)),
        Chapter(title="Two", text="Two\n\nSecond.", headings=(0,)),
    )


def test_chapters_have_the_titles_of_the_table_of_contents() -> None:
    contents = nav(("Chapter <i>the</i> First", "1.xhtml"), ("Chapter the Second", "./2.xhtml"))
    opf = package(list(TWO), items=NAV)
    document = opened(epub(TWO, opf=opf, extra={"OEBPS/nav.xhtml": contents}))
    assert [chapter.title for chapter in document.chapters] == ["Chapter the First", "Chapter the Second"]


def test_the_older_kind_of_table_of_contents_is_read_too() -> None:
    item = '<item id="ncx" href="toc/toc.ncx" media-type="application/x-dtbncx+xml"/>'
    opf = package(list(TWO), items=item, spine_attributes=' toc="ncx"')
    contents = ncx(("Eins", "../1.xhtml"), ("Zwei", "../2.xhtml#x"))
    document = opened(epub(TWO, opf=opf, extra={"OEBPS/toc/toc.ncx": contents}))
    assert [chapter.title for chapter in document.chapters] == ["Eins", "Zwei"]


def test_a_document_with_many_chapters_is_cut_where_the_table_of_contents_points() -> None:
    body = "<p>Before.</p><section id='a'><h2>A</h2><p>aa</p></section><h2 id='b'>B</h2><p>bb</p><p>c<a id='c'/>c</p>"
    pages = {"1.xhtml": page(body), "2.xhtml": page("<p>More of c.</p>")}
    contents = nav(("Aye", "1.xhtml#a"), ("Bee", "1.xhtml#b"), ("Sea", "1.xhtml#c"))
    document = opened(epub(pages, opf=package(list(pages), items=NAV), extra={"OEBPS/nav.xhtml": contents}))
    assert [(chapter.title, chapter.text) for chapter in document.chapters] == [
        ("The Small Book", "Before."),
        ("Aye", "A\n\naa"),
        ("Bee", "B\n\nbb"),
        ("Sea", "cc\n\nMore of c."),
    ]


def test_an_entry_that_points_to_a_missing_anchor_starts_a_chapter_at_its_document() -> None:
    contents = nav(("One", "1.xhtml#gone"), ("Two", "2.xhtml#gone"))
    document = opened(epub(TWO, opf=package(list(TWO), items=NAV), extra={"OEBPS/nav.xhtml": contents}))
    assert [chapter.title for chapter in document.chapters] == ["One", "Two"]


@pytest.mark.parametrize("properties", ['properties="cover-image"', ""])
def test_the_cover_is_found_in_both_versions_of_epub(properties: str) -> None:
    how = f'<item id="c" href="c.jpg" media-type="image/jpeg" {properties}/>'
    opf = package(list(TWO), items=how, meta=META + '<meta name="cover" content="c"/>')
    document = opened(epub(TWO, opf=opf, extra={"OEBPS/c.jpg": b"\xff\xd8jpeg"}))
    assert (document.cover, document.cover_type) == (b"\xff\xd8jpeg", "image/jpeg")


def test_skipped_content_is_listed() -> None:
    pages = {"cover.xhtml": page("<img src='c.jpg'/>"), "1.xhtml": page("<p>One<a epub:type='noteref'>1</a>.</p>")}
    opf = package([*pages, "gone.xhtml"], items=NAV).replace("</spine>", '<itemref idref="n"/></spine>')
    document = opened(epub(pages, opf=opf, extra={"OEBPS/nav.xhtml": nav(("One", "1.xhtml"))}))
    assert document.chapters[0].text == "One."
    assert document.left_out == (
        "gone.xhtml (missing from the archive)",
        "the table of contents (--skip contents)",
        "1 image (unless --speak images)",
        "1 note or page mark",
    )


LIST = "".join(f"<li><a href='{n}.xhtml'>Chapter {n}</a></li>" for n in range(1, 9))
FRONT = {
    "cover.xhtml": page("<p>The Small Book, told to all</p>"),
    "half.xhtml": page("<section epub:type='halftitlepage'><h2>The Small Book</h2></section>"),
    "legal.xhtml": page("<p>All rights reserved.</p>"),
    "for.xhtml": page("<div role='doc-dedication'><p>For Ann.</p></div>"),
    "list.xhtml": page(f"<h2>Contents</h2><ul>{LIST}</ul>"),
    "1.xhtml": page("<h1>One</h1><p>First.</p>"),
    "back.xhtml": page("<h2>Notes</h2><p>1. See above.</p>"),
    "names.xhtml": page("<h2>Index</h2><p>Clocks, 7</p>"),
    "books.xhtml": page("<section epub:type='bibliography'><h2>Read more</h2><p>Clocks.</p></section>"),
}
GUIDE = (
    '<guide><reference type="copyright-page" href="legal.xhtml"/><reference type="toc" href="list.xhtml"/>'
    '<reference type="text" href="1.xhtml"/></guide></package>'
)
ENTRIES = nav(("One", "1.xhtml"), ("Notes", "back.xhtml"), ("Index", "names.xhtml"), ("Read more", "books.xhtml"))


def whole(skip: str) -> Document:
    opf = package(list(FRONT), items=NAV).replace("</package>", GUIDE)
    data = epub(FRONT, opf=opf, extra={"OEBPS/nav.xhtml": ENTRIES})
    return read(data, "small.epub", ReaderOptions(skip=frozenset(skip.split())))


def test_a_section_is_recognised_by_type_guide_landmark_title_or_file_name() -> None:
    assert [chapter.kind for chapter in whole("").chapters] == [
        "cover", "titlepage", "copyright", "dedication", "contents", "", "notes", "index", "bibliography",
    ]  # fmt: skip


def test_requested_sections_are_left_out_and_each_is_listed() -> None:
    document = whole("cover titlepage copyright dedication contents notes index bibliography")
    assert [chapter.title for chapter in document.chapters] == ["One"]
    assert len(document.left_out) == len(FRONT) - 1
    assert "Index (--skip index)" in document.left_out


def test_landmarks_define_what_a_section_is() -> None:
    contents = nav(("One", "1.xhtml"), ("Two", "2.xhtml")).replace(
        '<a href="x">no</a>', '<a epub:type="dedication" href="1.xhtml">d</a>'
    )
    document = opened(epub(TWO, opf=package(list(TWO), items=NAV), extra={"OEBPS/nav.xhtml": contents}))
    assert [chapter.kind for chapter in document.chapters] == ["dedication", ""]


def test_a_chapter_titled_contents_without_a_list_of_links_is_spoken() -> None:
    pages = {"toc.xhtml": page("<h1>Contents</h1><p>A box with old clocks in it, and <a href='#x'>one</a> more.</p>")}
    assert "old clocks" in opened(epub(pages)).chapters[0].text


def test_a_section_without_an_entry_in_the_table_of_contents_is_a_separate_chapter() -> None:
    pages = TWO | {"copyright.xhtml": page("<p>All rights reserved.</p>"), "3.xhtml": page("<p>Third.</p>")}
    contents = nav(("One", "1.xhtml"), ("Two", "2.xhtml"))
    document = opened(epub(pages, opf=package(list(pages), items=NAV), extra={"OEBPS/nav.xhtml": contents}))
    assert [(chapter.kind, chapter.text) for chapter in document.chapters][1:] == [
        ("", "Two\n\nSecond."),
        ("copyright", "All rights reserved."),
        ("", "Third."),
    ]


PARTS = {f"{n}.xhtml": page(f"<p>Text {n}.</p>") for n in range(1, 6)}


def line(title: str, href: str, *inside: str) -> str:
    label = f'<a href="{href}">{title}</a>' if href else f"<span>{title}</span>"
    deeper = f"<ol>{''.join(inside)}</ol>" if inside else ""
    return f"<li>{label}{deeper}</li>"


NESTED = line(
    "Part One", "1.xhtml", line("Chapter 1", "1.xhtml"), line("Chapter 2", "2.xhtml")
) + line(
    "Part Two:", "", line("Chapter 1", "3.xhtml"), line("IV", "4.xhtml"),
    line("The End", "5.xhtml", line("a", "5.xhtml#a", line("b", "5.xhtml#b"))),
)  # fmt: skip
TITLES = ["Part One: Chapter 1", "Chapter 2", "Part Two: Chapter 1", "Part Two: IV", "The End"]


def test_a_chapter_title_names_its_part_if_it_is_ambiguous_alone() -> None:
    contents = page(f'<nav epub:type="toc"><ol>{NESTED}</ol></nav>')
    document = opened(epub(PARTS, opf=package(list(PARTS), items=NAV), extra={"OEBPS/nav.xhtml": contents}))
    assert [chapter.title for chapter in document.chapters] == TITLES


def test_nested_tables_of_contents_of_the_older_kind_are_read_too() -> None:
    def point(title: str, href: str, inside: str = "") -> str:
        return f'<navPoint><navLabel><text>{title}</text></navLabel><content src="{href}"/>{inside}</navPoint>'

    first = point("Part One", "1.xhtml", point("Chapter 1", "1.xhtml") + point("Chapter 2", "2.xhtml"))
    second = point(
        "Part Two:", "", point("Chapter 1", "3.xhtml") + point("IV", "4.xhtml") + point("The End", "5.xhtml")
    )
    item = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    opf = package(list(PARTS), items=item, spine_attributes=' toc="ncx"')
    contents = f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{first}{second}</navMap></ncx>'
    document = opened(epub(PARTS, opf=opf, extra={"OEBPS/toc.ncx": contents}))
    assert [chapter.title for chapter in document.chapters] == TITLES


COLLECTION = '<meta property="belongs-to-collection" id="c">Clocks</meta>'


def refined(**about: str) -> str:
    return COLLECTION + "".join(
        f'<meta property="{name.replace("_", "-")}" refines="#c">{said}</meta>' for name, said in about.items()
    )


def calibre(index: str) -> str:
    return f'<meta name="calibre:series" content="Clocks"/><meta name="calibre:series_index" content="{index}"/>'


@pytest.mark.parametrize(
    ("meta", "series"),
    [
        (calibre("3.0"), "Clocks #3"),
        (calibre("1.5"), "Clocks #1.5"),
        (calibre("soon"), "Clocks"),
        (COLLECTION, "Clocks"),
        (refined(collection_type="series", group_position="2"), "Clocks #2"),
        (refined(collection_type="set", group_position="2"), ""),
        ("", ""),
    ],
)
def test_the_series_is_found_in_both_versions_of_epub(meta: str, series: str) -> None:
    assert opened(epub(TWO, opf=package(list(TWO), meta=META + meta))).series == series


def test_of_several_titles_the_main_one_is_used() -> None:
    titles = (
        '<dc:title id="s">Or, the Clock</dc:title><dc:title id="m">The Book</dc:title>'
        '<meta property="title-type" refines="#s">subtitle</meta><meta property="title-type" refines="#m">main</meta>'
    )
    assert opened(epub(TWO, opf=package(list(TWO), meta=titles))).title == "The Book"


def test_notes_outside_the_reading_order_are_spoken_at_the_end_and_other_documents_are_not() -> None:
    pages = TWO | {"endnotes.xhtml": page("<p>A note.</p>"), "popup.xhtml": page("<p>A picture.</p>")}
    opf = package(list(pages)).replace('idref="endnotes.xhtml"', 'idref="endnotes.xhtml" linear="no"')
    document = opened(epub(pages, opf=opf.replace('idref="popup.xhtml"', 'idref="popup.xhtml" linear="no"')))
    assert [chapter.kind for chapter in document.chapters] == ["", "", "notes"]
    assert document.left_out == ("popup.xhtml (outside the reading order)",)


@pytest.mark.parametrize(
    ("languages", "stated", "marked"),
    [("en", "fr", []), ("en|fr", "fr", ["fr"]), ("", "fr", []), ("en-GB", "en-US", [])],
)
def test_a_documents_own_language_is_used_if_the_book_lists_it(languages: str, stated: str, marked: list[str]) -> None:
    meta = "<dc:title>T</dc:title>" + "".join(
        f"<dc:language>{one}</dc:language>" for one in languages.split("|") if one
    )
    body = page("<p>Bonjour.</p>").replace("<html", f'<html xml:lang="{stated}"')
    document = opened(epub({"1.xhtml": body}, opf=package(["1.xhtml"], meta=meta)))
    assert [mark.value for mark in document.chapters[0].marks] == marked
    assert document.language == (languages.split("|", maxsplit=1)[0] or stated)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>One<br/>two</p>", "One\ntwo"),
        ("<p>a <i>b</i>\n c</p>d<div>e</div>", "a b c\n\nd\n\ne"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a, b\n\nc"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "a\n\nb\n\nc"),
        ("<pre>a\n  b\n\nc</pre>", "a\nb\n\nc"),
        ("<script>no</script><style>no</style><p>yes</p><!-- no -->", "yes"),
        ("<p>x &amp; y &eacute; &#8212; &unknown;</p>", "x & y é — &unknown;"),
        ("<p>a<![CDATA[<b> & c]]></p>", "a<b> & c"),
        ("<p>never closed<p>and <b>another", "never closed\n\nand another"),
        ("<p>so\u00adft and\u2060joined\x00\x07</p>", "soft andjoined"),
    ],
)
def test_markup_becomes_paragraphs(body: str, text: str) -> None:
    assert only(body).text == text


def test_a_heading_and_the_title_next_to_it_name_the_chapter() -> None:
    chapter = only("<hgroup><h2>IV</h2><p>The Arrival</p></hgroup><p>We came.</p>")
    assert (chapter.title, chapter.headings) == ("IV: The Arrival", (0, 1))


def test_an_empty_title_element_does_not_swallow_the_chapter() -> None:
    data = epub({"1.xhtml": page("<p>Heard.</p>", head="<title/><script src='x'/>")})
    assert opened(data).chapters[0].text == "Heard."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "iso-8859-1", "cp1252"])
def test_a_chapter_is_read_in_the_encoding_it_declares(encoding: str) -> None:
    text = page("<p>Größe, naïve</p>").replace("utf-8", encoding.removesuffix("-sig"))
    assert opened(epub({"1.xhtml": text.encode(encoding)})).chapters[0].text == "Größe, naïve"


def test_a_chapter_with_a_wrong_declared_encoding_is_still_read() -> None:
    text = page("<p>Größe</p>").replace("utf-8", "no-such-thing")
    assert opened(epub({"1.xhtml": text.encode()})).chapters[0].text == "Größe"


def test_without_a_container_the_package_file_is_found_by_its_ending() -> None:
    members = {"OEBPS/book.opf": package(list(TWO))} | {f"OEBPS/{path}": content for path, content in TWO.items()}
    assert len(opened(zipped(members)).chapters) == 2


# Hostile and broken


def test_entities_that_grow_without_end_are_not_expanded() -> None:
    doctype = "<!DOCTYPE html [" + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)) + "]>"
    laughs = page("<p>Hear &l9; me.</p>").replace("<!DOCTYPE html>", doctype)
    opf = package(["1.xhtml"]).replace("<package", doctype.replace("html", "package") + "<package")
    assert opened(epub({"1.xhtml": laughs}, opf=opf)).chapters[0].text == "Hear &l9; me."


def test_no_file_outside_the_archive_is_read() -> None:
    doctype = '<!DOCTYPE package [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    opf = package(["1.xhtml", "../../../../etc/hostname", "/etc/hostname"], meta="<dc:title>A &x; B</dc:title>")
    document = opened(epub({"1.xhtml": TWO["1.xhtml"]}, opf=opf.replace("<package", doctype + "<package", 1)))
    assert document.title == "A B"
    assert document.left_out == ("hostname (missing from the archive)",) * 2


def test_very_deep_nesting_is_read_without_recursion() -> None:
    assert only("<div>" * 20_000 + "deep" + "</div>" * 20_000).text == "deep"


def test_five_thousand_documents_are_read() -> None:
    pages = {f"{n}.xhtml": page(f"<p>Page {n}.</p>") for n in range(5000)}
    assert len(opened(epub(pages)).chapters) == 5000


def bomb(size: int) -> bytes:
    return epub({"1.xhtml": page("<p>" + "0" * size + "</p>")})


def endless() -> bytes:
    # What repeats less compresses less, and is no bomb; it is only too much.
    return epub({"1.xhtml": page("".join(f"<p>{n} {n * n}</p>" for n in range(archive.MOST_MARKUP_BYTES // 15)))})


def too_many() -> bytes:
    return zipped({f"f{n}": "" for n in range(archive.MOST_MEMBERS + 1)})


def locked(algorithm: str) -> bytes:
    entry = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData '
        'xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="'
        + algorithm
        + '"/></EncryptedData></encryption>'
    )
    return epub(TWO, extra={"META-INF/encryption.xml": entry})


def with_password() -> bytes:
    data = bytearray(epub(TWO))
    # The flag stands in each member's entry of the central directory, which begins with PK 1 2.
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 1)
    return bytes(data)


def damaged_inside() -> bytes:
    data = bytearray(epub({"1.xhtml": page("<p>" + "It was so. " * 500 + "</p>")}))
    at = data.find(b"1.xhtml") + 30
    data[at : at + 20] = b"\xff" * 20
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"not a zip at all", "damaged or incomplete"),
        (epub(TWO)[: len(epub(TWO)) // 2], "damaged or incomplete"),
        (zipped({"mimetype": "application/epub+zip"}), "no package file"),
        (epub(TWO, opf=""), "damaged package file"),
        (epub(TWO, opf="\x00\x01"), "package file"),
        (epub(TWO, opf="<package/>"), "no documents"),
        (epub({"1.xhtml": page("<img/>")}), "no text"),
        (bomb(60 << 20), "is too large"),
        (bomb(8 << 20), "is too large"),
        (endless(), "is too large"),
        (too_many(), "20001 files"),
        (locked("http://www.w3.org/2001/04/xmlenc#aes128-cbc"), "encrypted (DRM)"),
        (with_password(), "password"),
        (damaged_inside(), "damaged"),
    ],
)
def test_an_epub_that_cannot_be_read_is_refused_in_one_sentence_with_its_name(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        opened(data)
    sentence = str(caught.value)
    assert sentence.startswith("small.epub ")
    assert reason in sentence
    assert "\n" not in sentence


def test_obfuscated_fonts_do_not_count_as_encryption() -> None:
    assert len(opened(locked("http://www.idpf.org/2008/embedding")).chapters) == 2


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_flipped_byte_gives_the_book_or_one_sentence(data: st.DataObject) -> None:
    book = bytearray(epub(TWO))
    at = data.draw(st.integers(0, len(book) - 1))
    book[at] ^= data.draw(st.integers(1, 255))
    try:
        outcome = opened(bytes(book)).chapters[0].text
    except SourceError as refused:
        outcome = str(refused).removeprefix("small.epub ")
    assert outcome
