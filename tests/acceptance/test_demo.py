"""The demonstration: it says only what it has seen, and ends well."""

import re
from pathlib import Path

from machine import Machine


def test_the_demo_kills_a_worker_in_the_middle_and_both_files_are_the_same(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    # The stand-in voice takes long enough over a segment to be caught with one.
    shown = machine.chorus("demo", CHORUS_MODEL="", CHORUS_VOICES="")
    assert shown.returncode == 0, shown.stderr
    killed = re.search(r"voice-2 is killed while it speaks (segment \d+) \(kill -9, pid \d+\)", shown.stdout)
    assert killed
    assert re.search(rf"another worker claims {killed[1]} \d+\.\d s later", shown.stdout)
    digests = re.findall(r"sha256 (\w+)…", shown.stdout)
    assert len(digests) == 2
    assert digests[0] == digests[1]
    assert "both files are identical" in shown.stdout
