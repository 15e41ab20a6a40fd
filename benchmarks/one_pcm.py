"""Checks that a book has identical PCM with 1, 2 and 4 workers, with and without the cache, unlike the raw model file.

    .venv/bin/python benchmarks/make_kokoro_shaped.py /tmp/kokoro-shaped.onnx
    .venv/bin/python benchmarks/one_pcm.py /tmp/kokoro-shaped.onnx        # minutes, on two cores

Every run has an empty store and a new job. It compares the sha256 of the finished file's samples, which is in the
report. The exit status is 1 if the prepared model's samples differ, or if the raw model's do not: then the check proves
nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure
from benchmarks.first_sound import machine
from broker.settings import FarmSettings
from chorus import Client
from chorus.records import JobRecord
from workers.models.variants import RAW
from workers.optimise.preparing import ready
from workers.process.children import ROOT
from workers.stack.stack import ensure

CHAPTERS = (
    "the boat is here",
    "nobody counted the tide",
    "the keeper lost a line",
    "a lamp was found",
    "they left at dawn",
)
TEXT = "\n\n".join(f"# {number}\n\nOn the long pier {said}." for number, said in enumerate(CHAPTERS, 1))
WORKERS = (1, 2, 4)
AUTO = ""
"""The variant that the farm chooses by itself."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One rendered book."""

    what: str
    """The variant, workers and cache of this run, for the table."""
    variant: str
    """The variant that spoke, from the report."""
    sha256: str
    by: int
    """The number of workers that spoke some of it."""
    cached: int
    """The number of segments from the cache."""


def main() -> int:
    """Render, compare, and print a table."""
    given = measure.Options.read(__doc__)
    with tempfile.TemporaryDirectory(prefix="chorus-one-pcm-") as folder:
        # Not the shared home of the other measurements: preparing the model there again would replace the graph in use.
        options = replace(given, prepared=given.prepared or Path(folder) / "prepared")
        ready(options.settings(Path(folder) / "look"), print)
        prepared = list(runs(options, Path(folder), AUTO))
        raw = [
            *rendered(options, Path(folder) / "raw-1", RAW, 1, 0),
            *rendered(options, Path(folder) / "raw-2", RAW, 2, 0),
        ]
    print(f"{machine()}, {options.model.stem}")
    print(f"{'':<40}{'spoken by':>10}{'cached':>8}  {'sha256 of the samples':<24}as")
    for run in (*prepared, *raw):
        print(f"{run.what:<40}{run.by:>10}{run.cached:>8}  {run.sha256[:16]:<24}{run.variant}")
    same = len({run.sha256 for run in prepared}) == 1
    differ = len({run.sha256 for run in raw}) > 1
    print("prepared model: identical samples" if same else "prepared model: DIFFERENT SAMPLES")
    print("raw model file: different samples each time" if differ else "raw model file: IDENTICAL SAMPLES")
    return 0 if same and differ else 1


def runs(options: measure.Options, folder: Path, variant: str) -> Iterator[Run]:
    """Runs with each number of workers: one without a cache, then two with a cache."""
    for count in WORKERS:
        for cache_mb in (0, 100):
            yield from rendered(options, folder / f"{count}-{cache_mb}", variant, count, cache_mb)


def rendered(options: measure.Options, home: Path, variant: str, count: int, cache_mb: int) -> Iterator[Run]:
    """Render one book on a new farm; with a cache, render it a second time."""
    settings = options.settings(home, variant, slots=1, lanes="bulk").model_copy(update={"cache_mb": cache_mb})
    with farm(settings, count) as client:
        for turn in range(2 if cache_mb else 1):
            record = client.submit(TEXT, format="wav", job=f"book-{turn}")
            done = client.wait(record.job, timeout_s=1200)
            cache = "cache on" if cache_mb else "cache off"
            what = f"{variant or 'prepared'}, {count} workers, {cache}{', again' if turn else ''}"
            report = report_of(settings, done)
            yield Run(
                what=what, variant=report["variant"], sha256=report["audio_sha256"],
                by=len(done.spoken_by), cached=done.segments_cached,
            )  # fmt: skip


@contextmanager
def farm(settings: FarmSettings, count: int) -> Iterator[Client]:
    """A stack with so many voice workers."""
    with ensure(settings) as stack, Client(stack.url) as client, tempfile.TemporaryFile() as log:
        more = [start(settings, stack.url, number, log.fileno()) for number in range(1, count)]
        try:
            while sum(worker.role == "voice" for worker in client.workers()) < count:
                if any(one.poll() is not None for one in more):
                    raise SystemExit("A worker did not start.")
                time.sleep(0.2)
            yield client
        finally:
            for one in more:
                one.terminate()
            for one in more:
                one.wait()


def start(settings: FarmSettings, url: str, number: int, log: int) -> "subprocess.Popen[bytes]":
    """Start another voice worker for this stack."""
    given = settings.model_dump(exclude_defaults=True, exclude={"url"})
    environment = {f"CHORUS_{name.upper()}": str(value) for name, value in given.items()} | {"CHORUS_URL": url}
    return subprocess.Popen(  # noqa: S603 - our own workers
        [sys.executable, "-P", "-m", "celery", "-A", "workers.voice", "worker", "-n", f"voice{number}@more"],
        env=os.environ | environment | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
    )  # fmt: skip


def report_of(settings: FarmSettings, record: JobRecord) -> dict[str, Any]:
    """The report of a finished job."""
    reports: list[dict[str, Any]] = [
        json.loads(path.read_text("utf-8")) for path in settings.store_folder().rglob("*report*.json")
    ]
    return next(one for one in reports if one.get("job") == record.job)


if __name__ == "__main__":
    sys.exit(main())
