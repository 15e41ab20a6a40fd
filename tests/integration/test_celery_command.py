"""Celery's own command with our app: its errors are one sentence, as those of our commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_SERVER = "chorus: Nothing runs on this machine: `chorus up` starts the stack, or name a server in CHORUS_URL.\n"


@pytest.mark.parametrize("words", ["workers.desk worker", "workers.voice worker", "workers.store_desk worker"])
def test_a_worker_that_finds_no_server_says_so_in_one_line(words: str, tmp_path: Path) -> None:
    assert celery(*words.split(), home=tmp_path) == (1, NO_SERVER)


def test_a_worker_with_an_impossible_setting_says_so_in_one_line(tmp_path: Path) -> None:
    status, said = celery("workers.desk", "worker", home=tmp_path, CHORUS_LANES="foo")
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("chorus: CHORUS_LANES=foo: it cannot have this value.")


def test_flower_without_a_server_says_so_in_one_line(tmp_path: Path) -> None:
    assert celery("broker", "flower", home=tmp_path) == (1, NO_SERVER)


def celery(app: str, *words: str, home: Path, **environment: str) -> tuple[int, str]:
    """How the command ended, and all that it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHORUS_", "CELERY_", "REDIS_"))}
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-m", "celery", "-A", app, *words],
        env=kept | {"CHORUS_HOME": str(home), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr
