"""Plain text: named encodings, headings, tables of contents, Project Gutenberg's headers."""

import codecs

import pytest

from chorus import reading
from chorus.errors import OptionError, SourceError
from chorus.request import Request
from tasks.documents import Document, ReaderOptions, read, reader_options

BOOK = """The Project Gutenberg eBook of The Dog

This ebook is for the use of anyone anywhere at no cost.

Title: The Dog
 and the Cat
Author: A. Writer
Language: English

*** START OF THE PROJECT GUTENBERG EBOOK THE DOG ***

Produced by Somebody and the Online
Distributed Proofreading Team

THE DOG

CONTENTS

 CHAPTER I. It rains
 CHAPTER II. It stops
 CHAPTER III. It is over

CHAPTER I. It rains

It rained.[1]

[Illustration: A dog in the rain]

[Footnote 1: Hard.]

CHAPTER II. It stops

It stopped.

CHAPTER III. It is over

The end.

End of the Project Gutenberg EBook of The Dog

*** END OF THE PROJECT GUTENBERG EBOOK THE DOG ***

Section 1. General Terms of Use
"""


def plain(text: str, **wishes: frozenset[str]) -> Document:
    return read(text.encode(), "book.txt", ReaderOptions(**wishes))  # type: ignore[arg-type]


def heard(document: Document) -> str:
    return "\n\n".join(chapter.text for chapter in document.chapters)


def test_project_gutenbergs_header_is_left_out_and_gives_the_title() -> None:
    document = plain(BOOK)
    assert (document.title, document.author, document.language) == ("The Dog and the Cat", "A. Writer", "English")
    assert [chapter.title for chapter in document.chapters] == [
        "THE DOG: CHAPTER I. It rains", "CHAPTER II. It stops", "CHAPTER III. It is over",
    ]  # fmt: skip
    assert document.chapters[-1].text == "CHAPTER III. It is over\n\nThe end."
    assert "Gutenberg" not in heard(document)
    assert "Produced by" not in heard(document)
    book = BOOK.partition("Team\n")[2].partition("End of the")[0]
    words = len(BOOK.split()) - len(book.split())
    assert document.left_out == (
        f"Project Gutenberg's header, licence and credits ({words} words that are not the book's)",
        "1 table of contents (--skip contents)",
        "1 image (unless --speak images)",
    )


def test_gutenbergs_brackets_are_read_as_pictures_or_notes() -> None:
    document = plain(BOOK, speak=frozenset(("images",)), skip=frozenset(("notes",)))
    assert "A dog in the rain" in heard(document)
    assert "Hard." not in heard(document)
    assert plain(BOOK).chapters[0].text.endswith("It rained.[1]\n\nHard.")


def test_several_gutenberg_books_in_one_file_are_all_read() -> None:
    heard_twice = heard(plain(BOOK + "\n\n" + BOOK))
    assert heard_twice.count("It stopped.") == 2
    assert "General Terms" not in heard_twice


@pytest.mark.parametrize(
    "text", ["He read the Project Gutenberg edition.\n\nThe end of it.", "A book.\n\nEnd of the project, he said."]
)
def test_a_text_that_only_mentions_gutenberg_keeps_every_word(text: str) -> None:
    assert heard(plain(text)) == text


def test_a_table_of_contents_is_left_out_unless_requested() -> None:
    chapters = [f"CHAPTER {number}\n\nText {number}." for number in ("I", "II", "III")]
    for listed in ("CHAPTER I\nCHAPTER II\nCHAPTER III", "CHAPTER I\n\nCHAPTER II\n\nCHAPTER III"):
        text = "\n\n".join(("Contents", listed, *chapters))
        assert heard(plain(text)) == "\n\n".join(chapters)
        assert plain(text).left_out == ("1 table of contents (--skip contents)",)
        assert len(heard(plain(text, skip=frozenset())).split()) == len(text.split())


def test_a_text_with_one_paragraph_per_line_is_not_taken_as_wrapped() -> None:
    long = f"A sentence {'that nobody wrapped ' * 7}is a paragraph."
    text = "\n".join((f"{long} And on.", "“Short,” she said.", "“Very.”", f"{long} Really."))
    assert len(list(plain(text).chapters[0].paragraphs())) == 4


def test_wrapped_chinese_lines_are_recognised_and_joined_without_a_space() -> None:
    assert (
        heard(plain("從前有一座山，\n山裡有一座廟。\nAnd a\ntemple.")) == "從前有一座山，山裡有一座廟。 And a temple."
    )
    assert heard(plain("옛날 옛적에\n호랑이가")) == "옛날 옛적에 호랑이가"
    line = "從前有一座山" * 12
    assert heard(plain(f"{line}\n短。\n{line}")) == f"{line}\n\n短。\n\n{line}"


# Encodings


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cp1251", "Это было давно"), ("windows-1251", "Привет"), ("KOI8-R", "Это"), ("shift_jis", "日本語"),
        ("utf-16", "naïve"), ("utf-8", "naïve"), ("iso-8859-15", "cœur"), ("mac-roman", "naïve"),
    ],
)  # fmt: skip
def test_a_text_is_read_in_the_encoding_that_is_named(name: str, text: str) -> None:
    asked = reader_options(Request(name="a.txt", encoding=name))
    assert read(text.encode(name), "a.txt", asked).chapters[0].text == text
    assert read(text.encode(name), "a.md", asked).chapters[0].text == text


@pytest.mark.parametrize(
    ("name", "near"),
    [("windows-1215", "windows-125"), ("utf9", "utf8"), ("hex", "utf-8"), ("rot13", "utf-8"), ("no\0name", "utf-8")],
)
def test_an_unknown_encoding_is_refused_and_similar_names_are_suggested(name: str, near: str) -> None:
    with pytest.raises(OptionError, match=f"is unknown: choose one like .*{near}"):
        Request(name="a.txt", encoding=name)


def test_an_empty_encoding_means_none() -> None:
    assert reading.encoding("") == reading.encoding("  ") == ""


def test_a_named_encoding_that_does_not_fit_is_refused() -> None:
    with pytest.raises(SourceError, match=r"a\.txt is not written in ascii: name another --encoding, or none"):
        read("Größe und Maß".encode(), "a.txt", ReaderOptions(encoding="ascii"))


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    data = codecs.BOM_UTF8 + b"Hello."
    assert read(data, "a.txt", ReaderOptions(encoding="utf-8")).chapters[0].text == "Hello."


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_recognised_without_a_byte_order_mark(encoding: str) -> None:
    text = "Il était une fois un roi."
    assert read(text.encode(encoding), "a.txt").chapters[0].text == text
