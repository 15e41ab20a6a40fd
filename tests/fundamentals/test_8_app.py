"""Eight, an application: the examples in the documents run against a farm, as they are printed there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from support import wait_until
from workshop import ROOT, Workshop

from chorus.states import State

EXAMPLE = re.compile(r"```python\n(from .*?)```", re.DOTALL)


def run(page: str, farm: Workshop, folder: Path) -> str:
    """What the page's example prints, run in a folder of its own that holds the documents it names."""
    (example,) = [code for code in EXAMPLE.findall((ROOT / page).read_text("utf-8")) if "submit" in code]
    (folder / "docs").symlink_to(ROOT / "docs")
    environment = {**os.environ, "CHORUS_URL": farm.url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", example]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_sdks_example_listens_to_a_text_and_saves_a_book(farm: Workshop, tmp_path: Path) -> None:
    *segments, saved = run("README.md", farm, tmp_path).splitlines()
    assert [line.partition(":")[0] for line in segments] == [f"segment {n}" for n in range(len(segments))]
    assert segments
    assert saved == "sample.m4b"
    assert (tmp_path / saved).read_bytes()[4:12] == b"ftypM4B "


def test_a_bare_celery_app_can_submit_a_text(farm: Workshop, tmp_path: Path) -> None:
    run("docs/architecture.md", farm, tmp_path)
    wait_until(lambda: [job.job for job in farm.client.jobs() if job.job == "greeting"], description="the job is there")
    assert farm.finished("greeting").state is State.DONE
