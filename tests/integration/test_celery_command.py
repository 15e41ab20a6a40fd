"""Celery's own command with our app: its errors are one sentence, as those of our commands."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery.utils.dispatch import Signal

from workers.process import lifecycle

ROOT = Path(__file__).resolve().parents[2]
NO_SERVER = "chorus: Nothing runs on this machine: `chorus up` starts the stack, or name a server in CHORUS_URL.\n"


@pytest.mark.parametrize("words", ["workers.desk worker", "workers.voice worker", "workers.store_desk worker"])
def test_a_worker_that_finds_no_server_says_so_in_one_line(words: str, tmp_path: Path) -> None:
    assert celery(*words.split(), home=tmp_path) == (1, NO_SERVER)


@pytest.mark.parametrize("module", ["workers.desk", "workers.voice"])
def test_a_worker_as_the_stack_starts_it_says_the_same_without_importing_celerys_other_commands(
    module: str, tmp_path: Path
) -> None:
    status, said = run("-X", "importtime", "-m", "workers.process.celery_worker", module, home=tmp_path)
    assert (status, NO_SERVER in said) == (1, True)
    imported = {line.rpartition("|")[2].strip() for line in said.splitlines()}
    assert {"celery.bin.worker", "workers.process.lifecycle"} <= imported
    assert not imported & {"celery.bin.celery", "celery.bin.amqp", "flower", "prompt_toolkit"}


def test_a_worker_with_an_impossible_setting_says_so_in_one_line(tmp_path: Path) -> None:
    status, said = celery("workers.desk", "worker", home=tmp_path, CHORUS_LANES="foo")
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("chorus: CHORUS_LANES=foo: write it as is said here.")


def test_flower_without_a_server_says_so_in_one_line(tmp_path: Path) -> None:
    assert celery("broker", "flower", home=tmp_path) == (1, NO_SERVER)


@pytest.mark.parametrize(
    ("module", "slots", "sentence"),
    [
        ("workers.voice", "many", "chorus: CHORUS_SLOTS=many: write a whole number from 0 to 256."),
        ("workers.voice", "1", "chorus: workers.voice is started by Celery: run `celery -A workers.voice worker`."),
        ("workers.desk", "1", "chorus: workers.desk is started by Celery: run `celery -A workers.desk worker`."),
        ("workers.store_desk", "1_0", "chorus: CHORUS_SLOTS=1_0: write a whole number from 0 to 256."),
    ],
)
def test_a_worker_that_is_run_without_celery_says_how_it_is_started(
    module: str, slots: str, sentence: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", module],
        env={"PATH": os.environ["PATH"], "CHORUS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "CHORUS_SLOTS": slots},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(sentence)


def test_a_worker_that_cannot_open_ends_whatever_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for signal in ("celeryd_init", "worker_ready", "worker_shutting_down", "worker_shutdown"):
        monkeypatch.setattr(lifecycle, signal, Signal())
    monkeypatch.setattr(lifecycle.memory, "settle", lambda: None)

    def opened(_node: str, _conf: object) -> None:
        raise PermissionError(13, "Permission denied", "/closed/model")

    lifecycle.connect("voice", opened)
    with pytest.raises(SystemExit, match=r"chorus: /closed/model cannot be used \(permission denied\): name another"):
        lifecycle.celeryd_init.send(sender="here", instance=SimpleNamespace(hostname="celery@here"), conf=None)


def celery(app: str, *words: str, home: Path, **environment: str) -> tuple[int, str]:
    """How Celery's command ended, and all that it said."""
    return run("-m", "celery", "-A", app, *words, home=home, **environment)


def run(*words: str, home: Path, **environment: str) -> tuple[int, str]:
    """The same of a Python program."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHORUS_", "CELERY_", "REDIS_"))}
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", *words],
        env=kept | {"CHORUS_HOME": str(home), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr
