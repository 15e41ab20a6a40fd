"""The order of the documents in a folder."""

from pathlib import Path

import pytest

from chorus.errors import SourceError
from workers.cli.folders import documents_in


@pytest.fixture
def book(tmp_path: Path) -> Path:
    folder = tmp_path / "book"
    (folder / "deep").mkdir(parents=True)
    for name in ("appendix.md", "ch01.md", "ch 02.md", "zebra.txt", "deep/er.md", "picture.png"):
        (folder / name).write_text("Words.")
    (tmp_path / "outside.md").write_text("Not of this book.")
    return folder


def names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in documents_in(folder)]


def test_documents_are_ordered_by_name(book: Path) -> None:
    assert names(book) == ["appendix.md", "ch 02.md", "ch01.md", "zebra.txt"]


def test_a_summary_defines_the_order_and_unlisted_documents_follow(book: Path) -> None:
    (book / "SUMMARY.md").write_text(
        "# Summary\n\n[One](ch01.md)\n\n- [Two](./ch%2002.md#here)\n  - [Three](<deep/er.md>)\n- [Draft]()\n"
        "- [Gone](gone.md)\n- [Picture](picture.png)\n- [Again](ch01.md)\n- [Appendix](appendix.md)\n"
    )
    assert names(book) == ["ch01.md", "ch 02.md", "deep/er.md", "appendix.md", "zebra.txt"]


def test_a_summary_cannot_name_files_outside_its_folder(book: Path) -> None:
    (book / "link.md").symlink_to(book.parent / "outside.md")
    (book / "SUMMARY.md").write_text("[Out](../outside.md) [Out](/etc/motd.txt) [Link](link.md) [One](ch01.md)")
    assert names(book)[0] == "ch01.md"
    assert "../outside.md" not in names(book)


def test_a_summary_that_lists_no_document_is_a_document(book: Path) -> None:
    (book / "SUMMARY.md").write_text("# What it was about\n\nThe [sea](https://example.org/sea.html).")
    assert names(book) == ["SUMMARY.md", "appendix.md", "ch 02.md", "ch01.md", "zebra.txt"]


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no documents that Chorus reads"):
        documents_in(tmp_path)
