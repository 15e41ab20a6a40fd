"""What cannot be done is one sentence that names it and the remedy; nothing is started for it, and nothing is lost."""

import io
import os
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from machine import OPERATOR, ROOT, SAMPLE, Machine, closing, epub
from support import ValkeyServer, free_port
from typed import Type
from workshop import heard_tokens, planned_tokens

from chorus.commands import run
from workers.commands import app

NOBODY = 65534
BOOK = epub({"One": "The first page.", "Two": "The second page."})
DRM = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#">'
    '<enc:EncryptedData><enc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>'
    '<enc:CipherData><enc:CipherReference URI="0.xhtml"/></enc:CipherData></enc:EncryptedData></encryption>'
)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with closing(Machine(tmp_path)) as machine:
        yield machine


@pytest.fixture
def chorus(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Type]:
    """Types a command in a folder of awkward things. Nothing may ever have been started for it."""
    for name, value in machine.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(machine.folder)
    lay_out_awkward_things()
    yield lambda *words: run(app, [str(word) for word in words])
    assert not machine.run.log("supervisor").exists()


def lay_out_awkward_things() -> None:
    Path("ok.md").write_text("# Fine\n\nThis one is as it should be.\n")
    Path("none").mkdir()
    Path("none/picture.jpg").touch()
    Path("empty.txt").touch()
    Path("silent.md").write_text("***\n\n---\n")
    Path("nozip.epub").write_bytes(b"This is no archive at all.")
    Path("half.epub").write_bytes(BOOK[: len(BOOK) // 2])
    Path("locked.epub").write_bytes(with_member(BOOK, "META-INF/encryption.xml", DRM))
    Path("shelf").mkdir()
    Path("shelf/ok.txt").write_text("The same name, another ending.")


def with_member(archive: bytes, name: str, content: str) -> bytes:
    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a") as out:
        out.writestr(name, content)
    return buffer.getvalue()


def refused(capsys: pytest.CaptureFixture[str], *parts: str) -> None:
    """One sentence, in our name, and nothing else anywhere."""
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("chorus: ")
    assert said.err.count("\n") == 1
    for part in parts:
        assert part in said.err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["nowhere.epub"], ["nowhere.epub does not exist: check the name."]),
        (["none"], ["none has no documents that Chorus reads, which are .epub, .md"]),
        (["empty.txt"], ["empty.txt is empty: give an EPUB, PDF, Word, HTML, Markdown or plain text"]),
        (["silent.md"], ["silent.md holds no text that could be spoken: give"]),
        (["nozip.epub"], ["nozip.epub is damaged or incomplete", "Fetch it again."]),
        (["half.epub"], ["half.epub is damaged or incomplete", "Fetch it again."]),
        (["locked.epub"], ["locked.epub is encrypted (DRM): only its seller's programs"]),
        (["ok.md", "-v", "af_hart"], ["Voice 'af_hart' is unknown: did you mean af_heart"]),
        (["ok.md", "-v", "nobody"], ["Voice 'nobody' is unknown: choose one of af_bella, af_heart"]),
        (["ok.md", "-l", "tlh"], ["Language 'tlh' is unknown: choose one of en-gb"]),
        (["ok.md", "-l", "ja"], ["Japanese (ja) needs"]),
        (["ok.md", "-f", "aac"], ["--format is 'aac': choose wav, flac"]),
        (["ok.md", "--chapters", "one"], ["Chapters 'one' is not understood: write numbers"]),
        (["ok.md", "--chapters", "2-7"], ["Chapters 2-7 do not exist: choose among 1 to 1, which this document has."]),
        (["ok.md", "-s", "9"], ["Speed 9 is out of range: choose 0.25 to 4.0."]),
        (["ok.md", "-s", "0"], ["Speed 0 is out of range: choose 0.25 to 4.0."]),
        (["ok.md", "--on-error", "shrug"], ["--on-error is 'shrug': choose silence or stop."]),
        (["ok.md", "-o", "gone/book.wav"], ["The output folder gone does not exist: make it, or name another."]),
        (["ok.md", "-o", "ok.md/book.wav"], ["The output folder ok.md is a file: name another."]),
        (["ok.md", "empty.txt", "-o", "gone"], ["The output folder gone does not exist: make it, or name another."]),
        (["ok.md", "shelf", "-o", "one.wav"], ["one.wav is one file, but 2 documents were named: name a folder."]),
        (["ok.md", "shelf"], ["ok.md and shelf/ok.txt would both become", "ok.m4b: render them one by one."]),
        (["ok.md", "-o", "book.docx"], ["book.docx ends in .docx, which is no format: choose wav"]),
        (["ok.md", "-o", "book.wav", "-f", "mp3"], ["book.wav ends in .wav, but the format is mp3: drop one of them."]),
        (["ok.md", "-o", "-"], ["A book is a file, and `-o -` is a pipe: name a file"]),
        (["ok.md", "--cover", "empty.txt"], ["empty.txt: The cover is neither JPEG nor PNG: convert it"]),
        (["ok.md", "--cover", "gone.png"], ["gone.png does not exist: check the name."]),
        (["ok.md", "--url", "http://here"], ["is not one of Redis: write redis://"]),
        ([], ["Missing argument 'SOURCE'."]),
    ],
)
def test_what_the_caller_can_mend_is_said_before_anything_is_started(
    chorus: Type, capsys: pytest.CaptureFixture[str], words: list[str], parts: list[str]
) -> None:
    assert chorus("render", *words) == 2
    refused(capsys, *parts)


@pytest.mark.parametrize("command", ["inspect", "submit"])
def test_other_commands_refuse_a_document_in_the_same_words(
    chorus: Type, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert chorus(command, "nowhere.epub", *(["--url", "redis://127.0.0.1:1"] if command == "submit" else [])) == 2
    refused(capsys, "nowhere.epub does not exist: check the name.")


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("CHORUS_VOICE", "af_heart", ["CHORUS_VOICE is not a setting of Chorus: did you mean CHORUS_VOICES?"]),
        ("CHORUS_SLOTS", "many", ["CHORUS_SLOTS=many: "]),
        ("CHORUS_MODEL", "gone.onnx", ["CHORUS_MODEL=gone.onnx does not exist: name a Kokoro model, or unset it."]),
        ("CHORUS_MODEL", "ok.md", ["ok.md is not an ONNX file: set CHORUS_MODEL to a Kokoro model."]),
        ("CHORUS_MODEL", "other.onnx", ["other.onnx is not Kokoro's: it lacks ", "`chorus models pull` fetches one."]),
        ("CHORUS_VOICES", "gone.bin", ["The voices file gone.bin cannot be read", "set CHORUS_MODEL and"]),
        (
            "CHORUS_VOICES",
            "few.bin",
            ["no voice of its language is here, choose one of zz_q."],
        ),
        ("CHORUS_HOME", "ok.md", ["CHORUS_HOME=ok.md cannot be written: name a folder that can."]),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    chorus: Type, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    variable: str, value: str, parts: list[str],
) -> None:  # fmt: skip
    onnx.save(another_model(), "other.onnx")
    with Path("few.bin").open("wb") as file:
        np.savez(file, zz_q=np.zeros((510, 1, 256), np.float32))  # type: ignore[arg-type]
    monkeypatch.setenv(variable, value)
    assert chorus("render", "ok.md") == 2
    refused(capsys, *parts)


def another_model() -> onnx.ModelProto:
    """An ONNX, and not Kokoro's."""
    return onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> other (float[1] x) => (float[1] y) { y = Identity (x) }'
    )


def test_a_server_that_does_not_answer_is_named(chorus: Type, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert chorus("render", "ok.md", "--url", f"redis://:secret@127.0.0.1:{port}/0") == 1
    refused(capsys, f"No Redis or Valkey answers at 127.0.0.1:{port}: start one there, or name another")


@pytest.mark.parametrize(
    ("login", "sentence"),
    [(":wrong@", "refuses the password: correct it in CHORUS_URL or --url."), ("", "asks for a password: name it")],
)
def test_a_password_that_is_wrong_or_missing_is_said_and_never_shown(
    chorus: Type, capsys: pytest.CaptureFixture[str], tmp_path: Path, login: str, sentence: str
) -> None:
    with ValkeyServer(tmp_path, password="right") as server:  # noqa: S106 - of this server, for this test
        assert chorus("render", "ok.md", "--url", f"redis://{login}127.0.0.1:{server.port}/0") == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"chorus: The server at 127.0.0.1:{server.port} ")
    assert sentence in told.err
    assert "wrong" not in told.err
    assert told.err.count("\n") == 1


def test_a_port_in_use_is_named(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        said = machine.chorus("render", SAMPLE, CHORUS_PORT=str(port))
    assert said.returncode == 2
    assert said.stderr.startswith(f"chorus: Port {port} cannot be used")
    assert "CHORUS_PORT" in said.stderr
    assert said.stderr.count("\n") == 1
    machine.wait_quiet()


@contextmanager
def as_somebody_who_may_not() -> Iterator[None]:
    """Root may write anywhere; a test of what is forbidden needs somebody else."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_output_folder_that_cannot_be_written_is_named(
    chorus: Type, capsys: pytest.CaptureFixture[str], open_folder: Path
) -> None:
    (open_folder / "ok.md").write_text("# Fine\n\nHello.\n")
    open_folder.chmod(0o555)
    with as_somebody_who_may_not():
        status = chorus("render", open_folder / "ok.md", "-o", open_folder / "book.wav")
    assert status == 2
    refused(capsys, f"The output folder {open_folder} cannot be written (permission denied): name another.")


def test_a_document_that_cannot_be_read_is_named(
    chorus: Type, capsys: pytest.CaptureFixture[str], open_folder: Path
) -> None:
    (open_folder / "secret.md").write_text("# Mine\n")
    (open_folder / "secret.md").chmod(0o000)
    open_folder.chmod(0o777)
    with as_somebody_who_may_not():
        status = chorus("render", open_folder / "secret.md", "-o", open_folder / "book.wav")
    assert status == 2
    refused(
        capsys, f"{open_folder / 'secret.md'} cannot be read (permission denied): check its name and who may read it"
    )


def limited(machine: Machine, limit_bytes: int, *words: object) -> "subprocess.CompletedProcess[str]":
    """The command on a machine whose disk takes no file longer than this."""
    command = ["/bin/sh", "-c", f'ulimit -f {limit_bytes // 512}; exec "$@"', "sh", *OPERATOR, *map(str, words)]
    return subprocess.run(
        command, cwd=machine.folder, env=machine.environment(), capture_output=True, text=True, check=False, timeout=90
    )


def test_a_disk_that_fills_up_under_the_finished_file_costs_only_the_copy(machine: Machine) -> None:
    out = machine.folder / "book.wav"
    assert machine.chorus("up").returncode == 0
    full = limited(machine, 1 << 20, "render", SAMPLE, "-o", out)
    assert full.returncode == 1
    assert full.stderr.startswith(f"chorus: There is no room for book.wav in {machine.folder} (file too large): free ")
    assert full.stderr.count("\n") == 1
    assert not out.exists()
    assert not list(machine.folder.glob(".*"))
    again = machine.chorus("render", SAMPLE, "-o", out)
    assert again.returncode == 0
    assert "already" in again.stdout
    assert heard_tokens(out) == planned_tokens(SAMPLE.read_bytes(), "sample.md")


def test_help_needs_nothing_at_all(tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "gone")}
    said = subprocess.run([*OPERATOR, "render", "--help"], env=bare, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    assert "Turn documents into audiobooks." in said.stdout
