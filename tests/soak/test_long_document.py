"""A hundred hours of speech from one document: server and processes stay small. Nothing is struck here.

SOAK_HOURS, by default 100, says how long it is to be; an hour takes some 15 seconds and, for a while, 0.2 GB of disk.
"""

import json
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import redis
import soundfile
from law import check_keys
from numpy.typing import NDArray
from soak.gauges import MEGABYTE, Gauges
from soak.soaking import SEED
from soak.telling import progress, tell
from soak.texts import chapter
from support import ValkeyServer, wait_until
from toy.decode import decode
from workshop import Workshop, opened, planned_tokens

from chorus.client import Client
from chorus.records import JobRecord
from chorus.states import State
from chorus.wire import RATE_HZ

HOURS = int(os.environ.get("SOAK_HOURS", "100"))
PARAGRAPHS = 240
"""Of a chapter: about an hour of the toy voice."""
WORKERS = ("desk", "voice")
NAME, JOB = "endless.md", "book"
MOST_BYTES = 64 * MEGABYTE
DISK_BYTES_PER_HOUR = 200_000_000
# Segments of the toy voice take milliseconds: the slots keep the queue's own pauses from being what is measured.
SLOTS = "4"
HEARD = 3
"""Chapters decoded to the last token, besides the first and the last."""
GROWN_SHARE = 0.05
SETTLED_HOURS = 20
LOOK_S = 0.2


class LongRender:
    """One document, from its submit to its file, with somebody watching."""

    def __init__(self, farm: Workshop, connection: "redis.Redis") -> None:
        self.farm, self.redis = farm, connection
        self._server_pid = int(connection.info("server")["process_id"])
        self.gauges = Gauges(connection, self.pids)
        self.source = "\n\n".join(text_of(number) for number in range(HOURS)).encode()
        self.spoken_s = self.bound_s = 0.0
        """When the last segment was spoken, and when the file was there."""
        self.cpu_s: dict[str, float] = {}
        """What each process needed for all of it."""
        self._tenths = 0

    @property
    def client(self) -> Client:
        return self.farm.client

    def run(self, config: pytest.Config) -> None:
        say = progress(config)
        with self.gauges:
            self.client.submit(self.source, name=NAME, job=JOB, format="flac")
            wait_until(lambda: self._over(say), description="it is spoken and bound", timeout_s=2 * 3600)
            self.bound_s = self.gauges.now_s
            self.cpu_s = {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in self.pids().items()}

    def pids(self) -> dict[str, int]:
        return {name: self.farm.pid(name) for name in WORKERS} | {"server": self._server_pid}

    def record(self) -> JobRecord:
        return self.client.job(JOB)

    def peak_bytes(self) -> int:
        return int(self.redis.info("memory")["used_memory_peak"])

    def _over(self, say: Callable[[str], None]) -> bool:
        record = self.record()
        hours = record.frames / RATE_HZ / 3600
        if int(10 * hours / HOURS) > self._tenths:
            self._tenths = int(10 * hours / HOURS)
            peak_mb = self.peak_bytes() / MEGABYTE
            say(f"{self.gauges.now_s:.0f} s: {hours:.1f} h spoken, the server at {peak_mb:.1f} MB at most")
        if record.planned and record.segments_done == record.segments_planned and not self.spoken_s:
            self.spoken_s = self.gauges.now_s
        threading.Event().wait(LOOK_S)
        return record.finished


def text_of(number: int) -> str:
    return chapter("endless", number + 1, PARAGRAPHS)


@pytest.fixture(scope="module")
def long_render(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[LongRender]:
    """A render that is over; its file lies in the store."""
    folder = tmp_path_factory.mktemp("long")
    needed, free = HOURS * DISK_BYTES_PER_HOUR, shutil.disk_usage(folder).free
    assert free > needed, (
        f"{folder} has {free / 1e9:.0f} GB left and needs {needed / 1e9:.0f}: choose a lower SOAK_HOURS"
    )
    with (
        ValkeyServer(folder, "--appendonly", "yes", "--appendfsync", "everysec") as server,
        opened(Workshop(server.url, folder)) as farm,
        redis.Redis.from_url(server.url) as connection,
    ):
        farm.start(*WORKERS, CHORUS_SLOTS=SLOTS)
        render = LongRender(farm, connection)
        try:
            render.run(request.config)
        finally:
            tell(f"{render.record().frames / RATE_HZ / 3600:.1f} hours in one file", figures(render))
            tell("Its processes", processes(render))
        yield render
        shutil.rmtree(folder / "home" / "store")


def test_all_of_it_is_spoken(long_render: LongRender) -> None:
    record = long_render.record()
    assert (record.state, record.error) == (State.DONE, "")
    assert (record.segments_done, record.segments_failed) == (record.segments_planned, 0)
    assert record.characters == record.characters_total
    assert record.frames > HOURS * 3600 * RATE_HZ


def test_its_chapters_are_heard_to_the_last_token(long_render: LongRender) -> None:
    others = random.Random(SEED).sample(range(HOURS), min(HEARD, HOURS))
    for number in sorted({0, *others, HOURS - 1}):
        heard = decode(sound_of(number, long_render.record()))
        assert heard == planned_tokens(long_render.source, NAME, chapters=str(number + 1)), f"chapter {number + 1}"


def test_the_server_stays_under_64_megabytes(long_render: LongRender) -> None:
    assert long_render.peak_bytes() < MOST_BYTES


def test_its_keys_are_declared_and_expire(long_render: LongRender) -> None:
    assert check_keys(long_render.farm.url)


@pytest.mark.skipif(HOURS < SETTLED_HOURS, reason="in so short a render everything is still warming up")
@pytest.mark.parametrize("name", [*WORKERS, "server"])
def test_no_process_grows_with_the_length(long_render: LongRender, name: str) -> None:
    trend = long_render.gauges.trend(name, since_s=long_render.spoken_s / 2, until_s=long_render.spoken_s)
    assert trend.grown_share < GROWN_SHARE, trend


def sound_of(number: int, record: JobRecord) -> NDArray[np.int16]:
    """A chapter of the finished file, found by the report's marks."""
    assert record.result is not None
    path = Path(record.result.path)
    mark = json.loads(path.with_suffix(".report.json").read_text("utf-8"))["chapters"][number]
    with soundfile.SoundFile(path) as file:
        # The marks are rounded to a millisecond, and a chapter begins and ends in silence.
        file.seek(round(mark["start_s"] * RATE_HZ))
        sound: NDArray[np.int16] = file.read(round(mark["length_s"] * RATE_HZ), dtype="int16")
    return sound


def figures(render: LongRender) -> Iterator[tuple[object, ...]]:
    record = render.record()
    yield "document, MB", len(render.source) / 1e6
    yield "segments", record.segments_done
    yield "parts", record.parts_done
    yield "spoken after s", render.spoken_s
    yield "bound after s", render.bound_s
    yield "file, MB", record.result.size_bytes / 1e6 if record.result else ""
    yield "server's used_memory_peak, MB", render.peak_bytes() / MEGABYTE


def processes(render: LongRender) -> Iterator[tuple[object, ...]]:
    """While it is spoken, in the second half; and the most at any time."""
    yield "process", "CPU s", "mean MB", "MB/h", "grown MB", "peak MB"
    for name in render.gauges.samples:
        trend = render.gauges.trend(name, since_s=render.spoken_s / 2, until_s=render.spoken_s)
        cpu_s = render.cpu_s.get(name, 0.0)
        yield name, cpu_s, trend.size_mb, trend.mb_per_h, trend.grown_mb, render.gauges.peak_mb(name)
