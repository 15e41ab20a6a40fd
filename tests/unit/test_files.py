"""A file is written completely or not at all, and a disk error is reported in one sentence."""

import os
import stat
from pathlib import Path

import pytest
from disk import small_disk

from chorus.errors import DiskError, OutputError
from chorus.files import whole_file


def test_a_file_appears_when_its_block_ends_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    with whole_file(path) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_stays_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as temporary:
        temporary.write_bytes(bytes(1 // temporary.stat().st_size))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_reported_with_folder_and_remedy_and_leaves_no_file(tmp_path: Path) -> None:
    with small_disk(1000), pytest.raises(DiskError) as caught, whole_file(tmp_path / "out.bin") as temporary:
        temporary.write_bytes(bytes(2000))
    assert f"no room for out.bin in {tmp_path}" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing/out.bin", "plain/out.bin", "x" * 300])
def test_an_impossible_path_is_refused_before_any_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "plain").write_bytes(b"")
    entered = False
    with pytest.raises(OutputError, match="cannot be written"), whole_file(tmp_path / name):
        entered = True
    assert not entered


def test_a_folder_or_a_device_is_never_replaced(tmp_path: Path) -> None:
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(OutputError, match=r"is not a plain file|is a folder|among the devices"), whole_file(path):
            pass
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with whole_file(tmp_path / "out.bin"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.bin").stat().st_mode) == 0o640
