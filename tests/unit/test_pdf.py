"""PDF: printed pages become running text, and an outline becomes chapters."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printing import Set, content, lines, pdf
from pypdf import PdfReader, PdfWriter

from chorus.errors import SourceError
from tasks.documents import Document, ReaderOptions, read

PROSE = (
    "It was a bright cold day in April, and all the clocks of the town",
    "were striking thirteen at once, as they had never done before, so",
    "that everybody looked up.",
)
MORE = (
    "Nobody could say afterwards who had been the first to notice that",
    "the hands had stopped, and that the bells went on without them all",
    "through the night.",
)


def opened(data: bytes, wanted: ReaderOptions | None = None) -> Document:
    return read(data, "book.pdf", wanted or ReaderOptions())


def text(*pages: list[Set]) -> str:
    return "\n---\n".join(chapter.text for chapter in opened(pdf(*pages)).chapters)


TREES = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo")


def printed(number: int, head: str = "", foot: str = "") -> list[Set]:
    """A page with a header and a footer, and a text of its own."""
    tree = TREES[number]
    page = lines(f"Under the {tree} there stood a clock that nobody had wound, and", *PROSE, f"at the {tree}.", y=700)
    page += [Set(text=head, y=760)] if head else []
    return page + ([Set(text=foot, y=40)] if foot else [])


def test_lines_are_joined_to_paragraphs_at_gaps_and_indents() -> None:
    page = [*lines(*PROSE), *lines(*MORE, y=650), *lines(MORE[0], x=90, y=608), *lines(*MORE[1:], y=594)]
    more = " ".join(MORE)
    assert text(page) == f"{' '.join(PROSE)}\n\n{more}\n\n{more}"


def test_a_paragraph_continues_on_the_next_page() -> None:
    assert text(lines(*PROSE[:2]), lines(PROSE[2], *MORE)) == f"{' '.join(PROSE)}\n\n{' '.join(MORE)}"


@pytest.mark.parametrize(
    ("printed_lines", "joined"),
    [
        (("It was an exam-", "ple of it."), "It was an example of it."),
        (("He came from Anglo-", "Saxon stock."), "He came from Anglo-Saxon stock."),
        (("A well-known man, a well-", "known man."), "A well-known man, a well-known man."),
        (("The CHAP-", "TER ended."), "The CHAPTER ended."),
        (("In 1914-", "1918 there was war."), "In 1914- 1918 there was war."),
    ],
)
def test_a_word_broken_at_a_lines_end_is_whole_again(printed_lines: tuple[str, ...], joined: str) -> None:
    assert text(lines(*printed_lines)) == joined


def test_ligatures_are_read_as_letters() -> None:
    from tasks.documents.pages import plain  # noqa: PLC0415 -- our little font has none

    assert plain("the ﬁrst eﬃcient ﬂag of the aﬀair") == "the first efficient flag of the affair"


HEADERS = {
    "the same everywhere": (["A Book of Clocks"] * 6, [""] * 6),
    "left and right": (["A Book of Clocks", "Ann Author"] * 3, [""] * 6),
    "page numbers": ([""] * 6, [str(number) for number in range(7, 13)]),
    "Roman page numbers": ([""] * 6, ["iv", "v", "vi", "vii", "viii", "ix"]),
    "page of pages": ([""] * 6, [f"Page {number} of 6" for number in range(1, 7)]),
    "a number in the header": ([f"{number} A Book of Clocks" for number in range(1, 7)], [""] * 6),
    "left and right with numbers": (
        [f"{n} A Book of Clocks" if n % 2 else f"Ann Author {n}" for n in range(1, 7)],
        [""] * 6,
    ),
    "a short chapter's own": (["A Book of Clocks", "A Book of Clocks", "Alone", "A Book of Clocks", "", ""], [""] * 6),
    "both": (["A Book of Clocks"] * 6, [f"- {number} -" for number in range(1, 7)]),
}


@pytest.mark.parametrize("which", HEADERS)
def test_repeated_lines_at_page_edges_are_left_out_and_counted(which: str) -> None:
    heads, feet = HEADERS[which]
    document = opened(pdf(*(printed(n, head, foot) for n, (head, foot) in enumerate(zip(heads, feet, strict=True), 1))))
    (chapter,) = document.chapters
    count = sum(bool(line) for line in (*heads, *feet))
    assert document.left_out == (f"{count} headers, footers and page numbers",)
    assert chapter.text.count(PROSE[0]) == len(heads)
    assert not any(line in chapter.text for line in {*heads, *(foot for foot in feet if len(foot) > 3)} if line)


@pytest.mark.parametrize(
    "first",
    [
        ["Chapter 1", "Chapter 2", "Chapter 3", "Chapter 4"],
        ["First things", "Second ones", "Third ones", "Fourth ones"],
        ["12", "12", "12", "12"],
        ["3", "17", "4", "88"],
    ],
)
def test_a_line_that_differs_from_page_to_page_is_no_header(first: list[str]) -> None:
    body = "\n".join(
        chapter.text for chapter in opened(pdf(*(printed(n, head) for n, head in enumerate(first)))).chapters
    )
    assert all(body.count(head) >= first.count(head) for head in first)


def test_a_heading_larger_than_the_text_is_no_header_though_it_repeats() -> None:
    pages = [[Set(text="Interlude", y=760, size=20), *printed(number)] for number in range(4)]
    assert text(*pages).count("Interlude") == 4


OUTLINE = [(1, "The Storm", 1), (1, "The Calm", 3)]


def test_the_outline_makes_the_chapters() -> None:
    pages = [lines("The Storm", *PROSE), lines(*MORE), lines("2 The Calm", *PROSE)]
    document = opened(pdf(*pages, outline=OUTLINE))
    assert [(chapter.title, chapter.text.split("\n\n")[0]) for chapter in document.chapters] == [
        ("The Storm", "The Storm"),
        ("The Calm", "2 The Calm"),
    ]
    assert all(chapter.headings == (0,) for chapter in document.chapters)


def test_an_outline_with_parts_is_read_to_its_chapters_and_no_further() -> None:
    outline = [(1, "Part One", 1), (2, "1", 1), (3, "A section", 1), (2, "2", 2), (1, "Part Two", 3), (2, "1", 4)]
    pages = [lines("1", *PROSE), lines("2", *MORE), lines("Part Two"), lines("1", *PROSE)]
    titles = [chapter.title for chapter in opened(pdf(*pages, outline=outline)).chapters]
    assert titles == ["Part One: 1", "Part One: 2", "Part Two", "Part Two: 1"]


def test_without_an_outline_all_pages_are_one_chapter() -> None:
    (chapter,) = opened(pdf(lines(*PROSE), lines(*MORE))).chapters
    assert chapter.title == "book"


def test_a_chapter_begins_at_its_title_in_the_middle_of_a_page() -> None:
    page = [*lines(*PROSE), *lines("The Calm", y=600), *lines(*MORE, y=560)]
    document = opened(pdf(lines("The Storm", *MORE), page, outline=[(1, "The Storm", 1), (1, "The Calm", 2)]))
    assert document.chapters[0].text.endswith(PROSE[2])
    assert document.chapters[1].text.startswith("The Calm")


def test_title_author_and_language_are_the_files_own() -> None:
    document = opened(pdf(lines(*PROSE), about="/Title(A Book of Clocks)/Author(Ann Author)", language="en-GB"))
    assert (document.title, document.author, document.language) == ("A Book of Clocks", "Ann Author", "en-GB")


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Microsoft Word - report.doc", "book"),
        ("clocks.indd", "book"),
        ("Microsoft Word - Clocks", "Clocks"),
        ("", "book"),
    ],
)
def test_a_title_generated_by_a_program_is_ignored(stated: str, title: str) -> None:
    assert opened(pdf(lines(*PROSE), about=f"/Title({stated})")).title == title


def test_footnotes_come_after_the_chapter_and_their_numbers_are_left_out() -> None:
    raised = b"BT /F1 11 Tf 1 0 0 1 72 720 Tm (It was known) Tj 4 Ts /F1 6 Tf 1 0 0 1 140 724 Tm (12) Tj /F1 11 Tf "
    page = (
        raised
        + b"1 0 0 1 150 720 Tm ( to everybody here that it) Tj ET "
        + content(lines("12 See the first book.", y=60, size=8))
    )
    document = opened(pdf(page, lines("was late.")))
    (chapter,) = document.chapters
    assert chapter.text == "It was known to everybody here that it was late.\n\n12 See the first book."
    assert document.left_out == ("1 note or page mark",)
    assert (
        opened(pdf(page, lines("was late.")), ReaderOptions(skip=frozenset(["notes"])))
        .chapters[0]
        .text.endswith("late.")
    )


def test_a_printed_table_of_contents_is_left_out() -> None:
    table = lines("Contents", "The Storm . . . . . . . . . 1", "The Calm . . . . . . . . . . 3", y=720)
    document = opened(pdf(table, lines(*PROSE)))
    assert document.chapters[0].text == " ".join(PROSE)
    assert document.left_out == ("1 table of contents (--skip contents)",)


def test_empty_pages_and_damaged_ones_are_named_and_the_rest_is_read() -> None:
    document = opened(pdf(lines(*PROSE), [], lines(*MORE)))
    assert document.left_out == ("pages without text: 1",)
    assert len(document.chapters[0].text.split("\n\n")) == 2


@pytest.mark.parametrize(
    "written",
    [
        "BT /F1 11 Tf 72 700 Td (Ann) Tj 100 0 Td (30) Tj 100 0 Td (Berlin) Tj ET",
        "BT /F1 11 Tf 72 700 Td [(Ann) -4000 (30) -4000 (Berlin)] TJ ET",
        " ".join(
            f"BT /F1 11 Tf 1 0 0 1 {x} 700 Tm ({cell}) Tj ET" for x, cell in ((72, "Ann"), (100, "30"), (120, "Berlin"))
        ),
    ],
)
def test_the_cells_of_a_printed_row_do_not_run_into_each_other(written: str) -> None:
    assert opened(pdf(written.encode())).chapters[0].text == "Ann 30 Berlin"


def encrypted(user: str) -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf(lines(*PROSE)))))
    writer.encrypt(user_password=user, owner_password=f"{user}, owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def by_aes(data: bytes) -> bytes:
    """A file that says it was encrypted by AES-128, whose password is checked as the older cipher's is."""
    method = b"/V 4 /CF <</StdCF <</CFM /AESV2 /AuthEvent /DocOpen /Length 16>>>> /StmF /StdCF /StrF /StdCF"
    return data.replace(b"/V 2", method).replace(b"/R 3", b"/R 4")


def test_a_file_that_opens_without_a_password_is_read() -> None:
    assert opened(encrypted("")).chapters[0].text == " ".join(PROSE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encrypted("locked"), "is encrypted: "),
        (by_aes(encrypted("locked")), "is encrypted: "),
        (by_aes(encrypted("")), "is encrypted with AES"),
        (pdf([], []), "no text layer"),
        (pdf(b"q 100 0 0 100 0 0 cm /Im1 Do Q"), "no text layer"),
        (b"%PDF-1.7\n", "damaged or no valid PDF"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 50, "damaged or no valid PDF"),
        (pdf(lines(*PROSE))[:200], "damaged"),
    ],
)
def test_a_pdf_that_cannot_be_read_is_refused_in_one_sentence_with_its_name(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        opened(data)
    assert str(caught.value).startswith("book.pdf ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


BOOK = pdf(lines("The Storm", *PROSE), lines(*MORE), lines("The Calm", *PROSE), outline=OUTLINE)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(BOOK) - 1), st.integers(1, 255))
def test_a_flipped_byte_gives_the_book_or_one_sentence(at: int, by: int) -> None:
    data = bytearray(BOOK)
    data[at] ^= by
    try:
        outcome = read(bytes(data), "book.pdf").chapters[0].text
    except SourceError as refused:
        outcome = str(refused).removeprefix("book.pdf ")
    assert outcome
