"""Measures what a newcomer waits for: the download, the disk, the first sound and the first file, cold and warm.

    .venv/bin/python benchmarks/first_sound.py              # sets up a copy of this checkout from the index: minutes
    .venv/bin/python benchmarks/first_sound.py --no-set-up  # leaves the download out and uses this checkout's own .venv

Everything happens in a scratch folder, through the commands a user types, with the stand-in voice, so that nothing but
the package index is needed. The first sound is the first sample louder than 0.1 % of full scale: headers and silence do
not count. Speeds of Kokoro itself are another script's business.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("bin", "chorus", "broker", "tasks", "workers", "docs", "requirements.lock")
TEXT = "They have not lost a line."
HEADER_BYTES = 44
SILENCE = 32
"""In steps of 16 bits."""
_DOWNLOADED = re.compile(r"Downloading \S+\.whl(?:\.metadata)? \(([\d.]+) (bytes|kB|MB|GB)\)")
_BYTES = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A checkout and the scratch folder that its commands work in."""

    checkout: Path
    scratch: Path

    def command(self, *words: str) -> list[str]:
        """What a user types."""
        return [str(self.checkout / "bin" / "chorus"), *words]

    def environment(self, home: str, **more: str) -> dict[str, str]:
        """Without settings of the caller's own, and without a cache that would answer in the voice's place."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
        return kept | {"CHORUS_HOME": str(self.scratch / home), "CHORUS_CACHE_MB": "0", **more}

    def run(self, *words: str, home: str, **more: str) -> str:
        """A command's standard output."""
        done = subprocess.run(  # noqa: S603 - our own command
            self.command(*words), env=self.environment(home, **more), stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--no-set-up", action="store_true", help="use this checkout's .venv; measure no download")
    parser.add_argument("-n", type=int, default=5, help="how often each is measured; the median counts (default 5)")
    given = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory(prefix="chorus-first-sound-") as folder:
        scratch = Path(folder)
        bench = Bench(checkout=ROOT if given.no_set_up else copied(scratch), scratch=scratch)
        rows = {} if given.no_set_up else set_up(bench)
        rows["disk of .venv"] = f"{disk_bytes(bench.checkout / '.venv') / 1e6:.0f} MB"
        rows |= cold(bench, given.n)
        rows |= warm(bench, given.n)
    print(f"{where}, stand-in voice, median of {given.n}")
    for what, found in rows.items():
        print(f"  {what:<58} {found:>8}")


def copied(scratch: Path) -> Path:
    """A checkout as a clone has it, without an environment."""
    checkout = scratch / "checkout"
    checkout.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, checkout / name)
    return checkout


def set_up(bench: Bench) -> dict[str, str]:
    """The first command ever, with pip and nothing in its cache; pip's own log tells what it fetched."""
    no_uv = bench.scratch / "no-uv"
    no_uv.mkdir()
    (no_uv / "uv").write_text("#!/bin/sh\nexit 1\n")
    (no_uv / "uv").chmod(0o755)
    pip_log = bench.scratch / "pip.log"
    before_s = time.monotonic()
    path = f"{no_uv}{os.pathsep}{os.environ['PATH']}"
    bench.run("--help", home="set-up", PATH=path, PIP_LOG=str(pip_log), PIP_CACHE_DIR=str(bench.scratch / "cache"))
    taken_s = time.monotonic() - before_s
    fetched = sum(float(size) * _BYTES[unit] for size, unit in _DOWNLOADED.findall(pip_log.read_text()))
    return {"set-up: download": f"{fetched / 1e6:.0f} MB", "set-up: time": f"{taken_s:.0f} s"}


def disk_bytes(folder: Path) -> int:
    """What it takes on the disk, as `du` counts."""
    sizes = {}
    for root, _, names in os.walk(folder):
        for path in (Path(root), *(Path(root, name) for name in names)):
            told = path.lstat()
            sizes[told.st_dev, told.st_ino] = told.st_blocks * 512
    return sum(sizes.values())


def cold(bench: Bench, times: int) -> dict[str, str]:
    """`chorus render` where nothing runs and nothing is remembered."""
    first, whole = [], []
    for number in range(times):
        target = bench.scratch / f"sample-{number}.m4b"
        began, began_s = time.time(), time.monotonic()
        words = ("render", str(bench.checkout / "docs" / "sample.md"), "-o", str(target), "--json")
        told = [json.loads(line) for line in bench.run(*words, home=f"cold-{number}").splitlines()]
        whole.append(time.monotonic() - began_s)
        job = [event for event in told if event["event"] == "progress"][-1]
        first.append((job["created_ms"] + job["first_audio_ms"]) / 1000 - began)
    return {
        "cold: render docs/sample.md, to the first sound": f"{median(first):.1f} s",
        "cold: render docs/sample.md, to the finished m4b": f"{median(whole):.1f} s",
    }


def warm(bench: Bench, times: int) -> dict[str, str]:
    """`chorus say` and `chorus render` on a stack that `chorus up` has started and that has spoken before."""
    bench.run("up", home="warm")
    try:
        heard(bench)
        said = [heard(bench) for _ in range(times)]
        rendered = [finished(bench, number) for number in range(times)]
    finally:
        bench.run("down", home="warm")
    return {
        "warm: say, from the shell to the first sound": f"{median(said):.1f} s",
        "warm: render docs/sample.md, to the finished m4b": f"{median(rendered):.1f} s",
    }


def heard(bench: Bench) -> float:
    """Seconds from typing `chorus say` to the first sample that can be heard."""
    began_s = time.monotonic()
    speech = subprocess.Popen(  # noqa: S603 - our own command
        bench.command("say", TEXT, "-o", "-"), env=bench.environment("warm"), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with speech, speech.stdout or sys.stdin.buffer as audio:
        audio.read(HEADER_BYTES)
        while sample := audio.read(2):
            if abs(int.from_bytes(sample, "little", signed=True)) > SILENCE:
                taken_s = time.monotonic() - began_s
                audio.read()
                return taken_s
    raise SystemExit(f"chorus say ended with {speech.returncode} and nothing was heard.")


def finished(bench: Bench, number: int) -> float:
    """Seconds of one render, begun afresh."""
    began_s = time.monotonic()
    source = str(bench.checkout / "docs" / "sample.md")
    bench.run("render", source, "-o", str(bench.scratch / f"warm-{number}.m4b"), "--fresh", home="warm")
    return time.monotonic() - began_s


def machine() -> str:
    """What the numbers were measured on."""
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = found[1] if found else platform.machine()
    return f"{cores} cores of {name}, {platform.system()}, load {os.getloadavg()[0]:.1f} beforehand"


def cpuinfo() -> str:
    """The kernel's description of the processor; nothing where there is none."""
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    main()
