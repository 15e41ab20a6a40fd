"""A home that the release before this one left, with a book half spoken: the same command goes on with it.

`homes/unfinished-book.zip` holds that home as it lay on the disk (the server's log, the store, the digests) and the
book: two chapters of which one part was stored and some segments were spoken when the command was interrupted.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import Machine, closing
from workshop import heard_tokens, planned_tokens

from chorus.client import Client
from chorus.states import State

HOME = Path(__file__).parent / "homes" / "unfinished-book.zip"
JOB = "284c22b641705cc1f1ed833c860d4c71"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with zipfile.ZipFile(HOME) as left:
        left.extractall(tmp_path)
    with closing(Machine(tmp_path)) as machine:
        yield machine


def test_an_unfinished_book_of_an_earlier_release_is_gone_on_with(machine: Machine) -> None:
    book, out = machine.folder / "book.md", machine.folder / "book.wav"
    up = machine.chorus("up")
    assert (up.returncode, up.stderr) == (0, "")
    with Client(machine.url()) as client:
        before = client.job(JOB)
        assert (before.state, before.parts_done) == (State.PAUSED, 1)
        assert 0 < before.segments_done < before.segments_planned

        rendered = machine.chorus("render", book, "-o", out)
        assert (rendered.returncode, rendered.stderr) == (0, "")
        after = client.job(JOB)
    assert after.state is State.DONE
    assert "Resuming after segment " in rendered.stdout
    assert heard_tokens(out) == planned_tokens(book.read_bytes(), "book.md")
    now = sum(count for worker, count in after.spoken_by.items() if worker not in before.spoken_by)
    assert now == after.segments_planned - before.segments_done, "what was spoken before is not spoken again"
