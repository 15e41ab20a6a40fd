"""Markdown beyond headings: footnotes, code, pictures, tables, depth, languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import SourceError
from tasks.documents import Document, ReaderOptions, read

ALL = ReaderOptions(skip=frozenset(), speak=frozenset(("code", "images")))


def markdown(text: str, wanted: ReaderOptions = ALL) -> Document:
    return read(text.encode(), "x.md", wanted)


def heard(text: str, wanted: ReaderOptions = ALL) -> list[str]:
    return "\n\n".join(chapter.text for chapter in markdown(text, wanted).chapters).split("\n\n")


def skipping(*kinds: str) -> ReaderOptions:
    return ReaderOptions(skip=frozenset(kinds))


NOTED = "One[^1] and two.[^b]\n\n[^1]: A note\n  that wraps.\n\n    With more.\n[^b]: Word\n\nAfter.\n\n# Next\n\nMore."


def test_footnotes_come_at_the_end_of_their_chapter_and_their_marks_are_left_out() -> None:
    assert heard(NOTED) == ["One and two.", "After.", "A note that wraps.", "With more.", "Word", "Next", "More."]
    assert markdown(NOTED).left_out == ("2 note marks",)


def test_footnotes_are_skipped_on_request_and_counted() -> None:
    assert heard(NOTED, skipping("notes")) == ["One and two.", "After.", "Next", "More."]
    assert markdown(NOTED, skipping("notes")).left_out == ("2 notes (--skip notes)", "2 note marks")


@pytest.mark.parametrize("text", ["a[^1] b", "The class [^a-z] matches.", "[^1] is a note without a body"])
def test_a_footnote_mark_without_a_note_is_text(text: str) -> None:
    assert heard(text) == [text]


def test_a_note_inside_a_list_and_a_note_in_a_note_lose_no_word() -> None:
    assert heard("- one[^1]\n\n  [^1]: Body [^2] of it.\n\n[^2]: Second.") == ["one", "Body [^2] of it.", "Second."]


def test_code_is_read_line_by_line_on_request() -> None:
    text = "Run:\n\n```python\nx = 1\n\nprint(x)\n```\n\n    indented"
    assert heard(text) == ["Run:", "x = 1\nprint(x)", "indented"]
    assert heard(text, ReaderOptions()) == ["Run:"]


def test_pictures_are_read_by_their_alternative_text_on_request() -> None:
    text = "Look: ![a *grey* cat](cat.png) and ![](dog.png)."
    assert heard(text) == ["Look: a grey cat and ."]
    assert markdown(text).left_out == ("1 image (without alternative text)",)
    assert heard(text, ReaderOptions()) == ["Look: and ."]
    assert markdown(text, ReaderOptions()).left_out == ("2 images (unless --speak images)",)


def test_tables_are_rows_and_each_is_counted_once() -> None:
    text = "| a | b |\n|---|---|\n| 1 | [2](x) |\n\nBetween.\n\n| c |\n|---|\n| 3 |"
    assert heard(text) == ["a: 1; b: 2", "Between.", "c", "3"]
    assert heard("| a | b |\n|---|---|") == ["a, b"]
    assert heard(f"| a | {'b' * 40} |\n|---|---|\n| 1 | 2 |") == [f"a, {'b' * 40}", "1, 2"]
    assert markdown(text, skipping("tables")).left_out == ("2 tables (--skip tables)",)


def test_an_anchor_above_the_first_heading_does_not_hide_it() -> None:
    assert markdown("<!-- Old. -->\n\n<a id='x'></a>\n<a id='y'></a>\n\n## Closures\n\nText.").title == "Closures"


def test_a_task_is_read_without_its_checkbox() -> None:
    assert heard("- [ ] buy milk\n- [x] sleep") == ["buy milk", "sleep"]


def test_an_element_with_a_stated_language_is_marked_with_it() -> None:
    (chapter,) = markdown('He said <i lang="fr">bon *soir*</i>, <span lang=de>gute</span> Nacht.').chapters
    assert chapter.text == "He said bon soir, gute Nacht."
    assert [(mark.value, chapter.text[mark.start : mark.end]) for mark in chapter.marks] == [
        ("fr", "bon soir"), ("de", "gute"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["\nAnd then: nothing.\n", "\nBut: nothing.\n", "And then: nothing.", "But\nsaid: this."]
)
def test_a_paragraph_between_rules_is_no_front_matter(text: str) -> None:
    assert " ".join(heard(f"---\n{text}\n---\n\nBye.")).split() == [*text.split(), "Bye."]


def test_front_matter_is_left_out_and_named() -> None:
    document = markdown("---\ntitle: T\ntags:\n  - one\n# so\n---\n\nBye.")
    assert (document.title, document.chapters[0].text) == ("T", "Bye.")
    assert document.left_out == ("the front matter (title, tags)",)


@pytest.mark.parametrize(
    "deep",
    [
        ">" * 10_000 + " deep",
        "> " * 10_000 + "deep",
        "> - " * 5_000 + "deep",
        "1. " * 5_000 + "deep",
        "".join(f"{'  ' * level}- x\n" for level in range(500)) + "  " * 500 + "- deep",
        "\n".join(f"{'    ' * level}1. x\n" for level in range(100)) + "\n" + "    " * 100 + "1. deep",
        "*" * 10_000 + "deep",
        "[" * 4_000 + "deep",
    ],
    ids=["quotes", "quotes apart", "quotes and lists", "numbers", "lists", "wide lists", "stars", "brackets"],
)
def test_no_depth_of_nesting_loses_text(deep: str) -> None:
    (chapter,) = markdown(f"Before.\n\n{deep}\n\nAfter.").chapters
    assert chapter.text.count("deep") == chapter.text.count("After.") == 1
    assert "x" not in deep or chapter.text.count("x") == deep.count("x")


@given(st.lists(st.sampled_from(["> ", ">", "- ", "1. ", "    ", "  ", "\t", "word\n", "\n", "word "]), max_size=60))
def test_every_word_is_read_however_it_is_nested(pieces: list[str]) -> None:
    text = "".join(("start\n\n", *pieces))
    assert sum(chapter.text.count("word") for chapter in markdown(text).chapters) == text.count("word")


def test_too_many_markup_signs_are_refused_with_a_remedy() -> None:
    with pytest.raises(SourceError, match=r"x\.md has too many lines and signs to be read as Markdown: split it"):
        markdown("![" * 100_000)
