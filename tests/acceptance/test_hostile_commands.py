"""Commands that are fed rubbish: a sentence that says what to do, and nothing hangs, grows, or is left behind.

Each is typed as a process of its own, forked after the imports (forked.py).
"""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from forked import CHECKOUT, CLOSED, NOBODY, PACKAGE, Shell

from broker.settings import FarmSettings
from workers.commands import app

NOWHERE: Final = ("--url", "redis://127.0.0.1:1/0")
"""A server that is not there: what is refused is refused before it is asked."""
LONG: Final = "x" * 300
DEEP: Final = "/".join(["d" * 200] * 25)
THOUSANDS: Final = "9" * 5000
FULL: Final = Path("/dev/full")
ZERO: Final = Path("/dev/zero")
PNG: Final = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    # Not pytest's folder, which others may not look into.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with Shell(Path(name)) as shell:
            _lay_out(shell.folder)
            yield shell
            assert not list(shell.home.rglob("supervisor.log")), "something was started"


def _lay_out(folder: Path) -> None:
    (folder / "ok.md").write_text("# Fine\n\nThis one is as it should be.\n")
    (folder / "closed").mkdir()
    (folder / "secret").write_text("Mine.")
    (folder / "cover.png").write_bytes(PNG)
    (folder / "loops").symlink_to("loops")
    for ending in ("md", "png", "toml", "wav", "m4b"):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / f"socket.{ending}"))
        (folder / f"folder.{ending}").mkdir()
        (folder / f"loop.{ending}").symlink_to(f"loop.{ending}")
        (folder / f"secret.{ending}").write_text("Mine.")
        for device in ("zero", "null", "full", "tty"):
            (folder / f"{device}.{ending}").symlink_to(f"/dev/{device}")
        os.mkfifo(folder / f"pipe.{ending}")
        (folder / f"secret.{ending}").chmod(0o000)
    (folder / "closed").chmod(0o000)


def commands(of: typer.Typer) -> dict[str, Any]:
    """Every command of a program, by the words that call it."""
    group: Any = typer.main.get_command(of)
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        below = getattr(command, "commands", None)
        found |= {f"{name} {inner}": one for inner, one in below.items()} if below else {name: command}
    return found


COMMANDS: Final = commands(app)
# What a command needs besides the option in question.
ARGUMENTS: Final = {
    "render": ["ok.md", "-o", "book.wav"],
    "convert": ["ok.md", "-o", "book.wav"],
    "inspect": ["ok.md"],
    "submit": ["ok.md", *NOWHERE],
    "say": ["hello", "-o", "said.wav", *NOWHERE],
    "phonemize": ["hello"],
    "models use": ["stand-in"],
    "save": ["a1", *NOWHERE],
}
READ: Final = {"sources": "md", "cover": "png", "lexicon": "toml"}
"""The parameters that are read, with an ending that each takes."""


def paths(which: str) -> list[tuple[str, str, str]]:
    """Command, parameter and flag of everything that takes a path, of those that are `read` or those `written`."""
    found = []
    for words, command in COMMANDS.items():
        for parameter in command.params:
            if "Path" in str(parameter.type_descriptor.annotation) and (parameter.name in READ) == (which == "read"):
                flag = "" if parameter.param_type_name == "argument" else parameter.opts[-1]
                found.append((words, parameter.name, flag))
    return found


UNREADABLE: Final = {
    "a name of 300 letters": f"{LONG}.E",
    "a path of 5000 letters": f"{DEEP}.E",
    "a folder that is closed": "closed/file.E",
    "a file that is closed": "secret.E",
    "a file that is not there": "nowhere.E",
    "a file in the place of a folder": "ok.md/file.E",
    "links that lead round": "loop.E",
    "a folder of links that lead round": "loops/file.E",
    "a pipe that nobody writes into": "pipe.E",
    "a socket": "socket.E",
    "a device without an end": "zero.E",
    "a device that is empty": "null.E",
    "a device that is full": "full.E",
    "a terminal": "tty.E",
    "a name of bytes": "\udcff\udcfe.E",
    "the memory of the process": "/proc/self/mem",
}


TELLING: Final = ("a name of 300 letters", "a folder that is closed", "a pipe that nobody writes into")
"""What is tried where the same parameter stands in one more command."""


def unreadable() -> Iterator[Any]:
    known = set()
    for words, name, flag in paths("read"):
        for what in TELLING if name in known else UNREADABLE:
            yield pytest.param(words, name, flag, UNREADABLE[what], id=f"{words} {flag or name} {what}")
        known.add(name)


@pytest.mark.parametrize(("words", "name", "flag", "path"), list(unreadable()))
def test_what_cannot_be_read_is_refused_wherever_a_path_is_read(
    shell: Shell, words: str, name: str, flag: str, path: str
) -> None:
    given = path.replace(".E", f".{READ[name]}")
    arguments = [*ARGUMENTS[words], f"{flag}={given}"] if flag else [given, *ARGUMENTS[words][1:]]
    shell.type(*words.split(), *arguments, user=NOBODY).refused()


UNWRITABLE: Final = {
    "a name of 300 letters": f"{LONG}.wav",
    "a path of 5000 letters": f"{DEEP}.wav",
    "a name that leaves no room for the report": f"{'x' * 248}.wav",
    "a folder that is closed": "closed/out.wav",
    "a folder that is not there": "nowhere/out.wav",
    "a file in the place of a folder": "ok.md/out.wav",
    "a folder": "folder.wav",
    "links that lead round": "loop.wav",
    "a folder of links that lead round": "loops/out.wav",
    "a device": "/dev/null",
    "a name beside a device": "/dev/null.wav",
    "a link to a device": "null.wav",
    "a link to a full device": "full.wav",
    "a pipe": "pipe.wav",
    "a socket": "socket.wav",
    "the system's own folder": "/proc/out.wav",
    "no format": "out.docx",
    "the folder above all": "/",
}


TAKEN: Final = {
    "render": ("a folder", "the folder above all"),
    "say": ("a name that leaves no room for the report",),
    "save": ("a folder", "the folder above all", "a name that leaves no room for the report", "no format"),
}
"""What each of them can do with such a path, or finds out only from the server."""


def unwritable() -> Iterator[Any]:
    for words, others in TAKEN.items():
        for what in UNWRITABLE:
            if what not in others:
                yield pytest.param(words, UNWRITABLE[what], id=f"{words} {what}")


@pytest.mark.parametrize(("words", "path"), list(unwritable()))
def test_what_cannot_be_written_is_refused_before_anything_is_started(shell: Shell, words: str, path: str) -> None:
    arguments = [word for word in ARGUMENTS[words] if word != "-o" and not word.endswith(".wav")]
    # If the path were taken, the unknown voice would still end it.
    wishes = ["-v", "nobody"] if words == "render" else []
    typed = shell.type(words, *arguments, "-o", path, *wishes, user=NOBODY if "closed" in path else 0)
    typed.refused(path.split("/", maxsplit=1)[0][:40])
    assert "nobody" not in typed.err


@pytest.mark.parametrize("what", [what for what in UNREADABLE if "closed" not in what])
def test_a_model_that_cannot_be_read_is_not_chosen(shell: Shell, what: str) -> None:
    before = shell.type("models", "path").out
    # As root: others may not choose a model for this home at all.
    shell.type("models", "use", UNREADABLE[what].replace(".E", ".md")).refused()
    assert shell.type("models", "path").out == before


def test_every_parameter_that_writes_a_path_is_known() -> None:
    assert {(words, flag) for words, _, flag in paths("written")} == {
        (words, "--output") for words in ("render", "convert", "say", "save")
    }


def needed(words: str) -> list[str]:
    """What a command needs so that it is not refused for its words; nothing is started for it."""
    return [
        *words.split(),
        *ARGUMENTS.get(words, JOB if words in OF_A_JOB else ["-o", "gone"] if words == "up" else []),
    ]


JOB: Final = ["a1", "--url", "redis://127.0.0.1:0"]
"""Refused for its address: waiting for a server would take a second each."""
OF_A_JOB: Final = ("follow", "pause", "resume", "cancel", "retry", "save")
STARTING: Final = ("up", "demo", "optimize", "models pull", "render", "convert")
"""What these print comes after what they start, or they fetch or measure: only their help is tried."""


def quick(words: str) -> list[str]:
    """The command, or its help where the command itself would take long."""
    return [*words.split(), "--help"] if words in STARTING else needed(words)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_says_that_its_output_is_full(shell: Shell, words: str) -> None:
    typed = shell.type(*quick(words), stdout=FULL)
    typed.refused("Standard output cannot be written" if words in PRINTING else "")


PRINTING: Final = frozenset(COMMANDS) - {"submit", "say", "reset", "url", "jobs", *OF_A_JOB}
"""What prints although no server is there."""


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_says_that_its_output_is_closed(shell: Shell, words: str) -> None:
    typed = shell.type(*quick(words), stdout=CLOSED)
    typed.refused("Standard output cannot be written (bad file descriptor)" if words in PRINTING else "")


@pytest.mark.parametrize("stderr", [CLOSED, FULL], ids=["closed", "full"])
@pytest.mark.parametrize(
    ("words", "status"),
    [("nowhere.epub", 2), ("voices", 0), ("jobs", 1), ("models use nothing", 2), ("--nonsense", 2)],
)
def test_without_a_place_for_complaints_the_exit_status_says_it_alone(
    shell: Shell, words: str, status: int, stderr: Path
) -> None:
    typed = shell.type(*words.split(), stderr=stderr)
    typed.is_well_behaved()
    assert typed.status == status


@pytest.mark.parametrize("words", COMMANDS)
def test_a_closed_standard_input_disturbs_no_command_that_does_not_read_it(shell: Shell, words: str) -> None:
    typed = shell.type(*quick(words), stdin=CLOSED)
    typed.is_well_behaved()
    assert "tandard input" not in typed.err


def test_a_render_with_a_closed_standard_input_asks_nobody(shell: Shell) -> None:
    shell.type("render", "ok.md", "-o", "book.wav", "-v", "nobody", stdin=CLOSED).refused("Voice 'nobody' is unknown")


READING: Final = {
    "render": ["render", "-", "-o", "read.wav"],
    "inspect": ["inspect", "-"],
    "submit": ["submit", "-", *NOWHERE],
    "say": ["say", "-", "-o", "said.wav", *NOWHERE],
    "phonemize": ["phonemize", "-"],
}


@pytest.mark.parametrize("words", READING.values(), ids=READING)
@pytest.mark.parametrize("stdin", [CLOSED, ZERO], ids=["closed", "endless"])
def test_an_input_that_cannot_be_read_to_its_end_is_refused(shell: Shell, words: list[str], stdin: Path) -> None:
    shell.type(*words, stdin=stdin).refused("Standard input ")


@pytest.mark.parametrize(
    "words", [["--help"], ["voices"], ["status"], ["inspect", "ok.md"], ["phonemize", "x"], ["models", "list"]]
)
def test_nothing_is_said_when_whoever_reads_has_left(shell: Shell, words: list[str]) -> None:
    # A pipe whose reader is gone.
    reader, writer = os.pipe()
    os.close(reader)
    try:
        typed = shell.type(*words, stdout=Path(f"/proc/{os.getpid()}/fd/{writer}"))
    finally:
        os.close(writer)
    typed.is_well_behaved()
    assert (typed.status, typed.err) == (1, "")


NUMBERS: Final = {
    "thousands of digits": THOUSANDS,
    "nan": "nan",
    "infinity": "inf",
    "beyond a float": "1e309",
    "below nothing": "-1",
    "underlined": "1_0",
    "the digits of another script": "٣",
    "hexadecimal": "0x10",
    "nothing": "",
    "a blank": " 1 ",
    "two": "1,2",
}


def numeric() -> Iterator[Any]:
    """Every command with each of its options that takes a number; where the same stands in one more, two are tried."""
    known = set()
    for words, command in COMMANDS.items():
        for parameter in command.params:
            if parameter.type_descriptor.annotation in (int, float):
                flag = parameter.opts[-1]
                tried = ("nan", "-1") if flag in known else tuple(NUMBERS.values())
                known.add(flag)
                yield pytest.param(words, flag, tried, id=f"{words} {flag}")


@pytest.mark.parametrize(("words", "flag", "tried"), list(numeric()))
def test_a_number_is_plain_digits_within_bounds(shell: Shell, words: str, flag: str, tried: tuple[str, ...]) -> None:
    for number in tried:
        shell.type(*needed(words), f"{flag}={number}").refused("peed" if flag == "--speed" else flag)


FIGURES: Final = [name for name, field in FarmSettings.model_fields.items() if field.annotation in (int, float)]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_among_the_settings_is_plain_digits_within_bounds(shell: Shell, name: str) -> None:
    variable = f"CHORUS_{name.upper()}"
    for number in ("-1", "1_0", THOUSANDS):
        shell.type("voices", env={variable: number}).refused(f"{variable}=", "write a ")


ADDRESSES: Final = {
    "an unknown option": "redis://127.0.0.1:1?foo=bar",
    "a database that is a word": "redis://127.0.0.1:1/x",
    "a database below nothing": "redis://127.0.0.1:1/-5",
    "a database of thousands of digits": f"redis://127.0.0.1:1/{THOUSANDS}",
    "a database by an option": "redis://127.0.0.1:1?db=x",
    "another protocol of Redis": "redis://127.0.0.1:1?protocol=9",
    "the port 0": "redis://127.0.0.1:0",
    "a port that is too large": "redis://127.0.0.1:99999",
    "a port that is a word": "redis://127.0.0.1:abc",
    "no path of a socket": "unix://",
    "half an IPv6 address": "redis://[::1",
    "no host": "redis://",
    "an empty login": "redis://:@:",
    "a password that is no UTF-8": "redis://:%ff%fe@127.0.0.1:1",
    "a host of 10,000 letters": f"redis://{'x' * 10_000}:1",
    "a host of 300 letters": f"redis://{'x' * 300}:1",
    "another protocol": "http://127.0.0.1:1",
    "no protocol": "127.0.0.1:1",
    "one slash": "redis:/127.0.0.1",
    "an unknown check of certificates": "rediss://127.0.0.1:1?ssl_cert_reqs=maybe",
    "a blank": "redis://a b:1",
    "two lines": "redis://exa\nmple:1",
    "an escape sequence": "redis://127.0.0.1:1\x1b[31m",
    "a password by an option": "redis://127.0.0.1:1?password=hush",
    "a password with a slash": "redis://:hu/sh@127.0.0.1:1",
    "a password with a question mark": "redis://:hu?sh@127.0.0.1:1",
}


@pytest.mark.parametrize("url", ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_that_cannot_be_is_refused_before_anything_connects(shell: Shell, url: str) -> None:
    for typed in (
        shell.type("status", "--url", url),
        shell.type("url", env={"CHORUS_URL": url}, program=PACKAGE),
    ):
        typed.refused("The server's address (CHORUS_URL or --url)", status=2)
        assert "hu" not in typed.err.replace("chorus", "")
        assert "sh@" not in typed.err


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("read this to me", "`chorus say 'read this to me'` speaks it"),
        ("Hello.", "`chorus say Hello.` speaks it"),
        ("Read this. And that", "`chorus say "),
        ("please read the book/chapter aloud", "`chorus say "),
        ("rendr", "did you mean render?"),
        ("", "`chorus --help` lists the commands"),
        (" ", "`chorus --help` lists the commands"),
        ("\n", "`chorus --help` lists the commands"),
        ("--", "`chorus --help` says what it takes"),
        ("---", "`chorus --help` says what it takes"),
        ("a long sentence, " * 300, '`chorus say "…"` speaks it'),
    ],
)
def test_a_word_that_is_no_command_is_told_of_what_was_meant(shell: Shell, word: str, part: str) -> None:
    for program in (CHECKOUT, PACKAGE):
        shell.type(word, program=program).refused(part, status=2)


def test_a_document_in_the_place_of_a_command_is_rendered_or_handed_in(shell: Shell) -> None:
    shell.type("nowhere.epub").refused("nowhere.epub does not exist: check the name.")
    shell.type("nowhere.epub", program=PACKAGE).refused("`chorus submit nowhere.epub` hands the document to a farm")
    shell.type("http://example.org/book.epub").refused("is an address on the net: download it")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["-v", "bf_nobody"], "did you mean bf_emma?"),
        (["-v", "bf_nobody", "-l", "en-us"], "did you mean bf_emma?"),
        (["-v", "nobody", "-l", "en-gb"], "did you mean bf_emma?"),
        (["-v", "AF_HEART"], "did you mean af_heart or af_bella?"),
        (["-v", "zf_xiaobei"], "no voice of its language is here, choose one of af_bella"),
        (["-v", "x"], "choose one of af_bella"),
        (["-v", "a" * 5000], "take 8 voices at most"),
        (["-v", "af_heart(0)"], "write one above 0"),
        (["-v", "af_heart(٣)"], "write one above 0"),
        (["-v", "af_heart+"], "write a name"),
        (["-v", ""], "write a name"),
        (["-l", "klingon"], "choose one of en-gb"),
        (["-l", "e" * 5000], "choose one of en-gb"),
        (["--priority", "9" * 5000], "choose low, normal or high"),
        (["--captions", "ssa"], "choose srt or vtt"),
        (["--encoding", "9" * 5000], "choose one like utf-8"),
        (["--pauses", "sentence=nan"], "write milliseconds in digits"),
        (["--pauses", "sentence=٣"], "write milliseconds in digits"),
        (["--pauses", f"sentence={THOUSANDS}"], "write milliseconds in digits"),
        (["--skip", "everything"], "choose among cover"),
        (["--as-written", "maths"], "choose among numbers"),
        (["--chapters", "-3"], "write numbers and ranges"),
        (["--chapters", "3-1"], "choose"),
        (["--chapters", "0"], "choose"),
        (["--chapters", "1,,2"], "write numbers and ranges"),
        (["--chapters", "1-99999999999"], "write numbers and ranges"),
        (["--chapters", "٣"], "write numbers and ranges"),
        (["--chapters", THOUSANDS], "write numbers and ranges"),
        (["-f", "m4b"], "drop one of them"),
        (["--nonsense"], "`chorus render --help` says what it takes"),
        (["--cover", ""], "--cover is empty: name a file"),
        (["--lexicon", ""], "--lexicon is empty: name a file"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_wish_that_cannot_be_is_named_with_what_can(shell: Shell, words: list[str], part: str) -> None:
    shell.type("render", "ok.md", "-o", "book.wav", *words).refused(part, status=2)


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("CHORUS_HOME", "/proc/x", "name a folder that can"),
        ("CHORUS_HOME", "x" * 300, "name a folder that can"),
        ("CHORUS_HOME", "loop.md", "name a folder that can"),
        ("CHORUS_HOME", "pipe.md", "name a folder that can"),
        ("CHORUS_MODEL", "pipe.md", "set CHORUS_MODEL"),
        ("CHORUS_MODEL", "zero.md", "set CHORUS_MODEL"),
        ("CHORUS_MODEL", "folder.md", "set CHORUS_MODEL"),
        ("CHORUS_MODEL", "x" * 300, ""),
        ("CHORUS_VOICES", "pipe.md", "set CHORUS_MODEL"),
        ("CHORUS_VOICES", "zero.md", "set CHORUS_MODEL"),
        ("CHORUS_VOICES", "socket.md", "set CHORUS_MODEL"),
        ("CHORUS_SLOTS", "\udcff", "write a whole number"),
        ("CHORUS_PIN", "perhaps", "write true or false"),
        ("CHORUS_TAGGER", "spacy", "choose auto or rules"),
        ("CHORUS_LANES", "\udcff", "write it as is said here"),
        ("CHORUS_FOO\udcff", "1", "unset it"),
        (f"CHORUS_{'X' * 5000}", "1", "unset it"),
        ("CHORUS_VARIANT", "none", "`chorus optimize` makes"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_can(shell: Shell, variable: str, value: str, part: str) -> None:
    shell.type("voices", env={variable: value}).refused(part)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOME", None),
        ("HOME", "/proc/x"),
        ("HOME", "x" * 300),
        ("TMPDIR", "/nowhere"),
        ("COLUMNS", "0"),
        ("COLUMNS", "-1"),
        ("COLUMNS", "9" * 50),
        ("COLUMNS", "words"),
        ("LINES", "-1"),
        ("LANG", "nonsense"),
        ("LC_ALL", "\udcff"),
        ("TERM", "\udcff"),
        ("TZ", "nowhere/at/all"),
        ("PATH", None),
    ],
)
def test_an_odd_environment_changes_nothing(shell: Shell, variable: str, value: str | None) -> None:
    usual, odd = shell.type("inspect", "ok.md"), shell.type("inspect", "ok.md", env={variable: value})
    assert (odd.status, odd.out, odd.err) == (0, usual.out, "")
    assert "Fine" in odd.out


def test_a_pipe_that_somebody_writes_into_is_read_like_a_file(shell: Shell) -> None:
    pipe = shell.folder / "written.md"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("# Fine\n\nThis one is as it should be.\n",))
    writer.start()
    piped = shell.type("inspect", "written.md")
    writer.join()
    assert (piped.status, piped.out, piped.err) == (0, shell.type("inspect", "ok.md").out, "")


@pytest.mark.parametrize(
    "words",
    [
        ["render", "own.wav", "-o", "own.wav"],
        ["render", "own.wav", "-o", "linked.wav"],
        ["render", "own.srt", "-o", "own.m4b", "--captions", "srt"],
        ["render", "own.m4b.report.json", "-o", "own.m4b"],
        ["render", "ok.md", "own.wav", "--one-book", "-o", "own.wav"],
    ],
    ids=" ".join,
)
def test_a_document_is_never_written_over_by_its_own_book(shell: Shell, words: list[str]) -> None:
    text = "The only copy there is."
    for name in ("own.wav", "own.srt", "own.m4b.report.json"):
        (shell.folder / name).write_text(text)
    (shell.folder / "linked.wav").unlink(missing_ok=True)
    (shell.folder / "linked.wav").symlink_to("own.wav")
    shell.type(*words).refused("would be overwritten: name another file with -o", status=2)
    for name in ("own.wav", "own.srt", "own.m4b.report.json"):
        assert (shell.folder / name).read_text() == text


def test_a_command_grows_by_little_whatever_it_is_given_to_read(shell: Shell) -> None:
    for words in READING.values():
        assert shell.type(*words, stdin=ZERO).grown_mb < 200
