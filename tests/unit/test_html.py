"""HTML, in an EPUB and as a file of its own: which of its text is spoken, and how."""

import pytest

from chorus.errors import SourceError
from tasks.documents import MOST_TEXT_BYTES, Document, ReaderOptions, read
from tasks.documents.html import Blocks
from tasks.documents.tolerant import MOST_TAGS

NOTHING = ReaderOptions(skip=frozenset())


def said(body: str) -> list[str]:
    """The paragraphs of a fragment, as a reader without wishes hears them."""
    draft = opened(f"<html><body>{body}</body></html>", NOTHING)
    return draft.chapters[0].text.split("\n\n")


def opened(markup: str | bytes, wanted: ReaderOptions | None = None) -> Document:
    return read(markup if isinstance(markup, bytes) else markup.encode(), "page.html", wanted or ReaderOptions())


@pytest.mark.parametrize(
    ("body", "paragraphs"),
    [
        ("<ol><li>a</li><li>b<ol type='a'><li>c</li><li>d</li></ol></li><li>e</li></ol>", "1. a|2. b|a. c|b. d|3. e"),
        ("<ol start='9'><li>a</li><li value='20'>b</li><li>c</li></ol>", "9. a|20. b|21. c"),
        ("<ol reversed><li>a</li><li>b</li></ol>", "2. a|1. b"),
        ("<ol type='I'><li>a</li><li>b</li></ol>", "I. a|II. b"),
        ("<ol style='list-style: none'><li>a</li></ol>", "a"),
        ("<ol><li>1. already</li><li><p>b</p><p>more</p></li></ol>", "1. already|2. b|more"),
        ("<ol start='99999999999'><li>a</li></ol>", "1. a"),
        ("<ul><li>a</li><li>b</li></ul>", "a|b"),
        ("<dl><dt>Term</dt><dd>What it is.</dd></dl>", "Term|What it is."),
    ],
)
def test_list_items_are_paragraphs_with_the_visible_numbers(body: str, paragraphs: str) -> None:
    assert said(body) == paragraphs.split("|")


def rows(*rows: tuple[str, ...], head: tuple[str, ...] = ()) -> str:
    top = "<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>" if head else ""
    return (
        "<table>"
        + top
        + "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        + "</table>"
    )


@pytest.mark.parametrize(
    ("body", "paragraphs"),
    [
        (rows(("Ann", "30"), ("Bob", "41")), "Ann, 30|Bob, 41"),
        (rows(("Ann", "30"), ("Bob", "41"), head=("Name", "Age")), "Name: Ann; Age: 30|Name: Bob; Age: 41"),
        (rows(("Ann", "30"), head=("", "Age")), "Ann; Age: 30"),
        (rows(("Ann", "", "x"), head=("Name", "Age", "Sign")), "Name: Ann; Sign: x"),
        (rows(("Ann",), head=("Name", "Age")), "Name, Age|Ann"),
        (rows(head=("Name", "Age")), "Name, Age"),
        (rows(("a", "b"), head=("x" * 60, "y")), f"{'x' * 60}, y|a, b"),
        (rows(("<p>Ann</p>", "<p>30</p>")), "Ann, 30"),
        (rows(("<p>Long.</p><p>Two.</p>", "aside")), "Long.|Two.|aside"),
        (rows(("one", rows(("a", "b")), "two")), "one|a, b|two"),
        ("<table><caption>Ages</caption><tr><td>a</td></tr></table>", "Ages|a"),
        ("<table><tr><td colspan='999999999' rowspan='999999999'>a</td><td>b</td></tr></table>", "a, b"),
    ],
)
def test_a_table_is_read_row_by_row_under_its_short_headings(body: str, paragraphs: str) -> None:
    assert said(body) == paragraphs.split("|")


@pytest.mark.parametrize(
    "mark",
    [
        "<a epub:type='noteref' href='#n'>1</a>",
        "<a role='doc-noteref' href='notes.xhtml#n'>12</a>",
        "<sup><a href='#n'>1</a></sup>",
        "<sup>[<a href='#n'>1</a>, <a href='#m'>2</a>]</sup>",
        "<a href='#n'><sup>*</sup></a>",
        "<a href='#n'>[3]</a>",
        "<a class='footnote-ref' href='#n'>3</a>",
        "<a href='#top'>↩</a>",
        "<span epub:type='pagebreak' id='p7'>7</span>",
        "<span class='pagenum'>[Pg 7]</span>",
    ],
)
def test_a_purely_visual_sign_is_left_out_and_counted(mark: str) -> None:
    document = opened(f"<p>The sea{mark} was calm.</p>")
    assert document.chapters[0].text == "The sea was calm."
    assert document.left_out == ("1 note or page mark",)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("10 m<sup>2</sup>", "10 m2"),
        ("<a href='#chapter'>4</a> is my number", "4 is my number"),
        ("the 4<sup>th</sup>", "the 4th"),
        ("<div epub:type='pagebreak'>Someone put a whole chapter into a page's mark, and it is heard.</div>", None),
        ("<a href='#n'>a note on clocks</a>", "a note on clocks"),
    ],
)
def test_text_that_resembles_a_visual_sign_is_spoken(body: str, text: str | None) -> None:
    assert said(f"<p>{body}</p>")[0] == (text or "Someone put a whole chapter into a page's mark, and it is heard.")


@pytest.mark.parametrize(
    "note",
    [
        "<aside epub:type='footnote' id='n'><p>See above.</p></aside>",
        "<div role='doc-footnote'>See above.</div>",
        "<p class='footnote'>See above.</p>",
        "<p>Before <span epub:type='footnote'>See above.</span></p>",
        "<section epub:type='footnotes'><ol style='list-style: none'><li>See above.</li></ol></section>",
    ],
)
def test_the_text_of_a_note_comes_after_its_chapter_or_is_skipped(note: str) -> None:
    page = f"<p>One.</p>{note}<p>Two.</p>"
    assert [text for text in said(page) if text != "Before"] == ["One.", "Two.", "See above."]
    document = opened(page, ReaderOptions(skip=frozenset(["notes"])))
    assert "See above" not in document.chapters[0].text
    assert document.left_out == ("1 note (--skip notes)",)


def test_a_note_in_the_middle_of_a_sentence_does_not_break_it() -> None:
    assert said("<p>A <i>long <span epub:type='footnote'>aside</span> walk</i>.</p>") == ["A long walk.", "aside"]


def test_alternative_texts_of_pictures_are_spoken_on_request() -> None:
    page = "<p>See <img alt='a map of the island' src='m.png'/> here.</p><img src='x.png' alt='x.png'/><img src='y'/>"
    assert opened(page).chapters[0].text == "See here."
    assert opened(page).left_out == ("3 images (unless --speak images)",)
    wanted = opened(page, ReaderOptions(speak=frozenset(["images"])))
    assert wanted.chapters[0].text == "See a map of the island here."
    assert wanted.left_out == ("2 images (without alternative text)",)


def test_a_letter_drawn_as_a_picture_belongs_to_its_word() -> None:
    assert said("<p><img alt='O' src='o.png'/>nce upon a time.</p>") == ["Once upon a time."]


def test_code_is_spoken_on_request_and_otherwise_counted() -> None:
    page = "<p>Say <code>x</code>:</p><pre><code>let x = 1;\n\nlet y;</code></pre><pre>A poem\nstays.</pre>"
    assert opened(page).chapters[0].text == "Say x:\n\nA poem\nstays."
    assert opened(page).left_out == ("1 code block (unless --speak code)",)
    assert "let x = 1;\n\nlet y;" in opened(page, ReaderOptions(speak=frozenset(["code"]))).chapters[0].text


def test_tables_are_skipped_on_request() -> None:
    document = opened(
        f"<p>One.</p>{rows(('a', 'b'), ('c', 'd'))}{rows(('e', 'f'))}", ReaderOptions(skip=frozenset(["tables"]))
    )
    assert document.chapters[0].text == "One."
    assert document.left_out == ("2 tables (--skip tables)",)


@pytest.mark.parametrize(
    ("markup", "marked"),
    [
        ("<p>He said <i lang='fr'>bon <b>mot</b></i>.</p>", [("fr", "bon mot")]),
        ("<p>He said <i xml:lang='fr-CA'>mot</i>.</p>", [("fr-CA", "mot")]),
        ("<p lang='it'>Ciao</p><p>Hello <i lang='en-US'>there</i></p>", [("it", "Ciao")]),
        ("<p lang='fr'>Il dit <i lang='en'>hello</i> là</p>", [("fr", "Il dit hello là"), ("en", "hello")]),
        ("<p><i lang='und'>xyzzy</i> <i lang=''>plugh</i></p>", []),
    ],
)
def test_words_in_another_language_are_marked_with_it(markup: str, marked: list[tuple[str, str]]) -> None:
    (chapter,) = opened(f"<html lang='en-GB'><body>{markup}</body></html>").chapters
    assert [(mark.value, chapter.text[mark.start : mark.end]) for mark in chapter.marks] == marked


@pytest.mark.parametrize(
    "unseen",
    ["<p hidden>no</p>", "<p style='display: none'>no</p>", "<p aria-hidden='true'>no</p>", "<template>no</template>"],
)
def test_invisible_text_is_not_spoken(unseen: str) -> None:
    assert said(f"{unseen}<p>yes</p>") == ["yes"]


PAGE = """<!DOCTYPE html><html lang="en"><head><title>The Clock | A Site</title>
<meta name="author" content="Ann Author"><script>no()</script></head><body>
<header><h1>A Site</h1></header><nav><a href="/">Home</a></nav>
<main><h1>The Clock</h1><p>It stood.</p><h2>One</h2><p>First.</p><h3>Deeper</h3><p>Still first.</p>
<aside>Buy clocks!</aside><form><input value="x"><button>Send</button></form><h2>Two</h2><p>Second.</p></main>
<footer>© A Site</footer></body></html>"""


def test_a_page_gives_its_main_text_cut_at_its_headings() -> None:
    document = opened(PAGE)
    assert (document.title, document.author, document.language) == ("The Clock", "Ann Author", "en")
    assert [(chapter.title, chapter.text) for chapter in document.chapters] == [
        ("The Clock", "The Clock\n\nIt stood."),
        ("One", "One\n\nFirst.\n\nDeeper\n\nStill first."),
        ("Two", "Two\n\nSecond."),
    ]
    assert document.left_out == ("parts of the page around its text: 2",)


@pytest.mark.parametrize("where", ["article", "div role='main'", "div"])
def test_menus_and_footers_are_left_out_however_the_page_marks_its_text(where: str) -> None:
    body = PAGE.replace("<main>", f"<{where}>").replace("</main>", f"</{where.split(maxsplit=1)[0]}>")
    text = "\n".join(chapter.text for chapter in opened(body).chapters)
    assert "First." in text
    assert not {"Home", "Buy", "Send", "©"} & set(text.replace("!", " ").split())


def test_a_page_with_text_outside_its_main_element_is_still_read() -> None:
    assert said("<main></main><p>Here.</p>") == ["Here."]


def test_several_articles_are_all_read() -> None:
    assert said("<article><p>One.</p></article><article><p>Two.</p></article>") == ["One.", "Two."]


def test_project_gutenbergs_header_and_footer_are_left_out() -> None:
    page = "<section class='pg-boilerplate' id='pg-header'>The Project Gutenberg eBook</section><h1>A</h1><p>b</p>"
    assert opened(page).chapters[0].text == "A\n\nb"


def test_only_a_list_of_links_under_a_heading_is_a_table_of_contents() -> None:
    links = "<h2>Contents</h2><ul><li><a href='#a'>One</a></li><li><a href='#b'>Two</a></li></ul>"
    document = opened(f"<h1>A</h1>{links}<h2>One</h2><p>First.</p>")
    assert [(chapter.title, chapter.text) for chapter in document.chapters] == [("One", "A\n\nOne\n\nFirst.")]
    assert document.left_out == ("Contents (--skip contents)",)
    named = opened("<h1>A</h1><h2>Contents</h2><p>A box with old clocks in it.</p><h2>One</h2><p>First.</p>")
    assert "old clocks" in named.chapters[0].text


@pytest.mark.parametrize("name", ["page.html", "page.htm", "page.xhtml", "page", "page.txt"])
def test_html_is_recognised_by_file_name_or_first_bytes(name: str) -> None:
    assert read(PAGE.encode(), name).title == "The Clock"


@pytest.mark.parametrize(
    "data",
    [
        "<meta charset='iso-8859-1'><p>Größe</p>".encode("iso-8859-1"),
        "\ufeff<p>Größe</p>".encode("utf-16"),
        b"\xef\xbb\xbf" + "<p>Größe</p>".encode(),
        "<p>Größe</p>".encode("cp1252"),
        "<meta charset='no-such-thing'><p>Größe</p>".encode(),
    ],
)
def test_a_page_is_read_whatever_its_encoding(data: bytes) -> None:
    assert opened(data).chapters[0].text == "Größe"


def test_a_requested_encoding_is_used() -> None:
    assert opened("<p>слово</p>".encode("cp1251"), ReaderOptions(encoding="cp1251")).chapters[0].text == "слово"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<p></p>", "no text"),
        (b"<html><body><nav>Home</nav></body></html>", "no text"),
        (b"<p>" + b"word " * (MOST_TEXT_BYTES // 4), "split it"),
        (b"<p>x" * MOST_TAGS + b"<p>", "150001 tags; HTML may have 150000: split it"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 8, "is a PNG picture"),
        (bytes(range(256)) * 8, "no text file"),
    ],
)
def test_a_page_that_cannot_be_read_is_refused_in_one_sentence_with_its_name(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=r"^page\.html [^\n]+$") as caught:
        opened(data)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>a<b>b<p>c<i>d</b>e</i>f</p>g", "ab|cdef|g"),
        ("<b><i><u><s><em><b><i><u><s><tt>a</tt></s></u></i></b></em></s></u></i></b>b", "ab"),
        ("<p title='1 > 0'>a</p>", "a"),
        (f"<p>a<img alt='xy' src='data:image/png;base64,{'A' * 50_000}'/>b</p>", "ab"),
        ("<p/>a<br/>b<i/>c", "a\nbc"),
    ],
)
def test_cleaning_a_page_never_removes_its_text(body: str, text: str) -> None:
    assert said(body) == text.split("|")


def test_an_id_points_to_the_paragraph_after_it() -> None:
    blocks = list(Blocks().read("<p id='a'>x</p><a id='b'></a><div id='c'><p>y</p></div>"))
    assert [block.anchors for block in blocks] == [("a",), ("b", "c")]
