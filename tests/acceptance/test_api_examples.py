"""The examples of docs/api.md, as they stand there, against a real farm: each runs, and prints what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from workshop import ROOT, Workshop

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == PAGE.count("```python\n")


@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_runs_and_prints_what_it_says(farm: Workshop, tmp_path: Path, title: str) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    ran = subprocess.run(
        [sys.executable, "-P", "-c", EXAMPLES[title]],
        env={**os.environ, "CHORUS_URL": farm.url, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    printed = ran.stdout.splitlines()
    assert printed
    said = re.findall(r"^ *print\(.*\)  # (.*)$", EXAMPLES[title], re.MULTILINE)
    assert [line for line in said if line not in printed] == []
