"""The options of a render are checked before anything is started."""

from dataclasses import replace
from pathlib import Path

import pytest

from chorus import lexicon
from chorus.errors import CallerError, OutputError, SourceError
from chorus.request import Format, Wishes
from workers.cli.folders import READABLE
from workers.cli.render_requests import Options, checked_requests

PLAIN = Options(wishes={})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.md").write_text("# Talk\n\nHello.\n\n# More\n\nGoodbye.\n")
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("output", "form", "target"),
    [
        (None, "", "talk.m4b"),
        (None, "wav", "talk.wav"),
        ("out", "", "out/talk.m4b"),
        ("out", "opus", "out/talk.opus"),
        ("book.mp3", "", "book.mp3"),
        ("book.MP3", "mp3", "book.MP3"),
        ("book", "flac", "book.flac"),
        ("out/book", "", "out/book.m4b"),
    ],
)
def test_a_target_follows_from_output_and_format(here: Path, output: str | None, form: Format, target: str) -> None:
    options = Options(output=Path(output) if output else None, wishes={"format": form} if form else {})
    (order,) = checked_requests([Path("talk.md")], options)
    assert order.target == here / target
    assert order.request.format == order.target.suffix.lower()[1:]


def test_testing_whether_a_folder_is_writable_leaves_nothing_in_it(here: Path) -> None:
    checked_requests([Path("talk.md")], replace(PLAIN, output=Path("out")))
    assert list((here / "out").iterdir()) == []


PACKED = {".epub", ".pdf", ".docx", ".ssml"}
"""Words alone are no such file."""


def test_a_folder_gives_only_its_documents_in_order(here: Path) -> None:
    shelf = here / "shelf"
    (shelf / "deeper").mkdir(parents=True)
    for number, ending in enumerate(reversed(READABLE)):
        (shelf / f"{number}{ending.upper()}").write_text("<speak>Words.</speak>") if ending not in PACKED else None
    (shelf / "deeper.md").mkdir()
    found = checked_requests([shelf], PLAIN)
    assert [order.request.name for order in found] == sorted(
        f"{number}{ending.upper()}" for number, ending in enumerate(reversed(READABLE)) if ending not in PACKED
    )


def test_the_request_has_the_requested_chapters() -> None:
    (order,) = checked_requests([Path("talk.md")], Options(wishes={"chapters": "2"}))
    assert [chapter.title for chapter in order.document.chapters] == ["More"]
    assert order.request.chapters == "2"


def test_the_request_has_the_requested_reading_options() -> None:
    Path("words.toml").write_text('Talk = "walk"\n')
    words = lexicon.read(Path("words.toml"))
    wishes: Wishes = {"pauses": "heading=9", "as_written": "all", "lexicon": words}
    (order,) = checked_requests([Path("talk.md")], Options(wishes=wishes))
    assert (order.request.pauses, order.request.as_written, order.request.lexicon) == ("heading=9", "all", words)
    assert words


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"output": Path("out/none/book.wav")}, OutputError, "The output folder out/none does not exist"),
        ({"output": Path("talk.md/book.wav")}, OutputError, "The output folder talk.md is a file"),
        ({"output": Path("-")}, OutputError, "`-o -` is a pipe"),
        ({"cover": Path("talk.md")}, CallerError, "talk.md: The cover is neither JPEG nor PNG"),
        ({"wishes": {"speed": 5.0}}, CallerError, "Speed 5 is out of range"),
    ],
)
def test_impossible_requests_are_refused(options: dict[str, object], error: type[CallerError], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        checked_requests([Path("talk.md")], replace(PLAIN, **options))  # type: ignore[arg-type]


def test_a_target_that_is_a_folder_is_refused(here: Path) -> None:
    (here / "out" / "talk.m4b").mkdir()
    with pytest.raises(OutputError, match="is a folder: name a file"):
        checked_requests([Path("talk.md")], replace(PLAIN, output=Path("out")))


def test_two_books_never_become_one_file(here: Path) -> None:
    (here / "talk.txt").write_text("Another talk.")
    with pytest.raises(OutputError, match=r"talk\.md and talk\.txt would both become .*talk\.m4b"):
        checked_requests([Path("talk.md"), Path("talk.txt")], PLAIN)


def test_a_document_is_read_only_after_its_target_is_known_to_be_writable() -> None:
    with pytest.raises(OutputError):
        checked_requests([Path("gone.md")], replace(PLAIN, output=Path("none/book.wav")))
    with pytest.raises(SourceError, match=r"gone\.md does not exist"):
        checked_requests([Path("gone.md")], PLAIN)


def test_several_sources_are_one_book_with_the_firsts_name(here: Path) -> None:
    (here / "more.txt").write_text("Chapter 1\n\nAnother talk.")
    (order,) = checked_requests([Path("talk.md"), Path("more.txt")], Options(one_book=True, wishes={"title": "Both"}))
    assert [chapter.title for chapter in order.document.chapters] == ["Talk", "More", "more"]
    assert (order.request.name, order.request.title) == ("talk.md and 1 more", "Both")
    assert order.target == here / "talk.m4b"


def test_options_for_skipping_reach_the_reader_and_the_job(here: Path) -> None:
    (here / "talk.md").write_text("Words.[^1]\n\n[^1]: Note.\n\n```\ncode\n```")
    wishes: Wishes = {"skip": "notes", "speak": "code", "encoding": "latin1"}
    (order,) = checked_requests([Path("talk.md")], Options(wishes=wishes))
    assert order.document.chapters[0].text == "Words.\n\ncode"
    assert (order.request.skip, order.request.speak, order.request.encoding) == ("notes", "code", "latin1")
