"""Copies finished files from the store to the paths that the user named, with reports and captions.

Knows nothing of how a job runs.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from broker.store import LocalStore, job_key, report_key, result_key
from chorus.errors import DiskError
from chorus.files import whole_file
from chorus.job_view import clock
from chorus.terminal import reused
from tasks.parts.captions import as_captions, captions
from tasks.parts.part_files import read_sidecars
from workers.cli.render_requests import RenderRequest, captions_path, report_path


def deliver(store: LocalStore, job: str, epoch: int, order: RenderRequest) -> dict[str, Any]:
    """Copy the finished file to its target, write the report and the captions beside it, and return the report."""
    made = store.path(result_key(job, epoch, order.request.format))
    with whole_file(order.target) as temporary:
        try:
            shutil.copyfile(made, temporary)
        except FileNotFoundError as error:
            raise DiskError(f"{made} is gone from the store: render it again with --fresh.") from error
    told = store.read(report_key(job, epoch))
    report: dict[str, Any] = {"file": _shown(order.target), **json.loads(told)}
    with whole_file(report_path(order.target)) as temporary:
        temporary.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if order.captions:
        _deliver_captions(store, job, epoch, order)
    return report


def _deliver_captions(store: LocalStore, job: str, epoch: int, order: RenderRequest) -> None:
    """Write `book.srt` beside `book.m4b`, from the sidecars, which are kept when the parts are deleted."""
    text = captions(read_sidecars(store, job, epoch), as_captions(order.captions))
    with whole_file(captions_path(order.target, order.captions)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def finished_run(store: LocalStore, job: str, form: str) -> int | None:
    """The epoch of the latest run of a job that is finished in the store; None if there is none or segments failed."""
    runs = {int(key.split("/")[2]) for key in store.keys(job_key(job)) if key.endswith(f"/result.{form}")}
    for epoch in sorted(runs, reverse=True):
        if store.exists(report_key(job, epoch)):
            segments = json.loads(store.read(report_key(job, epoch)))["segments"]
            return None if segments["failed"] else epoch
    return None


def made(report: dict[str, Any]) -> str:
    """The last line of a render's output."""
    segments, chapters, pace = report["segments"], len(report["chapters"]), report["times_real_time"]
    done, cached = segments["planned"] - segments["failed"], segments.get("cached", 0)
    speed = f" ({pace:.1f}x real time)" if pace else ""
    lost = f", {segments['failed']} of them could not be spoken" if segments["failed"] else ""
    return (
        f"{report['file']}: {clock(report['audio_s'])} in {chapters} chapter{'' if chapters == 1 else 's'}, "
        f"{segments['planned']} segments{lost}, made in {clock(report['wall_s'])}{speed}."
        f"{reused(segments['planned'], done, cached)}"
    )


def _shown(path: Path) -> str:
    """The path as text for JSON; bytes in it that are not UTF-8 are replaced."""
    return str(path).encode("utf-8", "replace").decode()
