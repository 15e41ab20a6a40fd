"""The file cache may lose entries at any time, but it never exceeds its limit and never blocks or fails a worker."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from os import utime
from pathlib import Path
from types import SimpleNamespace

import pytest
from disk import small_disk
from support import started

from broker.cache import DiskCache, digest
from chorus.files import TEMPORARY

# As much as one takes on the disk.
ENTRY = bytes(4096)
WRITERS = """
import sys
from pathlib import Path
from broker.cache import DiskCache, digest
cache = DiskCache(Path(sys.argv[1]), most_bytes=20 * 4096)
cache.open()
for number in range(100):
    cache.write(digest(number), bytes([number]) * 4096)
"""


def opened(folder: Path, most_bytes: int = 10 * 4096) -> DiskCache:
    cache = DiskCache(folder, most_bytes=most_bytes)
    cache.open()
    return cache


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return opened(tmp_path / "store" / "cache")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def age(path: Path, seconds: float) -> None:
    then_s = path.stat().st_mtime - seconds
    utime(path, (then_s, then_s))


def test_an_entry_is_found_only_under_its_own_name(cache: DiskCache) -> None:
    cache.write(digest("a", 1.0), b"one")
    cache.write(digest("a", 1.0), b"two")
    assert cache.read(digest("a", 1.0)) == b"two"
    assert cache.read(digest("a", 1.5)) is None
    assert cache.read(digest("a1.0")) is None
    assert (cache.entries, cache.size_bytes) == (1, 4096)


def test_the_parts_of_a_name_are_separated_in_its_digest() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("a", "b", "c"), digest(("ab", "c"))}) == 5


def test_the_cache_never_exceeds_its_limit_and_drops_the_least_recently_used_entries(cache: DiskCache) -> None:
    folder = cache._folder
    for number in range(10):
        cache.write(digest(number), ENTRY)
    for number, path in enumerate(sorted(files(folder), key=lambda path: path.stat().st_mtime_ns)):
        age(path, 100 - number)
    assert cache.read(digest(0)) is not None  # and so it was used just now
    cache.write(digest(10), ENTRY)
    kept = {number for number in range(11) if cache.read(digest(number)) is not None}
    assert kept == {0, *range(3, 11)}
    assert sum(path.stat().st_size for path in files(folder)) == cache.size_bytes == 9 * 4096


def test_an_entry_larger_than_the_whole_cache_is_not_kept(cache: DiskCache) -> None:
    cache.write(digest(1), ENTRY)
    cache.write(digest(2), bytes(10 * 4096 + 1))
    assert cache.read(digest(2)) is None
    assert cache.read(digest(1)) == ENTRY


def test_an_entry_counts_with_the_disk_space_that_it_takes(cache: DiskCache) -> None:
    for number in range(30):
        cache.write(digest(number), b"x")
    assert cache.entries * 4096 == cache.size_bytes <= 10 * 4096
    assert len(files(cache._folder)) == cache.entries


def test_files_that_are_still_being_written_count_as_well(cache: DiskCache) -> None:
    for number in range(8):
        cache.write(digest(number), ENTRY)
    (files(cache._folder)[0].parent / f".new{TEMPORARY}").write_bytes(bytes(4 * 4096))
    assert cache.trim() == 3 * 4096
    assert (cache.entries, cache.size_bytes) == (5, 9 * 4096)


def test_the_whole_cache_can_be_dropped_while_other_processes_use_it(cache: DiskCache) -> None:
    other = opened(cache._folder)
    for number in range(5):
        other.write(digest(number), ENTRY)
    assert cache.trim(0) == 5 * 4096
    assert files(cache._folder) == []
    assert other.read(digest(1)) is None
    other.write(digest(1), ENTRY)
    assert other.read(digest(1)) == ENTRY


def test_processes_share_a_cache_and_its_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITERS, tmp_path]
    with ExitStack() as stack:
        writers = [stack.enter_context(started(subprocess.Popen(command))) for _ in range(3)]
        assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    cache = opened(tmp_path, 20 * 4096)
    # Each may write a twentieth before it looks what the others wrote.
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 20 * 4096 * 1.1
    for number in range(100):
        assert cache.read(digest(number)) in (None, bytes([number]) * 4096)


def test_a_reader_never_reads_a_partial_entry(cache: DiskCache) -> None:
    entries = [bytes([value]) * 5000 for value in range(4)]

    def write(_: int) -> None:
        for entry in entries * 20:
            cache.write(digest("one"), entry)

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write, number) for number in range(2)]
        while not all(each.done() for each in writing):
            assert cache.read(digest("one")) in (None, *entries)


def test_files_of_a_killed_writer_are_removed_when_they_are_old(cache: DiskCache) -> None:
    cache.write(digest(1), ENTRY)
    folder = files(cache._folder)[0].parent
    old, new = folder / f".old{TEMPORARY}", folder / f".new{TEMPORARY}"
    for path in (old, new):
        path.write_bytes(b"half")
    age(old, 4000)
    again = opened(cache._folder)
    assert (again.entries, old.exists(), new.exists()) == (1, False, True)


def test_a_smaller_limit_applies_from_the_next_start(cache: DiskCache) -> None:
    for number in range(10):
        cache.write(digest(number), ENTRY)
    assert opened(cache._folder, 5 * 4096).entries == 4
    assert opened(cache._folder, 0).entries == 0


def test_a_full_disk_loses_the_entry_and_is_logged_once(cache: DiskCache, caplog: pytest.LogCaptureFixture) -> None:
    cache.write(digest(1), ENTRY)
    with small_disk(500):
        cache.write(digest(1), bytes(2000))
        cache.write(digest(2), ENTRY)
    assert cache.read(digest(1)) == ENTRY
    assert cache.read(digest(2)) is None
    assert len(files(cache._folder)) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_cache_leaves_some_disk_space_free(cache: DiskCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=200 * 2**20))
    cache.write(digest(1), ENTRY)
    assert files(cache._folder) == []


def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    cache = opened(tmp_path / "file" / "cache")
    cache.write(digest(1), ENTRY)
    assert cache.read(digest(1)) is None
    assert "Spoken segments are not kept in" in caplog.text


def test_an_entry_that_cannot_be_read_is_missing(cache: DiskCache) -> None:
    cache.write(digest(1), ENTRY)
    path = files(cache._folder)[0]
    path.unlink()
    path.mkdir()
    assert cache.read(digest(1)) is None


def test_nothing_is_written_where_a_disk_was_unmounted(cache: DiskCache) -> None:
    store = cache._folder.parent
    store.rename(store.with_name("away"))
    store.mkdir()  # the mount point stays
    cache.write(digest(1), ENTRY)
    assert list(store.iterdir()) == []
