"""Each mechanism that keeps a book whole is taken out of a copy of this checkout, and the test that stands for it must
fail there. A suite that stays green without the reaper proves nothing about the reaper.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from workshop import ROOT

ROOMS = ("broker", "chorus", "docs", "tasks", "tests", "workers")
# What never comes right is given up sooner than in a run that is expected to pass.
PATIENCE_S = "20"
CHAOS = "tests/chaos/test_workers_die.py"
LEDGER = "tests/integration/test_ledger.py"
HOSTILE = "tests/chaos/test_hostile_entries.py::test_no_book_waits_for_entries_that_nobody_can_read"


@dataclass(frozen=True, kw_only=True)
class Canary:
    """One mechanism, and the test that misses it."""

    name: str
    file: str
    without: str
    """What is cut out of the file; it must be there exactly once."""
    instead: str = ""
    test: str


CANARIES = [
    Canary(
        name="the reaper",
        file="broker/lua/advance.lua",
        without="\n  reap()\n",
        instead="\n",
        test=f"{CHAOS}::test_a_voice_worker_killed_in_the_middle_of_a_segment",
    ),
    Canary(
        name="renewal",
        file="broker/worker_threads.py",
        without="self._ledger.renew(claim)",
        instead="continue",
        test=f"{CHAOS}::test_a_segment_that_takes_longer_than_its_lease_is_spoken_once",
    ),
    Canary(
        name="the commit guard",
        file="broker/lua/guard.lua",
        without="if standing == 'd' or standing == 'f' then return answer('done') end",
        test=f"{CHAOS}::test_a_worker_frozen_past_its_lease_wakes_and_commits_late",
    ),
    Canary(
        name="the commit guard, as the ledger sees it",
        file="broker/lua/guard.lua",
        without="if standing == 'd' or standing == 'f' then return answer('done') end",
        test=f"{LEDGER}::test_a_segment_is_never_published_twice",
    ),
    Canary(
        name="the window",
        file="broker/lua/lib.lua",
        without="while flying < limit and next < planned do",
        instead="while next < planned do",
        test=f"{LEDGER}::test_both_windows_hold_in_whatever_order_segments_finish",
    ),
    Canary(
        name="dedupe",
        file="broker/lua/claim.lua",
        without="if redis.call('HGET', owners, step) ~= token then return answer('busy') end",
        test=f"{CHAOS}::test_every_message_sent_three_times",
    ),
    Canary(
        name="the epoch check",
        file="broker/lua/guard.lua",
        without=" or get('epoch') ~= epoch",
        test=f"{CHAOS}::test_an_old_worker_still_speaks_while_a_fresh_run_began",
    ),
    Canary(
        name="each entry by itself",
        file="broker/worker_threads.py",
        without="job = keys.job_id_of(entry)",
        instead="job = entry.decode()",
        test=HOSTILE,
    ),
    Canary(
        name="the damage of one job",
        file="broker/damage.py",
        without="        return True",
        instead="        return False",
        test=HOSTILE,
    ),
    Canary(
        name="mended lists",
        file="broker/worker_threads.py",
        without="        self._indexes.mend()\n",
        test=HOSTILE,
    ),
]


def copy_to(folder: Path) -> Path:
    """This checkout as it is now, without its environment."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def prove(checkout: Path, *tests: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {
        "PYTHONPATH": f"{checkout}:{checkout / 'tests'}",
        "CHAOS_PATIENCE_S": PATIENCE_S,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--basetemp={checkout.parent / 'run'}", *tests],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_untouched_copy_is_green(tmp_path: Path) -> None:
    outcome = prove(copy_to(tmp_path / "checkout"), *dict.fromkeys(canary.test for canary in CANARIES))
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name.replace(" ", "_"))
def test_the_suite_goes_red_without(canary: Canary, tmp_path: Path) -> None:
    checkout = copy_to(tmp_path / "checkout")
    patched = checkout / canary.file
    text = patched.read_text("utf-8")
    assert text.count(canary.without) == 1, f"{canary.file} has changed: this canary must be told where to cut."
    patched.write_text(text.replace(canary.without, canary.instead), "utf-8")
    outcome = prove(checkout, canary.test)
    assert outcome.returncode == 1, outcome.stdout
    assert "1 failed" in outcome.stdout
    # It failed for what it asserts, not because the copy cannot run.
    assert "AssertionError" in outcome.stdout, outcome.stdout
