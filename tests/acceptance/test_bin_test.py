"""bin/test itself: every step runs whatever the one before said, and what was not run is named."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from bootstrap_lab import ROOT, Outcome, run
from support import wait_until

ONE_OF_EACH = """import pytest


def test_good() -> None:
    assert 1 + 1 == 2


def test_bad() -> None:
    assert 1 + 1 == 3


@pytest.mark.parametrize("n", [1, 2])
def test_elsewhere(n: int) -> None:
    pytest.skip("needs a Mac")
"""

BESIDE = """import os
import time
from pathlib import Path


def test_beside() -> None:
    if place := os.environ.get("PLACE"):
        try:
            Path(place).write_text("began")
            time.sleep(60)
        finally:
            Path(place).write_text("cleaned up")
    assert False
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny project with this one's tools: one lint error, one type error, and tests that pass, fail and skip."""
    folder = tmp_path_factory.mktemp("tiny") / "checkout"
    shutil.copytree(ROOT / "bin", folder / "bin")
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    for package in ("chorus", "broker", "tasks", "workers"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text('"""A room."""\n')
    make_rooms(folder)
    (folder / "chorus" / "wrong.py").write_text('"""Wrong."""\n\nimport os\n\nNUMBER: int = "one"\n')
    for word in ("unit", "integration", "acceptance", "others"):
        (folder / "tests" / word).mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "not_run.py", folder / "tests")
    (folder / "tests" / "unit" / "test_each.py").write_text(ONE_OF_EACH)
    (folder / "tests" / "acceptance" / "test_last.py").write_text("def test_last() -> None:\n    assert True\n")
    (folder / "tests" / "integration" / "test_beside.py").write_text(BESIDE)
    (folder / "tests" / "others" / "test_cut.py").write_text(
        "import os\n\n\ndef test_cut() -> None:\n    os._exit(1)\n"
    )
    borrow_environment(folder)
    return folder


def make_rooms(folder: Path) -> None:
    """Create an empty module for each room that the import rules name: a rule about a missing module fails."""
    rules = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for rule in rules:
        for module in (name for name in rule.get("source_modules", ()) if "." in name):
            (folder / f"{module.replace('.', '/')}.py").write_text('"""A page."""\n')
        for container in rule.get("containers", ()):
            for room in " | ".join(rule["layers"]).split(" | "):
                (folder / container / f"{room}.py").write_text('"""A room."""\n')


def borrow_environment(folder: Path) -> None:
    """The environment of this very test, in that checkout's place and with its stamp."""
    mine, theirs = Path(sys.prefix), folder / ".venv"
    theirs.mkdir()
    for name in ("bin", "lib"):
        (theirs / name).symlink_to(mine / name)
    shutil.copy(mine / "pyvenv.cfg", theirs)
    lock = (folder / "requirements.lock").read_bytes()
    stamp = subprocess.run(["cksum"], input=lock, capture_output=True, check=True).stdout  # noqa: S607 - as bin/setup.sh
    (theirs / "chorus.stamp").write_bytes(stamp)


def environment(**more: str) -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ} | more


def prove(checkout: Path, *arguments: str) -> Outcome:
    return run([str(checkout / "bin" / "test"), *arguments], environment(), cwd=Path("/"))


def test_every_step_runs_though_the_first_fails_and_the_summary_says_which(checkout: Path) -> None:
    outcome = prove(checkout)
    assert outcome.code == 1
    summary = outcome.out.partition("== Summary")[2]
    verdicts = dict(line.strip().split("  ", 1) for line in summary.splitlines() if line.startswith("  "))
    assert {name: verdict.strip() for name, verdict in verdicts.items()} == {
        "ruff check": "FAILED (exit code 1)",
        "ruff format": "passed",
        "mypy": "FAILED (exit code 1)",
        "import rules": "passed",
        "unit": "FAILED (exit code 1)",
        "acceptance": "passed",
        "integration": "FAILED (exit code 1)",
    }
    for closing in ("1 failed, 1 passed, 2 skipped in", "1 passed in", "1 failed in"):
        assert closing in outcome.out
    not_run = outcome.out.splitlines()[-1]
    assert not_run.startswith("NOT RUN: unit/test_each.py: needs a Mac (2 tests); ")
    for word in ("chaos", "canaries", "soak", "strangers", "voice", "kokoro", "browser", "apple"):
        assert f"{word}: comes with a later release" in not_run


def test_a_run_that_is_told_to_end_takes_both_halves_along(checkout: Path, tmp_path: Path) -> None:
    place, out = tmp_path / "place", tmp_path / "out"
    command = [checkout / "bin" / "test"]
    with out.open("wb") as log, subprocess.Popen(command, env=environment(PLACE=str(place)), stdout=log) as run:
        wait_until(place.exists, description="the second half is under way")
        run.terminate()
    assert run.returncode == 143
    assert place.read_text() == "cleaned up"


def test_a_word_runs_its_folder_alone(checkout: Path) -> None:
    outcome = prove(checkout, "acceptance")
    assert outcome.code == 0
    assert "1 passed in" in outcome.out
    assert "ruff" not in outcome.out
    assert outcome.out.splitlines()[-1] == "NOT RUN: nothing"


@pytest.mark.parametrize(
    ("arguments", "closing"),
    [
        (["-k", "good or last"], "2 passed, 4 deselected in"),
        (["-k", "unit"], "1 failed, 1 passed, 2 skipped, 2 deselected in"),
        (["tests/unit/test_each.py::test_good"], "1 passed in"),
        (["unit", "-k", "good"], "1 passed, 3 deselected in"),
    ],
)
def test_anything_else_is_pytests(checkout: Path, arguments: list[str], closing: str) -> None:
    assert closing in prove(checkout, *arguments).out


def test_a_word_of_a_later_release_is_never_green(checkout: Path) -> None:
    outcome = prove(checkout, "chaos")
    assert outcome.code == 5
    assert outcome.out.splitlines()[-1] == "NOT RUN: chaos: comes with a later release"


def test_a_run_that_was_cut_short_says_so(checkout: Path) -> None:
    outcome = prove(checkout, "tests/others")
    assert outcome.code == 1
    assert outcome.out.splitlines()[-1].startswith("NOT RUN: pytest: it ended early")


def test_it_leaves_nothing_behind_in_the_checkout(checkout: Path) -> None:
    prove(checkout, "-k", "good")
    assert [path.name for path in checkout.rglob(".*") if checkout / ".venv" not in path.parents] == [".venv"]


def test_ci_runs_the_same_two_commands_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == [
        'cd "$(dirname "$0")/.." || exit 1',
        "failed=0",
        "./bin/test || failed=1",
        "./bin/test kokoro || failed=1",
        'exit "$failed"',
    ]
