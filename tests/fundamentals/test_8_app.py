"""Eight: from an app. The examples in the documents, as they stand there, against a farm."""

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
    """What the page's example prints, in a folder of its own beside the documents it names."""
    (example,) = [code for code in EXAMPLE.findall((ROOT / page).read_text("utf-8")) if "submit" in code]
    (folder / "docs").symlink_to(ROOT / "docs")
    environment = {**os.environ, "CHORUS_URL": farm.url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", example]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_sdk_hears_a_sentence_and_fetches_a_book(farm: Workshop, tmp_path: Path) -> None:
    *segments, saved = run("README.md", farm, tmp_path).splitlines()
    assert [line.partition(":")[0] for line in segments] == [f"segment {n}" for n in range(len(segments))]
    assert segments
    assert saved == "sample.m4b"
    assert (tmp_path / saved).read_bytes()[4:12] == b"ftypM4B "


def test_celery_alone_is_enough_to_hand_a_text_in(farm: Workshop, tmp_path: Path) -> None:
    run("docs/architecture.md", farm, tmp_path)
    wait_until(lambda: [job.job for job in farm.client.jobs() if job.job == "greeting"], description="the job is there")
    assert farm.finished("greeting").state is State.DONE
