"""`chorus render` as a user types it: any document in, the file he asked for out, and a report beside it."""

import hashlib
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from machine import ROOT, SAMPLE, Machine, closing, epub
from typed import Type
from workshop import heard_tokens, planned_tokens, report_beside

from broker.store import LocalStore
from chorus.client import Client
from chorus.commands import run
from chorus.wire import RATE_HZ
from tasks.parts.part_files import read_sidecar
from workers.cli.rendering import AGAIN
from workers.commands import app

AAC_FRAME, MP3_FRAME = 1024, 1152
# A decoder's own idea of where a lossy file ends: within its last frame.
SPARE = {"wav": 0, "flac": 0, "opus": 0, "mp3": MP3_FRAME, "m4b": AAC_FRAME}
BOOK = epub({"One": "The first page is short.", "Two": "The second is not much longer.", "Three": "Here it ends."})
PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\x80\x40\x20")),
        (b"IEND", b""),
    )
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with closing(Machine(tmp_path_factory.mktemp("machine"))) as machine:
        assert machine.chorus("up").returncode == 0
        yield machine


@pytest.fixture
def chorus(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types an operator's command in an empty folder of its own."""
    for name, value in machine.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return lambda *words: run(app, [str(word) for word in words])


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        frames = sum(frame.samples for frame in container.decode(audio=0))
        return frames * RATE_HZ // container.streams.audio[0].rate


def tags_of(path: Path) -> dict[str, str]:
    """The file's own and its sound's: Ogg keeps them there."""
    with av.open(str(path)) as container:
        found = {**container.metadata, **container.streams.audio[0].metadata}
    return {name.lower(): value for name, value in found.items()}


def chapters_of(path: Path) -> list[tuple[str, float]]:
    with av.open(str(path)) as container:
        return [
            (one["metadata"]["title"], round(float(one["start"] * one["time_base"]), 3)) for one in container.chapters()
        ]


@pytest.mark.parametrize(
    ("name", "source"),
    [("talk.txt", b"A plain text.\n\nIn two paragraphs."), ("sample.md", SAMPLE.read_bytes()), ("book.epub", BOOK)],
)
def test_every_kind_of_document_is_spoken_to_the_last_token(chorus: Type, name: str, source: bytes) -> None:
    Path(name).write_bytes(source)
    assert chorus("render", name, "-o", "out.wav") == 0
    assert heard_tokens(Path("out.wav")) == planned_tokens(source, name)
    report: dict[str, Any] = report_beside(Path("out.wav"))
    assert report["characters"]["source"] == report["characters"]["covered"] > 0


@pytest.mark.parametrize("form", list(SPARE))
def test_every_format_holds_the_book_with_its_chapters_and_tags(chorus: Type, machine: Machine, form: str) -> None:
    Path("book.epub").write_bytes(BOOK)
    out = Path(f"out.{form}")
    assert chorus("render", "book.epub", "-o", out) == 0
    report: dict[str, Any] = report_beside(out)
    frames = spoken_frames(machine, report["job"])
    assert frames <= frames_of(out) <= frames + SPARE[form]
    assert report["audio_s"] == round(frames / RATE_HZ, 3)
    if form != "wav":
        assert chapters_of(out) == [(one["title"], one["start_s"]) for one in report["chapters"]]
        tags = tags_of(out)
        assert (tags["title"], tags["artist"], tags["genre"]) == ("The Small Book", "Ann Author", "Audiobook")
        assert "toy voice, voice af_heart" in tags["comment"]


def test_a_finished_job_has_all_chapters_finished_and_all_audio_bound(chorus: Type, machine: Machine) -> None:
    Path("book.epub").write_bytes(BOOK)
    assert chorus("render", "book.epub", "-o", "out.mp3") == 0
    with Client(machine.url()) as client:
        record = client.job(str(report_beside(Path("out.mp3"))["job"]))
    assert record.chapters_done == record.chapters_total == 3
    assert record.bound_frames == record.frames > 0
    assert (record.running_since_ms or 0) <= (record.bind_started_ms or 0) <= (record.finished_ms or 0)


def spoken_frames(machine: Machine, job: str) -> int:
    """What the segments of a job last, added up one by one."""
    store = LocalStore(machine.home / "store")
    with Client(machine.url()) as client:
        record = client.job(job)
    parts = [read_sidecar(store, job, record.epoch, part) for part in range(record.parts_total)]
    frames = [placed.frames for part in parts for placed in part.segments]
    assert len(frames) == record.segments_done
    return sum(frames)


@pytest.mark.parametrize(
    ("words", "made"),
    [
        (["render", "talk.md"], "talk.m4b"),
        (["talk.md"], "talk.m4b"),
        (["convert", "talk.md", "-f", "wav"], "talk.wav"),
        (["talk.md", "-o", "shelf"], "shelf/talk.m4b"),
        (["talk.md", "-o", "shelf", "-f", "mp3"], "shelf/talk.mp3"),
        (["talk.md", "-o", "other", "-f", "opus"], "other.opus"),
        (["talk.md", "-o", "LOUD.WAV"], "LOUD.WAV"),
    ],
)
def test_a_file_is_made_where_and_as_it_was_asked_for(chorus: Type, words: list[str], made: str) -> None:
    Path("shelf").mkdir()
    Path("talk.md").write_text("# Talk\n\nHello.\n")
    assert chorus(*words) == 0
    assert frames_of(Path(made)) > 0
    files = {path for path in Path().rglob("*") if path.is_file()}
    assert files == {Path("talk.md"), Path(made), Path(f"{made}.report.json")}


def test_title_author_cover_and_language_are_the_callers(chorus: Type) -> None:
    Path("talk.md").write_text("# Talk\n\nColour and schedule.\n")
    Path("cover.png").write_bytes(PNG)
    words = ["--title", "My Talk", "--author", "Me", "--cover", "cover.png", "-v", "bf_emma", "-l", "en-US"]
    assert chorus("talk.md", "-o", "out.m4b", *words) == 0
    tags = tags_of(Path("out.m4b"))
    assert (tags["title"], tags["artist"], tags["language"]) == ("My Talk", "Me", "eng")
    assert "voice bf_emma" in tags["comment"]
    with av.open("out.m4b") as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (1, 1)
    assert report_beside(Path("out.m4b"))["voice"] == "bf_emma"


@pytest.mark.parametrize("language", ["en-us", "en-gb"])
def test_a_text_is_spoken_in_the_language_that_was_asked_for(chorus: Type, language: str) -> None:
    text = b"The colour of the schedule, after all, is a matter of taste."
    Path("talk.txt").write_bytes(text)
    assert chorus("talk.txt", "-o", "out.wav", "-l", language) == 0
    assert heard_tokens(Path("out.wav")) == planned_tokens(text, "talk.txt", language=language)


def test_only_the_chapters_that_were_asked_for_are_spoken(chorus: Type) -> None:
    Path("book.epub").write_bytes(BOOK)
    assert chorus("book.epub", "-o", "out.flac", "--chapters", "1,3") == 0
    assert [title for title, _ in chapters_of(Path("out.flac"))] == ["One", "Three"]
    assert heard_tokens(Path("out.flac")) == planned_tokens(BOOK, "book.epub", chapters="1,3")


def test_beyond_the_models_own_speeds_the_sound_is_stretched(chorus: Type) -> None:
    Path("talk.md").write_text("# Talk\n\nA talk of a few words.\n\nAnd a few more.\n")
    usual, slow, fast = (made_at(chorus, speed) for speed in (1.0, 0.3, 3.0))
    segments: Any = report_beside(Path("1.0.wav"))["segments"]
    # Each segment and each pause is rounded to a sample of its own.
    assert abs(slow - usual / 0.3) <= 2 * segments["planned"]
    assert abs(fast - usual / 3.0) <= 2 * segments["planned"]


def made_at(chorus: Type, speed: float) -> int:
    assert chorus("talk.md", "-o", f"{speed}.wav", "-s", speed) == 0
    return frames_of(Path(f"{speed}.wav"))


@pytest.mark.parametrize("speed", ["1", "4"])
def test_captions_beside_the_file_end_with_its_sound_at_any_speed(chorus: Type, tmp_path: Path, speed: str) -> None:
    # The first two paragraphs are said in one breath, each on its own line; the last has a cue of its own.
    long = "The keeper of the light wrote down what each of them had left upon the sand."
    (tmp_path / "book.md").write_text(f"# One\n\nThe tide came in.\n\nThe tide went out.\n\n{long}\n")
    assert chorus("render", "book.md", "-o", "book.wav", "-s", speed, "--captions", "srt") == 0
    told = (tmp_path / "book.srt").read_text()
    assert [line for line in told.splitlines() if line.startswith("The")] == [
        "The tide came in.",
        "The tide went out.",
        long,
    ]
    (*_, last) = (line for line in told.splitlines() if "-->" in line)
    minutes, seconds = last.partition("--> 00:")[2].replace(",", ".").split(":")
    assert float(minutes) * 60 + float(seconds) == pytest.approx(frames_of(tmp_path / "book.wav") / RATE_HZ, abs=0.001)


def test_several_documents_and_folders_of_them_become_a_file_each(
    chorus: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("shelf").mkdir()
    Path("shelf/b.md").write_text("# B\n\nBee.\n")
    Path("shelf/a.txt").write_text("Aye.\n")
    Path("shelf/notes.jpg").write_text("not for reading aloud")
    Path("c.md").write_text("# C\n\nSee.\n")
    Path("out").mkdir()
    assert chorus("shelf", "c.md", "-o", "out", "-f", "wav") == 0
    assert sorted(path.name for path in Path("out").glob("*.wav")) == ["a.wav", "b.wav", "c.wav"]
    made = [line for line in capsys.readouterr().out.splitlines() if " segments, made in " in line]
    assert [re.findall(r"(\w)\.wav", line) for line in made] == [["a"], ["b"], ["c"]]


def test_the_report_says_what_was_made_of_what(chorus: Type, machine: Machine) -> None:
    Path("book.epub").write_bytes(BOOK)
    assert chorus("book.epub", "-o", "out.wav") == 0
    report: dict[str, Any] = json.loads(Path("out.wav.report.json").read_text("utf-8"))
    assert report["file"] == str(Path("out.wav").absolute())
    assert [one["title"] for one in report["chapters"]] == ["One", "Two", "Three"]
    starts = [one["start_s"] for one in report["chapters"]]
    ends = [round(one["start_s"] + one["length_s"], 3) for one in report["chapters"]]
    assert starts == [0.0, *ends[:-1]]
    assert ends[-1] == pytest.approx(report["audio_s"], abs=0.002)
    assert report["segments"]["planned"] == report["segments"]["spoken"] >= 3
    assert report["segments"]["failed"] == 0
    proof = {name: report["characters"][name] for name in ("proved", "missing", "silent", "unsaid")}
    assert proof == {"proved": True, "missing": [], "silent": [], "unsaid": []}
    assert report["g2p_ms_per_segment"] > 0
    assert report["wall_s"] > 0
    assert report["times_real_time"] == pytest.approx(report["audio_s"] / report["wall_s"], rel=0.01)
    assert 0 < report["first_audio_s"] <= report["wall_s"] + 1
    with Client(machine.url()) as client:
        record = client.job(report["job"])
        worker = next(worker for worker in client.workers() if worker.sound == record.sound)
    assert (report["model_digest"], report["voices_digest"]) == (worker.model_digest, worker.voices_digest)
    assert report["audio_sha256"] == sha256_of_sound(Path("out.wav"))


def sha256_of_sound(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()[44:]).hexdigest()


def test_equal_books_have_equal_sound_whatever_the_format(chorus: Type) -> None:
    Path("talk.md").write_text("# Talk\n\nThe same words.\n")
    digests = set()
    for form in ("flac", "m4b"):
        assert chorus("talk.md", "-o", f"same.{form}") == 0
        digests.add(report_beside(Path(f"same.{form}"))["audio_sha256"])
    assert len(digests) == 1


def test_a_program_gets_json_alone_and_the_report_last(chorus: Type, capsys: pytest.CaptureFixture[str]) -> None:
    Path("talk.md").write_text("# Talk\n\nFor a program.\n")
    assert chorus("talk.md", "-o", "out.wav", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines[:2]] == ["note", "progress"]
    assert lines[-1] == {"event": "result", **report_beside(Path("out.wav"))}


def test_a_pipe_gets_plain_lines(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "talk.md").write_text("# Talk\n\nFor a log.\n")
    said = machine.chorus("render", tmp_path / "talk.md", "-o", tmp_path / "out.wav")
    assert (said.returncode, said.stderr) == (0, "")
    assert "\x1b" not in said.stdout
    first, *_, last = said.stdout.splitlines()
    assert first == f"Talk: 1 chapter → {tmp_path / 'out.wav'}"
    assert last.startswith(f"{tmp_path / 'out.wav'}: 0:0")


def test_what_was_rendered_already_is_not_rendered_again(
    chorus: Type, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("talk.md").write_text("# Talk\n\nOnce is enough.\n")
    assert chorus("talk.md", "-o", "out.flac") == 0
    made = Path("out.flac").read_bytes()
    Path("out.flac").unlink()
    assert AGAIN not in capsys.readouterr().out
    assert chorus("talk.md", "-o", "out.flac") == 0
    assert AGAIN in capsys.readouterr().out
    assert Path("out.flac").read_bytes() == made
    assert chorus("talk.md", "-o", "out.flac", "--fresh") == 0
    assert AGAIN not in capsys.readouterr().out
    assert Path("out.flac").read_bytes() == made
    job = str(report_beside(Path("out.flac"))["job"])
    with Client(machine.url()) as client:
        assert client.job(job).epoch == 2


def test_a_name_that_is_no_text_is_still_a_files_name(chorus: Type) -> None:
    name = os.fsdecode(b"caf\xe9.md")
    Path(name).write_text("# Menu\n\nTea.\n")
    assert chorus(name, "-f", "wav") == 0
    assert frames_of(Path(name).with_suffix(".wav")) > 0


def test_a_source_too_large_for_redis_travels_through_the_store(chorus: Type, machine: Machine) -> None:
    book = epub({"One": "A short text."})
    padded = Path("book.epub")
    padded.write_bytes(book)
    with zipfile.ZipFile(padded, "a") as archive:
        archive.writestr("picture.jpg", os.urandom(17 << 20))
    assert chorus("book.epub", "-o", "out.wav") == 0
    assert heard_tokens(Path("out.wav")) == planned_tokens(book, "book.epub")
    with Client(machine.url()) as client:
        assert client.job(str(report_beside(Path("out.wav"))["job"])).segments_done > 0


def test_documents_of_the_repository_are_its_own(chorus: Type) -> None:
    """The command of the README."""
    assert chorus("render", ROOT / "docs" / "sample.md", "-o", "sample.m4b") == 0
    assert [title for title, _ in chapters_of(Path("sample.m4b"))] == ["The Keeper", "The Voices"]
