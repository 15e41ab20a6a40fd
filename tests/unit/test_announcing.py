"""`render FOLDER`: what it prints before it begins, and when it asks for confirmation."""

import random
from pathlib import Path

import pytest

from chorus.request import Request
from chorus.terminal import LineProgress
from tasks import documents
from tasks.documents.model import Document
from tasks.inspection import SAMPLE_CHARACTERS, estimate_s, inspect
from workers.cli.announcing import LISTED, Announcement
from workers.cli.render_requests import Options, RenderRequest, checked_requests

WORDS = ["river", "stone", "happy", "winter", "open", "letter", "garden", "silver", "quiet", "moment", "window"]


class NoError(Exception):
    """The user answered no."""


def prose(characters: int, seed: int = 0) -> str:
    chance = random.Random(seed)
    text = ""
    while len(text) < characters:
        text += f"{' '.join(chance.choice(WORDS) for _ in range(12)).capitalize()}. "
    return text


def book(chapters: int, characters: int) -> Document:
    text = "\n\n".join(f"# Chapter {n}\n\n{prose(characters, n)}" for n in range(chapters))
    return documents.read(text.encode(), "book.md")


@pytest.mark.parametrize(("chapters", "characters"), [(1, 200), (4, 2 * SAMPLE_CHARACTERS)])
@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_a_sample_estimates_the_length_of_the_whole(chapters: int, characters: int, speed: float) -> None:
    document, request = book(chapters, characters), Request(name="book.md", speed=speed)
    whole_s = inspect(document, "en-us", request).estimated_s
    assert estimate_s(document, "en-us", request) == pytest.approx(whole_s, rel=0.1, abs=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "books"
    folder.mkdir()
    return folder


def requests_in(folder: Path) -> list[RenderRequest]:
    return checked_requests([folder], Options(wishes={}))


def test_a_folder_is_named_with_its_documents_and_how_long_they_last(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.md").write_text(f"# Alpha\n\n{prose(4000)}")
    (folder / "b.md").write_text("# Beta\n\nOne.\n\n# Two\n\nMore.")
    Announcement(folders=[folder])(requests_in(folder), LineProgress())
    lines = capsys.readouterr().out.splitlines()
    length = lines[0].removeprefix(f"Found in {folder}: 2 documents to render, about ").removesuffix(" of audio.")
    minutes, _ = length.split(":")
    assert 3 <= int(minutes) <= 6
    assert lines[1].startswith(f"  a.m4b: Alpha, 1 chapter, about {minutes}:")
    assert lines[2].startswith("  b.m4b: b, 2 chapters, about 0:0")
    assert len(lines) == 3


def test_of_a_large_folder_the_first_documents_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(LISTED + 2):
        (folder / f"{number:03}.txt").write_text("Words.")
    Announcement(folders=[folder])(requests_in(folder), LineProgress())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == LISTED + 2
    assert lines[-1] == "  … and 2 more"


@pytest.mark.parametrize(("characters", "asked"), [(100_000, False), (600_000, True)])
def test_beyond_five_hours_of_audio_the_user_is_asked(folder: Path, characters: int, asked: bool) -> None:
    (folder / "a.txt").write_text(prose(characters))
    questions: list[str] = []

    def no(question: str) -> None:
        questions.append(question)
        raise NoError

    announce = Announcement(folders=[folder], ask=no)
    if asked:
        with pytest.raises(NoError):
            announce(requests_in(folder), LineProgress())
    else:
        announce(requests_in(folder), LineProgress())
    assert questions == ["That is more than 5 hours of audio. Go on?"] * asked
    Announcement(folders=[folder])(requests_in(folder), LineProgress())


def test_a_single_file_is_not_announced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.txt").write_text("Words.")
    Announcement(folders=[])(requests_in(folder), LineProgress())
    assert capsys.readouterr().out == ""
