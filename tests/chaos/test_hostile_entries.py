"""Entries that nobody can read lie in every key while books are spoken. Every book is finished nevertheless."""

from pathlib import Path

import pytest
from chaos.harness import Chaos
from hostile import entries
from workshop import heard_tokens, planned_tokens

from chorus import keys, set_aside
from chorus.commands import run
from chorus.request import TEXT_NAME
from chorus.states import State
from workers.commands import app

BAD = "bad-"
TEXT = "Behind all of these, somebody still waits to be heard."


def plant(chaos: Chaos) -> None:
    """Every entry there is, each with a job of its own, but those that would only be spoken."""
    with chaos.frozen("desk", "voice"):
        for number, hostile in enumerate(one for one in entries() if not one.works):
            hostile.plant(chaos.redis, chaos.client, f"{BAD}{number}")


def remove(chaos: Chaos) -> None:
    """What is left of them: no law holds for keys that somebody else wrote."""
    alive = {keys.worker(one.id).encode() for one in chaos.client.workers()}
    planted = [*chaos.redis.scan_iter(f"chorus:{{{BAD}*", count=1000), *chaos.redis.scan_iter("chorus:worker:*")]
    chaos.redis.delete(*(key for key in planted if key not in alive))


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints; it must succeed, and a terminal must find nothing in it to obey."""
    capsys.readouterr()
    status, told = run(app, words), capsys.readouterr()
    assert (status, told.err) == (0, ""), words
    assert "\x1b" not in told.out
    return told.out


@pytest.mark.short
def test_no_book_waits_for_entries_that_nobody_can_read(
    chaos: Chaos, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chaos.supervise("desk", "voice")
    chaos.begin()
    with chaos.fault("hostile entries in every key"):
        plant(chaos)
        chaos.client.submit(TEXT, job="second", format="wav")
    chaos.check()
    chaos.until(lambda: chaos.client.job("second").finished, "the book behind them is finished")
    assert chaos.client.job("second").state is State.DONE
    saved: Path = chaos.client.save("second", chaos.folder / "second.wav")
    assert heard_tokens(saved) == planned_tokens(TEXT.encode(), TEXT_NAME)
    chaos.until(lambda: not chaos.redis.llen(keys.INBOX), "the inbox is drained")
    said = chaos.logged("desk") + chaos.logged("voice")
    assert "unexpected error" not in said, "no thread of a worker met what it does not know"

    monkeypatch.setenv("CHORUS_URL", chaos.server.url)
    monkeypatch.setenv("CHORUS_HOME", str(chaos.folder / "home"))
    assert {"book", "second"} <= {line.split()[0] for line in typed(capsys, "jobs").splitlines()}
    assert "Job second is done" in typed(capsys, "follow", "second")
    status = typed(capsys, "status")
    assert "desk@test#" in status
    assert "voice@test#" in status
    assert "`chorus reset --set-aside` removes them" in status
    assert "was written by a newer Chorus" in status
    figures = dict(line.rsplit(" ", 1) for line in typed(capsys, "metrics").splitlines() if line[0] != "#")
    # What lay in a list that was itself replaced is gone; the jobs are found again by their records.
    assert float(figures["chorus_set_aside_total"]) >= float(figures["chorus_set_aside_entries"]) >= 30
    assert "Removed" in typed(capsys, "reset", "--set-aside")
    chaos.until(lambda: set_aside.read(chaos.redis).held == 0, "nothing is set aside any more")
    remove(chaos)
