"""Word documents: headings by style make chapters, and deleted text is not read."""

import io
import zipfile
from collections.abc import Callable

import docx
import pytest
from docx.document import Document as Package
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given, settings
from hypothesis import strategies as st

from chorus.errors import SourceError
from tasks.documents import Chapter, Document, ReaderOptions, read

COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"


def saved(package: Package) -> bytes:
    out = io.BytesIO()
    package.save(out)
    return out.getvalue()


def opened(package: Package | bytes, wanted: ReaderOptions | None = None) -> Document:
    return read(package if isinstance(package, bytes) else saved(package), "book.docx", wanted or ReaderOptions())


def only(package: Package, wanted: ReaderOptions | None = None) -> Chapter:
    (chapter,) = opened(package, wanted).chapters
    return chapter


def xml(body: str) -> Package:
    """A document of one raw paragraph or whatever else stands in a body."""
    package = docx.Document()
    spaces = f'{nsdecls("w", "r", "wp", "a", "pic")} xmlns:mc="{COMPATIBILITY}"'
    for node in parse_xml(f"<w:body {spaces}>{body}</w:body>"):
        package.element.body.insert(len(package.element.body) - 1, node)
    return package


def book() -> Package:
    package = docx.Document()
    package.core_properties.title, package.core_properties.author = "A Book of Clocks", "Ann Author"
    package.core_properties.language = "en-GB"
    package.add_paragraph("A Book of Clocks", style="Title")
    for title in ("The Storm", "The Calm"):
        package.add_heading(title, 1)
        package.add_paragraph(f"It was {title.lower()}.")
    return package


def test_headings_make_the_chapters_and_the_properties_name_the_book() -> None:
    document = opened(book())
    assert (document.title, document.author, document.language) == ("A Book of Clocks", "Ann Author", "en-GB")
    assert document.chapters == (
        Chapter(title="The Storm", text="A Book of Clocks\n\nThe Storm\n\nIt was the storm.", headings=(0, 1)),
        Chapter(title="The Calm", text="The Calm\n\nIt was the calm.", headings=(0,)),
    )


def test_a_document_without_a_title_property_uses_its_title_paragraph_or_file_name() -> None:
    package = book()
    package.core_properties.title = ""
    assert opened(package).title == "A Book of Clocks"
    assert opened(xml("<w:p><w:r><w:t>Hello.</w:t></w:r></w:p>")).title == "book"


def test_a_programs_name_is_not_taken_as_author() -> None:
    assert opened(xml("<w:p><w:r><w:t>Hello.</w:t></w:r></w:p>")).author == ""


def styled(name: str, *, based_on: str = "", outline: int | None = None) -> Package:
    package = docx.Document()
    style = package.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    if based_on:
        style.base_style = package.styles[based_on]
    if outline is not None:
        style.element.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {nsdecls("w")} w:val="{outline}"/>'))
    for title in ("Erstens", "Zweitens"):
        package.add_paragraph(title, style=name)
        package.add_paragraph("Text.")
    return package


@pytest.mark.parametrize(
    "package",
    [styled("Kapitel", based_on="Heading 1"), styled("Kapitel", outline=0), styled("Kapitel", based_on="Heading 2")],
)
def test_a_custom_style_is_a_heading_by_its_base_style_or_outline_level(package: Package) -> None:
    assert [chapter.title for chapter in opened(package).chapters] == ["Erstens", "Zweitens"]


def test_a_style_is_recognised_by_its_built_in_name_in_any_language() -> None:
    package = book()
    for style in package.styles.element.style_lst:
        if style.styleId == "Heading1":
            style.styleId = "berschrift1"
    for paragraph in package.element.body.iter("{*}pStyle"):
        paragraph.val = paragraph.val.replace("Heading1", "berschrift1")
    assert [chapter.title for chapter in opened(package).chapters] == ["The Storm", "The Calm"]


def test_styles_based_on_each_other_in_a_circle_do_not_loop() -> None:
    package = styled("Kapitel", based_on="Heading 1")
    package.styles["Heading 1"].base_style = package.styles["Kapitel"]
    assert opened(package).chapters


def run(inside: str) -> str:
    return f"<w:r>{inside}</w:r>"


def t(text: str) -> str:
    return f"<w:t xml:space='preserve'>{text}</w:t>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (f"{run(t('a'))}<w:del>{run('<w:delText>b</w:delText>')}</w:del><w:ins>{run(t('c'))}</w:ins>", "ac"),
        (f"<w:moveFrom>{run(t('old '))}</w:moveFrom><w:moveTo>{run(t('new'))}</w:moveTo>", "new"),
        (run(f"{t('a')}<w:tab/>{t('b')}<w:br/>{t('c')}<w:noBreakHyphen/>{t('d')}"), "a b\nc-d"),
        (run(f"<w:rPr><w:vanish/></w:rPr>{t('hidden')}") + run(t("seen")), "seen"),
        (run(f"<w:rPr><w:vanish w:val='0'/></w:rPr>{t('seen')}"), "seen"),
        (f"<w:hyperlink r:id='rId99'>{run(t('link'))}</w:hyperlink>", "link"),
        (f"{run('<w:instrText> PAGE </w:instrText>')}<w:sdt><w:sdtContent>{run(t('7'))}</w:sdtContent></w:sdt>", "7"),
        (
            run(
                f"<mc:AlternateContent><mc:Choice>{t('once')}</mc:Choice>"
                f"<mc:Fallback>{t('twice')}</mc:Fallback></mc:AlternateContent>"
            ),
            "once",
        ),
    ],
)
def test_a_paragraph_has_the_visible_text(body: str, text: str) -> None:
    assert only(xml(f"<w:p>{body}</w:p>")).text == text


def test_a_text_box_is_a_separate_paragraph() -> None:
    box = f"<w:drawing><w:txbxContent><w:p>{run(t('box'))}</w:p></w:txbxContent></w:drawing>"
    body = f"<w:p>{run(t('out'))}{run(box + t('side'))}</w:p>"
    assert only(xml(body)).text == "box\n\noutside"


def test_list_items_have_the_numbers_that_word_shows() -> None:
    package = docx.Document()
    for style, text in (("List Number", "a"), ("List Number", "b"), ("List Bullet", "c"), ("List Number", "d")):
        package.add_paragraph(text, style=style)
    assert only(package).text == "1. a\n\n2. b\n\nc\n\n3. d"


def test_multi_level_numbers_and_heading_numbers_are_kept() -> None:
    package = docx.Document()
    level = '<w:lvl w:ilvl="{0}"><w:start w:val="1"/><w:numFmt w:val="{1}"/><w:lvlText w:val="{2}"/></w:lvl>'
    levels = level.format(0, "decimal", "Chapter %1:") + level.format(1, "lowerLetter", "%1.%2)")
    numbering = package.part.numbering_part.element
    numbering.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90">{levels}</w:abstractNum>'))
    numbering.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="90"><w:abstractNumId w:val="90"/></w:num>'))
    for text, depth in (("One", 0), ("x", 1), ("y", 1), ("Two", 0), ("z", 1)):
        paragraph = package.add_paragraph(text, style="Heading 1" if not depth else None)
        numbered = f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{depth}"/><w:numId w:val="90"/></w:numPr>'
        paragraph._p.get_or_add_pPr().append(parse_xml(numbered))
    assert [chapter.text.split("\n\n") for chapter in opened(package).chapters] == [
        ["Chapter 1: One", "1.a) x", "1.b) y"],
        ["Chapter 2: Two", "2.a) z"],
    ]


def table(style: str | None = None, *, bold: bool = False) -> Package:
    package = docx.Document()
    made = package.add_table(0, 2)
    if style:
        made.style = style
    for number, row in enumerate((("Name", "Age"), ("Ann", "30"), ("Bob", ""))):
        for cell, text in zip(made.add_row().cells, row, strict=True):
            cell.text = ""
            cell.paragraphs[0].add_run(text).bold = bold and not number
    return package


@pytest.mark.parametrize(
    ("package", "text"),
    [
        (table(), "Name, Age\n\nAnn, 30\n\nBob"),
        (table(bold=True), "Name: Ann; Age: 30\n\nName: Bob"),
        (table("Light Grid Accent 1"), "Name: Ann; Age: 30\n\nName: Bob"),
    ],
)
def test_a_table_is_read_row_by_row_under_its_headings(package: Package, text: str) -> None:
    assert only(package).text == text


def test_tables_are_skipped_on_request() -> None:
    package = table()
    package.add_paragraph("Text.")
    document = opened(package, ReaderOptions(skip=frozenset(["tables"])))
    assert (document.chapters[0].text, document.left_out) == ("Text.", ("1 table (--skip tables)",))


def noted() -> Package:
    """A document with notes, as Word writes them: python-docx makes none."""
    call = "<w:footnoteReference w:id='2'/>"
    package = xml(
        f"<w:p>{run(t('The sea') + call + t(' was calm.'))}</w:p><w:p>{run(t('So it stayed') + call + t('.'))}</w:p>"
    )
    body = (
        f"<w:footnote w:id='0' w:type='separator'><w:p>{run(t('---'))}</w:p></w:footnote>"
        f"<w:footnote w:id='2'><w:p>{run('<w:footnoteRef/>' + t('See above.') + call)}</w:p></w:footnote>"
    )
    blob = f"<w:footnotes {nsdecls('w')}>{body}</w:footnotes>".encode()
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    package.part.relate_to(
        Part(PackURI("/word/footnotes.xml"), kind, blob, package.part.package), RELATIONSHIP_TYPE.FOOTNOTES
    )
    return package


def test_notes_come_once_after_their_chapter_and_their_numbers_are_left_out() -> None:
    document = opened(noted())
    assert document.chapters[0].text == "The sea was calm.\n\nSo it stayed.\n\nSee above."
    assert document.left_out == ("3 note marks",)
    skipped = opened(noted(), ReaderOptions(skip=frozenset(["notes"])))
    assert skipped.chapters[0].text == "The sea was calm.\n\nSo it stayed."
    assert "1 note (--skip notes)" in skipped.left_out


def test_page_headers_and_footers_are_not_read() -> None:
    package = book()
    package.sections[0].header.paragraphs[0].text = "HEADER"
    package.sections[0].footer.paragraphs[0].text = "FOOTER"
    assert not any("ER" in chapter.text for chapter in opened(package).chapters)


def test_a_table_of_contents_is_left_out() -> None:
    package = styled("toc 1")
    package.add_paragraph("End.")
    document = opened(package)
    assert "Erstens" not in document.chapters[0].text
    assert document.left_out == ("2 tables of contents (--skip contents)",)


PICTURE = (
    "<w:p><w:r><w:t>See </w:t><w:drawing><wp:inline><wp:docPr id='1' name='P' descr='{}'/><a:graphic><a:graphicData>"
    "<pic:pic/></a:graphicData></a:graphic></wp:inline></w:drawing><w:t> here.</w:t></w:r></w:p>"
)


@pytest.mark.parametrize(
    ("stated", "text"),
    [
        ("a map", "See a map here."),
        ("map.png", "See here."),
        ("", "See here."),
        ("a map Description automatically generated", "See a map here."),
    ],
)
def test_alternative_texts_of_pictures_are_spoken_on_request(stated: str, text: str) -> None:
    package = xml(PICTURE.format(stated))
    assert only(package).text == "See here."
    assert opened(package).left_out == ("1 image (unless --speak images)",)
    assert only(package, ReaderOptions(speak=frozenset(["images"]))).text == text


def test_foreign_words_are_marked_and_most_words_give_the_documents_language() -> None:
    run = "<w:r><w:rPr><w:lang w:val='{}'/></w:rPr><w:t xml:space='preserve'>{}</w:t></w:r>"
    spoken = run.format("es-ES", "Dijo ") + run.format("en-GB", "hello") + run.format("es-MX", " y se fue de la casa.")
    document = opened(xml(f"<w:p>{spoken}</w:p>"))
    (chapter,) = document.chapters
    assert document.language == "es-MX"
    assert [(mark.value, chapter.text[mark.start : mark.end]) for mark in chapter.marks] == [("en-GB", "hello")]


def changed(change: Callable[[str, bytes], bytes], data: bytes | None = None) -> bytes:
    """The book with its parts changed."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data or saved(book()))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def replaced(part: str, content: bytes) -> bytes:
    return changed(lambda name, old: content if name == part else old)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted with a password"),
        (OLE + "WordDocument".encode("utf-16-le"), "an old Word document: save it as .docx"),
        (saved(book())[:2000], "damaged or incomplete"),
        (b"not a zip", "damaged or incomplete"),
        (replaced("word/document.xml", b"<w:document"), "damaged or no Word document"),
        (replaced("word/document.xml", b""), "damaged or no Word document"),
        (replaced("[Content_Types].xml", b"<Types/>"), "damaged or no Word document"),
        (replaced("_rels/.rels", b"<Relationships/>"), "damaged or no Word document"),
        (saved(docx.Document()), "no text"),
    ],
)
def test_an_unreadable_file_is_refused_in_one_sentence_with_its_name(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=r"^book\.docx [^\n]+$") as caught:
        opened(data)
    assert reason in str(caught.value)


def test_pictures_of_any_size_are_not_unpacked() -> None:
    out = io.BytesIO(saved(book()))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/huge.png", bytes(80 << 20))
    assert len(opened(out.getvalue()).chapters) == 2


BOOK = saved(book())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(BOOK) - 1), st.integers(1, 255))
def test_a_flipped_byte_gives_the_book_or_one_sentence(at: int, by: int) -> None:
    data = bytearray(BOOK)
    data[at] ^= by
    try:
        outcome = read(bytes(data), "book.docx").chapters[0].text
    except SourceError as refused:
        outcome = str(refused).removeprefix("book.docx ")
    assert outcome
