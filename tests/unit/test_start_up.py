"""The duration of each stage of a start, and what a process knows about the one that it replaced."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from workers.process.lifecycle import successor
from workers.process.start_up import MARK, Origin, Startup, created_s

ROOT = Path(__file__).parents[2]


def test_each_stage_lasts_from_the_end_of_the_one_before() -> None:
    now_s = 100.0
    startup = Startup(began_s=now_s, clock_s=lambda: now_s)
    for stage, took_s in (("imports", 1.0), ("model", 0.25), ("sessions", 0.5)):
        now_s += took_s
        startup.reached(stage)
    assert startup.seconds() == {"imports": 1.0, "model": 0.25, "sessions": 0.5, "ready": 1.75}


def test_a_clock_that_is_set_back_gives_no_negative_duration() -> None:
    now_s = 100.0
    startup = Startup(began_s=now_s, clock_s=lambda: now_s)
    now_s = 50.0
    startup.reached("imports")
    assert startup.seconds() == {"imports": 0.0, "ready": 0.0}


@pytest.mark.parametrize(
    ("marks", "origin"),
    [
        ({}, Origin(began_s=7.0)),
        ({"dev": True, MARK: "2@1700000000.5"}, Origin(began_s=1700000000.5, recycles=2)),
        ({MARK: True}, Origin(began_s=7.0)),
        ({MARK: "nonsense"}, Origin(began_s=7.0)),
    ],
)
def test_a_process_knows_when_it_began_and_which_process_it_replaced(
    marks: dict[str, str | bool], origin: Origin
) -> None:
    assert Origin.of(marks, created_s=7.0) == origin


def test_a_process_knows_its_start_time_to_a_few_hundredths_of_a_second() -> None:
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    before_s = time.time()
    told = subprocess.run(
        [sys.executable, "-c", "from workers.process.start_up import origin; print(origin.began_s)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert before_s - 2 * tick_s <= float(told.stdout) <= time.time()


def test_without_clock_ticks_psutil_gives_the_start_time(tmp_path: Path) -> None:
    assert created_s(tmp_path / "stat") == pytest.approx(psutil.Process().create_time())


def test_a_successor_has_the_same_command_with_one_marker() -> None:
    argv = ["python", "-P", "-m", "celery", "-A", "workers.voice", "worker", "-n", "voice@here"]
    first = successor(argv, Origin(began_s=1.0).successor(2.0))
    assert first[1:3] == ["-X", f"{MARK}=1@2.000"]
    assert first[3:] == argv[1:]
    second = successor(first, Origin(began_s=2.0, recycles=1).successor(3.0))
    assert second == [first[0], "-X", f"{MARK}=2@3.000", *argv[1:]]


LIFE = """
import os
import sys
from celery.signals import worker_shutting_down
from workers.process import lifecycle
from workers.process.start_up import origin

lifecycle.connect("voice", lambda *_: None)
print(os.getpid(), origin.recycles, flush=True)
if origin.recycles < 2:
    lifecycle.recycle("Too large")
    lifecycle.recycle("Asked twice")
if sys.argv[1] == "told":
    worker_shutting_down.send(sender="voice", sig="SIGTERM", how="Warm", exitcode=0)
"""


def lives(word: str) -> list[list[str]]:
    """Process id and number of each life of a process that wants to be replaced twice."""
    told = subprocess.run(
        [sys.executable, "-P", "-c", LIFE, word], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return [line.split() for line in told.stdout.splitlines()]


def test_a_process_replaces_itself_under_the_same_id() -> None:
    seen = lives("untold")
    assert [number for _, number in seen] == ["0", "1", "2"]
    assert len({pid for pid, _ in seen}) == 1


def test_a_process_that_is_terminated_during_its_replacement_ends() -> None:
    assert [number for _, number in lives("told")] == ["0"]
