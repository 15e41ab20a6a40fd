"""Data in the store is complete, whoever writes, dies or reads at the same time."""

import fcntl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from disk import small_disk

from broker.store import LocalStore, Store, part_key, result_key, sidecar_key, source_key
from chorus.errors import DiskError, FarmError

HALF_WRITER = """
import sys
from pathlib import Path
from broker.store import LocalStore
with LocalStore(Path(sys.argv[1])).writer("jobs/a/1/part-00000.flac") as path:
    path.write_bytes(b"half")
    print("half", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_written_data_is_read_back(store: LocalStore) -> None:
    store.write("jobs/a/source", b"once")
    store.write("jobs/a/source", b"twice")
    assert store.read("jobs/a/source") == b"twice"
    assert store.exists("jobs/a/source")
    assert store.path("jobs/a/source").read_bytes() == b"twice"


def test_the_local_store_implements_the_store_protocol(store: LocalStore) -> None:
    answers: Store = store
    for name in (name for name in vars(Store) if not name.startswith("_")):
        assert hasattr(answers, name)


def test_keys_have_the_documented_layout() -> None:
    assert part_key("j", 2, 12) == "jobs/j/2/part-00012.flac"
    assert sidecar_key("j", 2, 12) == "jobs/j/2/part-00012.json"
    assert result_key("j", 2, "m4b") == "jobs/j/2/result.m4b"
    assert source_key(".j") == "jobs/.j/source"


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../b", "a/..", "..", ".", "./a", "a//b", "a/", "a\\b", "a\0", "a b", "ü", "a\n"],
)
def test_a_key_never_leads_out_of_the_folder(store: LocalStore, key: str) -> None:
    for use in (store.read, store.path, store.exists, store.delete_tree, lambda key: store.write(key, b"")):
        with pytest.raises(FarmError, match="is not a key"):
            use(key)


def test_a_missing_key_is_named(store: LocalStore) -> None:
    with pytest.raises(FarmError, match="jobs/a/source is missing"):
        store.read("jobs/a/source")


def test_a_block_that_fails_leaves_no_key(store: LocalStore) -> None:
    with pytest.raises(ZeroDivisionError), store.writer("jobs/a/source") as path:
        path.write_bytes(bytes(1 // path.stat().st_size))
    assert store.keys() == ()


def test_keys_are_listed_by_folder_not_by_beginning(store: LocalStore) -> None:
    for key in ("jobs/a/2", "jobs/a/1", "jobs/ab/1"):
        store.write(key, b"")
    assert store.keys() == ("jobs/a/1", "jobs/a/2", "jobs/ab/1")
    assert store.keys("jobs/a") == ("jobs/a/1", "jobs/a/2")
    assert store.keys("jobs/none") == ()


def test_a_tree_is_deleted_and_nothing_beside_it(store: LocalStore) -> None:
    for key in ("jobs/a/1/x", "jobs/a/2/x", "jobs/ab/x"):
        store.write(key, b"")
    store.delete_tree("jobs/a")
    store.delete_tree("jobs/a")
    assert store.keys() == ("jobs/ab/x",)
    assert sorted(path.name for path in store.folder.iterdir()) == ["jobs", "store.json"]


def test_many_processes_can_delete_one_tree(store: LocalStore) -> None:
    for number in range(200):
        store.write(f"jobs/a/{number}", b"")
    together = Barrier(8)

    def delete(_: int) -> None:
        together.wait()
        store.delete_tree("jobs/a")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(delete, range(8)))
    assert store.keys() == ()


def test_a_store_keeps_its_id(store: LocalStore, tmp_path: Path) -> None:
    assert LocalStore(store.folder).id == store.id
    assert LocalStore(tmp_path / "other").id != store.id


def test_processes_that_open_a_new_store_together_agree_on_its_id(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from broker.store import LocalStore; sys.stdin.readline(); "
    program += "print(LocalStore(Path(sys.argv[1])).id)"
    pipe = subprocess.PIPE
    children = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path / "store"], stdin=pipe, stdout=pipe, text=True)
        for _ in range(4)
    ]
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
    ids = {child.communicate(timeout=60)[0].strip() for child in children}
    assert ids == {LocalStore(tmp_path / "store").id}


def test_opening_a_store_waits_while_its_id_is_being_chosen(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with (tmp_path / "store.json").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            opened = pool.submit(LocalStore, tmp_path)
            with pytest.raises(TimeoutError):
                opened.result(timeout=0.2)
            file.write('{"id": "chosen"}')
        assert opened.result(timeout=30).id == "chosen"


def test_a_damaged_id_is_named_with_its_remedy(store: LocalStore) -> None:
    (store.folder / "store.json").write_text("not json")
    with pytest.raises(DiskError, match=r"store\.json is damaged: delete it"):
        LocalStore(store.folder)


def test_a_writer_killed_midway_leaves_no_key(store: LocalStore) -> None:
    command = [sys.executable, "-c", HALF_WRITER, store.folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"half\n"
        child.kill()
    folder = store.folder / "jobs" / "a" / "1"
    assert store.keys() == ()
    # test_store_sweep.py has who removes it.
    assert len(list(folder.iterdir())) == 1


def test_a_full_disk_names_the_store_and_keeps_what_was_there(store: LocalStore) -> None:
    store.write("jobs/a/1", b"old")
    with small_disk(1000), pytest.raises(DiskError) as caught:
        store.write("jobs/a/1", bytes(2000))
    assert f"The store {store.folder} is full" in str(caught.value)
    assert store.read("jobs/a/1") == b"old"
    assert store.keys() == ("jobs/a/1",)


def test_a_store_that_cannot_be_made_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(DiskError, match=r"plain/store cannot be written .* set CHORUS_STORE"):
        LocalStore(tmp_path / "plain" / "store")


def test_a_missing_store_is_reported_at_the_next_write(store: LocalStore) -> None:
    store.write("jobs/a/1", b"")
    store.delete_tree("jobs")
    (store.folder / "jobs").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be written"):
        store.write("jobs/a/1", b"")


def test_a_store_that_was_unmounted_is_not_written_to_and_says_so(store: LocalStore) -> None:
    key = part_key("j", 1, 0)
    store.write(key, b"before")
    away = store.folder.with_name("away")
    store.folder.rename(away)
    store.folder.mkdir()  # the mount point stays
    for refused in (lambda: store.write(key, b"after"), lambda: store.read(key), lambda: store.exists(key)):
        with pytest.raises(DiskError, match="is not there: mount it again"):
            refused()
    assert list(store.folder.iterdir()) == []
    store.folder.rmdir()
    away.rename(store.folder)
    assert store.read(key) == b"before"
