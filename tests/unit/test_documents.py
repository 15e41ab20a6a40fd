"""Plain text and Markdown become chapters and paragraphs, and no visible character is lost."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import OptionError, SourceError
from tasks.documents import MOST_TEXT_BYTES, Document, read, select
from tasks.documents.model import BREAK, Chapter, Draft, clean, speakable


def titles(document: Document) -> list[str]:
    return [chapter.title for chapter in document.chapters]


def plain(text: str, name: str = "book.txt") -> Document:
    return read(text.encode(), name)


# Text


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ("naïve".encode(), "naïve"),
        (codecs.BOM_UTF8 + "naïve".encode(), "naïve"),
        ("naïve".encode("utf-16"), "naïve"),
        (codecs.BOM_UTF16_BE + "naïve".encode("utf-16-be"), "naïve"),
        ("naïve".encode("utf-32"), "naïve"),
        ("Il était une fois à l’orée d’une forêt — “naïve” et très étonnée, où".encode("cp1252"), "naïve"),
        (
            "“I won’t,” he said… “not for £5” — and that was that. ".encode("cp1252"),
            "“I won’t,” he said… “not for £5” — and",
        ),
        ("¿Qué pasó? — dijo el niño; ¡mañana será otro día!".encode("latin-1", "replace"), "niño; ¡mañana"),
        ("従来の方法では、この問題を解決することができませんでした。".encode("shift_jis") * 5, "問題"),
    ],
)
def test_a_text_is_read_whatever_its_encoding(data: bytes, word: str) -> None:
    assert word in read(data, "book.txt").chapters[0].text


def test_a_wrong_byte_far_behind_the_beginning_does_not_make_a_text_unreadable() -> None:
    document = read(("word " * 30_000).encode() + b"\xff end", "book.txt")
    assert document.chapters[0].text.endswith(" end")


def test_hard_wrapped_lines_are_joined_and_empty_lines_separate_paragraphs() -> None:
    document = plain("It was a dark\nand stormy\nnight.\n\n\nThe rain fell in tor-\nrents.\n")
    assert document.chapters[0].text == "It was a dark and stormy night.\n\nThe rain fell in tor-rents."


def test_each_line_too_long_to_be_wrapped_is_a_paragraph() -> None:
    line = "word " * 40
    assert len(list(plain(f"{line}\n{line}\n{line}").chapters[0].paragraphs())) == 3


def test_each_list_item_and_indented_paragraph_is_a_paragraph() -> None:
    text = "- one\n- two\n\n    First it rained\nand rained.\n    Then it\nstopped."
    assert plain(text).chapters[0].text == "- one\n\n- two\n\nFirst it rained and rained.\n\nThen it stopped."


def test_control_characters_are_removed_and_nothing_else() -> None:
    assert plain("A\x00 very b\x07ad\u200b wo\u00adrd\u2060.\x0c").chapters[0].text == "A very bad word."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CHAPTER I\n\nOne.\n\nCHAPTER II\n\nTwo.", ["CHAPTER I", "CHAPTER II"]),
        ("Chapter 1: The Start\n\nOne.\n\nChapter 2: The End\n\nTwo.", ["Chapter 1: The Start", "Chapter 2: The End"]),
        ("CHAPTER ONE\nThe Start\n\nOne.\n\nCHAPTER TWO\n\nTwo.", ["CHAPTER ONE The Start", "CHAPTER TWO"]),
        ("CHAPTER I\n\nTHE DOG\n\nOne.\n\nCHAPTER II\n\nTwo.", ["CHAPTER I: THE DOG", "CHAPTER II"]),
        ("Before.\n\nI.\n\nOne.\n\nII.\n\nTwo.", ["book", "I.", "II."]),
        ("PART ONE\n\nChapter 1\n\nOne.\n\nEpilogue\n\nEnd.", ["PART ONE: Chapter 1", "Epilogue"]),
        ("THE DOG\n\nOne.\n\nTHE CAT\n\nTwo.", ["THE DOG", "THE CAT"]),
        ("Capítulo 1\n\nUno.\n\nCapítulo 2\n\nDos.", ["Capítulo 1", "Capítulo 2"]),
        ("CHAPTER I\n\nThe only one.", ["book"]),
        ("Chapter 5 was dull.\n\nChapter 6 was not.", ["book"]),
    ],
)  # fmt: skip
def test_chapter_headings_are_recognised_if_there_are_at_least_two(text: str, expected: list[str]) -> None:
    document = plain(text)
    assert titles(document) == expected
    assert "".join("".join(chapter.text.split()) for chapter in document.chapters) == "".join(text.split())


def test_a_heading_is_the_first_paragraph_of_its_chapter() -> None:
    first, _ = plain("Chapter 1\n\nIt began.\n\nChapter 2\n\nIt ended.").chapters
    assert first == Chapter(title="Chapter 1", text="Chapter 1\n\nIt began.", headings=(0,))
    assert [(first.text[at.start : at.end], at.heading) for at in first.paragraphs()] == [
        ("Chapter 1", True),
        ("It began.", False),
    ]


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=500))
def test_no_visible_character_of_a_text_is_lost(text: str) -> None:
    if not speakable(clean(text)):
        return
    document = plain(text)
    spoken = "".join("".join(chapter.text.split()) for chapter in document.chapters)
    silent = [note for note in document.left_out if note.endswith("(no text)")]
    assert silent or spoken == "".join(clean(text).split())


@given(st.lists(st.text(max_size=50)))
def test_a_chapter_consists_of_its_cleaned_paragraphs(texts: list[str]) -> None:
    draft = Draft()
    for text in texts:
        draft.add(text)
    chapter = draft.chapter()
    found = [chapter.text[at.start : at.end] for at in chapter.paragraphs()]
    assert found == ([clean(text) for text in texts if clean(text)] or [""])
    assert not any(BREAK in text for text in found)


# Markdown


def test_the_only_first_level_heading_is_the_title_and_the_second_level_makes_the_chapters() -> None:
    document = plain("# The Book\n\nHello.\n\n## One\n\nA.\n\n### Deeper\n\nB.\n\n## Two\n\nC.", "x.md")
    assert (document.title, titles(document)) == ("The Book", ["The Book", "One", "Two"])
    assert document.chapters[1] == Chapter(title="One", text="One\n\nA.\n\nDeeper\n\nB.", headings=(0, 2))


def test_a_title_directly_above_its_first_chapter_is_spoken_with_it() -> None:
    document = plain("# The Book\n\n## One\n\nA.\n\n## Two\n\nB.", "x.md")
    assert titles(document) == ["One", "Two"]
    assert document.chapters[0].text == "The Book\n\nOne\n\nA."


def test_several_first_level_headings_are_the_chapters() -> None:
    document = plain("# One\n\n## a\n\nA.\n\n# Two\n\nB.", "long_talk.md")
    assert (document.title, titles(document)) == ("long talk", ["One", "Two"])


def test_a_second_level_heading_at_the_beginning_is_the_title() -> None:
    assert plain("## Hello\n\nA.\n\n## Bye\n\nB.", "ch01.md").title == "Hello"


def test_code_and_images_are_left_out_and_named() -> None:
    document = plain("# T\n\nRun `ls` now.\n\n```sh\nrm -rf\n```\n\n    indented\n\n![a cat](cat.png)", "x.md")
    assert document.chapters[0].text == "T\n\nRun ls now."
    assert document.left_out == ("2 code blocks (unless --speak code)", "1 image (unless --speak images)")


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("A [link](http://x.org) and <https://y.org>.", "A link and https://y.org."),
        ("*One* **two** ~~three~~ \\* &amp;", "One two three * &"),
        ("wrapped\nline  \nbroken", "wrapped line\nbroken"),
        ("- one\n- two\n  - three", "one\n\ntwo\n\nthree"),
        ("1. one\n2. two", "1. one\n\n2. two"),
        ("| a | b |\n|---|---|\n| c |   |\n| d | e |", "a: c\n\na: d; b: e"),
        ("> quoted\n\n***\n\nfree", "quoted\n\nfree"),
        ("<!-- no -->\n\n<div>shown <b>bold</b></div>\n\nin<span>side</span>", "shown bold\n\ninside"),
    ],
)
def test_markdown_is_read_as_its_text(markdown: str, text: str) -> None:
    assert plain(markdown, "x.md").chapters[0].text == text


def test_front_matter_gives_title_author_and_language_and_is_not_spoken() -> None:
    document = plain('---\ntitle: "The Book"\nauthor: A. Writer\nlang: en-GB\ndraft: true\n---\n\nHello.', "x.md")
    assert (document.title, document.author, document.language) == ("The Book", "A. Writer", "en-GB")
    assert document.chapters[0].text == "Hello."


def test_a_horizontal_rule_at_the_beginning_is_no_front_matter() -> None:
    assert plain("---\n\nHello.\n\n---\n\nBye.", "x.md").chapters[0].text == "Hello.\n\nBye."


# Choosing a reader, refusing, selecting


def test_a_file_with_an_unknown_suffix_is_read_by_its_content() -> None:
    assert plain("Hello.", "README").chapters[0].text == "Hello."


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "empty.txt", "is empty"),
        (b"", "empty.epub", "is empty"),
        (b"  \n ", "blank.txt", "no text"),
        (b"* * *", "stars.md", "no text"),
        (b"%PDF-1.7 ...", "book.pdf", "no valid PDF"),
        (b"%PDF-1.7 ...", "book.txt", "no valid PDF"),
        (bytes(range(256)) * 20, "noise.bin", "no text file"),
        (b"a\x00\x01\x02" * 20, "noise.txt", "no text file"),
        (b"\x7fELF\x02\x01", "prog", "a program"),
        (b"word " * (MOST_TEXT_BYTES // 5 + 1), "endless.txt", "split it"),
        (b"PK\x03\x04 broken", "book.docx", "damaged"),
    ],
)
def test_an_unreadable_file_is_refused_in_one_sentence_with_its_name(data: bytes, name: str, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(data, name)
    sentence = str(caught.value)
    assert sentence.startswith(f"{name} ")
    assert reason in sentence
    assert "\n" not in sentence


FIVE = plain("\n\n".join(f"Chapter {n}\n\nText." for n in range(1, 6)))


@pytest.mark.parametrize(
    ("spec", "numbers"),
    [("", "12345"), (" ", "12345"), ("2", "2"), ("1-3,5", "1235"), ("5,1", "15"), ("4-", "45"), (" 2 - 3 , 3", "23")],
)
def test_chapters_are_selected_by_number_and_range_in_the_books_order(spec: str, numbers: str) -> None:
    assert [chapter.title[-1] for chapter in select(FIVE, spec).chapters] == list(numbers)


@pytest.mark.parametrize("spec", ["0", "6", "3-6", "3-2", "99999999"])
def test_a_missing_chapter_is_refused_and_the_valid_range_is_named(spec: str) -> None:
    with pytest.raises(OptionError, match="1 to 5"):
        select(FIVE, spec)


@pytest.mark.parametrize("spec", ["one", "1,,2", "-2", "1.5", "1-2-3", "²"])
def test_a_selection_that_is_not_understood_is_refused_with_an_example(spec: str) -> None:
    with pytest.raises(OptionError, match="1-3,5"):
        select(FIVE, spec)
