"""What a book, a chapter, a file, a job or a worker calls itself is shown: it moves, hides and breaks nothing."""

import dataclasses
import io
import json
from collections.abc import Callable
from unicodedata import category

import pytest
from rich.console import Console
from rich.text import Text

from chorus import live_region, screen_text
from chorus.command_line import run
from chorus.errors import SourceError
from chorus.job_view import head, progress_facts, shares, table
from chorus.pace import Pace
from chorus.records import JobRecord
from chorus.request import Request
from chorus.states import State
from chorus.terminal import BarProgress, complain, progress, tell
from tasks.inspection import ChapterTable, Inspection
from workers import commands
from workers.cli import explaining

NAMES = {
    "a closing tag": "[/x]",
    "a closing tag of a colour": "[/red]",
    "an opening tag": "[bold]",
    "a link": "[link=file:///etc/passwd]here[/link]",
    "an action": "[@click=app.bell]x[/]",
    "a tag that closes all": "[/]",
    "an escaped tag": "\\[/x]",
    "an emoji by its name": ":skull:",
    "a colour": "\x1b[31mred",
    "the window's title": "\x1b]0;pwned\x07",
    "a hyperlink": "\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\",
    "an erased screen": "\x1b[2J\x1b[H",
    "a report of the cursor": "\x1b[6n",
    "a device's answer": '\x1bP$q"p\x1b\\',
    "a clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "an 8-bit sequence": "\x9b31mred",
    "an 8-bit command": "\x9d0;pwned\x9c",
    "a bell": "ding\x07",
    "backspaces": "good\x08\x08\x08\x08evil",
    "a return": "good\revil",
    "a line end": "good\nchorus: evil",
    "other line ends": "a\x0bb\x0cc\x85d\u2028e\u2029f",
    "a null": "a\0b",
    "a delete": "a\x7fb",
    "right to left": "exe.\u202efdp.book",
    "an isolate": "a\u2067b\u2069c",
    "marks of direction": "a\u200eb\u200fc\u061cd",
    "zero width": "a\u200bb\u2060c\ufeffd",
    "a tag of language": "a\U000e0041b\U000e007fc",
    "an annotation": "a\ufff9b\ufffac\ufffbd",
    "half a letter": "a\ud800b",
    "bytes that are no text": b"a\xff\xfeb".decode("utf-8", "surrogateescape"),
    "a soft hyphen": "Donau\u00addampf",
}  # fmt: skip
HARMLESS = ["क्‍ष", "می\u200cخواهم", "👩\u200d👧", "Größe", "a\u00a0b", "東京\u3000駅", "\U0001f1e9\U0001f1ea", "e\u0301"]
RECORD = JobRecord(
    job="j", state=State.QUEUED, request=Request(name="book.epub", format="m4b"), digest="d", created_ms=1, sound="s1"
)


def hidden(text: str) -> list[str]:
    """The characters in it that a terminal would obey or hide."""
    return [sign for sign in text if category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign not in "\u200c\u200d"]


def titled(name: str) -> JobRecord:
    """A job of this name everywhere that a name can stand."""
    return dataclasses.replace(
        RECORD, title=name, waiting=name, error=name, spoken_by={f"{name}#1": 2}, segments_planned=3
    )


def inspection(name: str) -> Inspection:
    chapter = ChapterTable(number=1, title=name, words=3, segments=1, estimated_s=2)
    return Inspection(
        title=name, author=name, language="en-us", cover=False, chapters=(chapter,), words=3, segments=1,
        estimated_s=2, left_out=(name,),
    )  # fmt: skip


def by_bar(name: str) -> None:
    """A note, a result and the first line of a job on a terminal."""
    bar = BarProgress(Console(force_terminal=True, width=80, color_system=None, highlight=False))
    bar.note(name)
    bar.result({}, name)
    tell(str(head(titled(name), 60)))


def by_error(name: str) -> None:
    def app(**_: object) -> None:
        raise SourceError(f"{name} is no book: name another.")

    run(app, [])


def by_lines(name: str) -> None:
    with progress(as_json=False, console=Console(file=io.StringIO())) as shown:
        shown.show(titled(name))
        shown.note(name)
        shown.result({}, name)


SHOWN: dict[str, Callable[[str], object]] = {
    "a line": tell,
    "a complaint": complain,
    "an error": by_error,
    "a terminal": by_bar,
    "a pipe": by_lines,
    "a table of jobs": lambda name: [tell(line) for line in table([titled(name)], 5, 60)],
    "a list of jobs": lambda name: [tell(line) for line in table([titled(name)], 5)],
    "an inspection": lambda name: commands._show(inspection(name)),
    "why it waits": lambda name: [tell(fact.text) for fact in progress_facts(titled(name), Pace().look(RECORD))],
    "who speaks": lambda name: tell(shares(titled(name))),
}


@pytest.mark.parametrize("where", SHOWN)
@pytest.mark.parametrize("which", NAMES)
def test_a_hostile_name_is_shown_and_obeyed_nowhere(which: str, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    SHOWN[where](NAMES[which])
    out, err = capsys.readouterr()
    assert hidden((out + err).replace("\n", "")) == []
    # Nothing of it pretends to be a line of our own.
    assert not any(line.startswith(("chorus: evil", "evil")) for line in (out + err).splitlines())


@pytest.mark.parametrize("where", ["a line", "a complaint", "an error", "a terminal", "a pipe", "an inspection"])
@pytest.mark.parametrize("which", [which for which in NAMES if NAMES[which].startswith(("[", "\\", ":"))])
def test_the_terminal_library_s_markup_is_shown_as_it_is_written(
    which: str, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    SHOWN[where](NAMES[which])
    assert NAMES[which] in "".join("".join(capsys.readouterr()).split("\n"))


@pytest.mark.parametrize("name", HARMLESS)
def test_letters_that_need_joiners_and_blanks_of_other_kinds_stay(name: str) -> None:
    assert screen_text.escaped(name) == name
    assert screen_text.printable(f"x {name} y") == f"x {' '.join(name.split())} y"


@pytest.mark.parametrize("which", NAMES)
def test_json_with_a_hostile_name_is_one_line_and_still_means_the_same(
    which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress(as_json=True) as shown:
        shown.result({"title": NAMES[which]}, "")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert hidden(out[:-1]) == []
    assert json.loads(out)["title"] == NAMES[which]


@pytest.mark.parametrize("which", [which for which in NAMES if not hidden(NAMES[which]) or "\x1b" in NAMES[which]])
def test_a_text_with_such_characters_is_explained(which: str, capsys: pytest.CaptureFixture[str]) -> None:
    for line in explaining.lines(f"He said {NAMES[which]} aloud.", "en-us", explaining_rules()):
        explaining._print(line)
    out = capsys.readouterr().out
    assert hidden(out.replace("\n", "")) == []
    assert "aloud" in out


@pytest.mark.parametrize("which", NAMES)
def test_a_line_below_the_output_shows_no_hidden_character(which: str) -> None:
    line = live_region._cropped(Text(f"job {NAMES[which]}"), 40)
    assert hidden(line.plain) == []
    assert line.plain.startswith("job ")


def explaining_rules() -> object:
    from tasks.phonemes.phonemize import Rules  # noqa: PLC0415 -- slow, and only this needs it

    return Rules.of(Request(name="t.txt"))
