"""Every benchmark starts as the documents write it: from the checkout's root, with no environment variable set."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "benchmarks").rglob("*.py"))
    if '__name__ == "__main__"' in path.read_text("utf-8")
]
PYTHON = ".venv/bin/python"
WRITTEN = re.compile(r"([\w./]*python)\s+(benchmarks/[\w/]+\.py)([^`\n]*)")
pytestmark = pytest.mark.timeout(300)  # the first test waits for every script: half a minute of processor time
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *(ROOT / script for script in SCRIPTS)]


@pytest.fixture(scope="module")
def helps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[str]]:
    """What each script answers to --help, in a checkout under a path with a space."""
    checkout = tmp_path_factory.mktemp("a checkout")
    for name in ("benchmarks", "broker", "chorus", "tasks", "workers"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / ".venv").symlink_to(sys.prefix)

    def start(script: str) -> subprocess.CompletedProcess[str]:
        words = [PYTHON, script, "--help"]
        return subprocess.run(words, cwd=checkout, env={}, capture_output=True, text=True, check=False, timeout=60)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(SCRIPTS, pool.map(start, SCRIPTS), strict=True))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_benchmark_prints_its_help(script: str, helps: dict[str, subprocess.CompletedProcess[str]]) -> None:
    answer = helps[script]
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"usage: {Path(script).name} ")
    assert answer.stderr == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_benchmark_commands_in_the_documents_run_as_written(
    page: Path, helps: dict[str, subprocess.CompletedProcess[str]]
) -> None:
    for python, script, words in WRITTEN.findall(page.read_text("utf-8")):
        assert python == PYTHON
        assert script in SCRIPTS
        for option in re.findall(r"--[\w-]+", words.partition("#")[0]):
            assert option in helps[script].stdout, f"{script} has no {option}"
