"""What is read of files that a caller names: all of it, within a bound, and without waiting for ever."""

import os
from pathlib import Path

import pytest

from chorus import input_file
from chorus.errors import OptionError, SourceError
from chorus.input_file import is_folder, is_missing, read_input

MOST = 1000


def test_a_file_at_its_bound_is_read_and_one_beyond_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * MOST)
    assert read_input(path, MOST) == b"x" * MOST
    path.write_bytes(b"x" * (MOST + 1))
    with pytest.raises(SourceError, match=r"a\.txt has 1001 bytes, and 1000 bytes are the most: split it"):
        read_input(path, MOST)


def test_a_pipe_that_is_held_open_in_silence_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_file, "SILENCE_S", 0.05)
    pipe = tmp_path / "a.toml"
    os.mkfifo(pipe)
    holder = os.open(pipe, os.O_RDWR)
    try:
        os.write(holder, b"half of it")
        with pytest.raises(OptionError, match=r"Lexicon .*a\.toml is a pipe that brings nothing: write into it"):
            read_input(pipe, MOST, label="Lexicon ", refused=OptionError)
    finally:
        os.close(holder)


def test_a_pipe_without_an_end_is_read_up_to_the_bound(tmp_path: Path) -> None:
    pipe = tmp_path / "a.md"
    os.mkfifo(pipe)
    holder = os.open(pipe, os.O_RDWR)
    try:
        os.write(holder, b"x" * (MOST + 1))
        with pytest.raises(SourceError, match="has more than"):
            read_input(pipe, MOST)
    finally:
        os.close(holder)


def test_a_path_that_cannot_be_looked_at_is_neither_a_folder_nor_missing() -> None:
    for path in (Path("x" * 300), Path("/dev/null/x" * 500)):
        assert not is_folder(path)
        assert not is_missing(path)
    assert is_missing(Path("/nowhere/at/all"))
    assert is_folder(Path("/"))
