"""A part is read back exactly as it was written, or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.store import LocalStore, part_key, sidecar_key
from chorus.errors import FarmError
from tasks.audio import BookChapter
from tasks.parts.part_files import (
    Part,
    Sidecar,
    SpokenSegment,
    ahead,
    chapter_marks,
    has_part,
    loudness_db,
    read_part,
    read_parts,
    read_sidecar,
    write_part,
)


def spoken(number: int, frames: int, *, text: str = "Hällo", failed: bool = False) -> SpokenSegment:
    noise = np.random.default_rng(number).integers(-32768, 32768, frames).astype("<i2")
    pcm = bytes(2 * frames) if failed else noise.tobytes()
    timings = (("h", 0.0, 0.1234567), ("ə", 0.1234567, 0.2))
    return SpokenSegment(
        number=number, pcm=pcm, start=number * 10, end=number * 10 + 5, text=text, timings=timings, failed=failed
    )


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def put(store: LocalStore, part: int, *frames: int, chapter: int = 0) -> Sidecar:
    return write_part(store, "job", 1, part, chapter=chapter, segments=[spoken(n, f) for n, f in enumerate(frames)])


def test_a_part_is_read_back_exactly(store: LocalStore) -> None:
    segments = [spoken(7, 2400), spoken(8, 13, failed=True), spoken(9, 31_000)]
    sidecar = write_part(store, "job", 1, 3, chapter=2, segments=segments)
    part = read_part(store, "job", 1, 3)
    assert part.pcm == b"".join(segment.pcm for segment in segments)
    assert part.sidecar == sidecar == read_sidecar(store, "job", 1, 3)
    assert (sidecar.frames, sidecar.chapter, sidecar.part) == (33_413, 2, 3)
    assert [(place.number, place.offset, place.frames, place.failed) for place in sidecar.segments] == [
        (7, 0, 2400, False),
        (8, 2400, 13, True),
        (9, 2413, 31_000, False),
    ]
    assert sidecar.segments[0].timings == (("h", 0.0, 0.123), ("ə", 0.123, 0.2))
    assert (sidecar.segments[2].start, sidecar.segments[2].end, sidecar.segments[2].text) == (90, 95, "Hällo")


def test_a_part_may_have_no_sound(store: LocalStore) -> None:
    put(store, 0, 0)
    part = read_part(store, "job", 1, 0)
    assert (part.pcm, part.sidecar.frames, part.sidecar.loudness_db) == (b"", 0, ())


def test_a_part_without_a_sidecar_does_not_count(store: LocalStore) -> None:
    assert not has_part(store, "job", 1, 0)
    put(store, 0, 100)
    assert has_part(store, "job", 1, 0)
    assert not has_part(store, "job", 2, 0)
    store.path(sidecar_key("job", 1, 0)).unlink()
    assert not has_part(store, "job", 1, 0)
    with pytest.raises(FarmError, match="is missing"):
        read_part(store, "job", 1, 0)


def test_the_sidecar_is_written_after_the_sound(store: LocalStore) -> None:
    store.path(part_key("job", 1, 0)).mkdir(parents=True)  # the FLAC cannot be put here
    with pytest.raises(Exception, match="is a folder: name a file"):
        put(store, 0, 100)
    assert not has_part(store, "job", 1, 0)


def test_changed_audio_of_a_part_is_found_by_its_checksum(store: LocalStore) -> None:
    put(store, 0, 100)
    put(store, 1, 101)
    store.write(part_key("job", 1, 0), store.read(part_key("job", 1, 1)))
    with pytest.raises(FarmError, match=r"part-00000\.flac is damaged: its checksum"):
        read_part(store, "job", 1, 0)


@pytest.mark.parametrize("keep", [0, 3, 40, 200])
def test_a_truncated_flac_is_refused_with_its_name(store: LocalStore, keep: int) -> None:
    put(store, 0, 5000)
    key = part_key("job", 1, 0)
    store.write(key, store.read(key)[:keep])
    with pytest.raises(FarmError, match=r"part-00000\.flac is damaged"):
        read_part(store, "job", 1, 0)


DAMAGED = (
    b"", b"{", b"[]", b"1", b"{}", b'{"version": 1}', b'{"version":1,"segments":[3]}', b'{"version": 1e999}',
    b"[" * 100_000, b"\xff",
)  # fmt: skip


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_sidecar_gives_one_sentence(data: bytes) -> None:
    with pytest.raises(FarmError, match="sidecar in the store is damaged"):
        Sidecar.from_json(data)


def test_a_sidecar_of_a_newer_version_is_refused(store: LocalStore) -> None:
    record = json.loads(put(store, 0, 100).to_json())
    with pytest.raises(FarmError, match="version 2, this Chorus reads 1: update"):
        Sidecar.from_json(json.dumps(record | {"version": 2}).encode())


def test_parts_are_read_one_at_a_time(store: LocalStore) -> None:
    put(store, 0, 10)
    parts = read_parts(store, "job", 1, range(2))  # the second is not there yet
    assert next(parts).sidecar.part == 0
    put(store, 1, 20)
    assert [part.sidecar.frames for part in parts] == [20]


def test_at_most_two_parts_are_read_ahead(store: LocalStore) -> None:
    written = [put(store, part, 100 + part) for part in range(5)]
    asked: list[int] = []
    seen = []
    for part in ahead(asking(read_parts(store, "job", 1, range(5)), asked)):
        seen.append(part.sidecar)
        assert len(asked) <= len(seen) + 1
    assert seen == written


def test_a_damaged_part_is_reported_when_it_is_used(store: LocalStore) -> None:
    put(store, 0, 10)
    parts = ahead(read_parts(store, "job", 1, range(2)))
    next(parts)
    with pytest.raises(FarmError, match="part-00001"):
        next(parts)


def asking(parts: Iterator[Part], asked: list[int]) -> Iterator[Part]:
    """The parts, and how many were read."""
    for number, part in enumerate(parts):
        asked.append(number)
        yield part


def test_a_chapter_begins_at_its_first_part(store: LocalStore) -> None:
    shape = [(0, 100), (0, 50), (1, 0), (2, 30)]
    sidecars = [put(store, part, frames, chapter=chapter) for part, (chapter, frames) in enumerate(shape)]
    assert chapter_marks(sidecars, ["One", "Empty", "Three"]) == (
        BookChapter(title="One", start=0, frames=150),
        BookChapter(title="Three", start=150, frames=30),
    )


def test_loudness_is_in_decibels_below_full_scale() -> None:
    full = np.full(2400, -32768, dtype="<i2")
    half = np.full(2400, 16384, dtype="<i2")
    quiet = np.zeros(2400, dtype="<i2")
    assert loudness_db(np.concatenate([full, half, quiet, half[:7]]).tobytes()) == (0, -6, -90, -6)


@given(st.integers(0, 10_000))
def test_loudness_has_a_value_for_every_tenth_of_a_second_begun(frames: int) -> None:
    assert len(loudness_db(bytes(2 * frames))) == -(-frames // 2400)
