"""The memory governor, fed with readings by the tests, and the reading of a machine's memory from files."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.process import memory
from workers.process.memory import MemoryReading, Room
from workers.upkeep.governor import CLEARED_S, GIGABYTE, MEGABYTE, Governor, Step, allowance_bytes

ROOT = Path(__file__).parents[2]
WARM = 800 * MEGABYTE
ALLOWED = 500 * MEGABYTE
MACHINE = Room(total_bytes=8 * GIGABYTE, available_bytes=4 * GIGABYTE)


def reading(growth_mb: float, room: Room = MACHINE) -> MemoryReading:
    return MemoryReading(rss_bytes=int(WARM + growth_mb * MEGABYTE), in_use_bytes=None, room=room)


class Life:
    """A process's life, second by second."""

    def __init__(self) -> None:
        self.governor = Governor(baseline_bytes=WARM)
        self.now_s = 0.0

    def goes_on(self, seconds: int, *growths_mb: float, room: Room = MACHINE) -> list[Step]:
        """So many seconds, with this growth or these in turn; the steps that were taken."""
        return [step for step in self._steps(seconds, growths_mb, room) if step != "none"]

    def _steps(self, seconds: int, growths_mb: tuple[float, ...], room: Room) -> Iterator[Step]:
        for second in range(seconds):
            self.now_s += 1
            yield self.governor.look(self.now_s, reading(growths_mb[second % len(growths_mb)], room))


@pytest.mark.parametrize(
    ("total_gb", "free_share", "asked_mb", "allowed_mb"),
    [
        (64, 0.5, 0, 2000),
        (33, 0.5, 0, 2000),
        (32, 0.5, 0, 1000),
        (17, 0.5, 0, 1000),
        (16, 0.5, 0, 500),
        (8, 0.5, 0, 500),
        (4, 0.5, 0, 200),
        (1, 0.5, 0, 200),
        (64, 0.09, 0, 1000),
        (4, 0.05, 0, 100),
        (64, 0.5, 300, 300),
        (1, 0.05, 300, 150),
    ],
)
def test_the_allowed_growth_depends_on_machine_setting_and_free_memory(
    total_gb: int, free_share: float, asked_mb: int, allowed_mb: int
) -> None:
    room = Room(total_bytes=total_gb * GIGABYTE, available_bytes=int(total_gb * GIGABYTE * free_share))
    assert allowance_bytes(room, asked_mb * MEGABYTE) == allowed_mb * MEGABYTE


@pytest.mark.parametrize(
    ("growth_mb", "step"),
    [(-200, None), (0, None), (500, None), (501, "shrink"), (750, "shrink"), (751, "drop"), (1001, "recycle")],
)
def test_the_larger_the_growth_the_stronger_the_measure(growth_mb: float, step: Step | None) -> None:
    assert Life().goes_on(70, growth_mb) == ([step] if step else [])


def test_nothing_is_decided_before_a_whole_minute_of_readings() -> None:
    assert Life().goes_on(60, 5000) == []


def test_memory_that_a_segment_takes_and_returns_is_no_growth() -> None:
    assert Life().goes_on(600, *[1500] * 50, 100) == []


def test_memory_of_segments_being_spoken_is_no_growth() -> None:
    life = Life()
    for second in range(300):
        busy = MemoryReading(rss_bytes=WARM + 4 * 380 * MEGABYTE, in_use_bytes=None, room=MACHINE, under_way=4)
        assert life.governor.look(second, busy) == "none"
    assert life.governor.look(301, reading(4 * 380)) == "none", "it was smaller within the minute"
    life.now_s = 301
    assert "recycle" in life.goes_on(70, 4 * 380), "with nothing under way it is growth"


def test_lasting_growth_causes_a_measure_once_a_minute() -> None:
    assert Life().goes_on(61 + 180, 600) == ["shrink"] * 4


def test_growth_that_gets_worse_causes_a_measure_at_once() -> None:
    life = Life()
    assert life.goes_on(65, 600) == ["shrink"]
    # Its least within the last minute is what counts.
    assert life.goes_on(58, 800) == ["shrink"]
    assert life.goes_on(4, 800) == ["drop"]


def test_at_the_limit_a_measure_neither_begins_nor_ends() -> None:
    life = Life()
    assert life.goes_on(120, 450) == []
    assert life.goes_on(62, 550) == ["shrink"]
    assert life.goes_on(130, 450) == ["shrink", "shrink"], "what has begun ends only well below the edge"
    assert life.goes_on(62, 350) == []
    assert life.goes_on(120, 450) == []


def test_with_little_free_memory_measures_begin_sooner() -> None:
    tight = Room(total_bytes=8 * GIGABYTE, available_bytes=GIGABYTE // 2)
    assert Life().goes_on(62, 300) == []
    assert Life().goes_on(62, 300, room=tight) == ["shrink"]


def test_a_process_that_is_small_when_idle_is_not_replaced_for_a_while() -> None:
    life = Life()
    assert life.goes_on(62, 1200) == ["recycle"]
    assert not life.governor.must_go(life.now_s, reading(400))
    assert set(life.goes_on(int(CLEARED_S) - 1, 1200)) == {"drop"}
    assert "recycle" in life.goes_on(120, 1200)


def test_a_process_that_is_large_when_idle_is_replaced() -> None:
    assert Life().governor.must_go(0.0, reading(501))
    assert not Life().governor.must_go(0.0, reading(499))


def test_the_trend_is_a_line_through_the_minimum_of_each_minute() -> None:
    life = Life()
    life.goes_on(1700, 100)
    assert life.governor.trend() is None
    for minute in range(60):
        life.goes_on(60, 100 + minute, 900)
    trend = life.governor.trend()
    assert trend is not None
    assert trend.mb_per_h == pytest.approx(60, rel=0.1)
    assert trend.alarming, "more than a twentieth of 800 MB in an hour"


def test_constant_memory_raises_no_alarm() -> None:
    life = Life()
    life.goes_on(4000, 100, 300, 200)
    trend = life.governor.trend()
    assert trend is not None
    assert (trend.mb_per_h, trend.alarming) == (pytest.approx(0), False)


MEMINFO = "MemTotal:       16000000 kB\nMemFree:  1000 kB\nMemAvailable:    9000000 kB\n"
STAT = "anon 5\ninactive_file 300000000\n"
# As cgroup v1 writes that there is none.
UNLIMITED = "9223372036854771712"
TOTAL, AVAILABLE = 16_000_000 * 1024, 9_000_000 * 1024


@pytest.mark.parametrize(
    ("files", "total", "available"),
    [
        ({}, TOTAL, AVAILABLE),
        ({"memory.max": "max\n", "memory.current": "5000"}, TOTAL, AVAILABLE),
        ({"memory.max": "2000000000\n", "memory.current": "1500000000\n"}, 2_000_000_000, 500_000_000),
        (
            {
                "memory.max": "2000000000",
                "memory.current": "1500000000",
                "memory.stat": "anon 5\ninactive_file 300000000",
            },
            2_000_000_000,
            800_000_000,
        ),
        ({"memory.max": "2000000000", "memory.current": "2500000000"}, 2_000_000_000, 0),
        ({"memory.max": str(2 * TOTAL), "memory.current": "5000"}, TOTAL, AVAILABLE),
        (
            {"memory/memory.limit_in_bytes": "1000000000", "memory/memory.usage_in_bytes": "400000000"},
            1_000_000_000,
            600_000_000,
        ),
        (
            {"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "4"},
            TOTAL,
            AVAILABLE,
        ),
        ({"memory.max": "nonsense", "memory.current": "5000"}, TOTAL, AVAILABLE),
    ],
)
def test_the_available_memory_is_that_of_the_machine_or_the_container(
    tmp_path: Path, files: dict[str, str], total: int, available: int
) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO, "ascii")
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text, "ascii")
    room = memory.room(tmp_path / "meminfo", tmp_path / "cgroup")
    assert room == Room(total_bytes=total, available_bytes=available)


def test_without_linuxs_files_psutil_is_asked(tmp_path: Path) -> None:
    room = memory.room(tmp_path / "meminfo", tmp_path / "cgroup")
    assert room.total_bytes > room.available_bytes > 0


@pytest.mark.skipif(memory.in_use_bytes() is None, reason="this system's allocator does not tell what it handed out")
def test_memory_in_use_is_what_was_allocated_and_not_freed() -> None:
    before = memory.in_use_bytes() or 0
    block = bytearray(64 * MEGABYTE)
    assert (memory.in_use_bytes() or 0) - before >= len(block)
    del block
    assert (memory.in_use_bytes() or 0) - before < MEGABYTE


def test_a_reading_is_of_this_process() -> None:
    block = bytearray(b"x" * 32 * MEGABYTE)
    read = memory.read()
    assert len(block) < read.rss_bytes < read.room.total_bytes
    assert memory.fresh_pages() > 0
    memory.trim()


HOLES = """
import threading
from workers.process import memory
{settle}

def work():
    for _ in range(40):
        # A block of audio, freed under a small one that stays.
        audio, kept = bytearray(3 << 20), bytearray(20_000)
        held.append(kept)

held = []
before = memory.read().rss_bytes
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(memory.read().rss_bytes - before)
"""


@pytest.mark.skipif(memory.in_use_bytes() is None, reason="only glibc keeps large blocks, and only it is told not to")
def test_large_blocks_are_returned_to_the_system_when_they_are_freed() -> None:
    def grown(settle: str) -> int:
        words = [sys.executable, "-c", HOLES.format(settle=settle)]
        return int(subprocess.run(words, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout)

    assert grown("memory.settle()") < 8 * MEGABYTE < grown("")
