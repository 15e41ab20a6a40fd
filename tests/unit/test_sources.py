"""What a command accepts as SOURCE: files, standard input, and several documents as one book."""

import io
import zipfile
from pathlib import Path

import pytest
from machine import epub

from chorus.bundle import pack, packed
from chorus.errors import OptionError, SourceError
from chorus.sources import MOST_BYTES, PIPE, Source, sources
from tasks.documents import Document, ReaderOptions, read
from tasks.documents.model import Mark

PARTS = (
    ("a.md", b"---\nauthor: A. Writer\nlang: en-GB\n---\n# First\n\nOne.\n\n# Second\n\nTwo.\n\n![x](y)"),
    ("b.txt", b"Plain words."),
    ("b.txt", b"Other words."),
)


def bundle(*parts: tuple[str, bytes], wanted: ReaderOptions | None = None) -> Document:
    return read(pack(parts), "a.md and 2 more", wanted or ReaderOptions())


def test_several_documents_become_one_with_their_chapters_in_order() -> None:
    document = bundle(*PARTS)
    assert [chapter.title for chapter in document.chapters] == ["First", "Second", "b", "b"]
    assert [chapter.text for chapter in document.chapters][-2:] == ["Plain words.", "Other words."]
    assert (document.title, document.author) == ("a", "A. Writer")
    assert "a.md: 1 image (unless --speak images)" in document.left_out


@pytest.mark.parametrize(
    ("stated", "series"),
    [
        (("The Small Books #2",), "The Small Books #2"),
        (("The Small Books #1", "The Small Books #2"), "The Small Books"),
        (("", "The Small Books #2"), "The Small Books #2"),
        (("The Small Books #1", "The Large Books #1"), ""),
        (("", ""), ""),
    ],
)
def test_volumes_of_one_series_become_a_book_of_that_series(stated: tuple[str, ...], series: str) -> None:
    volumes = [(f"{at}.epub", epub({"One": "Words."}, series=each)) for at, each in enumerate(stated)]
    assert bundle(*volumes).series == series


def test_the_readers_options_reach_every_part() -> None:
    document = bundle(("a.txt", "Это".encode("cp1251")), ("b.md", b"![x](y)"),
                      wanted=ReaderOptions(encoding="cp1251", speak=frozenset(("images",))))  # fmt: skip
    assert [chapter.text for chapter in document.chapters] == ["Это", "x"]


@pytest.mark.parametrize(
    ("languages", "document", "chapters"),
    [
        (("en", "en-US"), "en", (None, None)),
        (("fr", "de"), "", ("fr", "de")),
        (("fr", ""), "", ("fr", None)),
        (("", ""), "", (None, None)),
        (("tlh", "TLH"), "tlh", (None, None)),
    ],
)
def test_a_language_that_only_some_documents_have_is_set_on_their_chapters(
    languages: tuple[str, ...], document: str, chapters: tuple[str | None, ...]
) -> None:
    parts = [
        (f"{at}.md", f"---\ntitle: x\nlang: {stated}\n---\n\nWords.".encode()) for at, stated in enumerate(languages)
    ]
    found = bundle(*parts)
    assert found.language == document
    marks = tuple((Mark(start=0, end=6, kind="language", value=stated),) if stated else () for stated in chapters)
    assert tuple(chapter.marks for chapter in found.chapters) == marks


def test_the_same_documents_give_the_same_bytes() -> None:
    assert pack(PARTS) == pack(PARTS) != pack(PARTS[::-1])
    assert packed(pack(PARTS))
    assert not packed(b"PK\x03\x04 of another kind")


def squeezed() -> bytes:
    buffer = io.BytesIO(pack(PARTS))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("9/bomb.txt", b"0" * 1_000_000)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (pack((*PARTS, ("bad.epub", b"no archive"))), r"bad\.epub is damaged"),
        (pack((*PARTS, ("empty.txt", b""))), r"empty\.txt is empty"),
        (pack((("in", pack(PARTS)),)), "in is a bundle inside a bundle"),
        (pack(()), "more holds no documents"),
        (pack(PARTS)[:-30], "more is damaged"),
        (pack(PARTS)[:200], "more is damaged"),
        (squeezed(), "no bundle that Chorus packed"),
    ],
)
def test_an_unreadable_part_is_named(data: bytes, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        read(data, "a.md and 2 more")


def test_sources_are_named_individually_or_as_one_book() -> None:
    paths = [Path("x/a.md"), PIPE, Path("b.epub")]
    assert [(one.name, one.stem) for one in sources(paths)] == [("a.md", "a"), ("stdin", "stdin"), ("b.epub", "b")]
    (one,) = sources(paths, one_book=True)
    assert (one.name, one.stem, str(one)) == ("a.md and 2 more", "a", "x/a.md and - and b.epub")


def test_standard_input_is_read_only_once() -> None:
    with pytest.raises(OptionError, match="`-` is standard input, which can be read only once"):
        sources([PIPE, Path("a"), PIPE])


def test_a_book_of_one_source_is_that_source(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"Words.")
    (one,) = sources([path], one_book=True)
    assert (one.read(), one.given()) == (b"Words.", path)


def test_a_document_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "endless.txt"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SourceError, match=r"endless\.txt has 128\.1 MB, and 128 MB are the most: split it"):
        Source(paths=(path,)).read()


@pytest.mark.parametrize(("name", "why"), [("none.md", "does not exist"), ("folder", "is a folder")])
def test_an_unreadable_file_is_named(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SourceError, match=f"{name} {why}"):
        sources([tmp_path / "folder" / ".." / name])[0].read()
