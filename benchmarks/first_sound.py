"""Measures a new user's first minutes: the download, the disk space, the first sound and the first file, cold and warm.

    .venv/bin/python benchmarks/first_sound.py              # sets up a copy of this checkout from the index: minutes
    .venv/bin/python benchmarks/first_sound.py --no-set-up  # leaves the download out and uses this checkout's own .venv
    .venv/bin/python benchmarks/first_sound.py --no-set-up --kokoro ~/.chorus  # the voice that this home has fetched

It runs the commands that a user types, in a temporary folder. Without --kokoro the stand-in voice speaks, so that only
the package index is needed. The first sound is the first sample louder than 0.1 % of full scale: headers and silence do
not count. With --kokoro the fetched files are linked into the temporary folder, and `render` is timed twice: as after a
fetch, with nothing prepared and the disk's cache dropped for these files and for .venv as far as the system lets a user
do that, and with a prepared model and a warm disk.
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
WARM = "warm"
PREPARED = "prepared"
SILENCE = 32
"""In steps of 16 bits."""
_DOWNLOADED = re.compile(r"Downloading \S+\.whl(?:\.metadata)? \(([\d.]+) (bytes|kB|MB|GB)\)")
_BYTES = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A checkout and the scratch folder that its commands work in."""

    checkout: Path
    scratch: Path

    def command(self, *words: str) -> list[str]:
        """The command as a user types it."""
        return [str(self.checkout / "bin" / "chorus"), *words]

    def environment(self, home: str, **more: str) -> dict[str, str]:
        """The environment without the caller's own settings, and without caches."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
        return kept | {"CHORUS_HOME": str(self.scratch / home), "CHORUS_CACHE_MB": "0", **more}

    def run(self, *words: str, home: str, **more: str) -> str:
        """Run a command and return its standard output."""
        done = subprocess.run(  # noqa: S603 - our own command
            self.command(*words), env=self.environment(home, **more), stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--no-set-up", action="store_true", help="use this checkout's .venv; do not measure the download"
    )
    parser.add_argument("-n", type=int, default=5, help="measurements of each, of which the median counts (default 5)")
    parser.add_argument("--kokoro", type=Path, metavar="HOME", help="speak with Kokoro as this CHORUS_HOME fetched it")
    given = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory(prefix="chorus-first-sound-") as folder:
        scratch = Path(folder)
        installation = Installation(checkout=ROOT if given.no_set_up else copied(scratch), scratch=scratch)
        rows = {} if given.no_set_up else set_up(installation)
        rows["disk of .venv"] = f"{disk_bytes(installation.checkout / '.venv') / 1e6:.0f} MB"
        if given.kokoro:
            rows |= kokoro(installation, given.kokoro.expanduser() / "models", given.n)
        else:
            rows |= cold(installation, given.n)
        rows |= warm(installation, given.n)
    print(f"{where}, {'Kokoro' if given.kokoro else 'stand-in voice'}, median of {given.n}")
    for what, found in rows.items():
        print(f"  {what:<58} {found:>8}")


def copied(scratch: Path) -> Path:
    """A copy of the checkout without its .venv, as after a clone."""
    checkout = scratch / "checkout"
    checkout.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, checkout / name)
    return checkout


def set_up(installation: Installation) -> dict[str, str]:
    """Run the first command in a new checkout, with pip and an empty cache; pip's log shows the downloads."""
    no_uv = installation.scratch / "no-uv"
    no_uv.mkdir()
    (no_uv / "uv").write_text("#!/bin/sh\nexit 1\n")
    (no_uv / "uv").chmod(0o755)
    pip_log = installation.scratch / "pip.log"
    before_s = time.monotonic()
    path = f"{no_uv}{os.pathsep}{os.environ['PATH']}"
    installation.run(
        "--help", home="set-up", PATH=path, PIP_LOG=str(pip_log), PIP_CACHE_DIR=str(installation.scratch / "cache")
    )
    taken_s = time.monotonic() - before_s
    fetched = sum(float(size) * _BYTES[unit] for size, unit in _DOWNLOADED.findall(pip_log.read_text()))
    return {"set-up: download": f"{fetched / 1e6:.0f} MB", "set-up: time": f"{taken_s:.0f} s"}


def disk_bytes(folder: Path) -> int:
    """The disk space of a folder, as `du` counts it."""
    sizes = {}
    for root, _, names in os.walk(folder):
        for path in (Path(root), *(Path(root, name) for name in names)):
            status = path.lstat()
            sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())


def cold(installation: Installation, times: int) -> dict[str, str]:
    """`chorus render` without a running stack and without caches."""
    runs = [render_cold(installation, home=f"cold-{number}") for number in range(times)]
    return {
        "cold: render docs/sample.md, to the first sound": f"{median(first for first, _ in runs):.1f} s",
        "cold: render docs/sample.md, to the finished m4b": f"{median(whole for _, whole in runs):.1f} s",
    }


def kokoro(installation: Installation, models: Path, times: int) -> dict[str, str]:
    """The same with Kokoro's files, as fetched and prepared. Leaves a prepared home for `warm`."""
    home = installation.scratch / WARM
    shutil.copytree(models, home / "models", copy_function=os.link, ignore=shutil.ignore_patterns(PREPARED))
    render_cold(installation, home=WARM)  # so that the digests of the files are known, as they are after a fetch
    fetched = []
    for _ in range(times):
        shutil.rmtree(home / "models" / PREPARED, ignore_errors=True)
        drop_from_cache(home, installation.checkout / ".venv")
        fetched.append(render_cold(installation, home=WARM))
    installation.run("up", home=WARM)
    try:
        while not any("choice" in known and known["choice"] for known in manifests(home)):
            time.sleep(1)
    finally:
        installation.run("down", home=WARM)
    prepared = [render_cold(installation, home=WARM) for _ in range(times)]
    return {
        "nothing prepared, cold disk: render, to the first sound": f"{median(first for first, _ in fetched):.1f} s",
        "nothing prepared, cold disk: render, to the finished m4b": f"{median(whole for _, whole in fetched):.1f} s",
        "prepared, warm disk: render, to the first sound": f"{median(first for first, _ in prepared):.1f} s",
        "prepared, warm disk: render, to the finished m4b": f"{median(whole for _, whole in prepared):.1f} s",
    }


def manifests(home: Path) -> list[dict[str, object]]:
    """What is known of each prepared model."""
    return [json.loads(path.read_text()) for path in (home / "models" / PREPARED).glob("*/*/manifest.json")]


def drop_from_cache(*folders: Path) -> None:
    """Ask the system to read these files from the disk again; systems that cannot be asked keep them."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in (Path(root, name) for folder in folders for root, _, names in os.walk(folder) for name in names):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def render_cold(installation: Installation, *, home: str) -> tuple[float, float]:
    """Seconds from the start of one `chorus render` without a stack to the first sound and to the finished file."""
    for remembered in ("server", "store"):  # a job that is known already would keep the time of its creation
        shutil.rmtree(installation.scratch / home / remembered, ignore_errors=True)
    began, began_s = time.time(), time.monotonic()
    target = str(installation.scratch / f"{home}.m4b")
    words = ("render", str(installation.checkout / "docs" / "sample.md"), "-o", target, "--json")
    events = [json.loads(line) for line in installation.run(*words, home=home).splitlines()]
    whole_s = time.monotonic() - began_s
    job = [event for event in events if event["event"] == "progress"][-1]
    return (job["created_ms"] + job["first_audio_ms"]) / 1000 - began, whole_s


def warm(installation: Installation, times: int) -> dict[str, str]:
    """`chorus say` and `chorus render` on a stack that `chorus up` has started and that has spoken before."""
    installation.run("up", home=WARM)
    try:
        say_s(installation)
        spoken_s = [say_s(installation) for _ in range(times)]
        rendered_s = [render_s(installation, number) for number in range(times)]
    finally:
        installation.run("down", home=WARM)
    return {
        "warm: say, from the shell to the first sound": f"{median(spoken_s):.1f} s",
        "warm: render docs/sample.md, to the finished m4b": f"{median(rendered_s):.1f} s",
    }


def say_s(installation: Installation) -> float:
    """Seconds from the start of `chorus say` to the first audible sample."""
    began_s = time.monotonic()
    speech = subprocess.Popen(  # noqa: S603 - our own command
        installation.command("say", TEXT, "-o", "-"), env=installation.environment(WARM), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with speech, speech.stdout or sys.stdin.buffer as audio:
        audio.read(HEADER_BYTES)
        while sample := audio.read(2):
            if abs(int.from_bytes(sample, "little", signed=True)) > SILENCE:
                taken_s = time.monotonic() - began_s
                audio.read()
                return taken_s
    raise SystemExit(f"chorus say ended with status {speech.returncode} and without any sound.")


def render_s(installation: Installation, number: int) -> float:
    """Seconds of one `chorus render --fresh`."""
    began_s = time.monotonic()
    source = str(installation.checkout / "docs" / "sample.md")
    installation.run("render", source, "-o", str(installation.scratch / f"warm-{number}.m4b"), "--fresh", home=WARM)
    return time.monotonic() - began_s


def machine() -> str:
    """A description of this machine and its load."""
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = found[1] if found else platform.machine()
    return f"{cores} cores of {name}, {platform.system()}, load {os.getloadavg()[0]:.1f} beforehand"


def cpuinfo() -> str:
    """The kernel's description of the processor; empty on systems without it."""
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    main()
