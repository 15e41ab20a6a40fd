"""The main job: documents in, finished files out, on this machine's own stack or on a farm elsewhere.

Ties orders, models, the stack and the client together. Knows nothing of the command line.
"""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from broker.settings import FarmSettings
from broker.store import LocalStore, result_key
from chorus.client import Client
from chorus.errors import DiskError, FarmError, JobFailedError, OutsideError
from chorus.files import whole_file
from chorus.records import JobRecord, State, Worker
from chorus.submission import Wishes
from chorus.terminal import Progress, clock
from workers import voicebank
from workers.models import PULL, Model
from workers.orders import Order
from workers.stack import Stack, StackSpec, ensure

# How long a farm elsewhere may take to show a voice worker before we say that it has none.
FARM_PATIENCE_S = 15.0
LOOK_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Who will speak, as far as it must be known before the first job is submitted."""

    sound: str
    name: str
    voices_digest: str
    stand_in: bool
    known: tuple[str, ...]
    """The voices' names."""


Begun = Callable[[Client, JobRecord], None]
"""Called once a job is on its way: `--play` listens from here."""


def render(
    orders: list[Order],
    settings: FarmSettings,
    progress: Progress,
    *,
    fresh: bool,
    choose: Callable[[], Model],
    begun: Begun | None = None,
) -> None:
    """Render every order. `choose` gives the model of this machine, and may ask the user for it."""
    local = None if settings.url else _own_voice(choose())
    if local:
        _introduce(local, orders, progress)
    with progress, ensure(settings, _spec(settings)) as stack, Client(stack.url) as client:
        voice = local or _introduced(_farm_voice(client), orders, progress)
        store = LocalStore(settings.store_folder())
        jobs = [_submit(client, order, voice, store, fresh=fresh) for order in orders]
        for order, record in zip(orders, jobs, strict=True):
            _tell_start(order, record, progress)
            if begun is not None:
                begun(client, record)
            try:
                finished = _follow(client, record, stack, progress)
            except KeyboardInterrupt:
                _pause(client, jobs, progress)
                raise
            report = deliver(store, finished, order)
            progress.result(report, made(report))


def _spec(settings: FarmSettings) -> StackSpec:
    """Here everything; for a farm elsewhere only a desk, so that this machine's disk is the book's store."""
    return StackSpec(voice=False, url=settings.url) if settings.url else StackSpec()


def _own_voice(model: Model) -> Voice:
    return Voice(
        sound=model.sound,
        name=model.name,
        voices_digest=model.voices_digest,
        stand_in=model.stand_in,
        known=tuple(voicebank.load(model.voices_path)),
    )


def _farm_voice(client: Client) -> Voice:
    """The voice most of the farm speaks with, once a worker shows itself."""
    deadline_s = time.monotonic() + FARM_PATIENCE_S
    while not (voices := [worker for worker in client.workers() if worker.sound]):
        if time.monotonic() > deadline_s:
            raise OutsideError("No voice worker is registered there: start one with `celery -A workers.voice worker`.")
        time.sleep(LOOK_S)
    worker = max(voices, key=_preference)
    return Voice(
        sound=worker.sound,
        name=worker.model,
        voices_digest=worker.voices_digest,
        stand_in=worker.stand_in,
        known=worker.voices,
    )


def _preference(worker: Worker) -> tuple[bool, int, str]:
    return not worker.stand_in, sum(worker.slots.values()), worker.sound


def _introduced(voice: Voice, orders: list[Order], progress: Progress) -> Voice:
    _introduce(voice, orders, progress)
    return voice


def _introduce(voice: Voice, orders: list[Order], progress: Progress) -> None:
    for order in orders:
        voicebank.require(order.request.voice, voice.known)
    if voice.stand_in:
        progress.note(f"Speaking with the {voice.name}, which only stands in: `{PULL}` fetches Kokoro's real voice.")


def _submit(client: Client, order: Order, voice: Voice, store: LocalStore, *, fresh: bool) -> JobRecord:
    """The job's id follows from everything that makes its audio, so the same command finds its own job again."""
    job = order.request.digest(order.data, order.cover or b"", voice.sound, voice.voices_digest)
    return client.submit(
        order.data,
        job=job,
        store=store.id,
        sound=voice.sound,
        cover=order.cover,
        fresh=fresh,
        **cast("Wishes", asdict(order.request)),
    )


def _tell_start(order: Order, record: JobRecord, progress: Progress) -> None:
    title = order.request.title or order.document.title
    count = len(order.document.chapters)
    progress.note(f"{title}: {count} chapter{'s' if count > 1 else ''} → {order.target}")
    if record.want == "fresh":
        return
    if record.state is State.DONE:
        progress.note("This was rendered already; --fresh renders it again.")
    elif record.segments_done:
        planned = f" of {record.segments_planned}" if record.planned else ""
        progress.note(f"Going on behind segment {record.segments_done}{planned}.")


def _follow(client: Client, record: JobRecord, stack: Stack, progress: Progress) -> JobRecord:
    """Show the job until it is over."""
    for seen in client.watch(record.job):
        record = seen
        progress.show(record)
        if not stack.alive():
            raise FarmError("The stack was stopped meanwhile: the same command goes on where this one was.")
    if record.state is State.FAILED:
        raise JobFailedError(f"{record.error} What was made is kept: the same command goes on from there.")
    if record.state is not State.DONE:
        raise JobFailedError(f"Job {record.job} was {record.state} from elsewhere.")
    return record


def _pause(client: Client, jobs: list[JobRecord], progress: Progress) -> None:
    """Ctrl-C: what is being spoken is finished and kept; nothing new is begun."""
    for job in jobs:
        record = client.job(job.job)
        if record.may("paused"):
            client.want(job.job, "paused")
            progress.note(f"Paused behind segment {record.segments_done}. The same command goes on from there.")


def deliver(store: LocalStore, record: JobRecord, order: Order) -> dict[str, Any]:
    """Put the finished file and its report where they were asked for; the report."""
    made = store.path(result_key(record.job, record.epoch, order.request.format))
    with whole_file(order.target) as temporary:
        try:
            shutil.copyfile(made, temporary)
        except FileNotFoundError as error:
            raise DiskError(f"{made} is gone from the store: render it again with --fresh.") from error
    told = store.read(result_key(record.job, record.epoch, "report.json"))
    report: dict[str, Any] = {"file": str(order.target), **json.loads(told)}
    with whole_file(report_path(order.target)) as temporary:
        temporary.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def report_path(target: Path) -> Path:
    """`book.m4b` has `book.m4b.report.json` beside it."""
    return target.with_name(f"{target.name}.report.json")


def made(report: dict[str, Any]) -> str:
    """The last line of a render."""
    segments = report["segments"]
    lost = f", {segments['failed']} of them could not be spoken" if segments["failed"] else ""
    return (
        f"{report['file']}: {clock(report['audio_s'])} in {len(report['chapters'])} chapters, "
        f"{segments['planned']} segments{lost}, made in {clock(report['wall_s'])} "
        f"({report['times_real_time']:.1f}x real time)."
    )
